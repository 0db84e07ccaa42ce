"""Labels for each of several outputs of a model, and what they mean for one of them: positive or negative for it.

A manifest has a column for each output, or one that lists the outputs for which an image is positive. What is not known
of an image leaves it out of the report on that output, and of no other one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from barlow_report.config import DataConfig
from barlow_report.errors import ConfigError, DataError
from barlow_report.formatting import count, counted
from barlow_report.storage import local_file
from barlow_report.vision.class_names import some, sorted_names
from barlow_report.vision.classes import configured_classes
from barlow_report.vision.datasets import ImageList, decoding_of
from barlow_report.vision.manifest import list_manifest
from barlow_report.vision.sources.source import ImageSource

__all__ = ["UNKNOWN", "OutputLabels", "output_values", "read_lists", "read_output_labels"]

UNKNOWN = -1
"""In place of 1 or 0: it is not known whether an image is positive."""

_VALUES = {"1": 1, "0": 0, "1.0": 1, "0.0": 0, "true": 1, "false": 0}


@dataclass(frozen=True, kw_only=True)
class OutputLabels:
    """What a manifest says of each image and output.

    Attributes:
        source: Reads the images.
        where: The manifest, for messages.
        names: Of the outputs, in their order.
        paths: The images, with a label for one output at least.
        labels: 1 positive, 0 negative, −1 not known, int8, (n_images, n_outputs).
        attributes: Values of further columns, see `ImageList`.
        assumptions: Sentences on what was taken for granted, by a name for each.
    """

    source: ImageSource
    where: str
    names: tuple[str, ...]
    paths: list[str]
    labels: npt.NDArray[np.int8]
    attributes: dict[str, list[str | None]]
    assumptions: dict[str, str]

    def all_images(self) -> ImageList:
        """The images as a pass for all outputs needs them; a label stands for a combination of values."""
        _, combination = np.unique(self.labels, axis=0, return_inverse=True)
        return ImageList(
            source=self.source,
            class_names=self.names,
            paths=self.paths,
            labels=np.asarray(combination, dtype=np.int64).reshape(-1),
            n_outputs=len(self.names),
        )

    def images_of(self, name: str) -> ImageList:
        """The images that are known to be positive or negative for one output: two classes.

        Raises:
            ConfigError: There is no such output.
            DataError: Nothing is known of any image.
        """
        if name not in self.names:
            raise ConfigError(f"data.label_column: found {name!r}, expected one of the outputs: {some(self.names)}.")
        column = self.names.index(name)
        values = self.labels[:, column]
        rows = np.flatnonzero(values != UNKNOWN)
        n_unknown = len(values) - len(rows)
        if not len(rows):
            raise DataError(f"{self.where}: no image has a label for {name!r}. Fill in its labels, or leave it out.")
        notes = dict(self.assumptions)
        if n_unknown:
            notes["unknown_labels"] = (
                f"{counted(n_unknown, 'image')} of {count(len(values))} without a label for {name!r} "
                f"{'is' if n_unknown == 1 else 'are'} left out."
            )
        return ImageList(
            source=self.source,
            class_names=(f"negative for {name}", f"positive for {name}"),
            paths=[self.paths[row] for row in rows],
            labels=values[rows].astype(np.int64),
            attributes={key: [found[row] for row in rows] for key, found in self.attributes.items()},
            n_outputs=len(self.names),
            column=column,
            assumptions=notes,
        )


def read_output_labels(config: DataConfig, *, columns: Sequence[str] = ()) -> OutputLabels:
    """Read the labels of all outputs.

    Args:
        config: The section `data` of the configuration, with `label_columns` or `label_list`.
        columns: Further columns to read.

    Raises:
        DataError: The manifest cannot be read, misses a column, or holds something else than labels.
    """
    path = Path(str(config.manifest))
    names = config.label_columns or ()
    listing = list_manifest(
        path,
        image_root=config.image_root,
        decoding=decoding_of(config),
        called={str(key): name for key, name in config.columns.items()},
        columns=tuple(dict.fromkeys((*names, *columns))),
        needs_labels=False,
    )
    notes = dict(listing.assumptions)
    if config.label_list is None:
        found = [output_values(listing.attributes[name], name, path) for name in names]
        values = np.stack(found, axis=1)
    else:
        names, values = _listed(config, config.label_list, path, notes)
    known = np.flatnonzero((values != UNKNOWN).any(axis=1))
    if not len(known):
        raise DataError(f"{path}: no image has a label for any output. Fill in 1 or 0, or correct the columns.")
    if len(known) < len(values):
        n = len(values) - len(known)
        notes["unlabelled"] = f"{counted(n, 'image')} without any label {'was' if n == 1 else 'were'} left out."
    return OutputLabels(
        source=listing.source,
        where=str(path),
        names=tuple(names),
        paths=[listing.paths[row] for row in known],
        labels=values[known],
        attributes={name: [listing.attributes[name][row] for row in known] for name in columns},
        assumptions=notes,
    )


def output_values(texts: Sequence[str | None], name: str, path: Path) -> npt.NDArray[np.int8]:
    """Return 1, 0 or `UNKNOWN` for each image, (n,), from a column of the manifest.

    Args:
        texts: What it holds, (n,); None: nothing.
        name: Of the column.
        path: Of the manifest, for messages.

    Raises:
        DataError: Something else is there.
    """
    found = np.full(len(texts), UNKNOWN, dtype=np.int8)
    for row, text in enumerate(texts):
        if text is not None:
            value = _VALUES.get(text.casefold())
            if value is None:
                raise DataError(
                    f"{path}: column {name!r} holds {text!r} in row {row + 1}, expected 1 (positive), 0 (negative) or "
                    "nothing (not known). Correct the column, or data.label_columns."
                )
            found[row] = value
    return found


def _listed(
    config: DataConfig, column: str, path: Path, notes: dict[str, str]
) -> tuple[tuple[str, ...], npt.NDArray[np.int8]]:
    """The labels of a column of lists."""
    lists = read_lists(path, column)
    configured = configured_classes(config)
    mentioned = {name for names in lists if names is not None for name in names}
    if configured is not None:
        names = configured.names
    else:
        names = tuple(sorted_names(mentioned, order=config.class_order))
        notes["class_order"] = (
            f"The outputs are taken to be in the order of the {counted(len(names), 'name')} in the lists, sorted: "
            f"{some(names)}."
        )
    if not names:
        raise DataError(f"{path}: no list in column {column!r} holds a name. Correct data.label_list.")
    place = {name: position for position, name in enumerate(names)}
    if unknown := sorted(mentioned - set(place)):
        raise DataError(
            f"{path}: column {column!r} holds {some(unknown)}, and the outputs are {some(names)}. List all outputs in "
            "data.classes, in their order."
        )
    values = np.zeros((len(lists), len(names)), dtype=np.int8)
    for row, found in enumerate(lists):
        if found is None:
            values[row] = UNKNOWN
        else:
            values[row, [place[name] for name in found]] = 1
    return names, values


def read_lists(path: Path, column: str) -> list[list[str] | None]:
    """Return the names that a Parquet manifest lists for each image, (n,); None where it says nothing.

    Raises:
        DataError: The file is no Parquet, or the column is missing or holds something else.
    """
    if path.suffix.lower() not in (".parquet", ".pq"):
        raise DataError(
            f"{path}: data.label_list needs a Parquet manifest, whose columns can hold lists. For CSV, give "
            "data.label_columns."
        )
    path = local_file(path)
    schema = pq.read_schema(path)
    if schema.names.count(column) != 1:
        raise DataError(f"{path}: column {column!r} not found among {', '.join(map(repr, schema.names))}.")
    kind = schema.field(column).type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        raise DataError(
            f"{path}: column {column!r} holds {kind}, expected lists of names. For a column of 0 and 1 for each "
            "output, give data.label_columns."
        )
    found: list[Any] = pq.read_table(path, columns=[column]).column(0).to_pylist()
    return [None if names is None else [str(name).strip() for name in names if name is not None] for names in found]
