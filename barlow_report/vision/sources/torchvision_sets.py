"""Data sets of torchvision by name, through the arguments of their constructors.

Any set works whose items are an image and one class index. Labels are taken from the set's own list where it has
one, so that nothing is decoded to learn them. The path of an image is its position in the set.
"""

import hashlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image

from barlow_report.config import TorchvisionDataConfig
from barlow_report.errors import DataError
from barlow_report.vision.class_names import some
from barlow_report.vision.classes import imagenet_classes
from barlow_report.vision.images import AS_SEEN, Decoding, plain_image
from barlow_report.vision.reading import UnreadableImage, patiently
from barlow_report.vision.sources.source import Listing, LoadedImage, file_state

__all__ = ["TorchvisionSource", "list_torchvision"]

_LABELS = ("targets", "labels", "_labels", "y")
_FILES = ("samples", "_samples", "imgs", "_image_files", "_images")


@dataclass(frozen=True)
class TorchvisionSource:
    """Items of one of torchvision's data sets, by position."""

    config: TorchvisionDataConfig
    decoding: Decoding = AS_SEEN

    def __reduce__(self) -> tuple[type["TorchvisionSource"], tuple[TorchvisionDataConfig, Decoding]]:
        return TorchvisionSource, (self.config, self.decoding)

    @property
    def root(self) -> Path:
        """The folder of the data sets."""
        return self.config.root

    @cached_property
    def dataset(self) -> Any:
        """The data set itself, opened when it is first needed."""
        return _construct(self.config)

    def read(self, path: str) -> LoadedImage:
        """Read one item; see `ImageSource`."""
        position = int(path) if path.isascii() and path.isdigit() else -1
        if not 0 <= position < len(self.dataset):
            raise UnreadableImage("not in the data set any more")
        try:
            decoded = plain_image(_as_image(patiently(lambda: self.dataset[position][0])), self.decoding)
            image = decoded.image
        except (UnreadableImage, MemoryError):
            raise
        except Exception as error:  # a set may raise anything on a broken file
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise UnreadableImage(reason.replace(f"{self.root}/", "")) from error
        pixels = image.tobytes() if decoded.bands is None else decoded.bands.pixels.tobytes()
        digest = hashlib.blake2b(f"{image.size}".encode() + pixels, digest_size=16).hexdigest()
        return LoadedImage(decoded=decoded, digest=digest)

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield a hash of each image's pixels where they are in memory, its file's state, or at least the arguments."""
        pixels = _pixels(self.dataset)
        files = _list_of(self.dataset, _FILES)
        arguments = self.config.model_dump_json()
        if pixels is None and files is None:
            below = sorted(file for file in self.root.rglob("*") if file.is_file())
            arguments += "".join(f"{file} {file_state(file)}" for file in below)
            arguments = hashlib.blake2b(arguments.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        for path in paths:
            if pixels is not None:
                yield hashlib.blake2b(np.ascontiguousarray(pixels[int(path)]).data, digest_size=16).hexdigest()
            elif files is not None:
                yield file_state(_path_of(files[int(path)]))
            else:
                yield arguments

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield each image's file where the data set lists files and does not hold pixels."""
        files = _list_of(self.dataset, _FILES) if _pixels(self.dataset) is None else None
        return (None if files is None else _path_of(files[int(path)]) for path in paths)


def list_torchvision(
    config: TorchvisionDataConfig, decoding: Decoding = AS_SEEN, *, needs_labels: bool = True
) -> Listing:
    """List the items of a data set in its order; those without a label are skipped where `needs_labels`.

    Raises:
        DataError: There is no such set, its arguments or files are wrong, or its items are not an image and a class.
    """
    source = TorchvisionSource(config, decoding)
    where = f"torchvision.datasets.{config.name}"
    n_images = len(source.dataset)
    if not n_images:
        raise DataError(f"{where}: the data set is empty.")
    labels = _labels(source.dataset, where=where)
    kept = [position for position, label in enumerate(labels) if label >= 0 or not needs_labels]
    is_labelled = np.array([label >= 0 for label in labels], dtype=np.bool_)
    return Listing(
        source=source,
        where=where,
        paths=[_path(position) for position in kept],
        labels=[labels[position] if is_labelled[position] else "" for position in kept],
        is_labelled=None if needs_labels else is_labelled,
        class_names=_class_names(source.dataset),
        skipped=[(_path(position), "no label") for position, label in enumerate(labels) if label < 0 and needs_labels],
    )


def _path(position: int) -> str:
    return f"{position:06d}"


def _construct(config: TorchvisionDataConfig) -> Any:
    where = f"torchvision.datasets.{config.name}"
    make = getattr(torchvision.datasets, config.name, None) if config.name in torchvision.datasets.__all__ else None
    if not isinstance(make, type):
        raise DataError(f"{where}: there is no such data set; known are {', '.join(torchvision.datasets.__all__)}.")
    parameters = inspect.signature(make).parameters
    root = {"root": str(config.root)} if "root" in parameters else {}  # a set may need no files
    arguments: dict[str, Any] = {**root, **_split(config, parameters, where), **config.arguments}
    unknown = sorted(set(arguments) - set(parameters))
    if unknown and not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        raise DataError(f"{where}: does not know {some(unknown)}; its arguments are {', '.join(parameters)}.")
    try:
        dataset = make(**arguments)
        len(dataset)
    except ImportError as error:
        raise DataError(f"{where}: needs a package that is not installed ({error}). Install it.") from error
    except Exception as error:  # each set says in its own way what is wrong
        raise DataError(
            f"{where}: cannot be opened ({error}). Check 'root', 'split' and 'arguments' under data.torchvision."
        ) from error
    return dataset


def _split(config: TorchvisionDataConfig, parameters: Any, where: str) -> dict[str, Any]:
    if config.split is None:
        return {}
    if "split" in parameters:
        return {"split": config.split}
    if "train" in parameters and config.split in {"train", "test"}:
        return {"train": config.split == "train"}
    expected = "train or test" if "train" in parameters else "none: it has no splits"
    raise DataError(f"{where}: found the split {config.split!r}, expected {expected}.")


def _labels(dataset: Any, *, where: str) -> list[int]:
    """Class indices of all items: the set's own list where it agrees with its items, else each item's."""
    listed = _list_of(dataset, _LABELS)
    if listed is None:
        pairs = _list_of(dataset, ("samples", "_samples"))
        listed = None if pairs is None else [pair[1] if isinstance(pair, tuple | list) else None for pair in pairs]
    if listed is not None and all(_is_index(label) for label in listed):
        ends = (0, len(dataset) - 1)
        if all(_target(dataset, end, where=where) in (None, int(listed[end])) for end in ends):
            return [int(label) for label in listed]
    targets = [_target(dataset, position, where=where) for position in range(len(dataset))]
    return [-1 if target is None else target for target in targets]


def _target(dataset: Any, position: int, *, where: str) -> int | None:
    """The class index of one item, or None where it cannot be read."""
    try:
        item = dataset[position]
    except Exception:  # reading it again gives the reason
        return None
    if not isinstance(item, tuple | list) or len(item) != 2 or not _is_index(item[1]):
        found = type(item[1]).__name__ if isinstance(item, tuple | list) and len(item) > 1 else type(item).__name__
        raise DataError(
            f"{where}: item {position} has the target {found}, expected an image and one class index. Choose a data "
            "set for classification, or set its 'target_type' under arguments."
        )
    return int(item[1])


def _is_index(value: Any) -> bool:
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.ndim == 0 and not (value.dtype.is_floating_point if isinstance(value, torch.Tensor) else False)
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _list_of(dataset: Any, names: Sequence[str]) -> Any:
    """The first attribute with one entry per item."""
    for name in names:
        found = getattr(dataset, name, None)
        if isinstance(found, list | tuple | np.ndarray | torch.Tensor) and len(found) == len(dataset):
            return found
    return None


def _pixels(dataset: Any) -> Any:
    found = getattr(dataset, "data", None)
    if isinstance(found, torch.Tensor):
        found = found.numpy()
    return found if isinstance(found, np.ndarray) and len(found) == len(dataset) else None


def _class_names(dataset: Any) -> tuple[str, ...] | None:
    ids = getattr(dataset, "wnids", None)
    if ids and all(str(key) in imagenet_classes() for key in ids):
        return tuple(str(key) for key in ids)  # the list of synonyms beside it does not tell all classes apart
    names = getattr(dataset, "classes", None)
    if not isinstance(names, list | tuple) or not names:
        return None
    return tuple(str(name[0] if isinstance(name, tuple | list) else name) for name in names)


def _as_image(found: Any) -> Image.Image:
    if isinstance(found, torch.Tensor):
        found = found.movedim(0, -1).numpy() if found.ndim == 3 else found.numpy()
    if isinstance(found, np.ndarray) and found.dtype == np.uint8 and found.ndim in (2, 3):
        found = Image.fromarray(found)
    if not isinstance(found, Image.Image):
        raise UnreadableImage(f"its item is a {type(found).__name__}, not an image")
    return found if getattr(found, "tile", None) else found.copy()  # a set may keep what it has loaded


def _path_of(file: object) -> Path:
    """The path of an entry of a data set's list of files, alone or with what belongs to it."""
    return Path(str(file[0] if isinstance(file, tuple | list) else file))
