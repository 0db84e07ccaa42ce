"""The tree of a group whose every split had to pass a test on all images; see `barlow_report.rules.shuffles`.

**The first split** is the best cut of all, whatever its p-value: a group always shows the candidate that was tested. A
further split is made where its own best cut passes (p ≤ the rate of false discoveries), on the images of the node:

* on the side that fails less: a second failure mode among the images that the first one does not explain. If the first
  one is right, the order of the failures among the others is open, and the test is valid; the p-value of the mode is
  the largest on its path, as it can only be right if the ones before are.
* on the side that fails more: two conditions (A and B), only where the part is a failure mode by itself, as seen and
  by estimate, and its importance value (estimated error rate × estimated coverage) exceeds that of the whole. What is
  left of A is no failure mode any more.

**Groups by prediction** are never without a difference: their failures are images of other classes, which features can
nearly always tell from images of the class, even if the model's mistakes had nothing to do with what they show. So a
cut must pass a second test, of what its failures are compared with images of their own true classes that were *not*
predicted as the class (three for each failure, drawn at random): failures are shuffled within the true class. What
passes the first test alone says no more than that they are not of the class. Both tests compare with the best of all
cuts, so each cut has a valid p-value for either, however it was chosen, and the larger of the two is one for both.
There is one split: of the cut with the smallest such p-value if that passes, else of the one with the best score.

**Stability**: two thirds of the images are drawn `n_resamples` times, and the best cut is searched again. The share of
draws in which it marks half or more of the same images (Jaccard index of the failing sides, over the images of the
node) is the mode's stability. In a group by prediction the best cut is that of both tests, whose shuffles are not drawn
again; nor are the controls, which stand for what the classes are like.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.bits import count_shared, pack
from barlow_report.rules.estimates import Estimate, estimate_side
from barlow_report.rules.shuffles import (
    Candidates,
    find_candidates,
    split_draws,
)
from barlow_report.rules.splitting import Baseline, Controls, Split, best_split, best_split_with_controls
from barlow_report.rules.trees import Tree

__all__ = ["Growth", "LeafEvidence", "grow"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_SAME_IMAGES = 0.5  # Jaccard index
_SHARE_DRAWN = 2 / 3
_NO_VARIANCE = 1e-9  # all images are on one side, or all fail


@dataclass(frozen=True, kw_only=True)
class LeafEvidence:
    """What speaks for a leaf; NaN where it is no candidate. `is_first`: it is a side of the root's split.

    `p_baseline` is that of a group by prediction against images of the failures' own classes, else NaN.
    """

    estimate: Estimate
    p_value: float
    stability: float
    is_first: bool
    p_baseline: float = float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class Growth:
    """A tree, the p-value of its first split (the larger one of two tests), and the evidence of each leaf, by node."""

    tree: Tree
    p_value: float
    leaves: dict[int, LeafEvidence]


@dataclass(kw_only=True)
class _Node:
    images: Booleans  # of the group
    parent: int
    depth: int
    evidence: LeafEvidence | None = None
    split: Split | None = None
    children: tuple[int, int] = (-1, -1)  # le, gt


class _Grower:
    def __init__(
        self,
        candidates: Candidates,
        failure: Booleans,
        settings: RulesConfig,
        random: np.random.Generator,
        baseline: Baseline | None = None,
    ) -> None:
        self.candidates, self.failure, self.settings, self.random = candidates, failure, settings, random
        self.nodes: list[_Node] = []
        self.baseline = baseline

    def grow(self, first: Split) -> None:
        """Split the root, and whatever passes below."""
        self.nodes.append(_Node(images=np.ones(len(self.failure), dtype=np.bool_), parent=-1, depth=0))
        self._divide(0, first)

    def _divide(self, place: int, split: Split) -> None:
        node = self.nodes[place]
        node.split = split
        above = self.candidates.is_above(split.column)
        failing = node.images & (above == split.fails_above)
        found = LeafEvidence(
            estimate=self._estimate(node.images, failing),
            p_value=split.p_value,
            stability=self._stability(node.images, failing),
            is_first=place == 0,
            p_baseline=split.p_baseline,
        )
        others = LeafEvidence(
            estimate=self._estimate(node.images, ~failing), p_value=np.nan, stability=np.nan, is_first=place == 0
        )
        children = []
        for is_gt in (False, True):
            is_failing = is_gt == split.fails_above
            children.append(len(self.nodes))
            self.nodes.append(
                _Node(
                    images=node.images & (above == is_gt),
                    parent=place,
                    depth=node.depth + 1,
                    evidence=found if is_failing else others,
                )
            )
            self._descend(children[-1], split, is_failing=is_failing)
        node.children = (children[0], children[1])

    def _descend(self, place: int, above: Split, *, is_failing: bool) -> None:
        """Split a child where a cut of it passes."""
        node, settings = self.nodes[place], self.settings
        failure = self.failure[node.images]
        limit = settings.max_q_value
        if (
            above.p_value > limit
            or node.depth >= settings.depth
            or len(failure) < settings.min_images
            or failure.all()
            or not failure.any()
        ):
            return
        split = best_split(self.candidates, self.failure, node.images, settings=settings, random=self.random)
        if split is None or split.p_value > limit:
            return
        split = replace(split, p_value=max(split.p_value, above.p_value))
        if is_failing and node.evidence is not None:
            side = node.images & (self.candidates.is_above(split.column) == split.fails_above)
            inside = self._estimate(node.images, side)
            if not self._is_mode(int(side.sum()), int(self.failure[side].sum()), inside.rate):
                return
            # importance values have the group's failures in common
            if inside.rate**2 * side.sum() <= node.evidence.estimate.rate**2 * node.images.sum():
                return
        self._divide(place, split)

    def _is_mode(self, n: int, k: int, rate: float) -> bool:
        """Tell whether a part of the group is a failure mode as seen, and by its estimated error rate."""
        n_failures = int(self.failure.sum())
        modes = metrics.is_failure_mode(
            np.array([k / n, rate]),
            np.array([k / n_failures, rate * n / n_failures]),
            base_rate=n_failures / len(self.failure),
            rho=self.settings.rho,
            tau=self.settings.tau,
        )
        return bool(modes.all())

    def _estimate(self, images: Booleans, region: Booleans) -> Estimate:
        return estimate_side(self.candidates.above, self.failure, region, images, level=self.settings.confidence_level)

    def _stability(self, images: Booleans, failing: Booleans) -> float:
        """Share of draws whose best cut marks half or more of the same images."""
        if not self.settings.n_resamples:
            return float("nan")
        sizes, shared = count_shared(self.candidates.above, pack(np.stack([images, failing])))
        n_all, n_failing = int(images.sum()), int(failing.sum())
        same = []
        for n_draws in split_draws(self.settings.n_resamples, n_images=len(images)):
            best, fails_above = self._best_of_draws(images, n_draws)
            n_marked = np.where(fails_above, sizes[best], n_all - sizes[best])
            n_shared = np.where(fails_above, shared[best], n_failing - shared[best])
            same.append(n_shared / (n_marked + n_failing - n_shared) >= _SAME_IMAGES)
        return float(np.concatenate(same).mean())

    def _best_of_draws(self, images: Booleans, n_draws: int) -> tuple[Integers, Booleans]:
        """The best cut on each draw of two thirds of the images, and whether more fail above it."""
        places, cuts = np.flatnonzero(images), self.candidates
        n = round(_SHARE_DRAWN * len(places))
        drawn = np.zeros((n_draws, len(images)), dtype=np.bool_)
        for row in drawn:
            row[self.random.choice(places, n, replace=False)] = True
        n_above, k_above = (count_shared(cuts.above, pack(sets)) for sets in (drawn, drawn & self.failure))
        k_all = (drawn & self.failure).sum(axis=1, dtype=np.float64)[:, None]
        expected = k_all * n_above / n
        variance = n_above * (n - n_above) * k_all * (n - k_all) / n**2 / max(n - 1, 1)
        scores = np.divide(
            (k_above - expected) ** 2 * cuts.weights,
            variance,
            out=np.zeros_like(variance),
            where=variance > _NO_VARIANCE,
        )
        fails_above = k_above > expected
        if self.baseline is None:
            best = scores.argmax(axis=1)
        else:
            limit = self.settings.max_q_value
            best = self.baseline.choose(scores, fails_above, k_above, drawn[:, self.failure], limit=limit)
        return best, fails_above[np.arange(n_draws), best]


def grow(
    features: Singles,
    failure: Booleans,
    *,
    settings: RulesConfig,
    random: np.random.Generator,
    controls: Controls | None = None,
) -> Growth | None:
    """Find and test the failure modes of one group on all of its images.

    Args:
        features: (n_images, n_features) float32, finite.
        failure: (n_images,) bool, with at least one of each.
        settings: The section `rules` of the configuration.
        random: Of the shuffles and resamples.
        controls: For a group by prediction, what its failures are compared with besides.

    Returns:
        None where no feature can be cut, or no cut explains anything.
    """
    candidates = find_candidates(features)
    if not len(candidates.feature_ids):
        return None
    first: Split | None
    baseline = None
    if controls is None:
        everything = np.ones(len(failure), dtype=np.bool_)
        first = best_split(candidates, failure, everything, settings=settings, random=random)
    else:
        first, baseline = best_split_with_controls(
            candidates, features, failure, controls, settings=settings, random=random
        )
        settings = settings.model_copy(update={"max_depth": 1})
    if first is None:
        return None
    grower = _Grower(candidates, failure, settings, random, baseline)
    grower.grow(first)
    return _number(grower.nodes, candidates, p_value=float(np.fmax(first.p_value, first.p_baseline)))


def _number(nodes: list[_Node], candidates: Candidates, *, p_value: float) -> Growth:
    """Nodes were made depth first, `le` before `gt`, so their places are their ids."""
    columns = np.array([node.split.column if node.split else -1 for node in nodes])
    tree = Tree(
        parent_ids=np.array([node.parent for node in nodes]),
        depths=np.array([node.depth for node in nodes]),
        le_child_ids=np.array([node.children[0] for node in nodes]),
        gt_child_ids=np.array([node.children[1] for node in nodes]),
        feature_ids=np.where(columns >= 0, candidates.feature_ids[columns], -1),
        thresholds=np.where(columns >= 0, candidates.thresholds[columns], np.nan),
    )
    leaves = {i: node.evidence for i, node in enumerate(nodes) if node.split is None and node.evidence is not None}
    return Growth(tree=tree, p_value=p_value, leaves=leaves)
