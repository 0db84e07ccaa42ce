"""Failure directions from the configuration to the site: features, an image-text model, a file, and mistakes."""

import html
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.progress import SilentProgress
from barlow_report.report.links import broken_links
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task
from tests.vision.test_embeddings import write_tiny_clip

HOSTILE = "<script>alert(1)</script>"
CAPTIONS = """
reference: a photo of a {class}
attributes:
  <b>colour: {templates: ["a {value} {class}"], words: [red, green, "<script>alert(1)</script>", blue]}
"""


class Spoken(SilentProgress):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(tmp_path_factory.mktemp("toy"), n_per_class=90)


@pytest.fixture(scope="module")
def run(task: Path) -> Run:
    """The toy task's run with directions in its features."""
    return _compute(task, {}, until="visualize")


def _write(task: Path, directions: dict[str, Any] | None) -> Path:
    values = yaml.safe_load(task.read_text())
    values.pop("directions", None)
    if directions is not None:
        values["directions"] = directions
    task.write_text(yaml.safe_dump(values))
    return task


def _compute(
    task: Path, directions: dict[str, Any] | None, *, until: str = "directions", progress: Spoken | None = None
) -> Run:
    config = load_config(_write(task, directions))
    return pipeline.compute(config, folder=task.with_name("run"), until=until, progress=progress)


def test_red_squares_are_ordered_by_their_mark_and_blue_ones_have_a_status(run: Run) -> None:
    rows = run.read_table("class_directions").set_index("class_id")
    assert rows["status"].tolist() == ["no_failures", "fitted"]
    assert rows.loc[1, "verdict"] == "verified"
    assert rows.loc[1, "balanced_accuracy_held_out"] == 1.0

    images, values = run.read_table("images"), run.read_table("directions")
    assert set(values["image_id"]) == set(images.loc[images["label"] == 1, "image_id"])
    failed = images.loc[images["label"] != images["prediction"], "image_id"]
    errors = run.read_table("errors")
    assert errors["image_id"].tolist() == failed.tolist()
    assert (errors["decision_value"] < 0).all()

    shown = run.read_table("direction_images")
    held_out = values.set_index("image_id")["is_held_out"]
    assert not shown["image_id"].duplicated().any()
    assert held_out[shown["image_id"]].all()
    assert set(run.read_table("splits")["split"]) == {"fit"}  # of the rules, which hold nothing out
    assert set(shown.loc[shown["place"] == "hardest", "image_id"]) <= set(failed)
    assert not set(shown.loc[shown["place"] == "easiest", "image_id"]) & set(failed)
    assert shown["decision_value"].is_monotonic_increasing


@pytest.mark.slow
def test_the_site_shows_directions_and_its_links_lead_somewhere(task: Path, run: Run) -> None:
    site = task.with_name("site")
    pipeline.build_site(run.folder, site=site)
    assert broken_links(site)[0] == []
    page = (site / "directions" / "index.html").read_text()
    assert "no failures" in page
    assert "No captions: these embeddings have no text encoder" in (site / "classes/red/index.html").read_text()
    blue = (site / "classes/blue/index.html").read_text()
    assert "No direction: the model recognises every image" in blue
    red = html.unescape((site / "classes/red/index.html").read_text())
    assert "failures that no direction was fitted to, " in red
    assert "lie on the hard side of their class's direction" in red
    assert 'id="directions"' in (site / "method" / "index.html").read_text()
    assert ">nan<" not in page.lower()


def test_a_finished_stage_is_skipped_and_another_setting_is_not(task: Path, run: Run) -> None:
    spoken = Spoken()
    _compute(task, {"n_captions": 3, "n_workers": 1}, progress=spoken)
    assert "Failure directions are up to date" in spoken.lines
    spoken = Spoken()
    _compute(task, {"n_folds": 3}, progress=spoken)
    assert any(line.startswith("Directions: found for 1 of 2 classes, 1 verified") for line in spoken.lines)
    assert run.is_finished("visualize")  # nothing else had to be done again


@pytest.mark.slow
def test_a_run_without_the_section_forgets_directions(task: Path, run: Run) -> None:
    _compute(task, None, until="visualize")
    assert not run.has_table("class_directions")
    assert not run.has_table("errors")
    pipeline.build_site(run.folder, site=task.with_name("plain"))
    assert not (task.with_name("plain") / "directions").exists()


def test_the_command_without_the_section_says_what_to_add(task: Path) -> None:
    with pytest.raises(ConfigError, match=r"Add a section `directions: \{\}`"):
        _compute(task, None)


def test_embeddings_may_come_from_a_file(task: Path, tmp_path: Path) -> None:
    file = tmp_path / "embeddings.npy"
    folder = task.with_name("run")
    np.save(file, np.load(folder / "features.npy").astype(np.float64) * 3)
    run = _compute(task, {"embeddings": str(file)})
    assert run.read_table("class_directions").set_index("class_id").loc[1, "verdict"] == "verified"

    np.save(file, np.zeros((3, 4)))
    with pytest.raises(DataError, match=r"found shape \(3, 4\), expected \(180, n_dimensions\)"):
        _compute(task, {"embeddings": str(file)})
    file.write_text("no array")
    with pytest.raises(DataError, match="cannot be read"):
        _compute(task, {"embeddings": str(file)})
    with pytest.raises(ConfigError, match=r"directions\.embeddings: found no file"):
        _compute(task, {"embeddings": str(tmp_path / "none.npy")})


@pytest.mark.slow
def test_an_image_text_model_gives_embeddings_and_captions(task: Path, tmp_path: Path) -> None:
    (tmp_path / "captions.yaml").write_text(CAPTIONS)
    clip = {"folder": str(write_tiny_clip(tmp_path / "tiny")), "batch_size": 8}
    settings = {"clip": clip, "captions": str(tmp_path / "captions.yaml"), "n_captions": 2}
    run = _compute(task, settings, until="visualize")
    assert np.load(run.folder / "embeddings.npy").shape == (180, 12)
    captions = run.read_table("captions")
    assert set(captions["class_id"]) == {1}  # the class that has a direction
    assert captions["rank"].tolist() == [1, 2, 3, 4]
    assert captions["score"].is_monotonic_increasing
    assert f"a {HOSTILE} red" in set(captions["caption"])
    assert run.read_table("class_directions").set_index("class_id")["reference_score"].notna().tolist() == [False, True]

    site = task.with_name("clip-site")
    pipeline.build_site(run.folder, site=site)
    page = (site / "classes/red/index.html").read_text()
    assert "Hardest captions" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
    assert HOSTILE not in (site / "directions/index.html").read_text()

    spoken = Spoken()  # other captions need no other embeddings
    _compute(task, {"clip": clip}, progress=spoken)
    assert "Embeddings are up to date" in spoken.lines
