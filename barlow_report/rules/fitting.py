"""Everything that needs the features of one group: selection, tree, counts, noise floor.

Rules are found on all images and tested by shuffling the failures, or found on a part and counted on the others; the
automatic evaluation fits its trees to a part in any case.

Only small results leave this module, so that groups can be worked on one after the other, or several at a
time, without holding more than the groups in work.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.cuts import find_cuts
from barlow_report.rules.growing import Growth, LeafEvidence, grow
from barlow_report.rules.joint import JointFit, fit_joint
from barlow_report.rules.mutual_information import estimate
from barlow_report.rules.natural_tree import fit_natural_tree
from barlow_report.rules.printing import print_thresholds
from barlow_report.rules.splitting import Controls
from barlow_report.rules.trees import Tree, count_in_nodes, fit_tree, select_features

__all__ = ["GroupFit", "NodeCounts", "Status", "fit_group"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]
Status = Literal[
    "fitted", "too_few_images", "no_failures", "too_few_failures", "only_failures", "no_split", "no_features"
]

_SHUFFLE_STREAM = 2  # keeps the shuffles' random numbers apart from those of the split
_TEST_STREAM = 3
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
    """What came out for one group. Without a tree, `tree`, `counts` and `leaves` are None.

    `printed` are the thresholds of the tree's nodes as they are printed.
    `counts_in_group` are n_images, n_failures, and the same of the held-out part; `leaves` is the leaf of each image of
    the group, fitted or held out; `noise_floor` is NaN unless asked for, and where failures are shuffled; `by_depth`
    holds the counts in the leaves of the trees of the automatic evaluation. Where failures were shuffled, all images
    are fitted ones; `evidence` is that of the leaves, by node, `joint` that of the direction, `p_value_of_cut` that of
    the first split, and `p_value` that of the group: that anything foretells its failures.

    Of a sample of a larger group, `by_depth_trees` are the trees of the evaluation; once all images are counted,
    `n_sampled` says how many images and failures the sample had.
    """

    status: Status
    counts_in_group: tuple[int, int, int, int]
    selected: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    mutual_information: Floats = field(default_factory=lambda: np.empty(0))
    tree: Tree | None = None
    counts: NodeCounts | None = None
    leaves: npt.NDArray[np.int8] | None = None
    printed: Floats = field(default_factory=lambda: np.empty(0))
    by_depth: dict[int, NodeCounts] = field(default_factory=dict)
    noise_floor: float = float("nan")
    evidence: dict[int, LeafEvidence] = field(default_factory=dict)
    joint: JointFit | None = None
    p_value_of_cut: float = float("nan")
    p_value: float = float("nan")
    by_depth_trees: dict[int, Tree] = field(default_factory=dict)
    n_sampled: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Images:
    """The images of a group, fitted and held out."""

    features: Rows
    failure: Booleans
    held_out: Booleans
    is_sample: bool = False


def fit_group(
    features: Rows,
    failure: Booleans,
    held_out: Booleans,
    *,
    settings: RulesConfig,
    seed: int,
    group_id: int,
    controls: Controls | None = None,
    n_workers: int = 1,
    is_sample: bool = False,
) -> GroupFit:
    """Select features and fit the tree of one group.

    Args:
        features: (n_images, n_features) float32, finite: the images of the group.
        failure: (n_images,) bool.
        held_out: (n_images,) bool, True for images that only test.
        settings: The section `rules` of the configuration.
        seed: The run's seed.
        group_id: Goes into the seed of the shuffles, so that groups do not share them.
        controls: Of a group by prediction, where failures are shuffled.
        n_workers: Threads for the mutual information; the result does not depend on it.
        is_sample: The group has further images: keep what they are counted by, see `barlow_report.rules.counting`.
    """
    images = _Images(features=features, failure=failure, held_out=held_out, is_sample=is_sample)
    result = _fit_part(images, settings=settings, seed=seed, group_id=group_id, n_workers=n_workers)
    if not settings.is_shuffled:
        return result
    random = np.random.default_rng([seed, _TEST_STREAM, group_id])
    return _fit_all(result, images, controls, settings=settings, random=random)


def _fit_part(images: _Images, *, settings: RulesConfig, seed: int, group_id: int, n_workers: int) -> GroupFit:
    """Fit trees to the images that are not held out, and count on the others."""
    features, failure, held_out = images.features, images.failure, images.held_out
    fitted, fitted_failure = (features[~held_out], failure[~held_out]) if held_out.any() else (features, failure)
    n_images, n_failures = len(fitted), int(fitted_failure.sum())
    result = GroupFit(
        status="no_split",
        counts_in_group=(n_images, n_failures, len(failure) - n_images, int(failure.sum()) - n_failures),
    )
    reason = _status_before(n_images, n_failures, settings)
    if reason is not None:
        return replace(result, status=reason)
    information = estimate(fitted, fitted_failure, n_neighbors=settings.n_neighbors, seed=seed, n_workers=n_workers)
    selected = select_features(information, n_selected=settings.n_selected_features)
    result = replace(result, selected=selected, mutual_information=information[selected])
    depths = {settings.depth, *settings.evaluation_depths}
    trees = _fit_trees(fitted, fitted_failure, selected, depths=depths, settings=settings, seed=seed)
    if trees[settings.depth].n_nodes == 1:
        return result
    result = _add_counts(result, trees, images, settings=settings)
    # of trees that are fitted to failures without a test: those of a run by shuffles are not
    if settings.n_permutations and not settings.is_shuffled and _has_candidate(result, settings):
        noise_floor = _noise_floor(fitted, fitted_failure, settings=settings, seed=seed, group_id=group_id)
        result = replace(result, noise_floor=noise_floor)
    return result


def _fit_all(
    part: GroupFit, images: _Images, controls: Controls | None, *, settings: RulesConfig, random: np.random.Generator
) -> GroupFit:
    """Find the group's failure modes on all of its images, and test them by shuffling the failures."""
    features, failure = images.features, images.failure
    n_images, n_failures = len(failure), int(failure.sum())
    result = replace(
        part,
        status="no_split",
        counts_in_group=(n_images, n_failures, 0, 0),
        tree=None,
        counts=None,
        leaves=None,
    )
    reason = _status_before(n_images, n_failures, settings)
    if reason is not None:
        return replace(result, status=reason)
    # in a group by prediction a direction would tell the class from others, which is no failure mode
    joint = None
    if controls is None:
        joint = fit_joint(features, failure, settings=settings, random=random, is_sample=images.is_sample)
    growth = grow(features, failure, settings=settings, random=random, controls=controls)
    result = replace(result, joint=joint, p_value=_p_value_of_group(growth, joint, is_one_test=controls is not None))
    if growth is None:
        return result
    leaves = growth.tree.find_leaves(features)
    everything = replace(images, held_out=np.zeros_like(images.held_out))
    return replace(
        result,
        status="fitted",
        p_value_of_cut=growth.p_value,
        tree=growth.tree,
        counts=_count(growth.tree, leaves, everything),
        leaves=leaves.astype(np.int8),
        printed=print_thresholds(growth.tree, features),
        evidence=growth.leaves,
    )


def _p_value_of_group(growth: Growth | None, joint: JointFit | None, *, is_one_test: bool) -> float:
    """Both tests ask whether features foretell the failures: Simes' p-value (Biometrika 73, 1986) of the two.

    A test that had nothing to go by counts as one that found nothing. In a group by prediction there is one test.
    """
    if growth is None and joint is None:
        return float("nan")
    of_cut, of_direction = (1.0 if found is None else found.p_value for found in (growth, joint))
    return of_cut if is_one_test else min(2 * min(of_cut, of_direction), max(of_cut, of_direction))


def _fit_trees(
    features: Rows, failure: Booleans, selected: Integers, *, depths: set[int], settings: RulesConfig, seed: int
) -> dict[int, Tree]:
    """Fit a tree of each depth, with the thresholds of the settings."""
    if not settings.has_natural_thresholds:
        return {d: fit_tree(features, failure, feature_ids=selected, max_depth=d, seed=seed) for d in depths}
    cuts = find_cuts(features, feature_ids=selected)
    return {d: fit_natural_tree(features, failure, cuts=cuts, max_depth=d, seed=seed) for d in depths}


def _add_counts(result: GroupFit, trees: dict[int, Tree], images: _Images, *, settings: RulesConfig) -> GroupFit:
    tree = trees[settings.depth]
    leaves = tree.find_leaves(images.features)
    depths = sorted(set(settings.evaluation_depths))
    return replace(
        result,
        status="fitted",
        tree=tree,
        counts=_count(tree, leaves, images),
        leaves=leaves.astype(np.int8),  # a tree of depth 4 has at most 31 nodes
        printed=print_thresholds(tree, images.features),
        by_depth={depth: _count_in_leaves(trees[depth], images) for depth in depths},
        by_depth_trees={depth: trees[depth] for depth in depths} if images.is_sample else {},
    )


def _status_before(n_images: int, n_failures: int, settings: RulesConfig) -> Status | None:
    """Say why a group gets no tree, before anything is computed; None where it may."""
    if n_images < settings.min_images:
        return "too_few_images"
    if n_failures == 0:
        return "no_failures"
    if n_failures < settings.min_failures:
        return "too_few_failures"
    if n_failures == n_images:
        return "only_failures"
    return None


def _count(tree: Tree, leaves: Integers, images: _Images) -> NodeCounts:
    fitted, tested = ~images.held_out, images.held_out
    n_images, n_failures = count_in_nodes(tree, leaves[fitted], images.failure[fitted])
    n_images_held_out, n_failures_held_out = count_in_nodes(tree, leaves[tested], images.failure[tested])
    return NodeCounts(
        n_images=n_images,
        n_failures=n_failures,
        n_images_held_out=n_images_held_out,
        n_failures_held_out=n_failures_held_out,
    )


def _count_in_leaves(tree: Tree, images: _Images) -> NodeCounts:
    counts, leaf_ids = _count(tree, tree.find_leaves(images.features), images), tree.leaf_ids
    return NodeCounts(**{f.name: getattr(counts, f.name)[leaf_ids] for f in fields(counts)})


def _has_candidate(result: GroupFit, settings: RulesConfig) -> bool:
    if result.tree is None or result.counts is None:
        return False
    leaf_ids = result.tree.leaf_ids
    n, k = result.counts.n_images[leaf_ids], result.counts.n_failures[leaf_ids]
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
        information = estimate(features, shuffled, n_neighbors=settings.n_neighbors, seed=seed)
        selected = select_features(information, n_selected=settings.n_selected_features)
        depth = settings.depth
        tree = _fit_trees(features, shuffled, selected, depths={depth}, settings=settings, seed=seed)[depth]
        n_images, n_failures = count_in_nodes(tree, tree.find_leaves(features), shuffled)
        gains[i] = metrics.average_leaf_error_rate(n_images[tree.leaf_ids], n_failures[tree.leaf_ids]) - base
    return float(np.quantile(gains, _NOISE_QUANTILE))
