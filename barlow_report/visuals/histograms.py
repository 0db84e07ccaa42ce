"""How features are distributed over all images, in two passes over the rows and without a copy of them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

__all__ = ["histograms"]

_BLOCK_BYTES = 64 * 2**20


def histograms(
    features: np.ndarray, is_failure: np.ndarray, *, feature_ids: Sequence[int], n_bins: int = 40
) -> pd.DataFrame:
    """Count images and failures in `n_bins` equal bins between each feature's lowest and highest activation.

    The last bin includes its upper edge. A constant feature gives one bin of width 0.

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
    counts = np.zeros((2, len(ids), n_bins), dtype=np.int64)
    first_bin = np.arange(len(ids)) * n_bins
    for start, block in _blocks(features, ids):
        bins = np.minimum(((block - low) / width * n_bins).astype(np.int64), n_bins - 1) + first_bin
        failed = is_failure[start : start + len(block)]
        for row, chosen in enumerate((bins, bins[failed])):
            counts[row] += np.bincount(chosen.ravel(), minlength=counts[row].size).reshape(counts[row].shape)
    return pd.concat([_rows(int(f), low[i], high[i], counts[:, i]) for i, f in enumerate(ids)] or [_NO_ROWS])


def _blocks(features: np.ndarray, ids: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    n_rows = max(1, _BLOCK_BYTES // (features.shape[1] * 8))
    for start in range(0, len(features), n_rows):
        yield start, np.asarray(features[start : start + n_rows])[:, ids].astype(np.float64)


_COLUMNS = ["feature_id", "position", "low", "high", "n_images", "n_failures"]
_NO_ROWS = pd.DataFrame({c: np.zeros(0, dtype=float if c in ("low", "high") else int) for c in _COLUMNS})


def _rows(feature_id: int, low: float, high: float, counts: np.ndarray) -> pd.DataFrame:
    if high <= low:
        counts = counts.sum(axis=1, keepdims=True)
    edges = np.linspace(low, high, counts.shape[1] + 1)
    position = np.arange(counts.shape[1])
    return pd.DataFrame(
        dict(zip(_COLUMNS, (feature_id, position, edges[:-1], edges[1:], counts[0], counts[1]), strict=True))
    )
