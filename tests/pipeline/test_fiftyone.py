"""Runs for FiftyOne and its data sets as data: by its documented JSON, and by itself where it is installed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from barlow_report.cli import app
from barlow_report.config import PreprocessingConfig
from barlow_report.errors import DataError
from barlow_report.progress import SilentProgress
from barlow_report.report.mode_words import mode_name
from barlow_report.run_folder import Run
from barlow_report.stages.fiftyone import _in_image
from barlow_report.stages.site import lists_source
from barlow_report.vision.manifest import list_manifest
from tests.manual.pages import MANUAL, Page
from tests.other_tools import said_by
from tests.pipeline.toy import write_task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in run/ and its images in images/."""
    quick: dict[str, object] = {"visuals": {"attack": "none", "n_images": 4, "n_gallery": 4}}
    config = write_task(tmp_path_factory.mktemp("toy"), n_per_class=60, settings=quick)
    result = CliRunner().invoke(app, ["visualize", str(config), "--run", str(config.parent / "run")])
    assert result.exit_code == 0, result.output
    return config.parent


def _export(run: Path, folder: Path) -> Result:
    return CliRunner().invoke(app, ["export-fiftyone", str(run), str(folder)])


@pytest.fixture(scope="module")
def exported(task: Path) -> Path:
    """The folder of an export."""
    result = _export(task / "run", task / "exported")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(task / "exported")
    return task / "exported"


def _samples(folder: Path) -> list[dict[str, Any]]:
    samples: list[dict[str, Any]] = json.loads((folder / "samples.json").read_text(encoding="utf-8"))["samples"]
    return samples


def test_every_image_is_a_sample_with_label_prediction_and_whether_it_is_right(task: Path, exported: Path) -> None:
    run = Run.open(task / "run")
    images, names = run.read_table("images"), run.read_table("classes").sort_values("class_id")["name"].tolist()
    samples = _samples(exported)
    assert [sample["image_id"] for sample in samples] == images["image_id"].tolist()
    for sample, image in zip(samples, images.itertuples(), strict=True):
        assert sample["filepath"] == str(task / "images" / str(image.path))
        assert Path(sample["filepath"]).is_file()
        assert sample["ground_truth"] == {"_cls": "Classification", "label": names[image.label]}
        assert sample["prediction"]["label"] == names[image.prediction]
        assert sample["prediction"]["confidence"] == pytest.approx(image.confidence)
        assert sample["eval"] == (image.label == image.prediction)
        assert sample["tags"][0] == ("right" if sample["eval"] else "fails")


def test_tags_are_the_verified_failure_modes_of_an_image(task: Path, exported: Path) -> None:
    run = Run.open(task / "run")
    catalog = lists_source(run, progress=SilentProgress()).catalog
    members = run.read_table("mode_images").groupby("rule_id")["image_id"].agg(set)
    verified = [rule_id for rule_id in members.index if catalog.rules[rule_id].verdict == "verified"]
    assert verified
    samples = _samples(exported)
    for rule_id in verified:
        rule = catalog.rules[rule_id]
        name = mode_name(catalog.groups[rule.group_id], rule)
        assert {s["image_id"] for s in samples if name in s["tags"]} == members[rule_id]
    known = {mode_name(catalog.groups[catalog.rules[r].group_id], catalog.rules[r]) for r in verified}
    assert {tag for sample in samples for tag in sample["tags"]} == known | {"right", "fails", "fit"}


def test_detections_are_where_the_feature_is_in_the_image(exported: Path) -> None:
    found = [(s, d) for s in _samples(exported) for d in s.get("heatmaps", {}).get("detections", ())]
    assert found
    for sample, detection in found:
        left, top, width, height = detection["bounding_box"]
        assert min(left, top, width, height) >= 0
        assert max(left + width, top + height) <= 1 + 1e-9
        if detection["label"] == "feature 1" and "red" in sample["filepath"]:
            # The mean green: strong where the green mark is, a square of 13 of 24 pixels.
            assert 13 / 24 * 0.8 <= width <= 13 / 24 * 1.3
            with Image.open(sample["filepath"]) as image:
                box = (left * 24, top * 24, (left + width) * 24, (top + height) * 24)
                inside = np.asarray(image.convert("RGB").crop(tuple(round(edge) for edge in box)))[..., 1]
            assert inside.max() > 150


def test_a_box_of_what_the_model_sees_is_placed_in_the_whole_image() -> None:
    # 200 × 100 pixels, resized to 100 × 50 and cropped to the middle 50 × 50: the model sees x from 50 to 150.
    prepared = PreprocessingConfig(resize=50, crop=50)
    assert _in_image((0.0, 0.0, 1.0, 1.0), (200, 100), prepared) == pytest.approx([0.25, 0.0, 0.5, 1.0])
    assert _in_image((0.5, 0.2, 1.0, 0.6), (200, 100), prepared) == pytest.approx([0.5, 0.2, 0.25, 0.4])
    # Where the crop is larger than the image, its border is not of the image.
    padded = PreprocessingConfig(resize=50, crop=100)
    assert _in_image((0.0, 0.0, 1.0, 1.0), (100, 100), padded) == pytest.approx([0.0, 0.0, 1.0, 1.0])


def test_a_folder_with_something_else_is_left_alone_and_an_export_is_written_again(task: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = _export(task / "run", tmp_path)
    assert result.exit_code == 1
    assert "holds something else" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    for _ in range(2):
        assert _export(task / "run", tmp_path / "new").exit_code == 0


def test_images_that_are_gone_are_an_error(task: Path, tmp_path: Path) -> None:
    (task / "images").rename(task / "away")
    try:
        result = _export(task / "run", tmp_path / "new")
    finally:
        (task / "away").rename(task / "images")
    assert result.exit_code == 1
    assert "are no longer there" in " ".join(result.output.split())


# As FiftyOne 1.22 writes a data set (fiftyone.types.FiftyOneDataset), with fields of its own left out.
WRITTEN = {
    "samples": [
        {
            "_id": {"$oid": f"6b0aab4ddea58c773287304{i}"},
            "filepath": f"data/{i}.png",
            "tags": tags,
            "_media_type": "image",
            "_rand": 0.99976,
            "ground_truth": {"_id": {"$oid": "6"}, "_cls": "Classification", "tags": [], "label": label},
            "resnet": {"_id": {"$oid": "6"}, "_cls": "Classification", "tags": [], "label": guess, "confidence": sure},
            "heatmaps": {"_cls": "Detections", "detections": []},
            "eval": label == guess,
            "camera": camera,
            "_dataset_id": {"$oid": "6b0aab4ddea58c773287304c"},
            "created_at": {"$date": "2026-11-28T10:22:05.782Z"},
        }
        for i, (tags, label, guess, sure, camera) in enumerate(
            [
                (["night"], "cat", "dog", 0.5, 2),
                ([], "cat", "cat", 0.75, 1),
                (["night", "wet"], "dog", "dog", 1.0, None),
            ]
        )
    ]
}


def _written(folder: Path, content: object = WRITTEN) -> Path:
    path = folder / "samples.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_data_set_of_fiftyone_is_a_manifest_with_tags_as_columns(tmp_path: Path) -> None:
    columns = ["tag:night", "camera", "eval"]
    found = list_manifest(_written(tmp_path), called={"prediction": "resnet"}, columns=columns)
    assert found.paths == ["data/0.png", "data/1.png", "data/2.png"]
    assert found.labels == ["cat", "cat", "dog"]
    assert found.predictions == ["dog", "cat", "dog"]
    assert found.confidences is not None
    assert found.confidences.tolist() == [0.5, 0.75, 1.0]
    assert found.attributes == {
        "tag:night": ["yes", "no", "yes"], "camera": ["2", "1", None], "eval": ["False", "True", "True"],
    }  # fmt: skip


def test_without_a_field_of_predictions_there_are_none(tmp_path: Path) -> None:
    found = list_manifest(_written(tmp_path))
    assert found.labels == ["cat", "cat", "dog"]
    assert found.predictions is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"samples": [{"tags": []}]}, "sample 1 has no 'filepath'"),
        ({"samples": ["a"]}, "sample 1 has no 'filepath'"),
        ({"images": []}, "holds something else. Expected samples.json"),
        ([], "holds something else"),
        ({"samples": [{"filepath": "a.png"}]}, "column 'label' not found"),
        (
            {"samples": [{"filepath": "a.png", "ground_truth": {"_cls": "Classification", "label": "cat"}},
                         {"filepath": "b.png", "ground_truth": None}]},
            "column 'ground_truth' has no value in 1 rows",
        ),
        ({"samples": [{"filepath": "../a.png", "ground_truth": {"_cls": "Classification", "label": "cat"}}]},
         "is not below the image root"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_of_fiftyone_is_an_error(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list_manifest(_written(tmp_path, content))


def test_a_run_comes_back_from_its_export(task: Path, exported: Path) -> None:
    run = Run.open(task / "run")
    images, names = run.read_table("images"), run.read_table("classes").sort_values("class_id")["name"].tolist()
    found = list_manifest(exported / "samples.json", image_root=task / "images")
    assert found.paths == images["path"].tolist()
    assert found.labels == [names[i] for i in images["label"]]
    assert found.predictions == [names[i] for i in images["prediction"]]


@pytest.fixture(scope="module")
def opened(task: Path, exported: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What FiftyOne itself says about the export, after the manual's snippet, and where it wrote the data set to."""
    folder = tmp_path_factory.mktemp("fiftyone")
    (snippet,) = [block.code for block in Page(MANUAL / "publishing.md").blocks if "import fiftyone" in block.code]
    (folder / "snippet.py").write_text(snippet.replace("runs/demo-fiftyone", str(exported)), encoding="utf-8")
    arguments = [exported, folder / "snippet.py", folder / "back", task / "images"]
    return said_by("tests.pipeline.fiftyone_session", *arguments, home=folder) | {"back": folder / "back"}


@pytest.mark.slow
def test_fiftyone_itself_has_the_labels_predictions_and_modes_of_a_run(task: Path, opened: dict[str, Any]) -> None:
    run = Run.open(task / "run")
    images, names = run.read_table("images"), run.read_table("classes").sort_values("class_id")["name"].tolist()
    assert opened["file"] == [str(task / "images" / path) for path in images["path"]]
    assert opened["image_id"] == images["image_id"].tolist()
    assert opened["label"] == [names[i] for i in images["label"]]
    assert opened["prediction"] == [names[i] for i in images["prediction"]]
    assert opened["confidence"] == pytest.approx(images["confidence"].tolist())
    catalog = lists_source(run, progress=SilentProgress()).catalog
    members = run.read_table("mode_images").groupby("rule_id")["image_id"].agg(set)
    verified = [rule_id for rule_id in members.index if catalog.rules[rule_id].verdict == "verified"]
    assert verified
    for rule_id in verified:
        name = mode_name(catalog.groups[catalog.rules[rule_id].group_id], catalog.rules[rule_id])
        tagged = {i for i, tags in zip(opened["image_id"], opened["tags"], strict=True) if name in tags}
        assert tagged == members[rule_id]


@pytest.mark.slow
def test_fiftyone_itself_finds_the_same_images_right(task: Path, opened: dict[str, Any]) -> None:
    images = Run.open(task / "run").read_table("images")
    right = (images["label"] == images["prediction"]).tolist()
    assert opened["eval"] == opened["evaluated"] == right
    assert opened["accuracy"] == pytest.approx(sum(right) / len(right))
    assert [("fails" in tags) for tags in opened["tags"]] == [not one for one in right]


@pytest.mark.slow
def test_fiftyone_itself_makes_patches_of_the_heatmaps(exported: Path, opened: dict[str, Any]) -> None:
    written = [
        [sample["filepath"], found["label"], pytest.approx(found["bounding_box"])]
        for sample in _samples(exported)
        for found in sample.get("heatmaps", {}).get("detections", ())
    ]
    assert written
    assert opened["patches"] == written
    assert [box for boxes in opened["boxes"] for box in boxes or ()] == [box for _, _, box in written]


@pytest.mark.slow
def test_what_fiftyone_itself_writes_is_a_manifest(task: Path, opened: dict[str, Any]) -> None:
    images = Run.open(task / "run").read_table("images")
    found = list_manifest(opened["back"] / "samples.json", image_root=task / "images", columns=["tag:fails", "eval"])
    assert found.paths == images["path"].tolist()
    assert found.labels == opened["label"]
    assert found.predictions == opened["prediction"]
    assert found.confidences == pytest.approx(images["confidence"].to_numpy())
    right = images["label"] == images["prediction"]
    assert found.attributes["tag:fails"] == ["no" if one else "yes" for one in right]
    assert found.attributes["eval"] == [str(one) for one in right]
