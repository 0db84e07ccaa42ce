"""Everything that needs the features of one group: selection, tree, counts, noise floor.

Only small results leave this module, so that groups can be worked on one after the other, or several at a
time, without holding more than the groups in work.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.mutual_information import estimate
from barlow_report.rules.trees import Tree, count_in_nodes, fit_tree, select_features

__all__ = ["GroupFit", "NodeCounts", "Status", "fit_group"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]
Status = Literal["fitted", "too_few_images", "no_failures", "only_failures", "no_split"]

_SHUFFLE_STREAM = 2  # keeps the shuffles' random numbers apart from those of the split
_NOISE_QUANTILE = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class NodeCounts:
    """Images and failures in each node of a tree, (n_nodes,) each: fitted ones, and held-out ones."""

    n_images: Integers
    n_failures: Integers
    n_images_held_out: Integers
    n_failures_held_out: Integers


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupFit:
    """What came out for one group. Without a tree, `tree` and `counts` are None and nothing may be selected.

    `counts_in_group` are n_images, n_failures, and the same of the held-out part; `noise_floor` is NaN unless
    asked for.
    """

    status: Status
    counts_in_group: tuple[int, int, int, int]
    selected: Integers
    mutual_information: Floats
    tree: Tree | None
    counts: NodeCounts | None
    noise_floor: float


def fit_group(
    features: Rows,
    failure: Booleans,
    held_out: Booleans,
    *,
    settings: RulesConfig,
    seed: int,
    group_id: int,
    n_workers: int = 1,
) -> GroupFit:
    """Select features and fit the tree of one group.

    Args:
        features: (n_images, n_features) float32, finite: the images of the group.
        failure: (n_images,) bool.
        held_out: (n_images,) bool, True for images that only test.
        settings: The section `rules` of the configuration.
        seed: The run's seed.
        group_id: Goes into the seed of the shuffles, so that groups do not share them.
        n_workers: Threads for the mutual information; the result does not depend on it.
    """
    fitted, tested = features[~held_out] if held_out.any() else features, features[held_out]
    fitted_failure, tested_failure = failure[~held_out], failure[held_out]
    in_group = (len(fitted), int(fitted_failure.sum()), len(tested), int(tested_failure.sum()))
    status = _status_before(in_group[0], in_group[1], min_images=settings.min_images)
    selected, information = np.empty(0, dtype=np.int64), np.empty(0)
    tree, counts, noise_floor = None, None, float("nan")
    if status is None:
        tree, selected, information = _grow(fitted, fitted_failure, settings=settings, seed=seed, n_workers=n_workers)
        status = "fitted" if tree.n_nodes > 1 else "no_split"
        if status == "no_split":
            tree = None
    if tree is not None:
        counts = _count(tree, (fitted, fitted_failure), (tested, tested_failure))
        if settings.n_permutations and _has_candidate(tree, counts, settings):
            noise_floor = _noise_floor(fitted, fitted_failure, settings=settings, seed=seed, group_id=group_id)
    return GroupFit(
        status=status,
        counts_in_group=in_group,
        selected=selected,
        mutual_information=information,
        tree=tree,
        counts=counts,
        noise_floor=noise_floor,
    )


def _status_before(n_images: int, n_failures: int, *, min_images: int) -> Status | None:
    """Say why a group gets no tree, before anything is computed; None where it may."""
    if n_images < min_images:
        return "too_few_images"
    if n_failures == 0:
        return "no_failures"
    if n_failures == n_images:
        return "only_failures"
    return None


def _grow(
    features: Rows, failure: Booleans, *, settings: RulesConfig, seed: int, n_workers: int = 1
) -> tuple[Tree, Integers, Floats]:
    """Run the whole procedure on the fitted images: the tree, the selected features and their information."""
    information = estimate(features, failure, n_neighbors=settings.n_neighbors, seed=seed, n_workers=n_workers)
    selected = select_features(information, n_selected=settings.n_selected_features)
    tree = fit_tree(features, failure, feature_ids=selected, max_depth=settings.max_depth, seed=seed)
    return tree, selected, information[selected]


def _count(tree: Tree, fitted: tuple[Rows, Booleans], tested: tuple[Rows, Booleans]) -> NodeCounts:
    n_images, n_failures = count_in_nodes(tree, tree.find_leaves(fitted[0]), fitted[1])
    n_images_held_out, n_failures_held_out = count_in_nodes(tree, tree.find_leaves(tested[0]), tested[1])
    return NodeCounts(
        n_images=n_images,
        n_failures=n_failures,
        n_images_held_out=n_images_held_out,
        n_failures_held_out=n_failures_held_out,
    )


def _has_candidate(tree: Tree, counts: NodeCounts, settings: RulesConfig) -> bool:
    n, k = counts.n_images[tree.leaf_ids], counts.n_failures[tree.leaf_ids]
    return bool(
        metrics.is_failure_mode(
            metrics.error_rate(n, k),
            metrics.error_coverage(k, k.sum()),
            base_rate=metrics.base_error_rate(n.sum(), k.sum()),
            rho=settings.rho,
            tau=settings.tau,
        ).any()
    )


def _noise_floor(features: Rows, failure: Booleans, *, settings: RulesConfig, seed: int, group_id: int) -> float:
    """The gain of a tree that 19 in 20 trees on shuffled failures stay below."""
    random = np.random.default_rng([seed, _SHUFFLE_STREAM, group_id])
    gains = np.empty(settings.n_permutations)
    base = float(metrics.base_error_rate(len(failure), failure.sum()))
    for i in range(len(gains)):
        shuffled = random.permutation(failure)
        tree, _, _ = _grow(features, shuffled, settings=settings, seed=seed)
        n_images, n_failures = count_in_nodes(tree, tree.find_leaves(features), shuffled)
        gains[i] = metrics.average_leaf_error_rate(n_images[tree.leaf_ids], n_failures[tree.leaf_ids]) - base
    return float(np.quantile(gains, _NOISE_QUANTILE))
