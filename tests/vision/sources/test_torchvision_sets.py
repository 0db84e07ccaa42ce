"""Data sets of torchvision by name: one that draws its images, one from its archive on disk, one of files."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision
from PIL import Image

from barlow_report.config import DataConfig, TorchvisionDataConfig
from barlow_report.errors import DataError
from barlow_report.vision.datasets import ImageList, list_images, open_source
from barlow_report.vision.reading import UnreadableImage
from tests.vision.sources.writers import write_cifar10
from tests.vision.toys import noise_image, save_colour


def config(root: Path, name: str, *, split: str | None = None, **arguments: Any) -> DataConfig:
    return DataConfig(torchvision=TorchvisionDataConfig(name=name, root=root, split=split, arguments=arguments))


def listed(root: Path, name: str, *, split: str | None = None, **arguments: Any) -> ImageList:
    return list_images(config(root, name, split=split, **arguments))


def test_a_set_that_draws_its_images(tmp_path: Path) -> None:
    images = listed(tmp_path, "FakeData", size=20, image_size=[3, 16, 12], num_classes=3)
    original = torchvision.datasets.FakeData(size=20, image_size=(3, 16, 12), num_classes=3)
    assert images.paths == [f"{i:06d}" for i in range(20)]
    assert images.class_names == ("0", "1", "2")
    assert images.labels.tolist() == [int(original[i][1]) for i in range(20)]
    loaded = images.source.read("000007")
    assert np.array_equal(np.asarray(loaded.image), np.asarray(original[7][0]))
    for source in (pickle.loads(pickle.dumps(images.source)), open_source(config(tmp_path, "FakeData", size=20))):  # noqa: S301 - our own
        assert source.read("000007").image.mode == "RGB"
    assert pickle.loads(pickle.dumps(images.source)).read("000007").digest == loaded.digest  # noqa: S301 - our own
    other = listed(tmp_path, "FakeData", size=20, image_size=[3, 16, 12], num_classes=3, random_offset=7)
    assert set(other.source.states(other.paths)).isdisjoint(images.source.states(images.paths))
    with pytest.raises(UnreadableImage, match="not in the data set"):
        images.source.read("000020")


PIXELS = np.stack([np.asarray(noise_image(seed, size=(32, 32))) for seed in range(6)])
LABELS = [2, 0, 1, 1, 0, 2]
NAMES = ["airplane", "automobile", "bird"]


def test_cifar10_from_its_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path, monkeypatch, pixels=PIXELS, labels=LABELS, class_names=NAMES)
    monkeypatch.setattr(  # its own list of labels is enough
        torchvision.datasets.CIFAR10, "__getitem__", counting := Counting(torchvision.datasets.CIFAR10.__getitem__)
    )
    images = listed(tmp_path, "CIFAR10", split="test")
    assert counting.n_calls == 2
    assert images.class_names == tuple(NAMES)
    assert images.labels.tolist() == LABELS
    usual = config(tmp_path, "CIFAR10", split="test").model_dump()
    turned = list_images(DataConfig.model_validate(usual | {"classes": NAMES[::-1]}))  # a model's own order
    assert [turned.class_names[label] for label in turned.labels] == [NAMES[label] for label in LABELS]
    assert all(np.array_equal(np.asarray(images.source.read(f"{i:06d}").image), PIXELS[i]) for i in range(6))
    states = list(images.source.states(images.paths))
    assert len(set(states)) == 6


class Counting:
    def __init__(self, function: Any) -> None:
        self.function = function
        self.n_calls = 0

    def __get__(self, instance: Any, owner: Any) -> Any:
        def call(index: int) -> Any:
            self.n_calls += 1
            return self.function(instance, index)

        return call


def test_a_set_of_files_by_its_synset_folders(tmp_path: Path) -> None:
    for synset in ("n01440764", "n01443537"):
        for index in range(2):
            save_colour(tmp_path / f"val/{synset}/{index}.png", (index, 0, 0))
    images = listed(tmp_path / "val", "ImageFolder")
    assert images.class_names == ("tench", "goldfish")
    assert images.labels.tolist() == [0, 0, 1, 1]
    before = list(images.source.states(images.paths))
    save_colour(tmp_path / "val/n01440764/1.png", (9, 9, 9), size=(20, 20))
    after = list(images.source.states(images.paths))
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True]
    (tmp_path / "val/n01443537/0.png").write_bytes(b"broken")
    (tmp_path / "val/n01443537/1.png").unlink()
    for path in ("000002", "000003"):
        with pytest.raises(UnreadableImage) as caught:
            images.source.read(path)
        assert str(tmp_path) not in caught.value.reason


class Odd(torchvision.datasets.VisionDataset):  # type: ignore[misc]
    """Labels only by asking each item, some of them none, and images in unusual forms."""

    def __init__(self, root: str, kind: str) -> None:
        super().__init__(root)
        self.kind = kind
        self.targets = [0, 0, 0]  # says other than its items

    def __len__(self) -> int:
        return 3 if self.kind != "empty" else 0

    def __getitem__(self, index: int) -> Any:
        grey = np.full((4, 4), 100 + index, np.uint8)
        match self.kind:
            case "boxes":
                return Image.fromarray(grey), {"boxes": []}
            case "pair":
                return Image.fromarray(grey), 1, 2
            case "text":
                return "no image", index
        images = [Image.fromarray(grey), grey, Image.fromarray(grey.astype(np.uint16) * 257)]
        return images[index], np.int64([1, 0, -1][index])


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets, "Odd", Odd, raising=False)
    monkeypatch.setattr(torchvision.datasets, "__all__", (*torchvision.datasets.__all__, "Odd"))


@pytest.mark.usefixtures("odd")
def test_items_have_the_last_word_on_labels_and_may_be_any_image(tmp_path: Path) -> None:
    images = listed(tmp_path, "Odd", kind="forms")
    assert images.paths == ["000000", "000001"]
    assert images.labels.tolist() == [1, 0]
    assert images.skipped == [("000002", "no label")]
    for index in range(3):
        assert images.source.read(f"{index:06d}").image.getpixel((0, 0)) == (100 + index,) * 3


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    ("kind", "message"),
    [("boxes", "target dict, expected"), ("pair", "expected an image and one class index"), ("empty", "is empty")],
)
def test_a_set_that_is_not_for_classification_is_a_clear_error(tmp_path: Path, kind: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        listed(tmp_path, "Odd", kind=kind)


@pytest.mark.usefixtures("odd")
def test_items_that_are_no_images_are_skipped_by_the_pass(tmp_path: Path) -> None:
    images = listed(tmp_path, "Odd", kind="text")
    with pytest.raises(UnreadableImage, match="its item is a str, not an image"):
        images.source.read("000001")


@pytest.mark.parametrize(
    ("name", "split", "arguments", "message"),
    [
        ("CIFAR99", None, {}, "there is no such data set; known are"),
        ("os", None, {}, "there is no such data set"),
        ("CIFAR10", "test", {}, "cannot be opened .*Check 'root'"),
        ("CIFAR10", "validation", {}, "split 'validation', expected train or test"),
        ("FakeData", "test", {}, "expected none: it has no splits"),
        ("FakeData", None, {"n": 3}, "does not know 'n'; its arguments are size, image_size"),
        ("SVHN", "somewhere", {}, "cannot be opened"),
    ],
)
def test_a_wrong_set_split_or_argument_is_a_clear_error(
    tmp_path: Path, name: str, split: str | None, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        listed(tmp_path, name, split=split, **arguments)
