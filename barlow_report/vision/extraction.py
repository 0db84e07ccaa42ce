"""The one pass over the images: from files to features and predictions, one shard at a time.

A pure function from a shard of paths to arrays, so that the caller decides what is saved when. Its result depends
on the files and the models alone: batches are cut by position in the shard and not by how fast a file was read, and
an unreadable image leaves its batch smaller instead of moving the others. Threads decode ahead of the models by
two batches at most, which bounds the memory.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.config import PreprocessingConfig
from barlow_report.errors import DataError, ModelError
from barlow_report.progress import Advance, ignore_advance
from barlow_report.vision.images import UnreadableImage
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import geometry, to_pixels
from barlow_report.vision.sources.source import ImageSource

__all__ = ["ShardResult", "extract_shard"]

Pixels = npt.NDArray[np.uint8]
Decoded = tuple[tuple[Pixels, ...], str] | str
"""The pixels for each geometry with the digest of the image, or the reason why there are none."""

N_BATCHES_AHEAD = 2


@dataclass(frozen=True, kw_only=True)
class ShardResult:
    """What the pass found in one shard; row i of each array belongs to the path at position `kept[i]`.

    Attributes:
        kept: Positions within the shard of the images that were read, ascending, int64, shape (n,).
        features: float32 or float16, shape (n, n_features).
        predictions: class_id with the largest logit, the lowest of equals, int64, shape (n,); None without a model.
        confidences: Softmax probability of the prediction, 0 to 1, float64, shape (n,); None without a model.
        digests: Of the bytes that each image was decoded from, see `LoadedImage`; n of them.
        skipped: (position, reason) of the others, ascending.
    """

    kept: npt.NDArray[np.int64]
    features: npt.NDArray[np.floating]
    predictions: npt.NDArray[np.int64] | None
    confidences: npt.NDArray[np.float64] | None
    digests: list[str]
    skipped: list[tuple[int, str]]


@dataclass(frozen=True, kw_only=True)
class _Models:
    """The models of a pass, and which of an image's decoded versions each of them takes."""

    feature: LoadedModel
    inspected: LoadedModel | None
    preprocessings: tuple[PreprocessingConfig, ...]


def extract_shard(
    paths: Sequence[str],
    *,
    source: ImageSource,
    feature_model: LoadedModel,
    inspected_model: LoadedModel | None,
    batch_size: int,
    n_workers: int | None = None,
    feature_dtype: Literal["float32", "float16"] = "float32",
    advance: Advance = ignore_advance,
) -> ShardResult:
    """Decode each image once and run both models on it.

    Args:
        paths: Of the shard's images, as `source` knows them.
        source: Reads them.
        feature_model: Gives the features.
        inspected_model: Gives the predictions; the same object as `feature_model` costs no second run, None leaves
            predictions out.
        batch_size: Images per run of a model.
        n_workers: Threads that decode; default: one per processor.
        feature_dtype: Of the result's features.
        advance: Called after each batch with the number of its images, skipped ones included.

    Raises:
        DataError: Images of a batch have different sizes after preprocessing.
        ModelError: A model gives features or logits that are not finite; the image is named.
    """
    models = _plan(feature_model, inspected_model)
    kept: list[int] = []
    digests: list[str] = []
    skipped: list[tuple[int, str]] = []
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float64] | None]] = []
    with torch.inference_mode():
        decoded = _decode_ahead(paths, source, models, n_ahead=N_BATCHES_AHEAD * batch_size, n_workers=n_workers)
        for first in range(0, len(paths), batch_size):
            batch: list[tuple[int, tuple[Pixels, ...]]] = []
            positions = range(first, min(first + batch_size, len(paths)))
            for position in positions:
                outcome = next(decoded)
                if isinstance(outcome, str):
                    skipped.append((position, outcome))
                else:
                    batch.append((position, outcome[0]))
                    digests.append(outcome[1])
            if batch:
                names = [paths[position] for position, _ in batch]
                parts.append(_run(models, [pixels for _, pixels in batch], names))
                kept += [position for position, _ in batch]
            advance(len(positions))
    names = [paths[position] for position in kept]
    return _collect(models, kept, skipped, parts, dtype=feature_dtype, names=names, digests=digests)


def _plan(feature_model: LoadedModel, inspected_model: LoadedModel | None) -> _Models:
    preprocessings = [feature_model.preprocessing]
    if inspected_model is not None and inspected_model is not feature_model:
        other = inspected_model.preprocessing
        if geometry(other) != geometry(feature_model.preprocessing):
            preprocessings.append(other)
    return _Models(feature=feature_model, inspected=inspected_model, preprocessings=tuple(preprocessings))


def _decode_ahead(
    paths: Sequence[str], source: ImageSource, models: _Models, *, n_ahead: int, n_workers: int | None
) -> Iterator[Decoded]:
    """Yield what became of each path, in order, while threads work on the next `n_ahead`."""

    def decode(path: str) -> Decoded:
        try:
            loaded = source.read(path)
            return tuple(to_pixels(loaded.image, p) for p in models.preprocessings), loaded.digest
        except UnreadableImage as error:
            return error.reason

    waiting: deque[Future[Decoded]] = deque()
    pool = ThreadPoolExecutor(n_workers or os.cpu_count() or 1, thread_name_prefix="decode")
    try:
        for path in paths:
            waiting.append(pool.submit(decode, path))
            if len(waiting) > n_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _run(
    models: _Models, batch: list[tuple[Pixels, ...]], names: list[str]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64] | None]:
    """Features and, with an inspected model, logits of one batch."""
    images = [
        _stack([pixels[version] for pixels in batch], names, device=models.feature.device)
        for version in range(len(models.preprocessings))
    ]
    logits, features, _ = models.feature.features(images[0])
    found: npt.NDArray[np.float32] = _finite(features, "features", models.feature, names).cpu().numpy()
    if models.inspected is None:
        return found, None
    if models.inspected is not models.feature:
        logits = models.inspected.predict(images[-1])
    return found, _finite(logits, "logits", models.inspected, names).cpu().numpy().astype(np.float64)


def _stack(pixels: list[Pixels], names: list[str], *, device: torch.device) -> torch.Tensor:
    """Images (B, 3, H, W) in [0, 1]; moved as bytes, a quarter of their size as numbers."""
    for other, name in zip(pixels, names, strict=True):
        if other.shape != pixels[0].shape:
            sizes = [f"{name} ({p.shape[0]} × {p.shape[1]})" for name, p in ((names[0], pixels[0]), (name, other))]
            raise DataError(
                f"images have different sizes (height × width) where the model needs one: {' and '.join(sizes)}. Set "
                "'crop', or 'resize: [height, width]', in the model's preprocessing."
            )
    tensor = torch.from_numpy(np.stack(pixels)).to(device)
    return tensor.permute(0, 3, 1, 2).contiguous().to(torch.float32).div(255)


def _finite(values: torch.Tensor, kind: str, model: LoadedModel, names: list[str]) -> torch.Tensor:
    is_finite = values.isfinite().all(dim=1)
    if not bool(is_finite.all()):
        first = int((~is_finite).nonzero()[0])
        raise ModelError(
            f"{model.role}: {model.name} gives {kind} that are not finite numbers on {names[first]}. Check its weights "
            "and the mean and std of its preprocessing."
        )
    return values


def _collect(
    models: _Models,
    kept: list[int],
    skipped: list[tuple[int, str]],
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float64] | None]],
    *,
    dtype: Literal["float32", "float16"],
    names: list[str],
    digests: list[str],
) -> ShardResult:
    n_features = models.feature.n_features
    exact = np.concatenate([np.zeros((0, n_features), np.float32), *(features for features, _ in parts)])
    with np.errstate(over="ignore"):  # checked below, with the image's name
        features = exact.astype(dtype)
    too_large = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if too_large.size:
        raise ModelError(
            f"{models.feature.role}: a feature of {names[too_large[0]]} is too large for float16. Set 'feature_dtype: "
            "float32' under 'extraction'."
        )
    predictions = confidences = None
    if models.inspected is not None:
        n_outputs = models.inspected.n_outputs
        logits = np.concatenate([np.zeros((0, n_outputs)), *(part for _, part in parts if part is not None)])
        predictions, confidences = _classify(logits)
    return ShardResult(
        kept=np.array(kept, dtype=np.int64),
        features=features,
        predictions=predictions,
        confidences=confidences,
        digests=digests,
        skipped=skipped,
    )


def _classify(logits: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Class of the largest logit and its softmax probability."""
    largest = logits.max(axis=1, keepdims=True)
    confidences: npt.NDArray[np.float64] = 1 / np.exp(logits - largest).sum(axis=1)
    return logits.argmax(axis=1).astype(np.int64), confidences
