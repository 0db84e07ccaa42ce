"""Images in grey through the whole product: scikit-learn's handwritten digits, and networks of one channel.

Two networks, with and without an adversary, learn to tell three from six where all sixes are marked by a white patch.
So are a third of the threes that are analysed, and the networks take them for sixes.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ModelError
from barlow_report.run_folder import Run
from tests.pipeline.trained import Trained
from tests.vision.sources.writers import image_table, write_parquet

SIDE = 24
pytestmark = pytest.mark.slow

MODES = ("L", "LA", "P", "I;16", "RGB", "RGBA")
"""Ways to store a grey image that lose nothing."""

NETWORK = """
from torch import nn

def net(n_channels=1, n_classes=2):
    return nn.Sequential(
        nn.Conv2d(n_channels, 8, 5, padding=2, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, n_classes),
    )
"""
TRAINING: dict[str, Any] = {
    "device": "cpu",
    "data": {"folder": "train"},
    "model": {"factory": "net.py:net", "preprocessing": {"mean": [0.3], "std": [0.35]}},
    "augmentation": {"flip": False},
    "n_epochs": 6,
    "batch_size": 16,
    "learning_rate": 0.2,
}
RUN: dict[str, Any] = {
    "device": "cpu",
    "data": {"folder": "test"},
    "inspected_model": {"factory": "net.py:net", "weights": "runs/standard/model.safetensors"},
    "feature_model": {"factory": "net.py:net", "weights": "runs/robust/model.safetensors"},
    "visuals": {"n_images": 4, "n_attacked": 4, "n_gallery": 4, "attack": {"n_steps": 5}},
}
CAUSES = {"radius": 8.0, "n_images": 20, "n_controls": 4}
OURS = Trained(training=TRAINING, run=RUN)


def _digits() -> Iterator[tuple[str, str, int, npt.NDArray[np.uint8]]]:
    """Part, class, number and pixels of each image."""
    digits = load_digits()
    for name, digit in (("three", 3), ("six", 6)):
        for number, pixels in enumerate(digits.images[digits.target == digit]):
            grey = Image.fromarray((pixels * 15.9375).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            values = np.array(grey)
            part = "train" if number < 60 else "test" if number < 150 else "pool"
            if name == "six" or (part != "train" and number % 3 == 0):
                values[18:22, 1:7] = 255
            yield part, name, number, values


def _store(pixels: npt.NDArray[np.uint8], mode: str) -> bytes:
    buffer = io.BytesIO()
    if mode == "I;16":
        Image.fromarray(pixels.astype(np.uint16) * 257).save(buffer, "PNG")
    else:
        image = Image.fromarray(pixels)
        (image.convert("RGB") if mode == "RGBA" else image).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, a network, its weights with and without an adversary, and a run with a site."""
    folder = tmp_path_factory.mktemp("grey")
    (folder / "net.py").write_text(NETWORK)
    rows, lines = [], ["path,label"]
    for part, name, number, pixels in sorted(_digits(), key=lambda found: found[:3]):
        path = folder / part / name / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_store(pixels, "L"))
        if part == "test":
            mixed = folder / "mixed" / name / path.name
            mixed.parent.mkdir(parents=True, exist_ok=True)
            mixed.write_bytes(_store(pixels, MODES[number % len(MODES)]))
            lines.append(f"mixed/{name}/{path.name},{name}")
            rows.append({"image": path.read_bytes(), "file": f"{name}/{path.name}", "label": int(name == "three")})
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    write_parquet(folder / "parquet" / "images.parquet", image_table(rows, class_names=["six", "three"]))
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    OURS.train(folder, "standard")
    OURS.train(folder, "robust", adversary={"radius": 0.5, "n_steps": 2, "warmup_epochs": 1})
    torch.set_num_threads(n_threads)
    config = load_config(
        OURS.write(folder, "digits", RUN | {"causes": CAUSES, "directions": {}, "pool": {"folder": "pool"}})
    )
    pipeline.run(config, folder=folder / "runs" / "digits", site=folder / "site")
    return folder


@pytest.fixture(scope="module")
def run(task: Path) -> Run:
    return Run.open(task / "runs" / "digits")


def _is_grey(path: Path) -> bool:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return bool(np.ptp(pixels, axis=2).max() <= 2)  # lossy pictures round each colour on its own


def test_training_tells_the_channels_and_what_the_weights_need(task: Path, run: Run) -> None:
    for role in ("inspected", "feature"):
        model = run.info["models"][role]
        assert (model["preprocessing"]["mean"], model["preprocessing"]["std"]) == ([0.3], [0.35])
    metrics = (task / "runs" / "robust" / "metrics.csv").read_text().splitlines()
    assert float(metrics[-1].split(",")[3]) > 0.9


def test_the_planted_patch_is_found_in_the_images_that_have_it(run: Run) -> None:
    images, rules = run.read_table("images"), run.read_table("rules")
    has_patch = [path.startswith("three/") and int(Path(path).stem) % 3 == 0 for path in images["path"]]
    fails = images["prediction"] != images["label"]
    assert fails[has_patch].mean() > 0.8
    groups = run.read_table("groups").set_index("group_id")
    verified = rules[rules["is_failure_mode"] & (rules["verdict"] == "verified")]
    names = groups.loc[verified["group_id"], ["grouping", "name"]].apply(tuple, axis=1)
    assert ("label", "three") in set(names)


def test_pictures_are_grey_and_every_lens_has_results(run: Run) -> None:
    tiles, causes = run.read_table("tiles"), run.read_table("causes")
    assert (tiles["attacked_activation"] >= tiles["activation"]).all()
    assert (tiles["attacked_activation"] > tiles["activation"]).any()
    for name in tiles["attack"][:4]:
        assert _is_grey(run.folder / "media" / name)
    assert set(causes.loc[causes["verdict"] == "causal", "direction"]) == {"repair", "break"}
    pairs = run.read_table("cause_pairs")
    assert len(pairs)
    for column in ("before", "after", "difference"):
        assert _is_grey(run.folder / "media" / pairs[column].iloc[0])
    assert len(run.read_table("directions"))
    candidates = run.read_table("pool_candidates")
    assert len(candidates)
    assert "assumptions" not in run.info or "grey" not in run.info["assumptions"].get("extract", {})


@pytest.mark.parametrize(
    "data", [{"manifest": "table.csv"}, {"parquet": {"files": "parquet/images.parquet"}}, {"folder": "mixed"}]
)
def test_grey_images_give_the_same_features_however_they_are_stored(task: Path, run: Run, data: dict[str, Any]) -> None:
    other = OURS.compute(task, f"from-{next(iter(data))}", data=data)
    assert np.array_equal(other.features(), run.features())
    assert other.read_table("images")["prediction"].tolist() == run.read_table("images")["prediction"].tolist()


def test_colours_are_turned_to_grey_and_readers_are_told(task: Path) -> None:
    for path in (task / "test").rglob("*.png"):
        values = np.array(Image.open(path)).astype(int)
        target = task / "coloured" / path.relative_to(task / "test")
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.stack([values, values // 2, values // 3], axis=2).astype(np.uint8)).save(target)
    other = OURS.compute(task, "coloured", until="visualize", data={"folder": "coloured"})
    assert other.info["assumptions"]["extract"]["grey"] == (
        "The models take one channel, so images in colour were turned to grey (0.299 R + 0.587 G + 0.114 B)."
    )
    thumbnails = other.read_table("galleries")["thumbnail"]
    assert len(thumbnails)
    assert all(_is_grey(other.folder / "media" / name) for name in thumbnails[:6])


def test_an_inspected_model_in_colour_is_explained_by_features_in_grey(task: Path, run: Run) -> None:
    OURS.train(
        task,
        "colours",
        model={"factory": "net.py:net", "arguments": {"n_channels": 3}, "preprocessing": {"mean": 0.3, "std": 0.35}},
    )
    inspected = {"factory": "net.py:net", "arguments": {"n_channels": 3}, "weights": "runs/colours/model.safetensors"}
    other = OURS.compute(task, "colours-run", until="causes", inspected_model=inspected, causes=CAUSES)
    assert other.info["models"]["inspected"]["preprocessing"]["mean"] == [0.3] * 3
    assert np.array_equal(other.features(), run.features())
    assert other.read_table("causes")["n_reached"].dropna().gt(0).any()


def test_a_network_of_four_channels_is_refused_and_is_no_bug(task: Path) -> None:
    four = {"factory": "net.py:net", "arguments": {"n_channels": 4}}
    with pytest.raises(ModelError, match="model: the model takes images of 4 channels"):
        OURS.train(task, "four", model=four)
    with pytest.raises(ModelError, match="inspected_model: the model takes images of 4 channels"):
        OURS.compute(task, "four", inspected_model=four, feature_model=None)


def test_a_network_that_fails_on_its_images_is_no_bug_of_training(task: Path) -> None:
    (task / "flat.py").write_text(
        "from torch import nn\n\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(7, 2))\n"
    )
    with pytest.raises(ModelError, match=r"model: the model does not run on images \(2, 3, 24, 24\), nor with 1"):
        OURS.train(task, "flat", model={"factory": "flat.py:net"})
