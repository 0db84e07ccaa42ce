"""Every line of the manual's table of data sources lists images that can be read, with the labels they have."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml

from barlow_report.config import DataConfig
from barlow_report.vision.bands import BandImage
from barlow_report.vision.datasets import list_images, open_source
from barlow_report.vision.reading import UnreadableImage, read_file
from tests.manual.pages import page
from tests.vision.sources.test_croissant_parquet import hub_metadata
from tests.vision.sources.writers import image_table, write_arrow, write_cifar10, write_parquet, write_tar
from tests.vision.toys import noise_image

NAMES = ("cat", "dog", "owl")
N_IMAGES = 12


def _lines() -> list[str]:
    (table,) = re.findall(r"<!-- data sources.*?-->\n(.*?)\n\n\*", page("data").text, flags=re.DOTALL)
    return re.findall(r"\| `(\{.*\})` \|$", table, flags=re.MULTILINE)


def _write_folders(root: Path) -> list[str]:
    """The image folders; image i is noise i of class i % 3. Return the paths below images/."""
    paths = []
    for i in range(N_IMAGES):
        paths.append(f"{NAMES[i % 3]}/{i:02d}.png")
        synset = ("n01440764", "n01443537", "n01484850")[i % 3]
        for path in (f"images/{paths[-1]}", f"groups/animals/{paths[-1]}", f"imagenet/val/{synset}/{i:02d}.png"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            noise_image(i, size=(32, 32)).save(root / path)
    return paths


def _write_json(root: Path, paths: list[str]) -> None:
    """A data set of FiftyOne, and Croissant metadata of labels.csv."""
    samples = [
        {"filepath": path, "ground_truth": {"_cls": "Classification", "label": path.split("/")[0]}} for path in paths
    ]
    (root / "fiftyone").mkdir()
    (root / "fiftyone" / "samples.json").write_text(json.dumps({"samples": samples}))
    fields = [
        {"name": name, "source": {"fileObject": {"@id": "csv"}, "extract": {"column": name}}}
        for name in ("path", "label")
    ]
    metadata = {"distribution": {"@id": "csv", "contentUrl": "labels.csv"}, "recordSet": {"@id": "x", "field": fields}}
    (root / "croissant.json").write_text(json.dumps(metadata))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    paths = _write_folders(tmp_path)
    labels = [i % 3 for i in range(N_IMAGES)]
    table = pd.DataFrame({"path": paths, "label": [NAMES[label] for label in labels]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    table.assign(label=labels, prediction=0, confidence=0.5).to_csv(tmp_path / "predictions.csv", index=False)
    table.assign(prediction=NAMES[0], confidence=0.5).to_csv(tmp_path / "table.csv", index=False)
    np.save(tmp_path / "features.npy", np.zeros((N_IMAGES, 2), dtype=np.float32))
    _write_json(tmp_path, paths)
    for i, path in enumerate(paths):
        bands = np.random.default_rng(i).integers(0, 10_000, (32, 32, 5)).astype(np.uint16)
        (tmp_path / "fields" / path).parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(
            tmp_path / f"fields/{path[:-4]}.tif", bands, photometric="minisblack", planarconfig="contig", metadata=None
        )
    (tmp_path / "classes.txt").write_text("\n".join(NAMES))
    np.save(tmp_path / "probabilities.npy", np.full((N_IMAGES, 3), [0.5, 0.25, 0.25], dtype=np.float32))
    rows: list[dict[str, Any]] = [
        {"image": read_file(tmp_path / "images" / p), "label": i} for p, i in zip(paths, labels, strict=True)
    ]
    for part in (0, 1):
        half = rows[6 * part : 6 * part + 6]
        shard = image_table(half, class_names=NAMES)
        write_parquet(tmp_path / f"hub/test-{part:05d}-of-00002.parquet", shard)
        write_arrow(tmp_path / f"saved/test/data-{part:05d}-of-00002.arrow", shard, is_stream=True)
        members = [m for i, r in enumerate(half) for m in ((f"{i}.png", r["image"]), (f"{i}.cls", str(r["label"])))]
        write_tar(tmp_path / f"shards/test-{part:03d}.tar", members)
    described = hub_metadata(splits=("test",))
    described["distribution"][1]["includes"] = "test-*.parquet"
    (tmp_path / "hub" / "croissant.json").write_text(json.dumps(described))
    pixels = np.stack([np.asarray(noise_image(i, size=(32, 32))) for i in range(N_IMAGES)])
    write_cifar10(tmp_path / "data", monkeypatch, pixels=pixels, labels=labels, class_names=NAMES)
    return tmp_path


def test_the_table_has_a_line_for_every_kind_of_source() -> None:
    shown = {key for line in _lines() for key in yaml.safe_load(line)}
    assert shown >= {
        "folder",
        "class_depth",
        "manifest",
        "probabilities",
        "torchvision",
        "parquet",
        "webdataset",
        "images",
    }


@pytest.mark.parametrize("line", _lines())
def test_the_configuration_reads_the_images_it_says(folder: Path, line: str) -> None:
    config = DataConfig.model_validate(yaml.safe_load(line), context={"folder": folder})
    images = list_images(config)
    assert images.skipped == []
    if not config.has_images:
        assert images.labels.tolist() == [i % 3 for i in range(N_IMAGES)]
        assert images.predictions is not None
        assert images.predictions.tolist() == [list(images.class_names).index(NAMES[0])] * N_IMAGES
        with pytest.raises(UnreadableImage, match="the images of this run are not here"):
            images.source.read(images.paths[0])
        return
    source = open_source(config)
    if config.bands is not None:
        contents = [source.read(path).content for path in images.paths]
        assert [content.pixels.shape for content in contents if isinstance(content, BandImage)] == [(32, 32, 5)] * 12
        return
    loaded = [np.asarray(source.read(path).image) for path in images.paths]
    if "FakeData" in line:
        assert len(loaded) == 60
        return
    assert len(loaded) == N_IMAGES
    for label, pixels in zip(images.labels.tolist(), loaded, strict=True):
        (seed,) = (i for i in range(N_IMAGES) if np.array_equal(pixels, np.asarray(noise_image(i, size=(32, 32)))))
        assert label == seed % 3
    if "predictions.csv" in line or "probabilities" in line:
        assert images.predictions is not None
        assert images.confidences is not None
        assert (images.predictions.tolist(), images.confidences.tolist()) == ([0] * N_IMAGES, [0.5] * N_IMAGES)
