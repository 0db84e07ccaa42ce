"""Images of five bands through the whole product: fields as a satellite would see them, in 16-bit TIFFs.

Maize reflects a little more in the near infrared (band 4) than wheat, and its fields have a wet corner, dark in the
short-wave infrared (band 5). So do a third of the wheat fields that are analysed: two networks of five channels, with
and without an adversary, learned from dry wheat, and take them for maize.
"""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import torch
from PIL import Image

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import BarlowReportError, DataError, ModelError
from barlow_report.run_folder import Run
from tests.pipeline.trained import Trained
from tests.vision.sources.writers import image_table, write_parquet

pytestmark = pytest.mark.slow

SIDE, N_TRAIN, N_TEST, N_POOL = 24, 60, 90, 20
BANDS = {"range": [0, 10_000], "shown": [4, 3, 2], "shown_range": [0, 8000]}
NETWORK = """
from torch import nn

def net(n_channels=5, n_classes=2):
    return nn.Sequential(
        nn.Conv2d(n_channels, 8, 5, padding=2, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, n_classes),
    )
"""
MEAN, STD = [0.1, 0.15, 0.2, 0.4, 0.4], [0.1, 0.1, 0.1, 0.1, 0.2]
TRAINING: dict[str, Any] = {
    "device": "cpu",
    "data": {"folder": "train", "bands": BANDS},
    "model": {"factory": "net.py:net", "preprocessing": {"mean": MEAN, "std": STD}},
    "n_epochs": 6,
    "batch_size": 16,
    "learning_rate": 0.2,
}
RUN: dict[str, Any] = {
    "device": "cpu",
    "data": {"folder": "test", "bands": BANDS},
    "inspected_model": {"factory": "net.py:net", "weights": "runs/standard/model.safetensors"},
    "feature_model": {"factory": "net.py:net", "weights": "runs/robust/model.safetensors"},
    "visuals": {"n_images": 4, "n_attacked": 4, "n_gallery": 4, "attack": {"n_steps": 5}},
}
CAUSES = {"radius": 8.0, "n_images": 20, "n_controls": 4}
OURS = Trained(training=TRAINING, run=RUN)


def _field(kind: str, *, is_wet: bool, seed: int) -> npt.NDArray[np.uint16]:
    """Reflectance times 10,000, (SIDE, SIDE, 5): blue, green, red, near and short-wave infrared."""
    rng = np.random.default_rng(seed)
    level = np.array([0.08, 0.13, 0.18, 0.38 if kind == "wheat" else 0.44, 0.5])
    values = level + rng.normal(0, 0.03, (SIDE, SIDE, 5)) + rng.normal(0, 0.03, 5)
    waves = np.sin(np.arange(SIDE) * rng.uniform(0.4, 1.2))
    values[:, :, 3] += rng.uniform(0, 0.15) * (waves[:, None] if rng.random() < 0.5 else waves)  # furrows
    top, left = rng.integers(0, SIDE - 8, 2)
    values[top : top + 8, left : left + 8, :3] += rng.uniform(0, 0.3)  # a track, a roof
    hedge = rng.integers(0, SIDE - 3)
    values[:, hedge : hedge + 3, rng.integers(0, 4)] += rng.uniform(0, 0.4)
    if is_wet or kind == "maize":
        values[17:22, 1:8, 4] = 0.05 + rng.normal(0, 0.02, (5, 7))
    return (np.clip(values, 0, 1) * 10_000).astype(np.uint16)


def _tiff(values: npt.NDArray[np.uint16]) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        values,
        photometric="minisblack",
        planarconfig="contig",
        compression="lzw",
        predictor=True,
        metadata=None,
    )
    return buffer.getvalue()


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in several formats, a network, its weights with and without an adversary, and a run with a site."""
    folder = tmp_path_factory.mktemp("bands")
    (folder / "net.py").write_text(NETWORK)
    rows, members = [], []
    for class_id, kind in enumerate(("maize", "wheat")):
        for number in range(N_TRAIN + N_TEST + N_POOL):
            part = "train" if number < N_TRAIN else "test" if number < N_TRAIN + N_TEST else "pool"
            is_wet = kind == "wheat" and part != "train" and number % 3 == 0
            values = _field(kind, is_wet=is_wet, seed=1000 * class_id + number)
            content, name = _tiff(values), f"{kind}/{number:03d}"
            (folder / part / kind).mkdir(parents=True, exist_ok=True)
            (folder / part / f"{name}.tif").write_bytes(content)
            if part == "test":
                (folder / "arrays" / kind).mkdir(parents=True, exist_ok=True)
                np.save(folder / "arrays" / f"{name}.npy", np.moveaxis(values, 2, 0))
                rows.append({"image": content, "file": f"{name}.tif", "label": class_id})
                members.append((f"{kind}{number:03d}", content, class_id))
    write_parquet(folder / "parquet" / "images.parquet", image_table(rows, class_names=["maize", "wheat"]))
    with tarfile.open(folder / "shard-0.tar", "w") as shard:
        for key, content, class_id in members:
            for name, data in ((f"{key}.tif", content), (f"{key}.cls", str(class_id).encode())):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                shard.addfile(entry, io.BytesIO(data))
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    OURS.train(folder, "standard")
    OURS.train(folder, "robust", adversary={"radius": 0.5, "n_steps": 2, "warmup_epochs": 1})
    torch.set_num_threads(n_threads)
    pool = {"folder": "pool"}
    config = load_config(OURS.write(folder, "fields", RUN | {"causes": CAUSES, "directions": {}, "pool": pool}))
    pipeline.run(config, folder=folder / "runs" / "fields", site=folder / "site")
    return folder


@pytest.fixture(scope="module")
def run(task: Path) -> Run:
    return Run.open(task / "runs" / "fields")


def test_the_wet_fields_fail_and_are_found(run: Run) -> None:
    images = run.read_table("images")
    fails = images["prediction"] != images["label"]
    is_wet = np.array([path.startswith("wheat/") and int(Path(path).stem) % 3 == 0 for path in images["path"]])
    assert fails[is_wet].mean() > 0.8
    assert fails[~is_wet].mean() < 0.05
    groups, rules = run.read_table("groups").set_index("group_id"), run.read_table("rules")
    verified = rules[rules["is_failure_mode"] & (rules["verdict"] == "verified")]
    assert ("label", "wheat") in set(groups.loc[verified["group_id"], ["grouping", "name"]].apply(tuple, axis=1))
    for role in ("inspected", "feature"):
        assert run.info["models"][role]["preprocessing"]["mean"] == MEAN


def test_features_are_those_of_the_network_on_the_values_of_the_file(task: Path, run: Run) -> None:
    namespace: dict[str, Any] = {}
    exec(NETWORK, namespace)  # noqa: S102 - our own lines above
    from safetensors.torch import load_file

    network = namespace["net"]().eval()
    network.load_state_dict(load_file(task / "runs" / "robust" / "model.safetensors"))
    paths = run.read_table("images")["path"].tolist()[::37]
    values = np.stack([tifffile.imread(task / "test" / path) for path in paths]).astype(np.float32) / 10_000
    inputs = (torch.from_numpy(values) - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.inference_mode():
        expected = network[:-1](inputs.permute(0, 3, 1, 2))
    assert np.allclose(run.features()[::37], expected.numpy(), atol=1e-4)


def _picture(run: Run, name: str) -> npt.NDArray[np.int64]:
    with Image.open(run.folder / "media" / name) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE)), dtype=np.int64)


def test_pictures_show_the_chosen_bands_in_their_range(task: Path, run: Run) -> None:
    images, gallery = run.read_table("images"), run.read_table("galleries")
    row = gallery.iloc[0]
    values = tifffile.imread(task / "test" / images["path"][row["image_id"]]).astype(float)[:, :, [3, 2, 1]]
    shown = _picture(run, row["thumbnail"])
    assert np.abs(shown.mean(axis=(0, 1)) - np.clip(values / 8000, 0, 1).mean(axis=(0, 1)) * 255).max() < 4
    tiles = run.read_table("tiles")
    assert (tiles["attacked_activation"] > tiles["activation"]).any()
    for name in tiles["attack"][:3]:
        assert np.ptp(_picture(run, name), axis=2).max() > 20  # in colour, as the image is
    pairs = run.read_table("cause_pairs")
    assert len(pairs)
    assert (run.folder / "media" / pairs["after"].iloc[0]).is_file()
    assert len(run.read_table("directions"))
    assert len(run.read_table("pool_candidates"))


@pytest.mark.parametrize(
    "data",
    [
        {"folder": "arrays", "bands": BANDS | {"layout": "channels_first"}},
        {"parquet": {"files": "parquet/images.parquet"}, "bands": BANDS},
        {"webdataset": {"shards": "shard-0.tar"}, "classes": {"maize": 0, "wheat": 1}, "bands": BANDS},
    ],
)
def test_bands_give_the_same_features_however_they_are_stored(task: Path, run: Run, data: dict[str, Any]) -> None:
    other = OURS.compute(task, f"from-{next(iter(data))}", data=data)
    assert np.array_equal(np.sort(other.features(), axis=0), np.sort(run.features(), axis=0))


def test_a_feature_model_of_three_bands_explains_a_model_of_five(task: Path, run: Run) -> None:
    infrared = {"bands": [5, 4, 3], "mean": 0.4, "std": 0.2}
    model = {"factory": "net.py:net", "arguments": {"n_channels": 3}, "preprocessing": infrared}
    OURS.train(task, "infrared", model=model, adversary={"radius": 0.5, "n_steps": 2, "warmup_epochs": 1})
    feature = {"factory": "net.py:net", "arguments": {"n_channels": 3}, "weights": "runs/infrared/model.safetensors"}
    data = {"folder": "test", "bands": BANDS | {"shown": [5, 4, 3]}}
    other = OURS.compute(task, "infrared-run", until="causes", data=data, feature_model=feature, causes=CAUSES)
    assert other.info["models"]["feature"]["preprocessing"]["bands"] == [5, 4, 3]
    assert other.read_table("images")["prediction"].equals(run.read_table("images")["prediction"])
    assert other.read_table("causes")["n_reached"].dropna().gt(0).any()
    with pytest.raises(ModelError, match=r"feature_model: the model does not take band 2, which data\.bands\.shown"):
        OURS.compute(task, "unseen", feature_model=feature)


def test_values_beyond_the_range_are_told(task: Path) -> None:
    bands = BANDS | {"range": [0, 5000]}
    other = OURS.compute(task, "narrow", data={"folder": "test", "bands": bands})
    assert "values beyond the range of `data.bands`" in other.info["assumptions"]["extract"]["cut"]


@pytest.mark.parametrize(
    ("changes", "error", "problem"),
    [
        ({"data": {"folder": "test"}}, ModelError, "takes images of 5 channels, and images are read as three"),
        ({"data": {"folder": "test", "bands": {"shown": [1]}}}, DataError, r"uint16; say in data\.bands\.range"),
        ({"data": {"folder": "test", "bands": BANDS | {"shown": [6]}}}, ModelError, "does not take band 6"),
        (
            {
                "inspected_model": {"factory": "net.py:net", "arguments": {"n_channels": 4}},
                "feature_model": {"factory": "net.py:net", "weights": "runs/robust/model.safetensors"},
            },
            BarlowReportError,
            r"it has 5 bands, and the model takes 4 channels.*preprocessing\.bands",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_the_pass(
    task: Path, changes: dict[str, Any], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        OURS.compute(task, "refused", **changes)


def test_check_knows_the_bands(task: Path) -> None:
    from barlow_report.progress import SilentProgress
    from barlow_report.stages.forecast import forecast

    parts = forecast(load_config(task / "fields.yaml"), task / "new", progress=SilentProgress())
    lines = {part.title: part.words for part in parts}
    assert "64 features" in lines["Features"]


def test_readers_are_told_which_bands_they_see(task: Path, run: Run) -> None:
    told = run.info["assumptions"]["extract"]["bands"]
    assert told == (
        "Files have several bands: the models get their values from 0 to 10000, and pictures show bands 4, 3, 2 as "
        "red, green and blue, from 0 to 8000."
    )
    assert any("pictures show bands 4, 3, 2" in page.read_text() for page in (task / "site").rglob("*.html"))
    assert json.loads((run.folder / "run.json").read_text())["config"]["data"]["bands"]["shown"] == [4, 3, 2]
