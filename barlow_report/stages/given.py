"""The first stage where no model is run: a table says what was predicted, and a file may have features.

Images may be there to be looked at. Each is then read once, so that those that cannot be read are known before anything
is explained, and so that the images that are shown are those that were there.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import Config, DataConfig
from barlow_report.errors import DataError
from barlow_report.files import digest_named, digest_text
from barlow_report.fingerprints import images_identity
from barlow_report.formatting import counted
from barlow_report.progress import Progress
from barlow_report.rules.inputs import find_bad_value
from barlow_report.run_folder import Run, fingerprint
from barlow_report.slugs import slugs
from barlow_report.stages.image_times import are_unchanged, write_times
from barlow_report.stages.manifest_columns import write_attributes
from barlow_report.vision.datasets import ImageList, local_source
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.remarks import Remarks

__all__ = ["given_features", "read_given"]

_ROWS_AT_A_TIME = 4096


def read_given(
    config: Config, run: Run, images: ImageList, *, assumptions: Mapping[str, str], progress: Progress
) -> str:
    """Write classes, images and features.npy of a run that asks no model, unless they are up to date.

    Without `data.features` features.npy has no columns: the run has groups and no rules.

    Args:
        config: The configuration, with `data.images: none` or `data.features`.
        run: The run folder.
        images: As the manifest lists them, with predictions.
        assumptions: Sentences for readers of the report, by a name for each.
        progress: Where to report to.

    Returns:
        The fingerprint of the stage.

    Raises:
        DataError: The features cannot be read, or are not one row of numbers for each image; or an image that has a
            row cannot be read.
    """
    path = local_source(config.data).features
    digest = None if path is None else digest_named(path, key="data.features")
    columns = [images.class_names, images.labels, images.predictions, images.confidences]
    read = {"decoding": (config.data.decode, config.data.pixel_range)} if config.data.has_images else {}
    asked = fingerprint(
        given=images_identity(images.paths, states=images.source.states(images.paths), columns=columns),
        features=digest,
        dtype=config.extraction.feature_dtype,
        **read,
    )
    mark = _with_contents(asked, config, run)
    if run.is_done("extract", fingerprint=mark) and (
        not config.data.has_images or are_unchanged(images, run, progress=progress)
    ):
        progress.message("Predictions are up to date")
        write_attributes(images, run)
        return mark
    given = given_features(config.data, n_images=len(images.paths))
    digests, remarks = _look_at(images, progress=progress) if config.data.has_images else (_named(images), Remarks())
    features = np.zeros((len(images.paths), 0), dtype=np.float32) if given is None else given
    run.begin("extract", fingerprint=mark)
    for key, text in {**assumptions, **remarks.assumptions(config.data.decode)}.items():
        run.assume("extract", key, text)
    _write_tables(images, digests, run)
    starts = range(0, len(features), _ROWS_AT_A_TIME)
    run.write_features(
        (features[start : start + _ROWS_AT_A_TIME] for start in starts),
        shape=features.shape,
        dtype=config.extraction.feature_dtype,
    )
    write_attributes(images, run)
    if config.data.has_images:
        write_times(images, run)
    run.update_info(
        models={"inspected": None, "feature": _described(path, digest, n_features=features.shape[1])},
        device="none: no model was run",
        outputs=None,
        contents=digest_text("\n".join(digests)) if config.data.has_images else None,
    )
    mark = _with_contents(asked, config, run)
    run.finish("extract", fingerprint=mark)
    return mark


def _with_contents(asked: str, config: Config, run: Run) -> str:
    """The fingerprint of what was asked for and, where there are images, of their bytes."""
    return fingerprint(asked=asked, contents=run.info.get("contents")) if config.data.has_images else asked


def _named(images: ImageList) -> list[str]:
    """Images that are not here are told apart by their names."""
    return [hashlib.blake2b(path.encode(), digest_size=16).hexdigest() for path in images.paths]


def _look_at(images: ImageList, *, progress: Progress) -> tuple[list[str], Remarks]:
    """Read every image, and return the hashes of their bytes and what is special about them.

    Raises:
        DataError: Some cannot be read.
    """
    with (
        progress.task("Reading images", total=len(images.paths), unit="images") as advance,
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,
    ):

        def look(path: str) -> tuple[str, Remarks | None, str | None]:
            try:
                loaded = images.source.read(path)
            except UnreadableImage as error:
                return "", None, str(error)
            finally:
                advance(1)
            return loaded.digest, Remarks.of(loaded.decoded), None

        found = list(pool.map(look, images.paths))
    unread = [(path, why) for path, (_, _, why) in zip(images.paths, found, strict=True) if why is not None]
    if unread:
        raise DataError(
            f"{images.root}: {counted(len(unread), 'image')} cannot be read; the first, {': '.join(unread[0])}. "
            "data.features has a row for each: restore the images, or leave their rows out of both."
        )
    remarks = Remarks.total(remark for _, remark, _ in found if remark is not None)
    remarks.require_full_depth(images.root)
    return [digest for digest, _, _ in found], remarks


def given_features(data: DataConfig, *, n_images: int) -> npt.NDArray[np.floating] | None:
    """Open the features that the data bring, memory-mapped; None where none are given.

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


def _write_tables(images: ImageList, digests: Sequence[str], run: Run) -> None:
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
    run.write_table("contents", pd.DataFrame({"image_id": np.arange(n), "digest": np.array(digests, dtype=object)}))
    run.delete_table("scores")  # a run of the same folder may have left it when it had images
