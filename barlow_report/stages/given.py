"""The first stage of a run without images: a table says what was predicted, and a file may have features."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import Config, DataConfig
from barlow_report.errors import DataError
from barlow_report.files import digest_named
from barlow_report.fingerprints import images_identity
from barlow_report.progress import Progress
from barlow_report.rules.inputs import find_bad_value
from barlow_report.run_folder import Run, fingerprint
from barlow_report.slugs import slugs
from barlow_report.stages.manifest_columns import write_attributes
from barlow_report.vision.datasets import ImageList, local_source

__all__ = ["given_features", "read_given"]

_ROWS_AT_A_TIME = 4096


def read_given(
    config: Config, run: Run, images: ImageList, *, assumptions: Mapping[str, str], progress: Progress
) -> str:
    """Write classes, images and features.npy of a run without images, unless they are up to date.

    Without `data.features` features.npy has no columns: the run has groups and no rules.

    Args:
        config: The configuration, with `data.images: none`.
        run: The run folder.
        images: As the manifest lists them, with predictions.
        assumptions: Sentences for readers of the report, by a name for each.
        progress: Where to report to.

    Returns:
        The fingerprint of the stage.

    Raises:
        DataError: The features cannot be read, or are not one row of numbers for each image.
    """
    path = local_source(config.data).features
    digest = None if path is None else digest_named(path, key="data.features")
    columns = [images.class_names, images.labels, images.predictions, images.confidences]
    mark = fingerprint(
        given=images_identity(images.paths, states=images.source.states(images.paths), columns=columns),
        features=digest,
        dtype=config.extraction.feature_dtype,
    )
    if run.is_done("extract", fingerprint=mark):
        progress.message("Predictions are up to date")
        write_attributes(images, run)
        return mark
    given = given_features(config.data, n_images=len(images.paths))
    features = np.zeros((len(images.paths), 0), dtype=np.float32) if given is None else given
    run.begin("extract", fingerprint=mark)
    for key, text in assumptions.items():
        run.assume("extract", key, text)
    _write_tables(images, run)
    starts = range(0, len(features), _ROWS_AT_A_TIME)
    run.write_features(
        (features[start : start + _ROWS_AT_A_TIME] for start in starts),
        shape=features.shape,
        dtype=config.extraction.feature_dtype,
    )
    write_attributes(images, run)
    run.update_info(
        models={"inspected": None, "feature": _described(path, digest, n_features=features.shape[1])},
        device="none: no model was run",
        outputs=None,
        contents=None,
    )
    run.finish("extract", fingerprint=mark)
    return mark


def given_features(data: DataConfig, *, n_images: int) -> npt.NDArray[np.floating] | None:
    """Open the features of a run without images, memory-mapped; None where none are given.

    Raises:
        DataError: They cannot be read, or are not one row of finite numbers for each image.
    """
    path = local_source(data).features
    if path is None:
        return None
    try:
        features = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as an array ({error}). Save it by numpy.save.") from error
    if not isinstance(features, np.ndarray) or features.ndim != 2 or features.dtype.kind not in "fiu":
        found = f"shape {features.shape} of {features.dtype}" if isinstance(features, np.ndarray) else "several arrays"
        raise DataError(f"{path}: found {found}, expected numbers of shape (n_images, n_features) (data.features).")
    if len(features) != n_images or not features.shape[1]:
        raise DataError(
            f"{path}: found {features.shape[0]} rows of {features.shape[1]} features, expected a row for each of the "
            f"{n_images} rows of the manifest, in their order, and a feature at least."
        )
    if bad := find_bad_value(features):
        raise DataError(f"{path}: {bad}")
    return features


def _described(path: Path | None, digest: str | None, *, n_features: int) -> dict[str, Any] | None:
    """What run.json says of where features are from; nothing without any."""
    if path is None:
        return None
    return {"name": path.name, "sha256": digest, "n_features": n_features, "is_file": True, "has_maps": False}


def _write_tables(images: ImageList, run: Run) -> None:
    if images.predictions is None:  # refused before
        raise DataError(f"{images.root}: found no predictions.")
    names, n = list(images.class_names), len(images.paths)
    run.write_table("classes", pd.DataFrame({"class_id": range(len(names)), "name": names, "slug": slugs(names)}))
    run.write_table("skipped", pd.DataFrame(images.skipped, columns=["path", "reason"], dtype=object))
    run.write_table(
        "images",
        pd.DataFrame(
            {
                "image_id": np.arange(n),
                "path": images.paths,
                "label": images.labels,
                "prediction": images.predictions,
                "confidence": np.full(n, np.nan) if images.confidences is None else images.confidences,
            }
        ),
    )
    digests = [hashlib.blake2b(path.encode(), digest_size=16).hexdigest() for path in images.paths]
    run.write_table("contents", pd.DataFrame({"image_id": np.arange(n), "digest": np.array(digests, dtype=object)}))
    run.delete_table("scores")  # a run of the same folder may have left it when it had images
