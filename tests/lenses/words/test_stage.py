"""Suggested words of a run: a model of images and text whose answer is known, and a tiny random one of open_clip."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError, ModelError
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.site import write_site
from tests.annotations.form import Form
from tests.lenses.error_types.test_stage import Messages
from tests.pipeline.toy import write_task
from tests.vision.test_embeddings import write_tiny_clip

pytestmark = pytest.mark.slow

# An image's vector is its mean colour; green is closest to what has more of it than other images.
FACTORY = """
import torch

WORDS = {"red": [1, 0, 0], "blue": [0, 0, 1], "grass <b>": [0, 1, 0], "orange": [1, 0.3, 0], "cyan": [0, 1, 1]}


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
        other = [0.58, 0.57, 0.58]
        return torch.tensor([WORDS.get(text.removeprefix("a "), other) for text in texts])

    return Colours(), preprocess, tokenize


def blind():  # its images have nothing to do with what they show, but are always the same for an image
    _, preprocess, tokenize = colours()

    class Blind(Colours):
        def encode_image(self, images):
            seeds = (images.double().sum(dim=(1, 2, 3)) * 1000).long()
            return torch.stack([torch.rand(3, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds])

    return Blind(), preprocess, tokenize


def no_text():
    model, preprocess, _ = colours()
    return model, preprocess, None
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """Red squares with a green mark are taken for blue ones: feature 1 is the mean green."""
    (tmp_path / "clip.py").write_text(FACTORY)
    (tmp_path / "words.txt").write_text(
        "\n".join(["red", "blue", "grass <b>", "orange", *map("thing {}".format, range(8))])
    )
    words = {"clip": {"factory": "clip.py:colours", "batch_size": 7}, "vocabulary": "words.txt", "template": "a {}"}
    return write_task(tmp_path, n_per_class=90, settings={"words": words})


def _compute(path: Path, **changed: Any) -> tuple[Run, list[str]]:
    config = yaml.safe_load(path.read_text())
    config["words"] = {k: v for k, v in {**config["words"], **changed}.items() if v is not None}
    path.write_text(yaml.safe_dump(config))
    progress = Messages()
    run = pipeline.compute(load_config(path), folder=path.parent / "run", until="words", progress=progress)
    return run, progress.said


def test_the_word_for_the_mark_is_found_and_said_to_be_a_models(task: Path, browser: Browser) -> None:
    run, said = _compute(task)
    tests, words = run.read_table("word_tests"), run.read_table("suggested_words")
    verified = run.read_table("rules").query("verdict == 'verified'")
    asked = run.read_table("conditions").merge(verified[["rule_id", "group_id"]], on="rule_id")
    assert set(zip(tests["group_id"], tests["feature_id"], strict=True)) == set(
        zip(asked["group_id"], asked["feature_id"], strict=True)
    )
    green = tests[tests["feature_id"] == 1]
    assert len(green)
    assert (green["q_value"] <= 0.01).all()
    best = words[(words["feature_id"] == 1) & (words["rank"] == 1)]
    assert set(best["word"]) == {"grass <b>"}
    assert "Embedding words" not in said
    assert any(text.startswith("Words: a word fits ") for text in said)
    _, said = _compute(task)
    assert "Suggested words are up to date" in said

    pipeline.compute(load_config(task), folder=run.folder, until="visualize", progress=SilentProgress())
    site = task.parent / "site"
    write_site(run, site=site, progress=SilentProgress())
    page = (site / "suggested-words/index.html").read_text()
    assert "grass &lt;b&gt;" in page
    assert "grass <b>" not in page
    class_pages = "".join(path.read_text() for path in (site / "classes").glob("*/index.html"))
    assert "suggested by a model" in class_pages
    assert "“grass &lt;b&gt;”" in class_pages
    with (site / "data/suggested-words.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["word"] for row in rows if row["fits"] == "True" and row["feature_id"] == "1"} >= {"grass <b>"}
    _form_says_it_last(site, browser)


def _form_says_it_last(site: Path, browser: Browser) -> None:
    """The words are shown to a person who has described all features, and as text."""
    items = json.loads((site / "data/annotate.js").read_text().removeprefix("window.BARLOW_BATCH=").rstrip(";\n"))[
        "items"
    ]
    assert any("grass" in item.get("suggested", "") for item in items)
    context = browser.new_context()
    form = Form(context, site)
    form.start("zz-ada")
    form.page.click("text=Skip for now") if len(items) == 1 else None
    assert not form.page.is_visible("[data-suggested]")
    if len(items) == 1:
        form.page.click("text=Review the answers")
    for i in range(len(items)):
        assert not form.page.is_visible("[data-suggested]")
        form.answer(f"my words {i}")
        form.save()
    form.page.wait_for_selector("text=Thank you")
    shown = form.page.inner_text("[data-suggested]")
    assert "my words 0" in shown
    assert "“grass <b>”" in shown
    assert not form.noted
    context.close()


def test_a_model_that_sees_nothing_finds_no_word(task: Path) -> None:
    run, said = _compute(task, clip={"factory": "clip.py:blind"})
    tests = run.read_table("word_tests")
    assert (tests["status"] == "tested").all()
    assert (tests["q_value"] > 0.05).all()
    assert any(text.startswith("Words: a word fits 0 of ") for text in said)
    pipeline.compute(load_config(task), folder=run.folder, until="visualize", progress=SilentProgress())
    write_site(run, site=task.parent / "site", progress=SilentProgress())
    page = (task.parent / "site/suggested-words/index.html").read_text()
    assert "no word fits" in page
    assert "nan" not in page.casefold().replace("instanc", "")
    assert '"suggested"' not in (task.parent / "site/data/annotate.js").read_text()


def test_few_images_are_not_tested(task: Path) -> None:
    config = yaml.safe_load(task.read_text())
    config["words"]["max_images"] = 20
    task.write_text(yaml.safe_dump(config))
    run, _ = _compute(task)
    tests = run.read_table("word_tests")
    assert set(tests["n_images"]) == {20}
    assert set(tests["n_picked"]) == {5}


def test_a_tiny_random_model_of_open_clip_says_something_about_every_feature(task: Path) -> None:
    config = yaml.safe_load(task.read_text())
    config["directions"] = {"clip": {"folder": str(write_tiny_clip(task.parent / "tiny")), "batch_size": 8}}
    task.write_text(yaml.safe_dump(config))
    run, _ = _compute(task, clip=None, vocabulary=None, template=None)  # the model of the directions, built-in words
    tests, words = run.read_table("word_tests"), run.read_table("suggested_words")
    assert len(words) == 3 * len(tests)
    assert tests["p_value"].between(1 / 2000, 1).all()


def test_a_model_without_texts_and_missing_files_say_what_to_do(task: Path) -> None:
    with pytest.raises(ModelError, match=r"words\.clip: .*no_text.* has no text tower"):
        _compute(task, clip={"factory": "clip.py:no_text"})
    with pytest.raises(ConfigError, match=r"words\.vocabulary: found no file .*nowhere\.txt"):
        _compute(task, clip={"factory": "clip.py:colours"}, vocabulary="nowhere.txt")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"words": {}}, r"needs an image-text model: expected one of .*, found none"),
        (
            {"words": {"template": "word"}, "directions": {"clip": {"factory": "clip.py:colours"}}},
            "one {} for the word",
        ),
        ({"directions": {"clip": {"factory": "clip.py:colours"}}}, r"found 'words\.clip' and 'directions\.clip'"),
    ],
)
def test_settings_that_do_not_fit_together(task: Path, changed: dict[str, Any], problem: str) -> None:
    config = yaml.safe_load(task.read_text())
    task.write_text(yaml.safe_dump({**config, **changed}))
    with pytest.raises(ConfigError, match=problem.replace("{}", r"\{\}")):
        load_config(task)
