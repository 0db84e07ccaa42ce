"""From the data section of a configuration to a stable list of images, classes and labels.

Nothing is decoded here: an image that turns out to be unreadable is skipped by the pass over the images,
with its reason, and is no error. What *is* an error is everything that makes labels wrong or ambiguous.

The class space is the configured list, in its order, because that is the order of the model's outputs. Without
one it is what the source itself says, or every class found (a folder without images is asked about: it may stand for
an output), sorted; see `class_search`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from barlow_report.config import DataConfig, ImageSourceConfig
from barlow_report.errors import DataError
from barlow_report.storage.sections import with_local_files
from barlow_report.vision.class_labels import are_names, class_ids
from barlow_report.vision.class_names import some
from barlow_report.vision.class_search import folder_classes, found_classes
from barlow_report.vision.class_subset import OutputSubset, evaluate_some, evaluated_classes
from barlow_report.vision.classes import ClassList, configured_classes, listed_classes
from barlow_report.vision.images import Decoding
from barlow_report.vision.manifest import list_manifest
from barlow_report.vision.outputs import count_ties
from barlow_report.vision.probabilities import read_probabilities
from barlow_report.vision.sources.folder import IMAGE_SUFFIXES, files_below, list_folder
from barlow_report.vision.sources.parquet import ParquetSource, list_parquet
from barlow_report.vision.sources.source import ImageSource, Listing
from barlow_report.vision.sources.table import TableSource
from barlow_report.vision.sources.webdataset import TarSource, list_webdataset

__all__ = ["IMAGE_SUFFIXES", "ImageList", "decoding_of", "list_images", "local_source", "open_source"]

Source = TypeVar("Source", bound=ImageSourceConfig)


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
        class_lines: The classes as a class file lists them, each with what the data call it.
        order_key: What in the configuration can give the model's outputs another order and leave the labels as they
            are: class_order or, for classes that are listed, classes; None: nothing, since labels or predictions
            count the same list, or both are names.
        n_outputs: Outputs of the inspected model where each answers a question of its own; None: one for each class, or
            one for two.
        column: Which of these outputs the labels are of; None where they are of all.
        subset: Which of the model's outputs the classes are, where it is asked about some of its classes only.
        assumptions: Sentences on what was taken for granted, by a name for each.
    """

    source: ImageSource
    class_names: tuple[str, ...]
    paths: list[str]
    labels: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64] | None = None
    confidences: npt.NDArray[np.float64] | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)
    attributes: dict[str, list[str | None]] = field(default_factory=dict)
    class_lines: tuple[str, ...] = ()
    order_key: Literal["class_order", "classes"] | None = None
    n_outputs: int | None = None
    column: int | None = None
    subset: OutputSubset | None = None
    assumptions: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder where the data lie."""
        return self.source.root


def local_source(config: Source) -> Source:
    """Return a source of which all but the images of a folder or a manifest is on this machine.

    Raises:
        DataError: A file cannot be fetched.
    """
    return with_local_files(config, apart=("folder", "manifest", "image_root"))


def list_images(config: DataConfig, *, columns: Sequence[str] = ()) -> ImageList:
    """List the images of a source in a stable order, with their labels.

    Args:
        config: The section `data` of the configuration.
        columns: Further columns to read; only a manifest has any.

    Raises:
        ConfigError: The configuration names an output that is not there.
        DataError: The source is missing or empty, has a single class, or labels and classes do not fit together.
    """
    config = local_source(config)
    if config.has_outputs:
        from barlow_report.vision.output_labels import read_output_labels  # which makes lists of images itself

        labels = read_output_labels(config, columns=columns)
        return labels.all_images() if config.label_column is None else labels.images_of(config.label_column)
    configured = configured_classes(config)
    listing = _list(config, configured, columns)
    given = {"label": _labels(listing, configured)} | (
        {"prediction": listing.predictions} if listing.predictions else {}
    )
    if configured is not None:
        classes = configured
    elif config.folder is not None:
        classes = folder_classes(listing.class_names or (), order=config.class_order, where=listing.where)
    elif listing.class_names is not None:
        classes = listed_classes(listing.class_names)
    else:
        classes = found_classes(given, where=listing.where, order=config.class_order)
    _require_two_classes(classes, where=listing.where)
    notes = dict(classes.notes)
    if listing.predictions is not None and config.probabilities is None:
        notes.pop("class_order", None)  # predictions by name need no order
    ids = {
        name: class_ids(values, classes, where=f"{listing.where}: column {name!r}", notes=notes)
        for name, values in given.items()
    }
    by_name = {name: are_names(values, classes) for name, values in given.items()}
    is_free = by_name["label"] and (config.probabilities is not None or not by_name.get("prediction", False))
    is_found = configured is None and (config.folder is not None or listing.class_names is None)
    predictions, confidences = ids.get("prediction"), listing.confidences
    chosen = evaluated_classes(config, classes, labels=ids["label"])
    if config.probabilities is not None:
        predictions, confidences, is_tied = read_probabilities(
            config.probabilities,
            n_images=len(listing.paths),
            class_names=classes.names,
            predictions=predictions,
            confidences=confidences,
            among=chosen if config.restrict_predictions else None,
        )
        rows = slice(None) if chosen is None else np.isin(ids["label"], chosen)
        ties = count_ties(is_tied[rows], ids["label"][rows], class_names=classes.names)
        if ties is not None and ties.are_too_many:
            raise DataError(f"{config.probabilities}: {ties.refusal}")
        notes |= {} if ties is None else {"ties": ties.assumption}
    images = ImageList(
        source=listing.source,
        class_names=classes.names,
        paths=listing.paths,
        labels=ids["label"],
        predictions=predictions,
        confidences=confidences,
        skipped=listing.skipped,
        attributes=listing.attributes,
        class_lines=classes.lines,
        order_key=None if not is_free else "class_order" if is_found else "classes",
        assumptions={**listing.assumptions, **notes},
    )
    return images if chosen is None else evaluate_some(images, chosen, config, classes)


def _labels(listing: Listing, configured: ClassList | None) -> list[str | int]:
    """The labels; by their names where they count a list of the source and the configuration lists the same names."""
    known = listing.class_names
    if known is None or configured is None or not all(isinstance(label, int) for label in listing.labels):
        return listing.labels
    if any(configured.find(name) is None for name in known):
        return listing.labels
    return [known[int(label)] if 0 <= int(label) < len(known) else label for label in listing.labels]


def _list(config: DataConfig, configured: ClassList | None, columns: Sequence[str]) -> Listing:
    decoding = decoding_of(config)
    if config.folder is not None:
        return list_folder(config.folder, decoding=decoding, known_classes=configured, class_depth=config.class_depth)
    if config.manifest is not None:
        return list_manifest(
            config.manifest,
            image_root=config.image_root,
            decoding=decoding,
            called={str(key): name for key, name in config.columns.items()},
            columns=columns,
            has_images=config.has_images,
        )
    if config.parquet is not None:
        return list_parquet(config.parquet, decoding)
    if config.webdataset is not None:
        return list_webdataset(config.webdataset, decoding)
    if config.torchvision is not None:
        from barlow_report.vision.sources.torchvision_sets import list_torchvision  # takes seconds: only if wanted

        return list_torchvision(config.torchvision, decoding)
    raise DataError("data: found no source of images.")  # unreachable: the configuration wants exactly one


def decoding_of(config: ImageSourceConfig) -> Decoding:
    """Return how the files of a configuration become pixels."""
    return Decoding(style=config.decode, pixel_range=config.pixel_range, bands=config.bands)


def open_source(config: ImageSourceConfig) -> ImageSource:
    """Return the source of a configuration, to read images whose paths are known.

    Raises:
        DataError: The source is missing.
    """
    config, decoding = local_source(config), decoding_of(config)
    if config.parquet is not None:
        return ParquetSource.open(config.parquet, decoding)
    if config.webdataset is not None:
        return TarSource.open(config.webdataset, decoding)
    if config.torchvision is not None:
        from barlow_report.vision.sources.torchvision_sets import TorchvisionSource

        return TorchvisionSource(config.torchvision, decoding)
    if isinstance(config, DataConfig) and not config.has_images:
        return TableSource(Path(str(config.manifest)).parent)
    return files_below(config.folder or config.image_root or Path(str(config.manifest)).parent, decoding)


def _require_two_classes(classes: ClassList, *, where: str) -> None:
    if len(classes) < 2:
        raise DataError(
            f"{where}: found the class {some(classes.names)} only. A classifier of one class cannot fail; when the "
            "images of one class of several are to be analysed, list all classes of the model in data.classes."
        )
