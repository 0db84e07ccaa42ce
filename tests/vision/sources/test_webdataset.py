"""Tar shards: samples, labels, shards that are missing, broken or compressed."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from barlow_report.config import DataConfig, WebDatasetConfig
from barlow_report.errors import DataError
from barlow_report.vision.datasets import ImageList, list_images, open_source
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.sources import webdataset
from tests.vision.sources.writers import noise_png, write_tar
from tests.vision.toys import noise_image


def config(shards: Path, *, label_key: str = "label") -> DataConfig:
    return DataConfig(webdataset=WebDatasetConfig(shards=shards, label_key=label_key))


def listed(shards: Path, *, label_key: str = "label") -> ImageList:
    return list_images(config(shards, label_key=label_key))


def write_shards(folder: Path) -> Path:
    """Two shards of three samples; sample i is noise i of class i % 2."""
    for shard in (0, 1):
        seeds = range(3 * shard, 3 * shard + 3)
        members = [m for i in seeds for m in ((f"{i:04d}.png", noise_png(i)), (f"{i:04d}.cls", str(i % 2)))]
        write_tar(folder / f"test-{shard:03d}.tar", members)
    return folder / "test-{000..001}.tar"


def test_samples_are_listed_in_the_order_of_the_shards(tmp_path: Path) -> None:
    images = listed(write_shards(tmp_path))
    assert images.paths == [f"test-{i // 3:03d}.tar/{i:04d}.png" for i in range(6)]
    assert images.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert images.class_names == ("0", "1")
    assert (images.root, images.skipped, images.predictions) == (tmp_path, [], None)


def test_any_sample_can_be_read_in_any_order_from_any_thread_and_process(tmp_path: Path) -> None:
    images = listed(write_shards(tmp_path))
    order = [5, 0, 3, 3, 1] * 10
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: np.asarray(images.source.read(images.paths[i]).image), order))
    assert all(np.array_equal(image, np.asarray(noise_image(i))) for image, i in zip(found, order, strict=True))
    for source in (pickle.loads(pickle.dumps(images.source)), open_source(config(tmp_path / "test-*.tar"))):  # noqa: S301 - our own
        assert np.array_equal(np.asarray(source.read(images.paths[4]).image), np.asarray(noise_image(4)))


def test_a_few_shards_at_most_are_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "N_CACHED", 1)
    images = listed(write_shards(tmp_path))
    source = images.source
    assert isinstance(source, webdataset.TarSource)
    for path in (images.paths[0], images.paths[5], images.paths[1]):
        source.read(path)
        assert len(source._cache.places) == 1


def test_json_gives_label_prediction_and_confidence_and_cls_wins(tmp_path: Path) -> None:
    said = {"class": "dog", "prediction": "cat", "confidence": 0.75, "caption": ["a", "dog"]}
    members: list[tuple[str, bytes | str]] = [
        ("./a/1.PNG", noise_png(0)),
        ("./a/1.json", json.dumps(said)),
        ("./a/1.b.json", json.dumps(said)),
        ("./a/2.png", noise_png(1)),
        ("./a/2.json", json.dumps({**said, "confidence": None})),
        ("./a/2.cls", "cat\n"),
    ]
    images = listed(write_tar(tmp_path / "x.tar", members), label_key="class")
    assert images.paths == ["x.tar/a/1.PNG", "x.tar/a/2.png"]
    assert images.class_names == ("cat", "dog")
    assert images.labels.tolist() == [1, 0]
    assert images.predictions is not None
    assert images.predictions.tolist() == [0, 0]
    assert images.confidences is not None
    assert images.confidences[0] == 0.75
    assert np.isnan(images.confidences[1])
    assert np.array_equal(np.asarray(images.source.read(images.paths[0]).image), np.asarray(noise_image(0)))
    assert images.assumptions == {"unused_members": "Samples also hold files that were not used: .b.json (1)."}


@pytest.mark.parametrize(
    ("endings", "found"),
    [
        (["jpg", "depth.png"], "samples with the images 'jpg', 'depth.png'"),
        (["seg.png", "jpg"], "samples with the images 'seg.png', 'jpg'"),
        (["left.jpg", "right.jpg"], "samples with the images 'left.jpg', 'right.jpg'"),
        (["jpg", "png"], "samples with the images 'jpg', 'png'"),
        (["0.jpg", "1.jpg"], "samples with the images '0.jpg', '1.jpg'"),
    ],
)
def test_which_of_several_images_of_a_sample_is_meant_is_asked(tmp_path: Path, endings: list[str], found: str) -> None:
    members: list[tuple[str, bytes | str]] = []
    for label in (0, 1):
        members += [(f"{label}.{ending}", noise_png(seed)) for seed, ending in enumerate(endings)]
        members.append((f"{label}.cls", str(label)))
    path = write_tar(tmp_path / "x.tar", members)
    with pytest.raises(DataError, match=f"found {found}. Say in data.webdataset.image_key which"):
        listed(path)
    for seed, ending in enumerate(endings):
        chosen = DataConfig(webdataset=WebDatasetConfig(shards=path, image_key=f"tif; .{ending.upper()}"))
        images = list_images(chosen)
        assert images.paths == [f"x.tar/{label}.{ending}" for label in (0, 1)]
        assert np.array_equal(np.asarray(images.source.read(images.paths[0]).image), np.asarray(noise_image(seed)))
        assert f".{endings[1 - seed]} (2)" in images.assumptions["unused_members"]


def test_images_of_two_kinds_in_different_samples_are_not_mixed(tmp_path: Path) -> None:
    def write(first: str, second: str) -> Path:
        pairs: list[tuple[str, bytes | str]] = [(first, noise_png(0)), ("0.cls", "0"), (second, noise_png(0))]
        return write_tar(tmp_path / "x.tar", [*pairs, ("1.cls", "1")])

    with pytest.raises(DataError, match=r"samples whose images end in 'jpg', 'depth.png'"):
        listed(write("0.jpg", "1.depth.png"))
    assert listed(write("0.rgb.jpg", "1.rgb.png")).paths == ["x.tar/0.rgb.jpg", "x.tar/1.rgb.png"]


def test_entries_that_are_no_whole_sample_are_skipped_with_their_reason(tmp_path: Path) -> None:
    members: list[tuple[str, bytes | str]] = [
        ("good.png", noise_png(0)),
        ("good.cls", "1"),
        ("other.jpg", noise_png(1)),
        ("other.cls", "0"),
        ("no-label.png", noise_png(0)),
        ("no-image.cls", "1"),
        ("bad-json.png", noise_png(0)),
        ("bad-json.json", "{"),
        ("list.png", noise_png(0)),
        ("list.json", '{"label": [1]}'),
        ("unsure.png", noise_png(0)),
        ("unsure.json", '{"label": 1, "prediction": 1, "confidence": 7}'),
        ("\udcff.png", noise_png(0)),
        ("\udcff.cls", "1"),
        ("long.png", noise_png(0)),
        ("long.cls", "1" * (2**20 + 1)),
        ("good.png", noise_png(5)),
        ("README", "no sample"),
        (".hidden.png", noise_png(0)),
    ]
    images = listed(write_tar(tmp_path / "x.tar", members))
    assert images.paths == ["x.tar/good.png", "x.tar/other.jpg"]
    found = [(path.removeprefix("x.tar/"), reason.split(" (")[0]) for path, reason in images.skipped]
    no_sample = "no image: hidden, or nothing after a dot"
    assert found == sorted(found)
    assert sorted(found) == sorted(
        [
            (".hidden.png", no_sample),
            ("README", no_sample),
            ("good.png", "the same name twice in its shard"),
            ("no-label.png", "no label: neither .cls nor 'label' in .json"),
            ("no-image", "a sample without an image"),
            ("bad-json.png", "its .json cannot be read"),
            ("list.png", "its label is a list, expected a name or a number"),
            ("unsure.png", "its confidence is 7, expected a probability from 0 to 1"),
            ("\\xff.png", "name is not valid UTF-8"),
            ("long.png", "its label has 1048577 bytes"),
        ]
    )


def test_a_shard_that_ends_too_early_gives_what_it_holds_and_is_listed(tmp_path: Path) -> None:
    write_shards(tmp_path)
    path = tmp_path / "test-001.tar"
    path.write_bytes(path.read_bytes()[: 4 * 512 + 512 + 100])
    images = listed(tmp_path / "test-*.tar")
    assert images.paths == [*(f"test-000.tar/{i:04d}.png" for i in range(3)), "test-001.tar/0003.png"]
    (name, reason), cut = images.skipped
    assert name == "test-001.tar"
    assert "cannot be read to its end" in reason
    assert cut == ("test-001.tar/0004.png", "no label: neither .cls nor 'label' in .json")
    (tmp_path / "test-000.tar").write_bytes(b"")
    with pytest.raises(UnreadableImage):
        images.source.read(images.paths[0])


def test_a_sample_that_is_gone_gives_a_reason(tmp_path: Path) -> None:
    images = listed(write_shards(tmp_path))
    for path, reason in (
        ("test-000.tar/9999.png", "not in its shard"),
        ("test-009.tar/0000.png", "not in any of the files"),
        ("test-000.tar", "not in any of the files"),
    ):
        with pytest.raises(UnreadableImage, match=reason):
            images.source.read(path)


@pytest.mark.parametrize(("mode", "name"), [("w:gz", "gzip"), ("w:bz2", "bzip2"), ("w:xz", "xz")])
def test_compressed_shards_are_refused_with_what_to_do(tmp_path: Path, mode: str, name: str) -> None:
    path = write_tar(tmp_path / "x.tar", [("1.png", noise_png(0)), ("1.cls", "0")], mode=mode)
    with pytest.raises(DataError, match=f"compressed with {name}, expected a plain tar file.*Unpack it"):
        listed(path)


def test_a_shard_without_samples_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"no sample with an image and a label; of .*\. Expected members such as 0001.jpg"
    ):
        listed(write_tar(tmp_path / "x.tar", [("readme", "nothing")]))
    (tmp_path / "y.tar").write_bytes(b"no tar file at all" * 100)
    with pytest.raises(DataError, match=r"of 1 entries the first, \('y.tar', 'the shard cannot be read to its end"):
        listed(tmp_path / "y.tar")


def test_predictions_for_some_samples_only_are_a_clear_error(tmp_path: Path) -> None:
    members: list[tuple[str, bytes | str]] = [
        ("1.png", noise_png(0)),
        ("1.json", '{"label": 0, "prediction": 1}'),
        ("2.png", noise_png(0)),
        ("2.json", '{"label": 1}'),
    ]
    with pytest.raises(DataError, match="predictions for 1 of 2 samples, expected all or none"):
        listed(write_tar(tmp_path / "x.tar", members))
