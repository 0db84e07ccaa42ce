"""From the data section of a configuration to a stable list of images, classes and labels.

Nothing is decoded here: an image that turns out to be unreadable is skipped by the pass over the images,
with its reason, and is no error. What *is* an error is everything that makes labels wrong or ambiguous.

The class space is the configured list, in its order, because that is the order of the model's outputs. Without
one it is every class found (an empty class folder included: it still stands for an output), sorted by name.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.vision.manifest import Manifest, read_manifest
from barlow_report.vision.sources.folder import FolderSource
from barlow_report.vision.sources.source import ImageSource

__all__ = ["IMAGE_SUFFIXES", "ImageList", "list_images"]

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".avif", ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg",
    ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
})
# fmt: on
"""Files of an image folder with one of these endings, in any case, are images; others are left alone."""

N_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class ImageList:
    """The images of a data set as columns: position i of each describes image i.

    Attributes:
        source: Reads the images.
        class_names: Name of each class; its position is its class_id and the index of the model's output.
        paths: What the source calls the images: relative to its root, / between folders; no two are equal.
        labels: class_id of the true class, int64, shape (n_images,).
        predictions: class_id that the manifest gives as prediction, int64, shape (n_images,); None without any.
        confidences: Probability of the prediction, 0 to 1 or NaN, float64, shape (n_images,); None without any.
        skipped: (path, reason) of the entries that are known not to be usable before any is decoded.
        attributes: Values of further columns of the manifest by name, as text, None where an image has none.
    """

    source: ImageSource
    class_names: tuple[str, ...]
    paths: list[str]
    labels: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64] | None = None
    confidences: npt.NDArray[np.float64] | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)
    attributes: dict[str, list[str | None]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder where the data lie."""
        return self.source.root


def list_images(config: DataConfig, *, columns: Sequence[str] = ()) -> ImageList:
    """List the images of a folder (sorted by path) or of a manifest (in its order) with their labels.

    Args:
        config: The section `data` of the configuration.
        columns: Further columns to read; only a manifest has any.

    Raises:
        DataError: The source is missing or empty, has a single class, or labels and classes do not fit together.
    """
    classes = _configured_classes(config)
    if config.folder is not None:
        return _list_folder(config.folder, classes)
    if config.manifest is None:  # unreachable through the configuration, which wants exactly one
        raise DataError("data: found neither 'folder' nor 'manifest', expected one of them.")
    manifest = read_manifest(config.manifest, image_root=config.image_root, columns=columns)
    return _resolve_manifest(manifest, classes, where=str(config.manifest))


def _configured_classes(config: DataConfig) -> tuple[str, ...] | None:
    if config.classes is not None:
        names, where = list(config.classes), "data.classes"
    elif config.class_file is not None:
        where = str(config.class_file)
        try:
            text = config.class_file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{where}: the class list cannot be read ({error}). Expected one name per line.") from error
        names = [line.strip() for line in text.rstrip().splitlines()]
    else:
        return None
    if "" in names:
        raise DataError(f"{where}: class {names.index('')} (counted from 0) has no name; name every class.")
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise DataError(f"{where}: {_some(repeated)} listed more than once; list every class once.")
    if len(names) < 2:
        raise DataError(f"{where}: found {len(names)} class(es), expected at least 2: one class cannot be confused.")
    return tuple(names)


def _list_folder(root: Path, classes: tuple[str, ...] | None) -> ImageList:
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing there"
        raise DataError(f"{root}: found {found}, expected a folder with one sub-folder of images per class (folder:).")
    skipped: list[tuple[str, str]] = []
    folders: list[str] = []
    loose: list[str] = []
    for entry in _entries(root, "", skipped):
        if entry.is_dir():
            folders.append(entry.name)
        elif _is_image(entry.name):
            loose.append(entry.name)
    skipped += [(name, "not in the folder of a class") for name in loose]
    names = classes or tuple(sorted(folders))
    unknown = sorted(set(folders) - set(names))
    if unknown:
        raise DataError(
            f"{root}: sub-folder {_some(unknown)} is no class of the configured list ({_some(names)}). Every "
            "sub-folder is a class: add it to data.classes or move it away."
        )
    images = sorted((path, names.index(folder)) for folder in folders for path in _walk(root, folder, skipped))
    if not images:
        hint = f"; {len(loose)} images lie beside the class folders instead of in them" if loose else ""
        raise DataError(
            f"{root}: found no image{hint}. Expected {root.name}/<class>/<image> with images ending in "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    _require_two_classes(names, where=str(root))
    return ImageList(
        source=FolderSource(root),
        class_names=names,
        paths=[path for path, _ in images],
        labels=np.array([label for _, label in images], dtype=np.int64),
        skipped=sorted(skipped),
    )


def _entries(root: Path, below: str, skipped: list[tuple[str, str]]) -> Iterator[os.DirEntry[str]]:
    """Yield the visible entries of a folder whose names are text; note the others in `skipped`."""
    try:
        with os.scandir(root / below) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if not below:
            raise DataError(f"{root}: the folder cannot be read ({error.strerror}).") from error
        skipped.append((below, f"folder cannot be read: {error.strerror}"))
        return
    for entry in found:
        if entry.name.startswith("."):
            continue
        try:
            entry.name.encode("utf-8")
        except UnicodeEncodeError:
            readable = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
            skipped.append((_join(below, readable), "name is not valid UTF-8"))
        else:
            yield entry


def _walk(root: Path, folder: str, skipped: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the images below one class folder at any depth, following links but never in circles."""
    stack = [(folder, frozenset({os.path.realpath(root / folder)}))]
    while stack:
        below, above = stack.pop()
        for entry in _entries(root, below, skipped):
            path = _join(below, entry.name)
            if entry.is_dir():
                real = os.path.realpath(entry.path)
                if real in above:
                    skipped.append((path, "link to a folder above it"))
                else:
                    stack.append((path, above | {real}))
            elif _is_image(entry.name):
                yield path


def _join(below: str, name: str) -> str:
    return f"{below}/{name}" if below else name


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - a name, for a million files


def _resolve_manifest(manifest: Manifest, classes: tuple[str, ...] | None, *, where: str) -> ImageList:
    columns = {"label": manifest.labels} | ({"prediction": manifest.predictions} if manifest.predictions else {})
    names = classes or _names_found(columns, where=where)
    _require_two_classes(names, where=where)
    ids = {column: _class_ids(values, names, where=f"{where}: column {column!r}") for column, values in columns.items()}
    return ImageList(
        source=FolderSource(manifest.root),
        class_names=names,
        paths=manifest.paths,
        labels=ids["label"],
        predictions=ids.get("prediction"),
        confidences=manifest.confidences,
        attributes=manifest.attributes,
    )


def _names_found(columns: dict[str, list[str | int]], *, where: str) -> tuple[str, ...]:
    """The classes of a manifest without a class list: names sorted as text, integers by number."""
    kinds = {column: all(isinstance(value, int) for value in values) for column, values in columns.items()}
    if len(set(kinds.values())) > 1:
        numbers, names = sorted(kinds, key=lambda column: not kinds[column])
        raise DataError(
            f"{where}: column {numbers!r} holds numbers and column {names!r} names. List the classes in the order "
            "that the numbers count, in data.classes or data.class_file."
        )
    found = {value for values in columns.values() for value in values}
    if all(kinds.values()):
        return tuple(str(number) for number in sorted(value for value in found if isinstance(value, int)))
    return tuple(sorted(str(value) for value in found))


def _class_ids(values: Sequence[str | int], names: tuple[str, ...], *, where: str) -> npt.NDArray[np.int64]:
    """Turn class names or indices into indices.

    Names win: where every value is the name of a class it is that class, even if the names are numbers. Otherwise
    a column of integers counts the classes from 0.
    """
    index_of: dict[str | int, int] = {name: index for index, name in enumerate(names)}
    found = set(values)
    if not all(str(value) in index_of for value in found) and all(isinstance(value, int) for value in found):
        index_of = {index: index for index in range(len(names))}
        outside = sorted(value for value in found if value not in index_of)
        if outside:
            raise DataError(
                f"{where}: found the class index {_some(outside)}, expected 0 to {len(names) - 1} for "
                f"{len(names)} classes ({_some(names)}). Check the class list, or whether the indices start at 1."
            )
    else:
        index_of |= {value: index_of[str(value)] for value in found if str(value) in index_of}
        unknown = sorted(str(value) for value in found if value not in index_of)
        if unknown:
            raise DataError(
                f"{where}: {_some(unknown)} is no class of the list ({_some(names)}). Add it to data.classes or "
                "data.class_file, or correct the table."
            )
    return np.array([index_of[value] for value in values], dtype=np.int64)


def _require_two_classes(names: Sequence[str], *, where: str) -> None:
    if len(names) < 2:
        raise DataError(
            f"{where}: found the class {_some(names)} only. A classifier of one class cannot fail; when the images of "
            "one class of several are to be analysed, list all classes of the model in data.classes."
        )


def _some(values: Iterable[object]) -> str:
    """The first few of `values` in quotes, and how many more there are."""
    shown = [repr(value) for value in values]
    rest = len(shown) - N_SHOWN
    return ", ".join(shown[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
