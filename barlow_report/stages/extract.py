"""The first stage: one pass over the images gives features, predictions and the list of what was skipped.

Images are processed in shards. A finished shard is one file in the work folder, so a run that is stopped,
however rudely, goes on at the first shard that is missing; batches never cross a shard's border, so the
bytes do not depend on where it was stopped. When all shards are there they are put together, one at a time.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.errors import DataError, ModelError
from barlow_report.files import digest_text
from barlow_report.fingerprints import images_identity, model_identity
from barlow_report.progress import Advance, Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.seals import is_sealed, read_sealed, read_sealed_json, sealed_file, write_sealed_json
from barlow_report.slugs import slugs
from barlow_report.stages.class_order import check_class_order
from barlow_report.stages.image_times import are_unchanged, write_times
from barlow_report.stages.loading import Noted, is_unchanged, loaded_contents, merge_noted, noting, specs_of
from barlow_report.stages.pictures import feature_model_config, input_size
from barlow_report.vision.datasets import ImageList, list_images
from barlow_report.vision.outputs import confidences, count_ties, decide_kind, describe_kind
from barlow_report.vision.remarks import Remarks, require_full_depth

if TYPE_CHECKING:
    from barlow_report.vision.extraction import ShardResult
    from barlow_report.vision.models import LoadedModel

__all__ = ["begin_extraction", "compute_shards", "count_shards", "extract"]

_MODELS = "models.json"
_AGAIN = "Run the same command again: it computes what is damaged again."


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
    notes = images.assumptions
    if images.predictions is not None:  # before hours of work
        notes = notes | check_class_order(
            config, run, images, labels=images.labels, predictions=images.predictions, progress=progress
        )
    inputs = _pass_inputs(config, images)
    asked = fingerprint(columns=_known_columns(images), **inputs)
    mark = _with_found(asked, config, run)
    if run.is_done("extract", fingerprint=mark) and are_unchanged(images, run, progress=progress):
        _note(_check_predictions(config, run, images, progress=progress), run)
        progress.message("Features and predictions are up to date")
        _write_attributes(images, run)
        return mark
    work = run.begin("extract", fingerprint=fingerprint(**inputs))
    _drop_if_loaded_otherwise(config, work)
    _note(notes, run)
    paths = [_shard_path(work, index) for index in range(count_shards(config, images))]
    missing = [index for index, path in enumerate(paths) if not is_sealed(path)]
    if missing or not is_sealed(work / _MODELS):
        require_full_depth(images.source, images.paths)  # now, and of all images after hours of work
        compute_shards(config, images, missing, work=work, progress=progress)
    noted = read_sealed_json(work / _MODELS, advice=_AGAIN)
    _note({f"varying {role}": text for role, text in noted.pop("assumptions").items()}, run)
    run.update_info(**noted)
    shards = [_Shard.read(path) for path in paths]
    remarks = Remarks.total(shard.remarks for shard in shards)
    remarks.require_full_depth(images.root)
    _note(remarks.assumptions(config.data.decode), run)
    _join_shards(images, shards, config.extraction.feature_dtype, run=run)
    _note(_check_predictions(config, run, images, progress=progress), run)
    _write_attributes(images, run)
    write_times(images, run)
    loaded = run.info.get("loaded", {})
    if beyond := loaded.get("beyond"):
        run.assume(
            "extract",
            "loaded_beyond",
            f"The code that makes the models uses {' and '.join(beyond)}: a change there is not noticed.",
        )
    run.update_info(contents=digest_text("\n".join(run.read_table("contents")["digest"])))
    mark = _with_found(asked, config, run)
    run.finish("extract", fingerprint=mark)
    return mark


def _with_found(asked: str, config: Config, run: Run) -> str:
    """The fingerprint of what was asked for, of what the models' code uses, as it is now, and of the images' bytes."""
    loaded = loaded_contents(specs_of(config), run.info.get("loaded", {}))
    return fingerprint(asked=asked, loaded=loaded, contents=run.info.get("contents"))


def _drop_if_loaded_otherwise(config: Config, work: Path) -> None:
    """Delete the shards of an earlier attempt whose models' code used something that has changed since."""
    if not is_unchanged(specs_of(config), _loaded_so_far(work)):
        for path in [*work.glob("*.npz"), work / _MODELS]:
            path.unlink(missing_ok=True)


def _loaded_so_far(work: Path) -> Noted:
    """What the models of an earlier attempt were made from."""
    path = work / _MODELS
    loaded: Noted = read_sealed_json(path, advice=_AGAIN).get("loaded", {}) if is_sealed(path) else {}
    return loaded


def begin_extraction(config: Config, images: ImageList, run: Run) -> Path:
    """Return the folder where the shards of a pass are collected, without what is left of any other pass."""
    return run.begin("extract", fingerprint=fingerprint(**_pass_inputs(config, images)))


def count_shards(config: Config, images: ImageList) -> int:
    """Return how many shards the images make."""
    return -(-len(images.paths) // config.extraction.shard_size)


def _note(assumptions: Mapping[str, str], run: Run) -> None:
    for key, text in assumptions.items():
        run.assume("extract", key, text)


def _check_predictions(config: Config, run: Run, images: ImageList, *, progress: Progress) -> dict[str, str]:
    """Look at the order of the classes once the pass knows what the inspected model predicts."""
    if images.predictions is not None:
        return {}
    kept = run.read_table("images")
    labels, predictions = (kept[column].to_numpy(dtype=np.int64) for column in ("label", "prediction"))
    return check_class_order(config, run, images, labels=labels, predictions=predictions, progress=progress)


def _known_columns(images: ImageList) -> str:
    columns = [images.class_names, images.labels, images.predictions, images.confidences, sorted(images.skipped)]
    return images_identity([], states=[], columns=columns)


def _pass_inputs(config: Config, images: ImageList) -> dict[str, object]:
    """What the shards depend on: neither the names of the classes nor their order, which people mend after a pass."""
    inspected = None if images.predictions is not None else config.inspected_model
    return {
        "images": images_identity(images.paths, states=images.source.states(images.paths), columns=[]),
        "n_classes": len(images.class_names),
        "inspected_model": model_identity(inspected),
        "feature_model": model_identity(config.feature_model),
        "decoding": (config.data.decode, config.data.pixel_range),
        "extraction": config.extraction.model_dump(exclude={"n_workers"}),
    }


def _shard_path(work: Path, index: int) -> Path:
    return work / f"{index:06d}.npz"


@dataclass(frozen=True, kw_only=True)
class _Shard:
    """Where a shard's results lie; only what is small is kept in memory."""

    path: Path
    kept: np.ndarray
    predictions: np.ndarray | None
    outputs: np.ndarray | None
    digests: np.ndarray
    skipped: list[tuple[int, str]]
    remarks: Remarks

    @classmethod
    def read(cls, path: Path) -> "_Shard":
        with _open_shard(path) as stored:
            return cls(
                path=path,
                kept=stored["kept"],
                predictions=stored.get("predictions"),
                outputs=stored.get("outputs"),
                digests=stored["digests"],
                skipped=list(
                    zip(stored["skipped_positions"].tolist(), stored["skipped_reasons"].tolist(), strict=True)
                ),
                remarks=Remarks.from_list(stored["remarks"].tolist()),
            )

    def features(self) -> np.ndarray:
        with _open_shard(self.path) as stored:
            features: np.ndarray = stored["features"]
            return features


def _open_shard(path: Path) -> Any:
    """Open the arrays of a shard, after checking that its file is whole."""
    return np.load(io.BytesIO(read_sealed(path, advice=_AGAIN)), allow_pickle=False)


def compute_shards(
    config: Config, images: ImageList, shard_ids: Sequence[int], *, work: Path, progress: Progress
) -> None:
    """Compute some of the shards and save each as a file in the folder `work`.

    What it does depends on its arguments alone, so any process that sees the images and `work` can do some of the
    shards, in any order; `extract` then finds them there.

    Args:
        config: The configuration.
        images: As `list_images` lists them.
        shard_ids: Shard i holds the images from i · shard_size on.
        work: Where the files go; see `begin_extraction`.
        progress: Where to report to.
    """
    progress.message("Loading models")
    from barlow_report.vision.extraction import extract_shards  # torch takes seconds: only when there is work

    earlier, noted = _loaded_so_far(work), Noted()
    with noting(specs_of(config), noted):
        inspected, feature, models = _load_models(config, images)
    models["loaded"] = merge_noted(earlier, noted)
    if not is_sealed(work / _MODELS) or read_sealed_json(work / _MODELS, advice=_AGAIN) != models:
        write_sealed_json(work / _MODELS, models)
    settings = config.extraction
    shards = [images.paths[i * settings.shard_size : (i + 1) * settings.shard_size] for i in shard_ids]
    n_done = len(images.paths) - sum(len(paths) for paths in shards)
    advance: Advance
    with progress.task("Extracting features", total=len(images.paths), unit="images", n_done=n_done) as advance:
        results = extract_shards(
            shards,
            source=images.source,
            feature_model=feature,
            inspected_model=inspected,
            batch_size=settings.batch_size,
            n_workers=settings.n_workers,
            feature_dtype=settings.feature_dtype,
            advance=advance,
        )
        for index, result in zip(shard_ids, results, strict=True):
            _save(result, _shard_path(work, index))


def _load_models(config: Config, images: ImageList) -> "tuple[LoadedModel | None, LoadedModel, dict[str, Any]]":
    """Load the inspected model, if it is to run, and the feature model; return them and what they are."""
    from barlow_report.vision.acceleration import accelerate
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.loading import load_model
    from barlow_report.vision.models import check_gradients, check_outputs
    from barlow_report.vision.trial import try_models

    device = choose_device(config.device)
    inspected = None
    if images.predictions is None and config.inspected_model is not None:
        inspected = load_model(
            config.inspected_model,
            device=device,
            role="inspected_model",
            image_size=input_size(config.inspected_model, images.source, images.paths),
            needs_features=config.feature_model is None,
        )
        check_outputs(inspected, len(images.class_names))
    if inspected is not None and config.feature_model is None:
        feature = inspected
    else:
        spec = feature_model_config(config)
        size = input_size(spec, images.source, images.paths)
        feature = load_model(spec, device=device, role="feature_model", image_size=size)
    check_gradients(feature)  # the pictures need them, and come only after hours of work
    models = {
        "inspected": None if inspected is None else _model_info(inspected),
        "feature": {**_model_info(feature), "is_inspected": config.feature_model is None},
    }
    assumptions = try_models(
        images.paths,
        images.labels,
        source=images.source,
        feature_model=feature,
        inspected_model=inspected,
        batch_size=config.extraction.batch_size,
    )
    noted = {"device": str(device), "models": models, "assumptions": assumptions}
    settings = config.extraction
    faster = {
        model: accelerate(
            model, precision=settings.precision, channels_last=settings.channels_last, compiled=settings.compile
        )
        for model in (inspected, feature)
        if model is not None
    }
    return None if inspected is None else faster[inspected], faster[feature], noted


def _save(result: "ShardResult", path: Path) -> None:
    arrays = {
        "kept": result.kept,
        "features": result.features,
        "digests": np.array(result.digests, dtype="S32"),
        "skipped_positions": np.array([p for p, _ in result.skipped], dtype=np.int64),
        "skipped_reasons": np.array([r for _, r in result.skipped], dtype=np.str_),
        "remarks": np.array(result.remarks.as_list(), dtype=np.int64),
    }
    if result.predictions is not None and result.outputs is not None:
        arrays |= {"predictions": result.predictions, "outputs": result.outputs}
    with sealed_file(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _model_info(model: "LoadedModel") -> dict[str, Any]:
    return {
        "name": model.name,
        "sha256": model.sha256,
        "n_outputs": model.n_outputs,
        "n_features": model.n_features,
        "has_maps": model.has_maps,
        "ends_in_linear": model.ends_in_linear,
        "preprocessing": model.preprocessing.model_dump(mode="json"),
    }


def _join_shards(images: ImageList, shards: list[_Shard], dtype: str, *, run: Run) -> None:
    """Write the tables and features.npy of all shards together."""
    starts = np.cumsum([0] + [len(s.kept) + len(s.skipped) for s in shards])[:-1]
    kept = np.concatenate([start + s.kept for start, s in zip(starts, shards, strict=True)])
    unreadable = [
        (images.paths[start + position], reason)
        for start, s in zip(starts.tolist(), shards, strict=True)
        for position, reason in s.skipped
    ]
    if len(kept) == 0:
        raise DataError(
            f"{images.root}: none of the {len(images.paths)} images can be read; the first, {unreadable[0][0]}: "
            f"{unreadable[0][1]}. Check that the path is right and the files are images."
        )
    predictions, certainty = images.predictions, images.confidences
    if predictions is not None:
        predictions = predictions[kept]
        certainty = certainty[kept] if certainty is not None else np.full(len(kept), np.nan)
    else:
        predictions = np.concatenate([s.predictions for s in shards if s.predictions is not None])
        outputs = np.concatenate([s.outputs for s in shards if s.outputs is not None])
        certainty = _judge_outputs(outputs, images, kept, run=run)
    names = list(images.class_names)
    run.write_table("classes", pd.DataFrame({"class_id": range(len(names)), "name": names, "slug": slugs(names)}))
    run.write_table("skipped", pd.DataFrame([*images.skipped, *unreadable], columns=["path", "reason"]))
    run.write_table(
        "images",
        pd.DataFrame(
            {
                "image_id": np.arange(len(kept)),
                "path": [images.paths[i] for i in kept],
                "label": images.labels[kept],
                "prediction": predictions,
                "confidence": certainty,
            }
        ),
    )
    digests = np.concatenate([s.digests for s in shards]).astype(str)
    run.write_table("contents", pd.DataFrame({"image_id": np.arange(len(kept)), "digest": digests.astype(object)}))
    n_features = shards[0].features().shape[1] if shards else 0
    run.write_features((s.features() for s in shards), shape=(len(kept), n_features), dtype=dtype)


def _judge_outputs(outputs: np.ndarray, images: ImageList, kept: np.ndarray, *, run: Run) -> np.ndarray:
    """Return the confidences that follow from all outputs; note what was assumed about them."""
    model = run.info["models"]["inspected"]
    where, is_linear = f"inspected_model: {model['name']}", model["ends_in_linear"]
    kind = decide_kind(outputs, is_linear=is_linear, model=where, names=[images.paths[i] for i in kept])
    ties = count_ties(outputs["n_largest"] > 1, images.labels[kept], class_names=images.class_names)
    if ties is not None and ties.are_too_many:
        raise ModelError(f"{where}: {ties.refusal}")
    run.update_info(outputs={"kind": kind, "n_tied": 0 if ties is None else ties.n_tied})
    said = {
        "outputs": describe_kind(outputs, kind, is_linear=is_linear),
        "ties": None if ties is None else ties.assumption,
    }
    _note({key: text for key, text in said.items() if text is not None}, run)
    return confidences(outputs, kind)


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
