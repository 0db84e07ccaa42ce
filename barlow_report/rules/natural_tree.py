"""A tree that prefers to cut features where their values fall into two, wherever the failures lie.

A tree that may cut anywhere follows the accidents of few failures: its threshold misses the images that belong
together, and the rule is impure on new images. Natural cuts (see `barlow_report.rules.cuts`) are found without a look
at the failures. Every node chooses between the natural cuts and the best cut
of the paper's tree by the gain in entropy times the square root of the separation, which is how far the clusters are
apart: of two cuts that explain about as much, the one that tells images apart more clearly. The paper's cut counts as
one of separation 1.5. What this gains on planted failures, and that it costs nothing on CIFAR-10, is in
tests/benchmarks/peers/README.md.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from barlow_report.rules.cuts import Cuts
from barlow_report.rules.trees import Tree, balance_outcomes, find_splits

__all__ = ["fit_natural_tree"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]

_FREE_SEPARATION = 1.5
_TIE = 1e-12


class _Split(NamedTuple):
    score: float
    column: int
    threshold: float


def fit_natural_tree(features: Rows, failure: Booleans, *, cuts: Cuts, max_depth: int, seed: int) -> Tree:
    """Fit a tree that prefers natural cuts; nodes are numbered depth first, `le` before `gt`.

    Args:
        features: (n_images, n_features) float32: all features.
        failure: (n_images,) bool, with at least one of each.
        cuts: Of this group's features.
        max_depth: 1 to 4.
        seed: Decides between equal cuts of the paper's tree.

    Returns:
        The tree; a single root where no cut gains anything.
    """
    values, weights = features[:, cuts.feature_ids], balance_outcomes(failure)
    parents, depths, le_children, gt_children = [-1], [0], [-1], [-1]
    feature_ids, thresholds = [-1], [np.nan]

    def grow(node: int, members: Integers) -> None:
        split = (
            None if depths[node] == max_depth else _best_split(values[members], failure[members], weights, cuts, seed)
        )
        if split is None:
            return
        feature_ids[node], thresholds[node] = int(cuts.feature_ids[split.column]), split.threshold
        goes_gt = values[members, split.column].astype(np.float64) > split.threshold
        for children, part in ((le_children, members[~goes_gt]), (gt_children, members[goes_gt])):
            children[node] = len(parents)
            parents.append(node)
            depths.append(depths[node] + 1)
            le_children.append(-1)
            gt_children.append(-1)
            feature_ids.append(-1)
            thresholds.append(np.nan)
            grow(children[node], part)

    grow(0, np.arange(len(failure)))
    return Tree(
        parent_ids=np.array(parents),
        depths=np.array(depths),
        le_child_ids=np.array(le_children),
        gt_child_ids=np.array(gt_children),
        feature_ids=np.array(feature_ids),
        thresholds=np.array(thresholds),
    )


def _best_split(values: Rows, failure: Booleans, weights: dict[int, float], cuts: Cuts, seed: int) -> _Split | None:
    """Return the split with the highest gain times root of separation; None where nothing is gained."""
    if failure.all() or not failure.any():
        return None
    splits = []
    natural = np.flatnonzero(cuts.separations > 0)
    if len(natural):
        above = values[:, natural].astype(np.float64) > cuts.thresholds[natural]
        scores = _gain(above, failure, weights) * np.sqrt(cuts.separations[natural])
        first = int(np.flatnonzero(scores >= scores.max() - _TIE)[0])  # of equal ones
        splits.append(_Split(float(scores[first]), int(natural[first]), float(cuts.thresholds[natural[first]])))
    stump = find_splits(values, failure, weights=weights, max_depth=1, seed=seed)
    if len(stump.columns) > 1:
        column, threshold = int(stump.columns[0]), float(stump.thresholds[0])
        gain = _gain(values[:, [column]].astype(np.float64) > threshold, failure, weights)
        splits.append(_Split(float(gain[0]) * np.sqrt(_FREE_SEPARATION), column, threshold))
    best = max(splits, key=lambda split: split.score, default=None)
    return best if best is not None and best.score > _TIE else None


def _gain(above: Booleans, failure: Booleans, weights: dict[int, float]) -> Floats:
    """Gain in entropy, in bits, of each column's cut; 0 where one side is empty."""
    n, k = len(failure), int(failure.sum())
    n_above, k_above = above.sum(axis=0), above[failure].sum(axis=0)
    failed, total = weights[1] * k, weights[1] * k + weights[0] * (n - k)
    failed_gt, total_gt = weights[1] * k_above, weights[1] * k_above + weights[0] * (n_above - k_above)
    inside = total_gt * _entropy(failed_gt, total_gt) + (total - total_gt) * _entropy(
        failed - failed_gt, total - total_gt
    )
    gain: Floats = np.where((n_above > 0) & (n_above < n), _entropy(failed, total) - inside / total, 0.0)
    return gain


def _entropy(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    """Entropy in bits of an outcome with the weight `part` of `whole`; 0 where there is nothing."""
    weight = np.asarray(whole, dtype=np.float64)
    p = np.clip(np.asarray(part, dtype=np.float64) / np.where(weight > 0, weight, 1.0), 0.0, 1.0)
    terms: Floats = -p * np.log2(np.where(p > 0, p, 1.0)) - (1 - p) * np.log2(np.where(p < 1, 1 - p, 1.0))
    return terms
