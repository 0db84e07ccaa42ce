"""The labels of images beside the analysed ones, for one of several outputs: read as those of the analysed images are.

The manifest of a pool or of training images has a column for each output, or one that lists the outputs for which an
image is positive, by the names that `data.label_columns` or `data.label_list` says. A column that is not there says
nothing of any image.
"""

from pathlib import Path

import numpy as np

from barlow_report.config import DataConfig
from barlow_report.config.further import NO_LABEL, FurtherDataConfig
from barlow_report.vision.datasets import ImageList, decoding_of
from barlow_report.vision.manifest import list_manifest, manifest_columns
from barlow_report.vision.output_labels import UNKNOWN, output_values, read_lists

__all__ = ["has_output_labels", "list_further_of_output"]


def has_output_labels(config: FurtherDataConfig, data: DataConfig) -> bool:
    """Whether labels of a further source are those of an output: not where a column of labels is named."""
    return data.has_outputs and config.manifest is not None and config.labelled and "label" not in config.columns


def list_further_of_output(config: FurtherDataConfig, *, data: DataConfig, class_names: tuple[str, ...]) -> ImageList:
    """List the images of a manifest with their labels for the output that a run is about.

    Args:
        config: The further source, with a manifest.
        data: The section `data` of the run, of one output.
        class_names: Negative and positive for it.

    Raises:
        DataError: The manifest cannot be read, or holds something else than labels.
    """
    path, name = Path(str(config.manifest)), str(data.label_column)
    column = name if data.label_list is None else data.label_list
    is_there = column in manifest_columns(path)
    listing = list_manifest(
        path,
        image_root=config.image_root,
        decoding=decoding_of(config),
        called={str(key): called for key, called in config.columns.items()},
        columns=(column,) if is_there and data.label_list is None else (),
        needs_labels=False,
    )
    notes = dict(listing.assumptions)
    values = np.full(len(listing.paths), UNKNOWN, dtype=np.int64)
    if not is_there:
        notes["labels"] = f"There is no column {column!r}, so that no image has a label for {name!r}."
    elif data.label_list is None:
        values[:] = output_values(listing.attributes[name], name, path)
    else:
        known = [(row, found) for row, found in enumerate(read_lists(path, column)) if found is not None]
        for row, found in known:
            values[row] = int(name in found)
    return ImageList(
        source=listing.source,
        class_names=class_names,
        paths=listing.paths,
        labels=np.where(values == UNKNOWN, NO_LABEL, values),
        skipped=listing.skipped,
        assumptions=notes,
    )
