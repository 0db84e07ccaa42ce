"""Bad input gives one message and exit code 1, or an honest status; never a traceback, never half a file."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner, Result

from barlow_report.cli import app
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_image, write_task


def _invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def _run(config: Path, *, command: str = "visualize") -> Result:
    return _invoke(command, config, "--run", config.parent / "run")


def _fails(result: Result, message: str) -> None:
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert "bug of barlow-report" not in result.output
    assert message in " ".join(result.output.split()), result.output


def _no_leftovers(folder: Path) -> None:
    assert not list(folder.rglob("*.partial"))


def _change(config: Path, **sections: object) -> Path:
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **sections}))
    return config


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return write_task(tmp_path / "task", n_per_class=40)


def test_an_empty_folder(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=0)
    (tmp_path / "images").mkdir()
    _fails(_run(config), "images")


def test_a_folder_that_does_not_exist(task: Path) -> None:
    _fails(_run(_change(task, data={"folder": "nowhere"})), "nowhere")


def test_one_class(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=5)
    for image in (tmp_path / "images" / "blue").iterdir():
        image.unlink()
    (tmp_path / "images" / "blue").rmdir()
    _fails(_run(config), "class")


def _statuses(config: Path) -> dict[tuple[str, str], str]:
    groups = Run.open(config.parent / "run").read_table("groups")
    return {(g.grouping, g.name): g.status for g in groups.itertuples()}


def test_no_failures_at_all(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=0)
    for index in range(40):
        for colour in ("red", "blue"):
            write_image(tmp_path / f"images/{colour}/{index}.png", colour=colour, marked=False, seed=index)
    result = _run(config)
    assert result.exit_code == 0, result.output
    assert set(_statuses(config).values()) == {"no_failures"}
    assert Run.open(tmp_path / "run").read_table("rules").empty


def test_only_failures(tmp_path: Path) -> None:
    settings: dict[str, object] = {"data": {"folder": "images", "confirm_class_order": True}}
    config = write_task(tmp_path, n_per_class=0, settings=settings)
    for index in range(40):
        write_image(tmp_path / f"images/red/{index}.png", colour="blue", marked=False, seed=index)
        write_image(tmp_path / f"images/blue/{index}.png", colour="red", marked=False, seed=index)
    result = _run(config)
    assert result.exit_code == 0, result.output
    assert set(_statuses(config).values()) == {"only_failures"}


def test_a_class_of_one_image(task: Path) -> None:
    write_image(task.parent / "images/zebra/1.png", colour="red", marked=False, seed=1)
    config = _change(task, inspected_model={"factory": "network.py:colours", "arguments": {"n_classes": 3}})
    result = _run(config)
    assert result.exit_code == 0, result.output
    assert _statuses(config)["label", "zebra"] == "too_few_images"


def test_unreadable_images_are_skipped_and_listed_with_their_reason(task: Path) -> None:
    folder = task.parent / "images" / "red"
    (folder / "a-empty.png").write_bytes(b"")
    (folder / "b-text.jpg").write_text("not an image")
    whole = (folder / "0001.png").read_bytes()
    (folder / "c-truncated.png").write_bytes(whole[: len(whole) // 2])
    result = _run(task)
    assert result.exit_code == 0, result.output
    run = Run.open(task.parent / "run")
    skipped = run.read_table("skipped")
    assert skipped["path"].tolist() == ["red/a-empty.png", "red/b-text.jpg", "red/c-truncated.png"]
    assert skipped["reason"].str.len().min() > 5
    assert len(run.read_table("images")) == len(run.features()) == 80


def test_nothing_but_unreadable_images(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=0)
    for colour in ("red", "blue"):
        (tmp_path / "images" / colour).mkdir(parents=True)
        (tmp_path / "images" / colour / "1.png").write_bytes(b"")
    _fails(_run(config), "none of the 2 images can be read")


def test_the_wrong_number_of_classes(task: Path) -> None:
    write_image(task.parent / "images/zebra/1.png", colour="red", marked=False, seed=1)
    _fails(_run(task), "3")


def test_a_model_that_computes_nan(task: Path) -> None:
    _fails(_run(_change(task, inspected_model={"factory": "network.py:broken"})), "NaN")
    _no_leftovers(task.parent)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"factory": "network.py:missing"}, "missing"),
        ({"factory": "elsewhere.py:colours"}, "elsewhere.py"),
        ({"factory": "no_such_package_anywhere:make"}, "no_such_package_anywhere"),
        ({"factory": "network.py:colours", "weights": "nowhere.pt"}, "nowhere.pt"),
        ({"torchvision": "resnet1999"}, "resnet1999"),
    ],
)
def test_a_model_that_cannot_be_loaded(task: Path, model: dict[str, str], message: str) -> None:
    _fails(_run(_change(task, inspected_model=model)), message)


def test_weights_of_another_network(task: Path) -> None:
    import torch

    torch.save({"head.weight": torch.zeros(2, 4), "other": torch.zeros(1)}, task.parent / "weights.pt")
    model = {"factory": "network.py:colours", "weights": "weights.pt"}
    _fails(_run(_change(task, inspected_model=model)), "mix.weight")


def test_images_of_different_sizes(task: Path) -> None:
    Image.fromarray(np.zeros((30, 20, 3), dtype=np.uint8)).save(task.parent / "images/red/0000-odd.png")
    _fails(_run(task), "crop")


def test_a_configuration_with_mistakes(task: Path) -> None:
    _fails(_run(_change(task, rules={"max_dept": 2})), "did you mean 'max_depth'?")


def test_a_manifest_with_predictions_needs_no_inspected_model(task: Path) -> None:
    rows = [
        {"Filenames": f"{c}/{i:04d}.png", "Labels": c, "Predictions": "blue" if c == "red" and i % 3 == 0 else c}
        for c in ("red", "blue")
        for i in range(40)
    ]
    pd.DataFrame(rows).to_csv(task.parent / "table.csv", index=False)
    values = yaml.safe_load(task.read_text())
    values |= {
        "data": {"manifest": "table.csv", "image_root": "images"},
        "feature_model": values.pop("inspected_model"),
    }
    task.write_text(yaml.safe_dump(values))
    result = _run(task)
    assert result.exit_code == 0, result.output
    run = Run.open(task.parent / "run")
    assert run.info["models"]["inspected"] is None
    images = run.read_table("images")
    assert (images["label"] != images["prediction"]).sum() == 14
    assert images["confidence"].isna().all()


def test_a_folder_that_is_not_a_run(task: Path) -> None:
    precious = task.parent / "run" / "precious.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    _fails(_run(task), "not a run folder")
    assert precious.read_text() == "mine"
    _fails(_invoke("site", task.parent / "run"), "expected a run folder")


def test_a_run_that_is_not_finished_has_no_site(task: Path) -> None:
    assert _run(task, command="extract").exit_code == 0
    _fails(_invoke("site", task.parent / "run", "--site", task.parent / "site"), "has not finished")
    assert not (task.parent / "site").exists()


Mount = Callable[[str], Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    folder = tmp_path / "mounted"
    folder.mkdir()

    def mount_with(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("file systems cannot be mounted here")
        return folder

    yield mount_with
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


def test_a_read_only_output_folder(task: Path, mount: Mount) -> None:
    folder = mount("ro,size=1m")
    _fails(_invoke("run", task, "--run", folder / "run"), "read-only")
    assert _run(task).exit_code == 0
    _fails(_invoke("site", task.parent / "run", "--site", folder / "site"), "read-only")


@pytest.mark.parametrize("size", ["32k", "96k", "300k"])
def test_a_full_disk_and_the_same_command_after_space_was_made(task: Path, mount: Mount, size: str) -> None:
    folder = mount(f"size={size}")
    arguments = ("run", task, "--run", folder / "run", "--site", folder / "site")
    _fails(_invoke(*arguments), "no space is left")
    _no_leftovers(folder)
    subprocess.run(["mount", "-o", "remount,size=100m", str(folder)], check=True)
    result = _invoke(*arguments)
    assert result.exit_code == 0, result.output
    assert (folder / "site" / "index.html").is_file()


@pytest.mark.parametrize(
    ("place", "advice"),
    [
        ("tables/deep/table.csv", "They are below {images}: set data.image_root to it"),
        ("table.csv", "They are below {images}: set data.image_root to it"),
        ("elsewhere/a/b/c/d/table.csv", "Set data.image_root to the folder that they are relative to"),
    ],
)
def test_a_manifest_whose_images_are_elsewhere_says_where_they_are(tmp_path: Path, place: str, advice: str) -> None:
    images = tmp_path / "images"
    config = write_task(tmp_path, n_per_class=4)
    table = tmp_path / place
    table.parent.mkdir(parents=True, exist_ok=True)
    names = [path.relative_to(images).as_posix() for path in sorted(images.rglob("*.png"))]
    table.write_text("path,label\n" + "".join(f"{name},{name.split('/')[0]}\n" for name in names))
    settings = yaml.safe_load(config.read_text()) | {"data": {"manifest": place}}
    if place == "tables/deep/table.csv":
        for colour in ("red", "blue"):  # above the table's folder
            (images / colour).rename(tmp_path / "tables" / colour)
        images = tmp_path / "tables"
    config.write_text(yaml.safe_dump(settings))
    result = _run(config)
    _fails(result, "none of its images is below")
    _fails(result, advice.format(images=images))
    settings["data"]["image_root"] = str(images)
    config.write_text(yaml.safe_dump(settings))
    assert _run(config).exit_code == 0
