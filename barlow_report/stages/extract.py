"""The first stage: one pass over the images gives features, predictions and the list of what was skipped.

Images are processed in shards. A finished shard is one file in the work folder, so a run that is stopped,
however rudely, goes on at the first shard that is missing; batches never cross a shard's border, so the
bytes do not depend on where it was stopped. When all shards are there they are put together, one at a time.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.errors import DataError, RunFolderError
from barlow_report.files import atomic_file
from barlow_report.fingerprints import images_identity, model_identity
from barlow_report.progress import Advance, Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.slugs import slugs
from barlow_report.stages.pictures import feature_model_config
from barlow_report.vision.datasets import ImageList, list_images

if TYPE_CHECKING:
    from barlow_report.vision.models import LoadedModel

__all__ = ["extract"]


def extract(config: Config, run: Run, *, progress: Progress) -> str:
    """Write classes, images, skipped and features.npy, unless they are up to date; return the fingerprint.

    The columns of the manifest that group images are written each time: they cost no pass over the images, so asking
    for another one must not repeat it.

    Raises:
        ConfigError: A union of classes names one that is not there.
        DataError: There are no images, or none can be read, or they do not fit the models.
        ModelError: A model cannot be loaded or used.
    """
    progress.message(f"Listing images of {config.name}")
    images = list_images(config.data, columns=config.rules.manifest_columns)
    config.rules.union_classes(images.class_names)  # a wrong name must not come out after hours of work
    if images.predictions is None and config.inspected_model is None:
        raise DataError(
            f"{images.root}: found no predictions with the images and no 'inspected_model' in the configuration. Add "
            "one of them."
        )
    inspected = None if images.predictions is not None else config.inspected_model
    mark = fingerprint(
        images=images_identity(images.paths, states=images.source.states(images.paths), columns=_known_columns(images)),
        inspected_model=model_identity(inspected),
        feature_model=model_identity(config.feature_model),
        extraction=config.extraction.model_dump(exclude={"n_workers"}),
    )
    if run.is_done("extract", fingerprint=mark):
        progress.message("Features and predictions are up to date")
        _write_attributes(images, run)
        return mark
    work = run.begin("extract", fingerprint=mark)
    _compute_shards(config, images, work, run=run, progress=progress)
    shards = [_Shard.read(path) for path in _shard_paths(images, config.extraction.shard_size, work)]
    _join_shards(images, shards, config.extraction.feature_dtype, run=run)
    _write_attributes(images, run)
    run.finish("extract", fingerprint=mark)
    return mark


def _known_columns(images: ImageList) -> list[object]:
    return [images.class_names, images.labels, images.predictions, images.confidences, sorted(images.skipped)]


def _shard_paths(images: ImageList, shard_size: int, work: Path) -> list[Path]:
    return [work / f"{start // shard_size:06d}.npz" for start in range(0, len(images.paths), shard_size)]


@dataclass(frozen=True, kw_only=True)
class _Shard:
    """Where a shard's results lie; only what is small is kept in memory."""

    path: Path
    kept: np.ndarray
    predictions: np.ndarray | None
    confidences: np.ndarray | None
    digests: np.ndarray
    skipped: list[tuple[int, str]]

    @classmethod
    def read(cls, path: Path) -> "_Shard":
        try:
            with np.load(path, allow_pickle=False) as stored:
                skipped = list(
                    zip(stored["skipped_positions"].tolist(), stored["skipped_reasons"].tolist(), strict=True)
                )
                return cls(
                    path=path,
                    kept=stored["kept"],
                    predictions=stored.get("predictions"),
                    confidences=stored.get("confidences"),
                    digests=stored["digests"],
                    skipped=skipped,
                )
        except (OSError, ValueError, KeyError) as error:
            raise RunFolderError(f"{path}: cannot be read ({error}). Delete the file and run again.") from error

    def features(self) -> np.ndarray:
        with np.load(self.path, allow_pickle=False) as stored:
            features: np.ndarray = stored["features"]
            return features


def _compute_shards(config: Config, images: ImageList, work: Path, *, run: Run, progress: Progress) -> None:
    """Compute the shards that are missing."""
    size = config.extraction.shard_size
    paths = _shard_paths(images, size, work)
    missing = [index for index, path in enumerate(paths) if not path.is_file()]
    if not missing:
        return
    progress.message("Loading models")
    from barlow_report.vision.extraction import extract_shard  # torch takes seconds: only when there is work
    from barlow_report.vision.models import check_outputs, choose_device, load_model

    device = choose_device(config.device)
    inspected = None
    if images.predictions is None and config.inspected_model is not None:
        inspected = load_model(config.inspected_model, device=device, role="inspected_model")
        check_outputs(inspected, len(images.class_names))
    if inspected is not None and config.feature_model is None:
        feature = inspected
    else:
        feature = load_model(feature_model_config(config), device=device, role="feature_model")
    run.update_info(
        device=str(device),
        models={
            "inspected": None if inspected is None else _model_info(inspected),
            "feature": {**_model_info(feature), "is_inspected": config.feature_model is None},
        },
    )

    n_workers = config.extraction.n_workers or os.cpu_count() or 1
    n_done = len(images.paths) - sum(len(images.paths[i * size : (i + 1) * size]) for i in missing)
    advance: Advance
    with progress.task("Extracting features", total=len(images.paths), unit="images", n_done=n_done) as advance:
        for index in missing:
            result = extract_shard(
                images.paths[index * size : (index + 1) * size],
                source=images.source,
                feature_model=feature,
                inspected_model=inspected,
                batch_size=config.extraction.batch_size,
                n_workers=n_workers,
                feature_dtype=config.extraction.feature_dtype,
                advance=advance,
            )
            arrays = {
                "kept": result.kept,
                "features": result.features,
                "digests": np.array(result.digests, dtype="S32"),
                "skipped_positions": np.array([p for p, _ in result.skipped], dtype=np.int64),
                "skipped_reasons": np.array([r for _, r in result.skipped], dtype=np.str_),
            }
            if result.predictions is not None and result.confidences is not None:
                arrays |= {"predictions": result.predictions, "confidences": result.confidences}
            with atomic_file(paths[index]) as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]


def _model_info(model: "LoadedModel") -> dict[str, Any]:
    return {
        "name": model.name,
        "sha256": model.sha256,
        "n_outputs": model.n_outputs,
        "n_features": model.n_features,
        "has_maps": model.has_maps,
    }


def _join_shards(images: ImageList, shards: list[_Shard], dtype: str, *, run: Run) -> None:
    """Write the tables and features.npy of all shards together."""
    starts = np.cumsum([0] + [len(s.kept) + len(s.skipped) for s in shards])[:-1]
    kept = np.concatenate([start + s.kept for start, s in zip(starts, shards, strict=True)])
    skipped = list(images.skipped) + [
        (images.paths[start + position], reason)
        for start, s in zip(starts.tolist(), shards, strict=True)
        for position, reason in s.skipped
    ]
    if len(kept) == 0:
        raise DataError(
            f"{images.root}: none of the {len(images.paths)} images can be read; the first, {skipped[0][0]}: "
            f"{skipped[0][1]}. Check that the path is right and the files are images."
        )
    predictions, confidences = images.predictions, images.confidences
    if predictions is not None:
        predictions = predictions[kept]
        confidences = confidences[kept] if confidences is not None else np.full(len(kept), np.nan)
    else:
        predictions = np.concatenate([s.predictions for s in shards if s.predictions is not None])
        confidences = np.concatenate([s.confidences for s in shards if s.confidences is not None])
    names = list(images.class_names)
    run.write_table("classes", pd.DataFrame({"class_id": range(len(names)), "name": names, "slug": slugs(names)}))
    run.write_table("skipped", pd.DataFrame(skipped, columns=["path", "reason"]))
    run.write_table(
        "images",
        pd.DataFrame(
            {
                "image_id": np.arange(len(kept)),
                "path": [images.paths[i] for i in kept],
                "label": images.labels[kept],
                "prediction": predictions,
                "confidence": confidences,
            }
        ),
    )
    digests = np.concatenate([s.digests for s in shards]).astype(str)
    run.write_table("contents", pd.DataFrame({"image_id": np.arange(len(kept)), "digest": digests.astype(object)}))
    n_features = shards[0].features().shape[1] if shards else 0
    run.write_features((s.features() for s in shards), shape=(len(kept), n_features), dtype=dtype)


def _write_attributes(images: ImageList, run: Run) -> None:
    """Write table `attributes`, or delete it where no column is asked for."""
    if not images.attributes:
        run.delete_table("attributes")
        return
    rows = {path: row for row, path in enumerate(images.paths)}
    kept = run.read_table("images")
    order = [rows[path] for path in kept["path"]]
    found = [
        pd.DataFrame({"image_id": kept["image_id"], "column": name, "value": [values[row] for row in order]})
        for name, values in images.attributes.items()
    ]
    run.write_table("attributes", pd.concat(found, ignore_index=True).dropna(subset="value"))
