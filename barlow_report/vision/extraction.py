"""The one pass over the images: from files to features and predictions, one shard at a time.

A function from a shard of paths to arrays without any state, so that shards can be computed in any order, by other
processes, on other machines, and the caller decides what is saved when. Its result depends on the files and the models
alone: batches are cut by position in the shard and not by how fast a file was read, and an unreadable image leaves its
batch smaller instead of moving the others. How batches are decoded and run is `passes`.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt

from barlow_report.errors import ModelError
from barlow_report.progress import Advance, ignore_advance
from barlow_report.vision.decoding import Plan, make_plan
from barlow_report.vision.inference import Computed, Outputs, fetch, run_models
from barlow_report.vision.memory import MemoryLimit
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.outputs import summarise
from barlow_report.vision.passes import Work, batches_of, default_batch_size, run_batches
from barlow_report.vision.remarks import Remarks
from barlow_report.vision.sources.source import ImageSource

__all__ = ["ShardResult", "extract_shard", "extract_shards"]

_MAX_LOSS = 0.05  # rounding error of what is stored, in standard deviations of a feature
_MAX_LOST_SHARE = 0.05  # of the features: channels that are nearly dead are no reason to stop


@dataclass(frozen=True, kw_only=True)
class ShardResult:
    """What the pass found in one shard; row i of each array belongs to the path at position `kept[i]`.

    Attributes:
        kept: Positions within the shard of the images that were read, ascending, int64, shape (n,).
        features: float32 or float16, shape (n, n_features).
        predictions: class_id with the largest output, the lowest of equals, int64, shape (n,); None without a model.
        outputs: What is kept of the outputs, see `outputs.summarise`, shape (n,); None without a model.
        values: All outputs, float32, shape (n, n_outputs), where they are asked for.
        digests: Of the bytes that each image was decoded from, see `LoadedImage`; n of them.
        skipped: (position, reason) of the others, ascending.
        remarks: What is special about the files.
    """

    kept: npt.NDArray[np.int64]
    features: npt.NDArray[np.floating]
    predictions: npt.NDArray[np.int64] | None
    outputs: npt.NDArray[np.void] | None
    values: npt.NDArray[np.float32] | None
    digests: list[str]
    skipped: list[tuple[int, str]]
    remarks: Remarks


def extract_shard(
    paths: Sequence[str],
    *,
    source: ImageSource,
    feature_model: LoadedModel | None,
    inspected_model: LoadedModel | None,
    batch_size: int | None = None,
    n_workers: int | None = None,
    feature_dtype: Literal["float32", "float16"] = "float32",
    advance: Advance = ignore_advance,
) -> ShardResult:
    """Decode each image of one shard once and run both models on it; see `extract_shards`."""
    (result,) = extract_shards(
        [paths],
        source=source,
        feature_model=feature_model,
        inspected_model=inspected_model,
        batch_size=batch_size,
        n_workers=n_workers,
        feature_dtype=feature_dtype,
        advance=advance,
    )
    return result


def extract_shards(
    shards: Sequence[Sequence[str]],
    *,
    source: ImageSource,
    feature_model: LoadedModel | None,
    inspected_model: LoadedModel | None,
    batch_size: int | None = None,
    n_workers: int | None = None,
    feature_dtype: Literal["float32", "float16"] = "float32",
    keeps_values: bool = False,
    advance: Advance = ignore_advance,
) -> Iterator[ShardResult]:
    """Yield the result of each shard, in order; a shard is begun before the one ahead of it is finished.

    Args:
        shards: Paths of images, as `source` knows them.
        source: Reads them.
        feature_model: Gives the features; `accelerate` makes it faster. None leaves features out: there are 0.
        inspected_model: Gives the predictions; the same object as `feature_model` costs no second run, None leaves
            predictions out.
        batch_size: Images per run of a model, at most; default: 32, or 256 on a device other than the processor.
            Where the device's memory does not hold as many, the half is tried, and so on.
        n_workers: Threads that decode and, on a processor, run the models; default: one per processor.
        feature_dtype: Of the result's features.
        keeps_values: Keep all outputs.
        advance: Called after each batch with the number of its images, skipped ones included.

    Raises:
        DataError: Images of a batch have different sizes after preprocessing.
        ModelError: A model gives features or outputs that are not finite, or does not fit into memory with one
            image; the image is named.
    """
    plan = make_plan(source, feature_model, inspected_model)
    size = batch_size or default_batch_size(plan.feature.device)
    with closing(run_batches(_work(plan), batches_of(shards, size), n_workers=n_workers)) as computed:
        for paths in shards:
            parts: list[Computed] = []
            for part in islice(computed, -(-len(paths) // size)):
                parts.append(part)
                advance(len(part.decoded.positions) + len(part.decoded.skipped))
            yield _collect(plan, parts, dtype=feature_dtype, keeps_values=keeps_values)


def _work(plan: Plan) -> Work[list[Outputs], Computed]:
    """What is done with a batch: features, and outputs where there is a model to predict."""
    limit = MemoryLimit()
    return Work(
        decoder=plan.decoder,
        models=plan.models,
        start=lambda models, staged, uploads: run_models(replace(plan, models=models), staged, limit, uploads),
        finish=lambda models, decoded, parts: fetch(replace(plan, models=models), decoded, parts),
    )


def _collect(
    plan: Plan, parts: list[Computed], *, dtype: Literal["float32", "float16"], keeps_values: bool
) -> ShardResult:
    names = [name for part in parts for name in part.decoded.names]
    n_features = plan.feature.n_features if plan.has_features else 0
    exact = np.concatenate([np.zeros((0, n_features), np.float32), *(part.features for part in parts)])
    with np.errstate(over="ignore"):  # checked below, with the image's name
        features = exact.astype(dtype)
    too_large = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if too_large.size:
        raise ModelError(
            f"{plan.feature.role}: a feature of {names[too_large[0]]} is too large for float16. Set 'feature_dtype: "
            "float32' under 'extraction'."
        )
    _check_precision(plan.feature.role, exact, features)
    predictions = outputs = kept_values = None
    if plan.inspected is not None:
        found = [part.outputs for part in parts if part.outputs is not None]
        values = np.concatenate([np.zeros((0, plan.inspected.n_outputs)), *found])
        predictions, outputs = values.argmax(axis=1).astype(np.int64), summarise(values)
        kept_values = values.astype(np.float32) if keeps_values else None
    return ShardResult(
        kept=np.array([position for part in parts for position in part.decoded.positions], dtype=np.int64),
        features=features,
        predictions=predictions,
        outputs=outputs,
        values=kept_values,
        digests=[digest for part in parts for digest in part.decoded.digests],
        skipped=[item for part in parts for item in part.decoded.skipped],
        remarks=Remarks.total(item for part in parts for item in part.decoded.remarks),
    )


def _check_precision(role: str, exact: npt.NDArray[np.float32], stored: npt.NDArray[np.floating]) -> None:
    """Raise a ModelError where the stored features no longer tell images apart: small ones become 0 in float16."""
    if stored.dtype == exact.dtype or len(exact) < 2:
        return
    deviation = exact.std(axis=0, dtype=np.float64)
    varies = deviation > 0
    is_lost = np.abs(stored - exact).max(axis=0) > _MAX_LOSS * deviation
    n_lost, n_varying = int((varies & is_lost).sum()), int(varies.sum())
    if n_lost > _MAX_LOST_SHARE * n_varying:
        raise ModelError(
            f"{role}: {n_lost} of {n_varying} features vary too little for float16 (the first by about "
            f"{deviation[np.argmax(varies & is_lost)]:.2g}). Set 'feature_dtype: float32' under 'extraction'."
        )
