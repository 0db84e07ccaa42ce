"""The rules that were found on a sample of a group, counted on all of its images, which are read in blocks.

Memory is one block of rows and a few bytes for each image, however large the group is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules.estimates import with_further_images
from barlow_report.rules.fitting import GroupFit, NodeCounts
from barlow_report.rules.growing import LeafEvidence
from barlow_report.rules.joint import JointFit, estimate_members
from barlow_report.rules.printing import print_between
from barlow_report.rules.trees import Tree, count_in_nodes

__all__ = ["count_everywhere"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]

_ROWS_AT_A_TIME = 4096


def count_everywhere(
    fit: GroupFit,
    sample: Integers,
    read: Callable[[Integers], Rows],
    failure: Booleans,
    held_out: Booleans,
    *,
    settings: RulesConfig,
) -> GroupFit:
    """Count the rules of a group on all of its images, and correct their estimated rates by those not in the sample.

    Counts, leaves, printed thresholds and rates become those of all images; selection, tests, stability and noise floor
    stay those of the sample, and so do the trees of the evaluation but for their counts on held-out images.

    Args:
        fit: What came out for the sample, with the trees and the direction that it was counted by.
        sample: Places in the group, ascending; see `draw_sample`.
        read: Returns the features, (n, n_features) float32, of n images by their places; raises where they are not
            finite.
        failure: (n_images,) bool, of the group.
        held_out: (n_images,) bool, True for images that only test.
        settings: The section `rules` of the configuration.
    """
    tests = np.zeros_like(held_out) if settings.is_shuffled else held_out
    in_sample = np.zeros(len(failure), dtype=np.bool_)
    in_sample[sample] = True
    counter = _Counter(fit, len(failure))
    for places in _blocks(len(failure)):
        counter.add(read(places), places, failure, held_out, in_sample)
    fitted = ~tests
    result = replace(
        fit,
        counts_in_group=(
            int(fitted.sum()),
            int((failure & fitted).sum()),
            int(tests.sum()),
            int((failure & tests).sum()),
        ),
        n_sampled=(len(sample), int(failure[sample].sum())),
        by_depth={d: counter.evaluated(d, counts) for d, counts in fit.by_depth.items()},
        by_depth_trees={},
        joint=None if fit.joint is None else _joint(fit.joint, counter, sample, failure, settings),
    )
    if fit.tree is None:
        return result
    further = count_in_nodes(fit.tree, counter.leaves[~in_sample].astype(np.int64), failure[~in_sample])
    return replace(
        result,
        counts=_in_parts(fit.tree, counter.leaves, failure, tests),
        leaves=counter.leaves,
        printed=counter.printed(fit.tree),
        evidence={
            leaf: _corrected(evidence, int(further[0][leaf]), int(further[1][leaf]), settings)
            for leaf, evidence in fit.evidence.items()
        },
    )


def _blocks(n_images: int) -> Iterator[Integers]:
    for first in range(0, n_images, _ROWS_AT_A_TIME):
        yield np.arange(first, min(first + _ROWS_AT_A_TIME, n_images))


@dataclass
class _Gap:
    """The values next to a threshold, the highest that is at most it and the lowest above, and the highest of all."""

    threshold: float
    low: float = -np.inf
    high: float = np.inf
    top: float = 0.0

    def add(self, values: npt.NDArray[np.floating]) -> None:
        exact = values.astype(np.float64)
        at_most = exact <= self.threshold
        self.low = max(self.low, float(exact[at_most].max(initial=-np.inf)))
        self.high = min(self.high, float(exact[~at_most].min(initial=np.inf)))
        self.top = max(self.top, float(exact.max(initial=0.0)))

    def printed(self) -> float:
        return print_between(self.threshold, self.low, self.high, top=self.top)


@dataclass
class _Members:
    """Images outside of the sample that a direction marks, and the failures among them."""

    gap: _Gap
    n_images: int = 0
    n_failures: int = 0


@dataclass
class _Counter:
    """What is known of a group's images after some blocks of them."""

    fit: GroupFit
    n_images: int
    leaves: npt.NDArray[np.int8] = field(init=False)
    gaps: dict[int, _Gap] = field(init=False)
    held_out: dict[int, tuple[Integers, Integers]] = field(init=False)
    members: _Members | None = field(init=False)

    def __post_init__(self) -> None:
        tree, joint = self.fit.tree, self.fit.joint
        self.leaves = np.zeros(self.n_images, dtype=np.int8)
        splits = [] if tree is None else np.flatnonzero(tree.feature_ids >= 0).tolist()
        self.gaps = {} if tree is None else {node: _Gap(float(tree.thresholds[node])) for node in splits}
        self.held_out = {
            d: (np.zeros(found.n_nodes, np.int64), np.zeros(found.n_nodes, np.int64))
            for d, found in self.fit.by_depth_trees.items()
        }
        self.members = None if joint is None else _Members(_Gap(joint.threshold))

    def add(self, rows: Rows, places: Integers, failure: Booleans, held_out: Booleans, in_sample: Booleans) -> None:
        """Look at a block of images."""
        if self.fit.tree is not None:
            self.leaves[places] = self.fit.tree.find_leaves(rows)
            for node, gap in self.gaps.items():
                gap.add(rows[:, self.fit.tree.feature_ids[node]])
        tested = held_out[places]
        for depth, tree in self.fit.by_depth_trees.items():
            found = count_in_nodes(tree, tree.find_leaves(rows[tested]), failure[places][tested])
            self.held_out[depth] = (self.held_out[depth][0] + found[0], self.held_out[depth][1] + found[1])
        if self.members is not None and self.fit.joint is not None and self.fit.joint.direction is not None:
            further = places[~in_sample[places]]
            scores = self.fit.joint.direction.scores(rows[~in_sample[places]])
            self.members.gap.add(scores)
            inside = scores > self.fit.joint.threshold
            self.members.n_images += int(inside.sum())
            self.members.n_failures += int(failure[further[inside]].sum())

    def evaluated(self, depth: int, counts: NodeCounts) -> NodeCounts:
        """The counts in the leaves of a tree of the evaluation: fitted as they were, held out of all images."""
        leaf_ids = self.fit.by_depth_trees[depth].leaf_ids
        n_images, n_failures = self.held_out[depth]
        return replace(counts, n_images_held_out=n_images[leaf_ids], n_failures_held_out=n_failures[leaf_ids])

    def printed(self, tree: Tree) -> Floats:
        """The printed threshold of each node, NaN at leaves."""
        printed = np.full(tree.n_nodes, np.nan)
        for node, gap in self.gaps.items():
            printed[node] = gap.printed()
        return printed


def _in_parts(tree: Tree, leaves: npt.NDArray[np.int8], failure: Booleans, tests: Booleans) -> NodeCounts:
    fitted, tested = (count_in_nodes(tree, leaves[part].astype(np.int64), failure[part]) for part in (~tests, tests))
    return NodeCounts(
        n_images=fitted[0], n_failures=fitted[1], n_images_held_out=tested[0], n_failures_held_out=tested[1]
    )


def _corrected(evidence: LeafEvidence, n_images: int, n_failures: int, settings: RulesConfig) -> LeafEvidence:
    estimate = with_further_images(evidence.estimate, n_images, n_failures, level=settings.confidence_level)
    return replace(evidence, estimate=estimate)


def _joint(joint: JointFit, counter: _Counter, sample: Integers, failure: Booleans, settings: RulesConfig) -> JointFit:
    """A direction with the members among all images; each was scored by a direction fitted without it."""
    found = counter.members
    if found is None:
        return joint
    n_images, n_failures = joint.n_images + found.n_images, joint.n_failures + found.n_failures
    gap = found.gap
    gap.low, gap.high = max(gap.low, joint.gap[0]), min(gap.high, joint.gap[1])
    return replace(
        joint,
        printed_threshold=gap.printed(),
        n_images=n_images,
        n_failures=n_failures,
        estimate=estimate_members(n_images, n_failures, failure, settings=settings),
        places=sample[joint.places],
        direction=None,
    )
