"""Listing images beside the analysed ones: with the classes of the run, and labels only where there are any.

A run's classes are given, so nothing is found or sorted here. Names are matched to them; numbers count the names that
the source lists, or those of `class_names` in its section, or else the run's. A label that is no class of
the run is no error: a large collection holds other things as well. That none is one is an error, because then the
names are written in another way.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from barlow_report.config import DataConfig
from barlow_report.config.further import NO_LABEL, OTHER_CLASS, FurtherDataConfig
from barlow_report.errors import DataError
from barlow_report.vision.class_labels import class_ids
from barlow_report.vision.class_names import MISSING_TEXTS, some
from barlow_report.vision.classes import ClassList, configured_classes, synset_ids
from barlow_report.vision.datasets import ImageList, decoding_of, local_source
from barlow_report.vision.further_outputs import has_output_labels, list_further_of_output
from barlow_report.vision.manifest import list_manifest
from barlow_report.vision.sources.folder import list_loose_folder
from barlow_report.vision.sources.parquet import list_parquet
from barlow_report.vision.sources.source import Listing
from barlow_report.vision.sources.webdataset import list_webdataset

__all__ = ["classes_of_run", "list_further"]

_KEYS = "class_depth|columns|folder|image_root|manifest|parquet|torchvision|webdataset"
_KEY = re.compile(rf"\bdata\.(?={_KEYS}\b)")


def list_further(config: FurtherDataConfig, *, data: DataConfig, class_names: Sequence[str], key: str) -> ImageList:
    """List the images of a further source, in a stable order.

    Args:
        config: Its section.
        data: The section `data` of the run.
        class_names: The run's classes in order.
        key: Of the section, for messages.

    Returns:
        The images, with `class_names`. A label is a class_id of the run, `NO_LABEL` or `OTHER_CLASS`.

    Raises:
        DataError: The source is missing or empty, a prediction is no class of the run, a number counts beyond the
            list, or no label is a class of the run.
    """
    try:
        if has_output_labels(config, data):
            return list_further_of_output(config.completed(data), data=data, class_names=tuple(class_names))
        classes = classes_of_run(data, class_names)
        return _listed(config.completed(data), classes, data=data, key=key)
    except DataError as error:
        raise DataError(f"{key}: {_KEY.sub(f'{key}.', str(error))}") from error


def classes_of_run(data: DataConfig, class_names: Sequence[str]) -> ClassList:
    """Return the classes of a run, with what its data may call them instead."""
    names = tuple(class_names)
    listed = configured_classes(data)
    if listed is not None and listed.names == names:
        return listed
    if listed is not None and set(names) <= set(listed.names):  # those that are evaluated
        place = {name: class_id for class_id, name in enumerate(names)}
        called = {key: place[listed.names[index]] for key, index in listed.keys.items() if listed.names[index] in place}
        return ClassList(names=names, keys=called)
    ids, _ = synset_ids(names, data)
    return ClassList(names=names, keys={key: class_id for class_id, key in ids.items()})


def _listed(config: FurtherDataConfig, classes: ClassList, *, data: DataConfig, key: str) -> ImageList:
    listing = _list(config)
    known = listing.class_names if config.class_names is None else tuple(config.class_names)
    if known is None and data.classes_evaluated is not None:  # numbers count what they count in data
        listed = configured_classes(data)
        known = None if listed is None else listed.names
    n_images = len(listing.paths)
    labels, notes = np.full(n_images, NO_LABEL, dtype=np.int64), dict(listing.assumptions)
    is_labelled = np.ones(n_images, dtype=np.bool_) if listing.is_labelled is None else listing.is_labelled
    if config.labelled and is_labelled.any():
        given = [label for label, found in zip(listing.labels, is_labelled, strict=True) if found]
        labels[is_labelled] = _labels(given, known, classes, where=listing.where, key=key, notes=notes)
    predictions = None
    if listing.predictions is not None:
        named = _named(listing.predictions, known, classes)
        predictions = class_ids(named, classes, where=f"{listing.where}: column 'prediction'", notes=notes)
    return ImageList(
        source=listing.source,
        class_names=classes.names,
        paths=listing.paths,
        labels=labels,
        predictions=predictions,
        confidences=listing.confidences,
        skipped=listing.skipped,
        assumptions=notes,
    )


def _list(config: FurtherDataConfig) -> Listing:
    config, decoding = local_source(config), decoding_of(config)
    if config.folder is not None:
        return list_loose_folder(config.folder, decoding=decoding, class_depth=config.class_depth)
    if config.parquet is not None:
        return list_parquet(config.parquet, decoding, needs_labels=False)
    if config.webdataset is not None:
        return list_webdataset(config.webdataset, decoding, needs_labels=False)
    if config.torchvision is not None:
        from barlow_report.vision.sources.torchvision_sets import list_torchvision  # takes seconds: only if wanted

        return list_torchvision(config.torchvision, decoding, needs_labels=False)
    if config.manifest is None:
        raise DataError("found no source of images.")  # unreachable: the configuration wants exactly one
    called = {str(name): column for name, column in config.columns.items()}
    return list_manifest(
        config.manifest, image_root=config.image_root, decoding=decoding, called=called, needs_labels=False
    )


def _labels(
    given: list[str | int],
    known: tuple[str, ...] | None,
    classes: ClassList,
    *,
    where: str,
    key: str,
    notes: dict[str, str],
) -> npt.NDArray[np.int64]:
    """The class_id of each label, `NO_LABEL` or `OTHER_CLASS`; shape (n,)."""
    values = _named(given, known, classes)
    if all(isinstance(value, int) for value in values) and known is None:
        return class_ids(values, classes, where=f"{where}: column 'label'", notes=notes)
    ids = {value: _class_id(str(value), classes) for value in set(values)}
    found = np.array([ids[value] for value in values], dtype=np.int64)
    others = sorted(str(value) for value, class_id in ids.items() if class_id == OTHER_CLASS)
    if others and not (found >= 0).any():
        raise DataError(
            f"{where}: none of the labels ({some(others)}) is a class of the run ({some(classes.names)}). Write the "
            f"names as the run has them; or, where they are no classes, give labelled: false in {key}."
        )
    if others:
        notes["other_classes"] = f"Labels that are no class of the run: {some(others)}."
    return found


def _named(values: Sequence[str | int], known: tuple[str, ...] | None, classes: ClassList) -> list[str | int]:
    """Replace numbers by the names that they count, unless all are names of classes themselves."""
    if known is None or not all(isinstance(value, int) for value in values):
        return list(values)
    outside = [value for value in values if not 0 <= int(value) < len(known)]
    if outside:
        if all(classes.find(str(value)) is not None for value in set(values)):
            return list(values)
        raise DataError(
            f"found the class index {outside[0]}, expected 0 to {len(known) - 1} for the {len(known)} classes of the "
            f"source ({some(known)}). Correct its labels or its list of classes."
        )
    return [known[int(value)] for value in values]


def _class_id(text: str, classes: ClassList) -> int:
    found = classes.find(text)
    if found is not None:
        return found
    is_missing = text.strip().lower() in MISSING_TEXTS or text.strip() == "-1"
    return NO_LABEL if is_missing else OTHER_CLASS
