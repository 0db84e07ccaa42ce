"""How features are distributed over all images or those of a group, in two passes over the rows without a copy.

A feature that is silent on many images would have one bar that flattens all others. So where many images have exactly
the lowest activation, which is 0 behind a rectifier, they have a bin of width 0 of their own.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["histograms", "is_sparse"]

_BLOCK_BYTES = 64 * 2**20
_SILENT_SHARE = 0.1


def is_sparse(n_lowest: npt.ArrayLike, n_images: int) -> npt.NDArray[np.bool_]:
    """Whether so many images have exactly the lowest activation that they are shown apart: a tenth, and two at least.

    Args:
        n_lowest: How many have it, of one feature or of several.
        n_images: How many images there are.
    """
    counts = np.asarray(n_lowest)
    return np.asarray((counts >= 2) & (counts >= _SILENT_SHARE * n_images) & (counts < n_images))


def histograms(
    features: np.ndarray, is_failure: np.ndarray, *, feature_ids: Sequence[int], n_bins: int = 40
) -> pd.DataFrame:
    """Count images and failures in `n_bins` equal bins between each feature's lowest and highest activation.

    The last bin includes its upper edge. A constant feature gives one bin of width 0, and one that `is_sparse` such a
    bin before the others, which then do not count its images.

    Args:
        features: Shape (n_images, n_features), n_images at least 1; may be memory-mapped, is read in blocks of rows.
        is_failure: Shape (n_images,), bool.
        feature_ids: The features to count.
        n_bins: Number of bins of each feature.

    Returns:
        The rows of table `histograms`.
    """
    ids = np.asarray(feature_ids, dtype=np.int64)
    low = np.full(len(ids), np.inf)
    high = np.full(len(ids), -np.inf)
    for _, block in _blocks(features, ids):
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
    width = np.where(high > low, high - low, 1.0)
    counts, silent = np.zeros((2, len(ids), n_bins), dtype=np.int64), np.zeros((2, len(ids)), dtype=np.int64)
    first_bin = np.arange(len(ids)) * n_bins
    for start, block in _blocks(features, ids):
        bins = np.minimum(((block - low) / width * n_bins).astype(np.int64), n_bins - 1) + first_bin
        failed = is_failure[start : start + len(block)]
        for row, chosen in enumerate((np.ones(len(block), dtype=np.bool_), failed)):
            counts[row] += np.bincount(bins[chosen].ravel(), minlength=counts[row].size).reshape(counts[row].shape)
            silent[row] += (block[chosen] == low).sum(axis=0)
    apart = np.where(is_sparse(silent[0], len(features)), silent, 0)
    counts[:, :, 0] -= apart
    return pd.concat(
        [_rows(int(f), low[i], high[i], counts[:, i], apart[:, i]) for i, f in enumerate(ids)] or [_NO_ROWS]
    )


def _blocks(features: np.ndarray, ids: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    n_rows = max(1, _BLOCK_BYTES // max(features.shape[1] * 8, 1))
    for start in range(0, len(features), n_rows):
        yield start, np.asarray(features[start : start + n_rows])[:, ids].astype(np.float64)


_COLUMNS = ["feature_id", "position", "low", "high", "n_images", "n_failures"]
_NO_ROWS = pd.DataFrame({c: np.zeros(0, dtype=float if c in ("low", "high") else int) for c in _COLUMNS})


def _rows(feature_id: int, low: float, high: float, counts: np.ndarray, apart: np.ndarray) -> pd.DataFrame:
    """The bins of one feature; `counts` (2, n_bins) and `apart` (2,) are of images and failures."""
    if high <= low:
        counts = counts.sum(axis=1, keepdims=True)
    edges = np.linspace(low, high, counts.shape[1] + 1)
    lows, highs = edges[:-1], edges[1:]
    if apart[0]:
        lows, highs = np.append(low, lows), np.append(low, highs)
        counts = np.column_stack([apart, counts])
    position = np.arange(counts.shape[1])
    return pd.DataFrame(dict(zip(_COLUMNS, (feature_id, position, lows, highs, counts[0], counts[1]), strict=True)))
