"""Some of a model's classes: data of 200 of the 1,000 that it tells apart, such as ImageNet-A.

Only images of these classes are analysed. Where the model is asked, its outputs for the other classes can be left out,
so that it chooses among the same classes as the labels do; these are then the classes of the run. Otherwise an image
may be taken for any class, and all of them stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from barlow_report.errors import ConfigError, DataError
from barlow_report.formatting import count, counted
from barlow_report.vision.class_files import read_class_file
from barlow_report.vision.class_names import some
from barlow_report.vision.classes import ClassList

if TYPE_CHECKING:
    from barlow_report.config import DataConfig
    from barlow_report.vision.datasets import ImageList

__all__ = ["OutputSubset", "evaluate_some", "evaluated_classes"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class OutputSubset:
    """Which of a model's outputs are the classes of a run: `columns` of `n_all`, in the order of the classes."""

    columns: tuple[int, ...]
    n_all: int


def evaluated_classes(config: "DataConfig", classes: ClassList, *, labels: Integers) -> Integers | None:
    """Return the class_ids that are evaluated, ascending, as `data.classes_evaluated` says; None where it says nothing.

    Args:
        config: The section `data`.
        classes: All classes of the model.
        labels: class_id of each image, (n_images,).

    Raises:
        ConfigError: A class is not one of them, or fewer than two are left.
        DataError: The file of names cannot be read.
    """
    asked = config.classes_evaluated
    if asked is None:
        return None
    if asked == "found":
        chosen = np.unique(labels)
    else:
        names = _names_in(asked) if isinstance(asked, Path) else tuple(asked)
        found = [classes.find(name) for name in names]
        if None in found:
            unknown = [name for name, class_id in zip(names, found, strict=True) if class_id is None]
            raise ConfigError(
                f"data.classes_evaluated: {some(unknown)} {'is' if len(unknown) == 1 else 'are'} none of the listed "
                f"classes ({some(classes.names)}). Write names as they are listed, or WordNet ids."
            )
        chosen = np.unique(np.array(found, dtype=np.int64))
    if len(chosen) < 2:
        raise ConfigError(
            f"data.classes_evaluated: leaves {counted(len(chosen), 'class')}, and a report needs two at least."
        )
    return chosen


def evaluate_some(images: "ImageList", chosen: Integers, config: "DataConfig", classes: ClassList) -> "ImageList":
    """Return the images of the classes that are evaluated.

    Args:
        images: All images; their labels count `classes`.
        chosen: The class_ids that are evaluated, ascending; see `evaluated_classes`.
        config: The section `data`.
        classes: All classes of the model.

    Raises:
        DataError: No image is of one, or predictions that are given are of others although they are to be restricted.
    """
    rows = np.flatnonzero(np.isin(images.labels, chosen))
    if not len(rows):
        raise DataError(
            f"{images.root}: no image is of one of the {counted(len(chosen), 'class')} of data.classes_evaluated, such "
            f"as {_named(chosen, classes)}; images are of {_named(np.unique(images.labels), classes)}. "
            "Correct it."
        )
    said = _words(images, rows, chosen, classes)
    kept = _rows(images, rows)
    if len(chosen) == len(classes):
        return kept
    is_restricted = images.predictions is None if config.restrict_predictions is None else config.restrict_predictions
    if not is_restricted:
        text = f"{said} Predictions are not restricted to them: an image may be taken for any class."
        return replace(kept, assumptions=kept.assumptions | {"classes_evaluated": text})
    text = f"{said} Predictions are restricted to them: outputs for other classes are left out."
    return _restricted(kept, chosen, classes, text=text)


def _words(images: "ImageList", rows: Integers, chosen: Integers, classes: ClassList) -> str:
    """How many classes are evaluated, which of them have no image, and which images are left out."""
    said = f"{count(len(chosen))} of {counted(len(classes), 'class')} are evaluated (data.classes_evaluated)"
    if n_left := len(images.paths) - len(rows):
        others = np.setdiff1d(images.labels, chosen)
        said += f", and {counted(n_left, 'image')} of others left out ({_named(others, classes)})"
    empty = np.setdiff1d(chosen, images.labels)
    return f"{said}." + (f" Of these, {len(empty)} without an image: {_named(empty, classes)}." if len(empty) else "")


def _named(class_ids: Integers, classes: ClassList) -> str:
    return some([classes.names[i] for i in class_ids.tolist()])


def _names_in(path: Path) -> tuple[str, ...]:
    lines = read_class_file(path)
    return lines.keys or lines.names


def _rows(images: "ImageList", rows: Integers) -> "ImageList":
    def taken(values: Integers | None) -> "Integers | None":
        return None if values is None else values[rows]

    places: Sequence[int] = rows.tolist()
    return replace(
        images,
        paths=[images.paths[row] for row in places],
        labels=images.labels[rows],
        predictions=taken(images.predictions),
        confidences=None if images.confidences is None else images.confidences[rows],
        attributes={name: [values[row] for row in places] for name, values in images.attributes.items()},
    )


def _restricted(images: "ImageList", chosen: Integers, classes: ClassList, *, text: str) -> "ImageList":
    """The same with the chosen classes for all."""
    place = np.full(len(classes), -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    predictions = None if images.predictions is None else place[images.predictions]
    if predictions is not None and (predictions < 0).any():
        n_other = int((predictions < 0).sum())
        raise DataError(
            f"{images.root}: {count(n_other)} of {counted(len(predictions), 'prediction')} are of classes that "
            "are not evaluated, and which of those that are would have been predicted is not known: set "
            "'data: restrict_predictions: false', or give data.probabilities or the model."
        )
    ids = chosen.tolist()
    return replace(
        images,
        class_names=tuple(classes.names[i] for i in ids),
        class_lines=tuple(classes.lines[i] for i in ids) if classes.lines else (),
        labels=place[images.labels],
        predictions=predictions,
        order_key=None,
        subset=OutputSubset(columns=tuple(ids), n_all=len(classes)),
        assumptions=images.assumptions | {"classes_evaluated": text},
    )
