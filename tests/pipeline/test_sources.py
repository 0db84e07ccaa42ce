"""The same images give the same report from every kind of source, with or without the model that predicted."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner, Result

from barlow_report import pipeline
from barlow_report.cli import app
from barlow_report.run_folder import Run
from barlow_report.stages.explain import explain
from tests.pipeline.toy import write_image, write_task
from tests.vision.sources.writers import image_table, write_arrow, write_cifar10, write_parquet, write_tar

CLASSES = ("blue", "red")
N_PER_CLASS = 40


def _run(folder: Path, name: str, *, command: str = "visualize", **sections: object) -> Result:
    """Run the toy task with some sections replaced or, with None, left out."""
    values: dict[str, Any] = {**yaml.safe_load((folder / "toy.yaml").read_text()), **sections, "name": name}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}))
    arguments = [command, str(path), "--run", str(folder / "runs" / name)]
    if command == "run":
        arguments += ["--site", str(folder / "site" / name)]
    return CliRunner().invoke(app, arguments)


def _done(result: Result) -> None:
    assert result.exit_code == 0, result.output


def _fails(result: Result, message: str) -> None:
    assert result.exit_code == 1, result.output
    assert message in " ".join(result.output.split()), result.output


def _open(folder: Path, name: str) -> Run:
    return Run.open(folder / "runs" / name)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy task after a run on its image folder, and the same images in every other layout."""
    folder = tmp_path_factory.mktemp("task")
    # as many with a feature model of its own, which attacks all, as without
    visuals = {"n_images": 4, "n_gallery": 4, "n_attacked": 4, "attack": {"n_steps": 5, "batch_size": 4}}
    write_task(folder, n_per_class=N_PER_CLASS, settings={"visuals": visuals})
    _done(_run(folder, "folder", command="run"))
    rows = _rows(folder)
    shards = [image_table(rows[start : start + 50], class_names=CLASSES) for start in (0, 50)]
    for number, table in enumerate(shards):
        write_parquet(folder / f"hub/test-{number}-of-2.parquet", table, rows_per_group=16)
        write_arrow(folder / f"saved/data-{number}-of-2.arrow", table, is_stream=True)
        samples = rows[50 * number : 50 * number + 50]
        members = [
            m for i, r in enumerate(samples) for m in ((f"{i:03d}.png", r["image"]), (f"{i:03d}.cls", r["name"]))
        ]
        write_tar(folder / f"shards/test-{number:03d}.tar", members)
    for colour in CLASSES:
        shutil.copytree(folder / "images" / colour, folder / "nested" / "primary" / colour)
    return folder


def _rows(folder: Path) -> list[dict[str, Any]]:
    images = _open(folder, "folder").read_table("images")
    return [
        {"image": (folder / "images" / path).read_bytes(), "label": int(label), "name": CLASSES[label]}
        for path, label in zip(images["path"], images["label"], strict=True)
    ]


def _results(run: Run) -> dict[str, Any]:
    """What must be the same wherever the images come from."""
    tables = {name: run.read_table(name) for name in ("rules", "conditions", "tiles", "galleries", "contents")}
    images = run.read_table("images").drop(columns="path")
    return {**{name: table.to_csv() for name, table in tables.items()}, "images": images.to_csv()}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("parquet", {"parquet": {"files": "hub/test-*.parquet"}}),
        pytest.param("arrow", {"parquet": {"files": "saved/data-{0,1}-of-2.arrow"}}, marks=pytest.mark.slow),
        ("tar", {"webdataset": {"shards": "shards/test-{000..001}.tar"}}),
        pytest.param("nested", {"folder": "nested", "class_depth": 2}, marks=pytest.mark.slow),
    ],
)
def test_a_run_from_another_source_is_the_same_to_the_byte(task: Path, name: str, data: dict[str, Any]) -> None:
    _done(_run(task, name, data=data))
    expected, found = _open(task, "folder"), _open(task, name)
    assert (found.folder / "features.npy").read_bytes() == (expected.folder / "features.npy").read_bytes()
    assert _results(found) == _results(expected)
    result = _run(task, name, data=data, command="extract")
    _done(result)
    assert "Features and predictions are up to date" in result.output


def test_a_run_from_a_data_set_of_torchvision(task: Path) -> None:
    data = {"torchvision": {"name": "ImageFolder", "root": "images"}}
    _done(_run(task, "torchvision", data=data))
    expected, found = _open(task, "folder"), _open(task, "torchvision")
    assert (found.folder / "features.npy").read_bytes() == (expected.folder / "features.npy").read_bytes()
    assert found.read_table("images")["path"].tolist() == [f"{i:06d}" for i in range(2 * N_PER_CLASS)]
    assert found.read_table("tiles").to_csv() == expected.read_table("tiles").to_csv()


def test_a_run_from_the_archive_of_cifar10(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = [i % 2 for i in range(60)]
    pixels = rng.integers(0, 40, (60, 32, 32, 3), dtype=np.uint8)
    for i, label in enumerate(labels):
        pixels[i, ..., 0 if CLASSES[label] == "red" else 2] += 180
    write_cifar10(task / "cifar", monkeypatch, pixels=pixels, labels=labels, class_names=CLASSES)
    data = {"torchvision": {"name": "CIFAR10", "root": "cifar", "split": "test"}}
    _done(_run(task, "cifar10", data=data, command="extract"))
    images = _open(task, "cifar10").read_table("images")
    assert images["label"].tolist() == images["prediction"].tolist() == labels


# --- predictions from elsewhere -------------------------------------------------------------------------------


def _predictions(folder: Path) -> pd.DataFrame:
    return _open(folder, "folder").read_table("images")


def _without_inspected(folder: Path) -> dict[str, Any]:
    return {
        "inspected_model": None,
        "feature_model": yaml.safe_load((folder / "toy.yaml").read_text())["inspected_model"],
    }


def _same_rules(folder: Path, name: str) -> None:
    for table in ("rules", "conditions", "tiles"):
        assert _open(folder, name).read_table(table).to_csv() == _open(folder, "folder").read_table(table).to_csv()
    assert _open(folder, name).info["models"]["inspected"] is None


def test_a_table_of_barlow_s_sample_works_as_it_is(task: Path) -> None:
    images = _predictions(task)
    sample = pd.DataFrame(
        {
            "Filenames": [f"{task}/images/{path}" for path in images["path"]],
            "Labels": images["label"],
            "Predictions": images["prediction"],
            "WordNet ID": "n00000000",
        }
    )
    sample.to_csv(task / "sample.csv")  # with pandas' own index, as theirs
    data = {"manifest": "sample.csv", "image_root": "images", "classes": list(CLASSES)}
    _done(_run(task, "sample", data=data, command="run", **_without_inspected(task)))
    _same_rules(task, "sample")
    method = (task / "site" / "sample" / "method" / "index.html").read_text()
    assert "none: the predictions came with the images" in method
    assert _open(task, "sample").read_table("images")["confidence"].isna().all()


@pytest.mark.slow
def test_names_and_confidences_in_a_table(task: Path) -> None:
    images = _predictions(task)
    names = {column: [CLASSES[i] for i in images[column]] for column in ("label", "prediction")}
    table = images[["path"]].assign(**names, confidence=images["confidence"])
    table.to_csv(task / "names.csv", index=False)
    data = {"manifest": "names.csv", "image_root": "images"}
    _done(_run(task, "names", data=data, **_without_inspected(task)))
    _same_rules(task, "names")
    assert np.allclose(_open(task, "names").read_table("images")["confidence"], images["confidence"])


def test_an_array_of_probabilities_beside_a_table(task: Path) -> None:
    images = _predictions(task)
    images[["path", "label"]].to_csv(task / "labels.csv", index=False)
    probabilities = np.zeros((len(images), 2))
    rows = np.arange(len(images))
    probabilities[rows, images["prediction"]] = images["confidence"]
    probabilities[rows, 1 - images["prediction"]] = 1 - images["confidence"]
    np.save(task / "probabilities.npy", probabilities.astype(np.float32))
    data = {
        "manifest": "labels.csv",
        "image_root": "images",
        "classes": list(CLASSES),
        "probabilities": "probabilities.npy",
    }
    _done(_run(task, "probabilities", data=data, **_without_inspected(task)))
    _same_rules(task, "probabilities")
    assert np.allclose(_open(task, "probabilities").read_table("images")["confidence"], images["confidence"])
    np.save(task / "probabilities.npy", probabilities[:-1])
    _fails(_run(task, "probabilities", data=data, **_without_inspected(task)), "found shape (79, 2), expected (80, 2)")


@pytest.mark.slow
def test_predictions_inside_of_the_shards(task: Path) -> None:
    rows = _rows(task)
    predictions = _predictions(task)["prediction"].tolist()
    table = image_table(
        [{**row, "prediction": p} for row, p in zip(rows, predictions, strict=True)], class_names=CLASSES
    )
    write_parquet(task / "predicted.parquet", table)
    data: dict[str, Any] = {"parquet": {"files": "predicted.parquet"}}
    _done(_run(task, "in-parquet", data=data, **_without_inspected(task)))
    _same_rules(task, "in-parquet")
    said = [{"label": row["name"], "prediction": CLASSES[p]} for row, p in zip(rows, predictions, strict=True)]
    members = [
        m for i, s in enumerate(said) for m in ((f"{i:03d}.png", rows[i]["image"]), (f"{i:03d}.json", json.dumps(s)))
    ]
    write_tar(task / "predicted.tar", members)
    data = {"webdataset": {"shards": "predicted.tar"}}
    _done(_run(task, "in-tar", data=data, **_without_inspected(task)))
    _same_rules(task, "in-tar")


def test_neither_predictions_nor_a_model_is_one_clear_message(task: Path) -> None:
    data = {"parquet": {"files": "hub/test-*.parquet"}}
    _fails(_run(task, "neither", data=data, **_without_inspected(task)), "found no predictions with the images and no")


# --- where decoders differ ----------------------------------------------------------------------------------------


def test_how_images_are_decoded_is_a_setting_that_is_told_and_belongs_to_the_results(tmp_path: Path) -> None:
    write_task(tmp_path, n_per_class=N_PER_CLASS)
    for number in range(3):
        path = tmp_path / "images" / "red" / f"{number:04d}.png"
        image = Image.open(path).convert("RGB")
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(path, exif=exif)
    features = {}
    for decode, words in (("torchvision", "neither rotated nor over white"), ("upright", "rotated and over white")):
        _done(_run(tmp_path, "decode", data={"folder": "images", "decode": decode}, command="extract"))
        run = _open(tmp_path, "decode")
        said = run.info["assumptions"]["extract"]["decode"]
        assert said.startswith("3 images with a rotation in EXIF and 3 images with transparency were read as ")
        assert words in said
        features[decode] = run.features().copy()
    differ = (features["torchvision"] != features["upright"]).any(axis=1)
    assert np.flatnonzero(differ).tolist() == [N_PER_CLASS, N_PER_CLASS + 1, N_PER_CLASS + 2]


def test_sixteen_bit_images_that_use_fewer_bits_are_asked_about_before_the_models_run(tmp_path: Path) -> None:
    write_task(tmp_path, n_per_class=N_PER_CLASS)
    for path in (tmp_path / "images").rglob("*.png"):
        Image.fromarray(np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 16).save(path)
    _fails(_run(tmp_path, "deep", command="extract"), "80 images have 16 bits, and no value above")
    data = {"folder": "images", "pixel_range": [0, 4095]}
    _done(_run(tmp_path, "deep", data=data, command="extract"))
    assert _open(tmp_path, "deep").info.get("assumptions", {}).get("extract", {}) == {}


# --- duplicates, changes and hiccups ----------------------------------------------------------------------------


def test_exact_duplicates_are_counted_and_told(tmp_path: Path) -> None:
    write_task(tmp_path, n_per_class=N_PER_CLASS)
    images = tmp_path / "images"
    for index in range(10):  # half of a class twice, once under another label
        shutil.copy(images / f"red/{index:04d}.png", images / f"red/copy-{index}.png")
    shutil.copy(images / "red/0000.png", images / "blue/wrong.png")
    result = _run(tmp_path, "duplicates", command="run")
    _done(result)
    found = _open(tmp_path, "duplicates").info["duplicates"]
    assert found["n_images"] == 11
    assert found["n_with_other_labels"] == 3
    assert found["n_tested_again"] == 11
    words = "11 are exact duplicates of another image; 3 equal an image with another label; 11 count in the tests again"
    assert f"Note: {words}" in result.output
    method = (tmp_path / "site" / "duplicates" / "method" / "index.html").read_text()
    assert words in method

    _done(_run(tmp_path, "duplicates", command="explain", rules={"evidence": "held_out"}))
    run = _open(tmp_path, "duplicates")
    assert run.info["duplicates"]["n_held_out_in_fit"] == _by_hand(run) > 0


def _by_hand(run: Run) -> int:
    digests = run.read_table("contents")["digest"].tolist()
    is_held_out = (run.read_table("splits")["split"] == "held_out").tolist()
    fitted = {d for d, held_out in zip(digests, is_held_out, strict=True) if not held_out}
    return sum(d in fitted for d, held_out in zip(digests, is_held_out, strict=True) if held_out)


def test_images_without_duplicates_are_not_remarked_on(task: Path) -> None:
    assert _open(task, "folder").info["duplicates"] == {
        "n_images": 0,
        "n_with_other_labels": 0,
        "n_tested_again": 0,
    }
    assert "exact duplicates" not in (task / "site" / "folder" / "method" / "index.html").read_text()


def _same_size_and_time(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a file without a trace in its size or its time."""
    status = path.stat()
    content = change(path.read_bytes())
    assert len(content) == status.st_size
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.slow
def test_a_file_that_changes_after_its_features_were_computed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_task(tmp_path, n_per_class=N_PER_CLASS)

    def change_all() -> None:
        for path in (tmp_path / "images").rglob("*.png"):
            _same_size_and_time(
                path, lambda content: content[:-1] + bytes([content[-1] ^ 1])
            )  # the checksum at the end

    _done(_run(tmp_path, "changing", command="explain"))
    change_all()
    again = _run(tmp_path, "changing", command="explain")
    _done(again)
    assert "Extracting features" in again.output  # the change was noticed, and the pass is done again

    def explained_meanwhile(*arguments: Any, **others: Any) -> str:
        change_all()
        return explain(*arguments, **others)

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "explain", explained_meanwhile)
        _fails(
            _run(tmp_path, "changing"), "has changed since its features were computed. Restore the file, or run again"
        )
    _done(_run(tmp_path, "changing"))


def test_a_disk_that_fails_now_and_then_loses_nothing_and_one_that_stays_broken_loses_its_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_task(tmp_path, n_per_class=N_PER_CLASS)
    monkeypatch.setattr("barlow_report.vision.reading.PAUSES", (0.0, 0.0, 0.0))
    calls: dict[Path, int] = {}
    opened = Path.open

    def shaky(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.suffix == ".png":
            calls[path] = calls.get(path, 0) + 1
            if path.stem == "0007" or (calls[path] == 1 and int(path.stem) % 3 == 0):
                raise OSError(5, "Input/output error", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", shaky)
    _done(_run(tmp_path, "shaky", command="extract"))
    run = _open(tmp_path, "shaky")
    assert len(run.read_table("images")) == 2 * N_PER_CLASS - 2
    assert run.read_table("skipped").to_numpy().tolist() == [
        [f"{colour}/0007.png", "Input/output error (4 attempts)"] for colour in CLASSES
    ]


@pytest.mark.slow
def test_odd_names_go_through_to_the_site(tmp_path: Path) -> None:
    write_task(tmp_path, n_per_class=N_PER_CLASS)
    odd = "<script>alert(1)</script>" + "ü" * 85 + ".png"
    assert len(odd.encode()) == 199
    odd = odd.replace("/", "\N{FULLWIDTH SOLIDUS}")
    write_image(tmp_path / "images/red" / odd, colour="red", marked=True, seed=1_000)
    (tmp_path / "images/red" / "loop.png").symlink_to("loop.png")
    _done(_run(tmp_path, "odd", command="run", site={"show_paths": True}))
    run = _open(tmp_path, "odd")
    assert f"red/{odd}" in run.read_table("images")["path"].tolist()
    assert run.read_table("skipped").to_numpy().tolist() == [["red/loop.png", "Too many levels of symbolic links"]]
    pages = [page.read_text() for page in (tmp_path / "site" / "odd").rglob("*.html")]
    assert not any("<script>alert(1)" in page for page in pages)
