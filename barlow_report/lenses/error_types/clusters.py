"""Clusters of classes: average linkage, and the cut with the highest mean silhouette (Rousseeuw, 1987)."""

import numpy as np
import numpy.typing as npt

__all__ = ["best_cut", "cosine_distances"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_N_CUTS = 40  # numbers of clusters that are tried


def cosine_distances(gram: Floats) -> Floats:
    """Return half of one minus the cosine of each pair of points, 0 to 1, from their inner products, (n, n)."""
    lengths = np.sqrt(np.clip(np.diagonal(gram), 0.0, None))
    scale = np.where(lengths > 0, lengths, 1.0)
    distance: Floats = np.clip((1 - gram / np.outer(scale, scale)) / 2, 0.0, 1.0)
    np.fill_diagonal(distance, 0.0)
    return distance


def best_cut(distance: Floats) -> tuple[float, Integers]:
    """Return the highest mean silhouette, −1 to 1, over numbers of clusters from 2 to half of the points, and the cut.

    Args:
        distance: (n, n) symmetric, 0 on the diagonal; at least two points.

    Returns:
        The silhouette, and the cluster of each point, (n,) from 0. Points that are all equally far from each other are
        not cut: 0, and each point a cluster of its own.
    """
    from scipy.cluster.hierarchy import fcluster, linkage  # building a site does without
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(distance, checks=False), "average")
    cuts = [(fcluster(tree, n, "maxclust") - 1).astype(np.int64) for n in _numbers(len(distance))]
    scored = [(_silhouette(distance, cut), -place) for place, cut in enumerate(cuts) if cut.max()]
    if not scored:
        return 0.0, np.arange(len(distance))
    best, place = max(scored)
    return best, cuts[-place]


def _numbers(n: int) -> list[int]:
    """Numbers of clusters to try: 2 to half of the points, all of them or evenly spread by their ratio."""
    last = max(2, n // 2)
    if last <= _N_CUTS:
        return list(range(2, last + 1))
    return sorted({round(k) for k in np.geomspace(2, last, _N_CUTS)})


def _silhouette(distance: Floats, cut: Integers) -> float:
    """The mean over points of (b − a) / max(a, b): a to the others of its cluster, b to the nearest other cluster."""
    order = np.argsort(cut, kind="stable")
    sizes = np.bincount(cut).astype(np.float64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    sums = np.add.reduceat(distance[:, order], starts, axis=1)
    rows = np.arange(len(cut))
    own = sums[rows, cut] / np.maximum(sizes[cut] - 1, 1)
    others = sums / sizes
    others[rows, cut] = np.inf
    nearest = others.min(axis=1)
    most = np.maximum(own, nearest)
    values = np.where((sizes[cut] > 1) & (most > 0), (nearest - own) / np.where(most > 0, most, 1.0), 0.0)
    return float(values.mean())
