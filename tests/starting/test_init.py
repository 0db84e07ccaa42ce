"""`barlow-report init`: answers are tried at once, and what it writes can be run."""

import json
import warnings
from pathlib import Path

import jsonschema_rs
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.run_folder import Run
from barlow_report.vision.factories import call_factory
from tests.starting.calling import init as _init
from tests.starting.calling import values as _values
from tests.starting.calling import write_grey as _write_grey


def test_options_alone_give_a_configuration_that_runs(folder: Path) -> None:
    (folder / "images" / "red" / "notes.txt").write_text("no image")
    result = _init("--images", "images", "--model", "network.py:colours", "--name", "squares", "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(folder / "report.yaml")
    assert "48 images of 2 classes (blue, red), fewest blue (24); 1 file passed over, such as red/notes.txt" in (
        result.stderr
    )
    assert "network:colours: 2 outputs, 4 features" in result.stderr
    assert _values() == {
        "name": "squares", "data": {"folder": "images"}, "inspected_model": {"factory": "network.py:colours"},
    }  # fmt: skip
    schema = json.loads((folder / "report.schema.json").read_text(encoding="utf-8"))
    assert (folder / "report.yaml").read_text().splitlines()[0] == "# yaml-language-server: $schema=report.schema.json"
    jsonschema_rs.validate(schema, _values())
    assert CliRunner().invoke(app, ["check", "report.yaml"]).exit_code == 0
    done = CliRunner().invoke(app, ["explain", "report.yaml"])
    assert done.exit_code == 0, done.output


@pytest.mark.usefixtures("folder")
def test_every_answer_is_tried_and_asked_for_again() -> None:
    answers = [
        "nowhere",  # the images
        "images",
        "no-such-list.txt",  # the classes
        "",
        "torchvision:resnet999",  # the model
        "",  # its weights
        "models.py:of_three_classes",
        "",  # its weights
        "network.py:colours",
        "",  # its weights
        "no",  # another model for the features
        "-not a name-",
        "mine",
    ]
    result = _init(answers="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "nowhere: nothing is there" in said
    assert "no-such-list.txt: no such file" in said
    assert "torchvision has no classification model 'resnet999'" in said
    assert "has 3 outputs, the data have 2 classes" in said
    assert "name: " in said, "what is not allowed as a name"
    assert _values()["name"] == "mine"
    assert _values()["inspected_model"] == {"factory": "network.py:colours"}


def test_nobody_who_answers_is_no_bug(folder: Path) -> None:
    result = _init("--images", "images", answers="\n")
    assert result.exit_code == 1
    assert "Where nobody answers, give options and --yes" in result.output
    assert "bug" not in result.output
    assert not (folder / "report.yaml").exists()


def test_a_missing_answer_without_questions_is_wrong_usage(folder: Path) -> None:
    result = _init("--images", "images", "--yes")
    assert result.exit_code == 2
    assert "--model" in result.output
    assert not (folder / "report.yaml").exists()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["no", "2024", "1e3"])
def test_a_name_that_yaml_would_read_as_something_else_is_quoted(name: str) -> None:
    result = _init("--images", "images", "--model", "network.py:colours", "--name", name, "--yes")
    assert result.exit_code == 0, result.output
    assert _values()["name"] == name


def test_a_file_that_is_there_is_kept(folder: Path) -> None:
    (folder / "report.yaml").write_text("name: precious\n")
    arguments = ("--images", "images", "--model", "network.py:colours", "--yes")
    assert "exists already" in _init(*arguments).output
    assert (folder / "report.yaml").read_text() == "name: precious\n"
    assert _init(*arguments, "--overwrite").exit_code == 0
    assert _values()["name"] == "network-colours"


def test_the_normalisation_that_gives_most_right_predictions_is_proposed(folder: Path) -> None:
    _write_grey(folder / "grey", side=24)
    result = _init("--images", "grey", "--model", "models.py:bright", "--yes")
    assert result.exit_code == 0, result.output
    # Sides differ (24 to 28 pixels), so images are resized; 122 is below one half and above ImageNet's mean.
    assert _values()["inspected_model"] == {
        "factory": "models.py:bright",
        "preprocessing": {"resize": 256, "crop": 224, "mean": 0.5, "std": 0.5},
    }
    text = (folder / "report.yaml").read_text(encoding="utf-8")
    assert "# resized to 256, 224 of it, a normalisation to ±1: 48 of 48 images right" in text
    assert "# resized to 256, 224 of it, no normalisation: 24 of 48 images right" in text
    assert "proposed, correct it if it was trained otherwise" in " ".join(text.replace("#", "").split())


def test_a_model_of_one_channel_is_tried_like_any_other(folder: Path) -> None:
    _write_grey(folder / "grey", side=24)
    result = _init("--images", "grey", "--model", "models.py:grey", "--yes")
    assert result.exit_code == 0, result.output
    assert _values()["inspected_model"] == {
        "factory": "models.py:grey", "preprocessing": {"resize": 256, "crop": 224, "mean": 0.5, "std": 0.5},
    }  # fmt: skip
    assert "Tried on 48 images: 48 right" in result.stderr


def test_a_size_that_the_model_does_not_take_is_passed_over(folder: Path) -> None:
    result = _init("--images", "images", "--model", "models.py:of_224_pixels", "--yes")
    assert result.exit_code == 0, result.output
    assert "'crop': 224" in str(_values()["inspected_model"]), "images of 24 pixels are enlarged"
    assert "images as they are" not in result.stderr
    _write_grey(folder / "large", side=300)
    result = _init("--images", "large", "--model", "models.py:of_224_pixels", "--yes", "--overwrite")
    assert result.exit_code == 0, result.output
    assert load_config(folder / "report.yaml").inspected_model is not None
    assert "'crop': 224" in str(_values()["inspected_model"])


@pytest.mark.usefixtures("folder")
def test_what_a_person_says_is_not_tried_otherwise() -> None:
    given = ("--preprocessing", "resize: 32, crop: 24")
    result = _init("--images", "images", "--model", "network.py:colours", *given, "--yes")
    assert result.exit_code == 0, result.output
    assert _values()["inspected_model"] == {
        "factory": "network.py:colours", "preprocessing": {"resize": 32, "crop": 24},
    }  # fmt: skip
    assert "normalisation:" not in result.stderr


def test_another_order_of_the_classes_that_fits_is_told(folder: Path) -> None:
    arguments = ("--arguments", "n_classes: 2")
    (folder / "classes.txt").write_text("red\nblue\n")  # the other order
    result = _init(
        "--images", "images", "--classes", "classes.txt", "--model", "network.py:colours", *arguments, "--yes"
    )
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "would be if the model's outputs were sorted by name" in said
    assert "List the classes in the order of the model's outputs (--classes)" in said
    assert _values()["data"] == {"folder": "images", "class_file": "classes.txt"}
    assert "of 2 classes (red, blue)" in result.stderr


@pytest.mark.slow
def test_with_weights_of_one_s_own_a_library_s_model_is_tried_with_other_preprocessing_too(folder: Path) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", num_classes=2)
    torch.save(model.state_dict(), folder / "mine.pth")
    result = _init("--images", "images", "--model", "timm:test_resnet.r160_in1k", "--weights", "mine.pth", "--yes")
    assert result.exit_code == 0, result.output
    inspected = _values()["inspected_model"]
    assert isinstance(inspected, dict)
    assert inspected.keys() <= {"timm", "arguments", "weights", "preprocessing"}, "its weights are not the published"
    assert inspected["arguments"] == {"num_classes": 2}
    for tried in ("as for the published weights", "images as they are, ImageNet's", "resized to 224 × 224, no norm"):
        assert tried in result.stderr


def test_a_table_with_predictions_needs_no_model_to_be_inspected(folder: Path) -> None:
    paths = sorted(path.relative_to(folder).as_posix() for path in (folder / "images").rglob("*.png"))
    labels = [path.split("/")[1] for path in paths]
    pd.DataFrame({"path": paths, "label": labels, "prediction": ["red", *labels[1:]]}).to_csv("table.csv", index=False)
    result = _init("--manifest", "table.csv", "--feature-model", "network.py:colours", "--yes")
    assert result.exit_code == 0, result.output
    assert "with predictions, 1 failure" in result.stderr
    assert {*_values()} == {"name", "data", "feature_model"}
    assert _values()["data"] == {"manifest": "table.csv"}
    assert CliRunner().invoke(app, ["check", "report.yaml"]).exit_code == 0


def _labels_and_predictions(folder: Path) -> pd.DataFrame:
    paths = sorted(path.relative_to(folder).as_posix() for path in (folder / "images").rglob("*.png"))
    labels = [path.split("/")[1] for path in paths]
    return pd.DataFrame({"path": paths, "label": labels, "prediction": ["red", *labels[1:]]})


def test_a_table_of_labels_and_predictions_alone_gives_a_configuration_without_images(folder: Path) -> None:
    table = _labels_and_predictions(folder).assign(path=lambda frame: "gone/" + frame["path"])
    table.to_csv("table.csv", index=False)
    result = _init("--manifest", "table.csv", "--feature-model", "network.py:colours", "--yes")
    assert result.exit_code == 1
    hint = "If the images are not here, data.images: none analyses its predictions alone (init: --no-images)."
    assert hint in " ".join(result.stderr.split())
    Path("report.yaml").write_text("name: t\ndata: {manifest: table.csv}\nfeature_model: {torchvision: resnet18}\n")
    assert hint in " ".join(CliRunner().invoke(app, ["check", "report.yaml"]).output.split())
    result = _init("--manifest", "table.csv", "--no-images", "--yes", "--overwrite")
    assert result.exit_code == 0, result.output
    assert _values() == {
        "name": "report",
        "data": {"manifest": "table.csv", "images": "none"},
        "site": {"show_paths": True},
    }
    assert CliRunner().invoke(app, ["check", "report.yaml"]).exit_code == 0


def test_a_table_of_nothing_but_labels_and_predictions_needs_no_paths(folder: Path) -> None:
    table = (
        _labels_and_predictions(folder).drop(columns="path").rename(columns={"label": "target", "prediction": "pred"})
    )
    table.to_csv("table.csv", index=False)
    result = _init("--manifest", "table.csv", "--yes", "--feature-model", "network.py:colours")
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "column 'path' not found" in said
    assert "data.images: none takes labels and predictions alone (init: --no-images)" in said
    result = _init("--manifest", "table.csv", "--no-images", "--yes")
    assert result.exit_code == 0, result.output
    assert "48 images of 2 classes (blue, red), fewest blue (24); with predictions, 1 failure" in result.stderr
    done = CliRunner().invoke(app, ["run", "report.yaml"])
    assert done.exit_code == 0, done.output
    assert Run.open(Path("runs/report")).read_table("images")["path"].tolist()[:2] == ["row 1", "row 2"]


def test_a_slip_in_a_prediction_is_told(folder: Path) -> None:
    table = _labels_and_predictions(folder)
    table.loc[1, "prediction"] = "bluee"
    table.to_csv("table.csv", index=False)
    result = _init("--manifest", "table.csv", "--no-images", "--yes")
    assert result.exit_code == 0, result.output
    assert "Note: 'bluee' (did you mean 'blue'?) is predicted, for 1 image, and never a label" in result.stderr


def test_a_function_whose_name_says_nothing_is_called_by_its_weights_as_on_pages(folder: Path) -> None:
    (folder / "net.py").write_text("from network import colours\n\n\ndef make():\n    return colours()\n")
    model, _, _ = call_factory(str(folder / "network.py:colours"), {}, role="inspected_model")
    torch.save(model.state_dict(), folder / "squares.pt")
    result = _init("--images", "images", "--model", "net.py:make", "--weights", "squares.pt", "--yes")
    assert result.exit_code == 0, result.output
    assert "squares: 2 outputs, 4 features" in result.stderr
    assert _values()["name"] == "squares"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--manifest", "table.csv", "--no-images"), "found no column prediction"),
        (("--manifest", "table.csv", "--no-images", "--image-root", "."), "not both"),
        (("--images", "images", "--no-images"), "only a table can do without"),
        (("--manifest", "table.csv", "--no-images", "--model", "network.py:colours"), "goes without models"),
    ],
)
def test_what_does_not_go_without_images_is_refused(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    _labels_and_predictions(folder).drop(columns="prediction").to_csv("table.csv", index=False)
    result = _init(*arguments, "--yes")
    assert result.exit_code != 0
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert not Path("report.yaml").exists()


def test_the_manifests_of_other_tools_are_taken(folder: Path) -> None:
    table = _labels_and_predictions(folder)
    table.to_parquet("table.pq")
    samples = [
        {
            "filepath": row.path,
            **{
                name: {"_cls": "Classification", "label": label}
                for name, label in zip(("ground_truth", "predictions"), row[2:4], strict=True)
            },
        }
        for row in table.itertuples()
    ]
    Path("samples.json").write_text(json.dumps({"samples": samples}))
    for name in ("samples.json", "table.pq"):
        result = _init("--manifest", name, "--feature-model", "network.py:colours", "--yes", "--overwrite")
        assert result.exit_code == 0, result.output
        assert "with predictions, 1 failure" in result.stderr
        assert _values()["data"] == {"manifest": name}


def test_paths_below_the_file_are_relative_to_it_and_others_in_full(folder: Path) -> None:
    arguments = ("--images", "images", "--model", "network.py:colours", "--yes")
    Path("deep").mkdir()
    assert _init("deep/report.yaml", *arguments).exit_code == 0
    assert _values("deep/report.yaml")["data"] == {"folder": str(folder / "images")}
    assert load_config(Path("deep/report.yaml")).data.folder == folder / "images"


def test_a_hostile_name_of_a_class_stays_in_its_comment(folder: Path) -> None:
    (folder / "images" / "red").rename(folder / "images" / "red\nname: stolen")
    result = _init("--images", "images", "--model", "network.py:colours", "--name", "mine", "--yes")
    assert result.exit_code == 0, result.output
    assert _values()["name"] == "mine"
    assert {*_values()} == {"name", "data", "inspected_model"}


def test_wordnet_ids_of_imagenet_are_recognised(folder: Path) -> None:
    for name, wordnet_id in (("blue", "n01440764"), ("red", "n01443537")):
        (folder / "images" / name).rename(folder / "images" / wordnet_id)
    result = _init("--images", "images", "--model", "models.py:bright", "--yes")
    assert result.exit_code == 1
    assert "has 2 outputs, the data have 1000 classes" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.pth", "weights", "holds weights, not a whole model"),
        ("code.py", "", "say which function returns the model"),
        ("nothing", None, "no such file. Write torchvision:NAME"),
    ],
)
def test_what_is_no_model_is_explained(folder: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (folder / name).write_text(content)
    result = _init("--images", "images", "--model", name, "--yes")
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_programs_and_onnx_files_are_recognised(folder: Path) -> None:
    from barlow_report.starting import model_section

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is old, and in use
        torch.jit.script(torch.nn.Linear(2, 2)).save(str(folder / "program.pt"))  # type: ignore[no-untyped-call]
    (folder / "net.onnx").write_bytes(b"")
    Path("classifier").mkdir()
    (folder / "classifier" / "config.json").write_text("{}")
    assert model_section("program.pt") == {"program": "program.pt"}
    assert model_section("net.onnx") == {"onnx": "net.onnx"}
    assert model_section("classifier") == {"transformers": "classifier"}
    assert model_section("package.module:make") == {"factory": "package.module:make"}
    assert model_section("timm:resnet50", weights="published") == {"timm": "resnet50", "pretrained": True}
