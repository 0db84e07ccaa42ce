"""A pass over images beside the analysed ones, with the same models: a pool to collect from, a training set.

The shards stay in a folder of their own in the run folder, `pass_<key>`: other rules need no other pass. A shard that
is damaged, or whose images were replaced, is computed again; with other images, models or settings, all are. Features
are given a shard at a time, so memory does not depend on the number of images, but for what is known of each: its
path, label, prediction.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config
from barlow_report.config.further import FurtherDataConfig
from barlow_report.errors import DamagedFileError, DataError, ModelError
from barlow_report.files import atomic_write, output_errors
from barlow_report.fingerprints import images_identity
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.seals import is_sealed, read_sealed, read_sealed_json, sealed_file
from barlow_report.stages.image_pass import MODELS, compute_shards, count_shards, drop_if_loaded_otherwise, pass_inputs
from barlow_report.stages.image_times import times_of
from barlow_report.stages.loading import loaded_contents, specs_of
from barlow_report.stages.output_subset import subset_of
from barlow_report.vision.configured_outputs import check_setting
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.decisions import Decision
from barlow_report.vision.further_images import list_further
from barlow_report.vision.outputs import decide_kind
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.remarks import Remarks, require_full_depth
from barlow_report.vision.shards import AGAIN, Shard, shard_path

__all__ = ["PassedBlock", "SecondPass", "pass_over"]

_TIMES = "image_times.npy"


@dataclass(frozen=True, kw_only=True, eq=False)
class PassedBlock:
    """What the models say of some images, those of one shard that could be read.

    Attributes:
        rows: Positions in the list of all images, ascending, int64, shape (n,).
        features: float32 or float16, shape (n, n_features).
        labels: class_id of the run, or `NO_LABEL` or `OTHER_CLASS` (`config.further`), int64, shape (n,).
        predictions: class_id of the run, int64, shape (n,); None where the pass was made without.
        confidences: Of the predictions, 0 to 1 or NaN, float64, shape (n,); None likewise.
        digests: Hash of the bytes that each was decoded from, as table `contents` has it, dtype S32, shape (n,).
        skipped: (path, reason) of the images of the shard that could not be read.
    """

    rows: npt.NDArray[np.int64]
    features: npt.NDArray[np.floating]
    labels: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64] | None
    confidences: npt.NDArray[np.float64] | None
    digests: npt.NDArray[np.bytes_]
    skipped: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, eq=False)
class SecondPass:
    """A finished pass.

    Attributes:
        images: What was passed over; labels as in `PassedBlock`.
        fingerprint: Changes when anything that the blocks depend on does.
        assumptions: Sentences on what was taken for granted, by a name for each.
    """

    images: ImageList
    fingerprint: str
    assumptions: dict[str, str]
    _shards: tuple[Path, ...]
    _shard_size: int
    _decision: Decision | None

    def blocks(self) -> Iterator[PassedBlock]:
        """Yield what the models say, a shard at a time, in the order of the images."""
        for index, path in enumerate(self._shards):
            yield self._block(Shard.read(path), start=index * self._shard_size)

    def _block(self, shard: Shard, *, start: int) -> PassedBlock:
        rows = start + shard.kept
        if self.images.predictions is not None:
            predictions: npt.NDArray[np.int64] | None = self.images.predictions[rows]
            known = self.images.confidences
            certainty = np.full(len(rows), np.nan) if known is None else known[rows]
        else:
            predictions, certainty = self._decided(shard)
        return PassedBlock(
            rows=rows,
            features=shard.features(),
            labels=self.images.labels[rows],
            predictions=predictions,
            confidences=certainty,
            digests=shard.digests,
            skipped=[(self.images.paths[start + position], reason) for position, reason in shard.skipped],
        )

    def _decided(self, shard: Shard) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.float64] | None]:
        """What the inspected model predicts of a shard, and how confidently; None where it was not asked."""
        if self._decision is None:
            return None, None
        if self.images.column is not None:
            shard = shard.of_output(self.images.column)
        if shard.predictions is None or shard.outputs is None:
            return None, None
        return self._decision.decide_summary(shard.predictions, shard.outputs)


def pass_over(
    config: Config, source: FurtherDataConfig, run: Run, *, key: str, needs_predictions: bool, progress: Progress
) -> SecondPass:
    """Pass over a further source with the models of the run, or over what an earlier attempt has left.

    Args:
        config: The configuration; the stage `extract` of `run` has finished with it.
        source: The further source.
        run: The run folder, locked.
        key: Of the section; names the folder of the shards, and the source in messages.
        needs_predictions: Whether predictions are needed. Without, only the feature model runs, and columns of
            predictions are not used.
        progress: Where to report to.

    Raises:
        DataError: The images cannot be listed or none can be read, or no predictions can be had.
        ModelError: A model cannot be loaded or used, or gives other features than the run has.
    """
    progress.message(f"Listing images of {key}")
    names = run.read_table("classes")["name"].tolist()
    images = _of_output(list_further(source, data=config.data, class_names=names, key=key), config, run)
    images = replace(images, subset=subset_of(run))
    has_asked = run.info.get("models", {}).get("inspected") is not None
    images = _with_predictions(images, config, key=key, has_asked=has_asked, is_needed=needs_predictions)
    asking = _asking(config, source, needs_predictions=needs_predictions)
    inputs = fingerprint(**pass_inputs(asking, images))
    work = _begin(run.folder / f"pass_{key}", inputs)
    drop_if_loaded_otherwise(asking, work)
    paths = [shard_path(work, index) for index in range(count_shards(asking, images))]
    _drop_replaced(images, paths, work, shard_size=asking.extraction.shard_size)
    missing = [index for index, path in enumerate(paths) if not is_sealed(path)]
    if missing or not is_sealed(work / MODELS):
        require_full_depth(images.source, images.paths)
        compute_shards(asking, images, missing, work=work, progress=progress)
    _write_times(times_of(images), work)
    noted = read_sealed_json(work / MODELS, advice=AGAIN)
    _check_features(noted, run, key=key)
    found = _look(paths, images, shard_size=asking.extraction.shard_size, key=key)
    found.remarks.require_full_depth(images.root)
    columns = [images.labels, *(c for c in (images.predictions, images.confidences) if c is not None)]
    loaded = loaded_contents(specs_of(asking), noted.get("loaded", {}))
    decision = _decision(paths, images, config, run, model=noted["models"]["inspected"])
    return SecondPass(
        images=images,
        fingerprint=fingerprint(
            inputs=inputs,
            columns=images_identity([], states=[], columns=columns),
            loaded=loaded,
            contents=found.contents,
            decision=None if decision is None else asdict(decision),
        ),
        assumptions=images.assumptions | found.remarks.assumptions(asking.data.decode),
        _shards=tuple(paths),
        _shard_size=asking.extraction.shard_size,
        _decision=decision,
    )


def _of_output(images: ImageList, config: Config, run: Run) -> ImageList:
    """The images for the output that the run is about, where its model has several that answer each for itself."""
    positive = Decision.from_info(run.info.get("outputs")).positive
    if positive is None or not config.data.has_outputs:
        return images
    return replace(images, n_outputs=run.info["models"]["inspected"]["n_outputs"], column=positive.column)


def _asking(config: Config, source: FurtherDataConfig, *, needs_predictions: bool) -> Config:
    """The configuration of the pass: other images, and no inspected model where only features are needed."""
    changed: dict[str, Any] = {"data": source.completed(config.data)}
    if not needs_predictions and config.feature_model is not None:
        changed["inspected_model"] = None
    return config.model_copy(update=changed)


def _with_predictions(images: ImageList, config: Config, *, key: str, has_asked: bool, is_needed: bool) -> ImageList:
    """The images with the predictions that count: those of the same model as the run's."""
    if images.predictions is not None and (has_asked or not is_needed):
        text = f"Predictions that come with the images of {key} are not used: the inspected model was asked."
        noted = {**images.assumptions, "predictions": text} if is_needed else images.assumptions
        return replace(images, predictions=None, confidences=None, assumptions=noted)
    if is_needed and images.predictions is None and config.inspected_model is None:
        raise DataError(
            f"{key}: found no predictions with its images and no 'inspected_model' in the configuration. Add a column "
            "of predictions by the model that the analysed predictions are from, or the model."
        )
    return images


def _begin(work: Path, inputs: str) -> Path:
    """The folder of the shards, without what another pass has left."""
    begun = work / "fingerprint"
    if not (begun.is_file() and begun.read_bytes() == inputs.encode()):
        with output_errors(work):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True, exist_ok=True)
        atomic_write(begun, inputs)
    return work


def _drop_replaced(images: ImageList, paths: list[Path], work: Path, *, shard_size: int) -> None:
    """Delete the shards with an image that has the same size and modification time and other bytes than it had."""
    try:
        data = read_sealed(work / _TIMES, advice=AGAIN)
    except DamagedFileError:
        return  # nothing was finished: what is there was computed from images of these sizes and times
    noted = np.frombuffer(data, dtype=np.int64, count=len(images.paths))
    touched = np.flatnonzero(noted != times_of(images)[:, 0])

    def digest(row: int) -> bytes | None:
        try:
            return images.source.read(images.paths[row]).digest.encode()
        except UnreadableImage:
            return None

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for index in np.unique(touched // shard_size).tolist():
            if not is_sealed(paths[index]):
                continue
            shard, start = Shard.read(paths[index]), index * shard_size
            known = dict(zip((start + shard.kept).tolist(), shard.digests.tolist(), strict=True))
            rows = touched[touched // shard_size == index].tolist()
            if any(found != known.get(row) for row, found in zip(rows, pool.map(digest, rows), strict=True)):
                paths[index].unlink()


def _write_times(times: npt.NDArray[np.int64], work: Path) -> None:
    with sealed_file(work / _TIMES) as file:
        file.write(np.ascontiguousarray(times).tobytes())


def _check_features(noted: dict[str, Any], run: Run, *, key: str) -> None:
    n_features, expected = noted["models"]["feature"]["n_features"], run.features().shape[1]
    if n_features != expected:
        raise ModelError(
            f"feature_model: gives {n_features} features for images of {key}, and {expected} for those of data. Let it "
            "give the same for both."
        )


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What all shards together say: a hash of the images' bytes, and what is special about the files."""

    contents: str
    remarks: Remarks


def _look(paths: list[Path], images: ImageList, *, shard_size: int, key: str) -> _Found:
    """Look at every shard, one at a time; refuse a pass without an image that can be read."""
    contents, remarks, n_read = hashlib.blake2b(digest_size=16), [], 0
    unreadable = None
    for index, path in enumerate(paths):
        shard = Shard.read(path)
        contents.update(shard.digests.tobytes())
        remarks.append(shard.remarks)
        n_read += len(shard.kept)
        if unreadable is None and shard.skipped:
            position, reason = shard.skipped[0]
            unreadable = f"{images.paths[index * shard_size + position]}: {reason}"
    if not n_read:
        raise DataError(
            f"{key}: none of the {len(images.paths)} images can be read; the first, {unreadable}. Check that the path "
            "is right and the files are images."
        )
    return _Found(contents=contents.hexdigest(), remarks=Remarks.total(remarks))


def _decision(
    paths: list[Path], images: ImageList, config: Config, run: Run, *, model: dict[str, Any] | None
) -> Decision | None:
    """What outputs mean: what those of the run do, and only where the run has none, what they seem to be."""
    if images.predictions is not None or model is None:
        return None
    if run.info.get("outputs"):
        return Decision.from_info(run.info["outputs"])
    shards = [Shard.read(path) for path in paths]
    outputs = np.concatenate([shard.outputs for shard in shards if shard.outputs is not None])
    size = config.extraction.shard_size
    names = [images.paths[i * size + position] for i, shard in enumerate(shards) for position in shard.kept.tolist()]
    setting = None if config.inspected_model is None else config.inspected_model.output
    where, is_linear = f"inspected_model: {model['name']}", model["ends_in_linear"]
    if setting is None:
        return Decision(kind=decide_kind(outputs, is_linear=is_linear, model=where, names=names))
    return Decision(kind=check_setting(outputs, setting, is_linear=is_linear, model=where, names=names))
