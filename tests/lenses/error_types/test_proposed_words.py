"""Words that an image-text model proposes for a run: one whose answer is known, and a tiny random one of open_clip."""

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError, ModelError
from barlow_report.lenses.error_types import proposing
from barlow_report.lenses.error_types.proposing import PROPOSALS
from barlow_report.run_folder import Run
from tests.lenses.error_types.test_stage import Messages
from tests.pipeline.toy import write_task
from tests.vision.test_embeddings import write_tiny_clip

pytestmark = pytest.mark.slow

# A red square with a green mark has the colour of an orange.
FACTORY = """
import torch

WORDS = {"red": [1, 0, 0], "blue": [0, 0, 1], "orange": [0.9, 0.35, 0.05], "grass": [0, 1, 0]}


class Colours:
    def encode_image(self, images):
        return images.mean(dim=(2, 3))

    def encode_text(self, tokens):
        return tokens.float()


def colours():
    def preprocess(image):
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).float()
        return pixels.reshape(*image.size[::-1], 3).permute(2, 0, 1)

    def tokenize(texts):
        return torch.tensor([WORDS[text.removeprefix("a picture of ")] for text in texts])

    return Colours(), preprocess, tokenize


def no_text():
    model, preprocess, _ = colours()
    return model, preprocess, None
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """Red squares with a mark, which are taken for blue ones; both are kinds of their own."""
    (tmp_path / "clip.py").write_text(FACTORY)
    (tmp_path / "words.txt").write_text("grass\norange\n")
    (tmp_path / "kinds.yaml").write_text("reds: [red]\n")
    taxonomy = {
        "superclasses": "kinds.yaml",
        "proposal_words": "words.txt",
        "proposal_template": "a picture of {}",
        "clip": {"factory": "clip.py:colours", "batch_size": 7},
        "n_neighbors": 70,
    }
    return write_task(tmp_path, n_per_class=60, settings={"taxonomy": taxonomy})


def _compute(path: Path, **taxonomy: Any) -> tuple[Run, list[str]]:
    config = yaml.safe_load(path.read_text())
    config["taxonomy"] = {k: v for k, v in {**config["taxonomy"], **taxonomy}.items() if v is not None}
    path.write_text(yaml.safe_dump(config))
    progress = Messages()
    run = pipeline.compute(load_config(path), folder=path.parent / "run", until="taxonomy", progress=progress)
    return run, progress.said


def _rows(run: Run) -> list[dict[str, str]]:
    with (run.folder / PROPOSALS).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _types(run: Run) -> set[str]:
    return set(run.read_table("error_types")["error_type"])


def test_failures_that_show_something_else_of_the_predictions_kind_are_out_of_vocabulary(task: Path) -> None:
    run, said = _compute(task)
    rows = _rows(run)
    images = run.read_table("images")
    failing = images[images["label"] != images["prediction"]]
    assert [row["path"] for row in rows] == failing["path"].tolist()
    assert {row["proposal"] for row in rows} == {"orange"}
    assert all(0.9 < float(row["score"]) <= 1 for row in rows)
    assert all(row["neighbors"].split(";")[:15] == ["red"] * 15 for row in rows)
    assert all("blue" in row["neighbors"].split(";") and row["neighbors"].count(";") == 69 for row in rows)
    types = run.read_table("error_types")
    assert set(types["error_type"]) == {"out_of_vocabulary"}
    assert set(types["detail"]) == {"orange"}
    source = run.read_table("taxonomy_stages").set_index("error_type").loc["out_of_vocabulary", "input"]
    assert source == "words for 20 images, chosen by an image-text model: nobody has confirmed them"
    assert any("were chosen from 4" in text and PROPOSALS in text for text in said)


def test_neighbours_of_another_kind_than_the_prediction_speak_against_it(task: Path) -> None:
    run, _ = _compute(task, n_neighbors=10)
    assert {row["proposal"] for row in _rows(run)} == {"orange"}
    assert _types(run) == {"model_failure"}


def test_words_that_name_a_class_are_no_other_word(task: Path) -> None:
    (task.parent / "words.txt").write_text("grass\n")
    run, _ = _compute(task)
    assert {row["proposal"] for row in _rows(run)} == {"red"}
    assert _types(run) == {"model_failure"}


def test_words_are_tried_once_and_edits_are_heard(task: Path) -> None:
    _compute(task)
    run, said = _compute(task)
    assert "Proposed words are up to date" in said
    assert "Error types are up to date" in said
    path = run.folder / PROPOSALS
    path.write_text(path.read_text().replace("orange", "red"))
    run, said = _compute(task)
    assert "Proposed words are up to date" in said
    assert _types(run) == {"model_failure"}
    (task.parent / "words.txt").write_text("orange\n")
    run, said = _compute(task)
    assert "Embeddings are up to date" in said
    assert _types(run) == {"out_of_vocabulary"}


def test_a_copy_of_the_file_is_what_proposals_reads(task: Path) -> None:
    run, _ = _compute(task)
    text = (run.folder / PROPOSALS).read_text().replace("orange", "red", 5)
    (task.parent / "mine.csv").write_text(text)
    run, _ = _compute(task, proposals="mine.csv", proposal_words=None, clip=None)
    assert run.read_table("error_types")["error_type"].value_counts().to_dict() == {
        "out_of_vocabulary": 15,
        "model_failure": 5,
    }


def test_a_stopped_search_goes_on_with_the_words_that_are_left(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from barlow_report.vision.embeddings import ImageTextModel

    monkeypatch.setattr(proposing, "_WORDS_AT_A_TIME", 1)
    monkeypatch.setattr(proposing, "_BATCHES_PER_SAVE", 1)
    embed, asked = ImageTextModel.embed_texts, []

    def interrupted(model: ImageTextModel, texts: list[str]) -> Any:
        asked.extend(texts)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return embed(model, texts)

    monkeypatch.setattr(ImageTextModel, "embed_texts", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _compute(task)
    run, _ = _compute(task)
    names = ["blue", "red", "grass", "grass", "orange"]
    assert asked == [f"a picture of {name}" for name in names]
    assert {row["proposal"] for row in _rows(run)} == {"orange"}


def test_a_model_without_texts_and_missing_files_say_what_to_do(task: Path) -> None:
    with pytest.raises(ModelError, match=r"taxonomy\.clip: .*no_text.* has no text tower"):
        _compute(task, clip={"factory": "clip.py:no_text"})
    with pytest.raises(ConfigError, match=r"taxonomy\.proposal_words: found no file .*nowhere\.txt"):
        _compute(task, clip={"factory": "clip.py:colours"}, proposal_words="nowhere.txt")
    with pytest.raises(ConfigError, match=r"taxonomy\.clip\.folder: found no file or folder"):
        _compute(task, clip={"folder": "nowhere"}, proposal_words="words.txt")


@pytest.mark.parametrize(
    ("taxonomy", "problem"),
    [
        ({"clip": None}, "needs 'taxonomy.clip' or 'directions.clip'"),
        ({"proposals": "mine.csv"}, "at most one of 'proposals' and 'proposal_words'"),
        ({"proposal_words": None}, "'clip' goes with 'proposal_words'"),
        ({"proposal_template": "a photo"}, "one {} for the word"),
    ],
)
def test_settings_that_do_not_fit_together(task: Path, taxonomy: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem.replace("{}", r"\{\}")):
        _compute(task, **taxonomy)


def test_two_image_text_models_are_refused(task: Path) -> None:
    config = yaml.safe_load(task.read_text())
    task.write_text(yaml.safe_dump({**config, "directions": {"clip": config["taxonomy"]["clip"]}}))
    with pytest.raises(ConfigError, match=r"at most one of 'directions\.clip' and 'taxonomy\.clip'"):
        load_config(task)


def test_a_tiny_random_model_of_open_clip_proposes_words_for_every_failure(task: Path) -> None:
    config = yaml.safe_load(task.read_text())
    clip = {"folder": str(write_tiny_clip(task.parent / "tiny")), "batch_size": 8}
    config["directions"] = {"clip": clip}  # the model of the directions is taken
    task.write_text(yaml.safe_dump(config))
    run, _ = _compute(task, clip=None)
    rows = _rows(run)
    assert len(rows) == 20
    assert {row["proposal"] for row in rows} <= {"red", "blue", "grass", "orange"}
    assert all(-1 <= float(row["score"]) <= 1 for row in rows)
    assert run.read_table("taxonomy_stages").set_index("error_type").loc["out_of_vocabulary", "is_assessed"]
