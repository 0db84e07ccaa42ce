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
from functools import partial

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.bits import count_shared, pack
from barlow_report.rules.estimates import Estimate, estimate_side
from barlow_report.rules.shuffles import (
    N_EXCEEDANCES,
    Candidates,
    Scorer,
    cut_features,
    find_candidates,
    sequential_p_value,
    split_draws,
)
from barlow_report.rules.trees import Tree

__all__ = ["Controls", "Growth", "LeafEvidence", "grow"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_SAME_IMAGES = 0.5  # Jaccard index
_SHARE_DRAWN = 2 / 3
_NO_VARIANCE = 1e-9  # all images are on one side, or all fail


@dataclass(frozen=True, kw_only=True, eq=False)
class Controls:
    """Images of the failures' true classes that were predicted as another class, and the failures themselves.

    Attributes:
        features: (n_controls, n_features) float32.
        strata: (n_controls,) true class.
        failure_strata: (n_failures,) true class of the group's failures, in the order of the group's images.
    """

    features: Singles
    strata: Integers
    failure_strata: Integers


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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Split:
    column: int
    fails_above: bool
    p_value: float
    p_baseline: float = float("nan")


@dataclass(kw_only=True)
class _Node:
    images: Booleans  # of the group
    parent: int
    depth: int
    evidence: LeafEvidence | None = None
    split: _Split | None = None
    children: tuple[int, int] = (-1, -1)  # le, gt


class _Grower:
    def __init__(
        self,
        candidates: Candidates,
        failure: Booleans,
        settings: RulesConfig,
        random: np.random.Generator,
        baseline: "_Baseline | None" = None,
    ) -> None:
        self.candidates, self.failure, self.settings, self.random = candidates, failure, settings, random
        self.nodes: list[_Node] = []
        self.baseline = baseline

    def grow(self, first: _Split) -> None:
        """Split the root, and whatever passes below."""
        self.nodes.append(_Node(images=np.ones(len(self.failure), dtype=np.bool_), parent=-1, depth=0))
        self._divide(0, first)

    def _divide(self, place: int, split: _Split) -> None:
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

    def _descend(self, place: int, above: _Split, *, is_failing: bool) -> None:
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
        split = _best_split(self.candidates, self.failure, node.images, settings=settings, random=self.random)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Baseline:
    """Both tests of a group by prediction, as draws of its images need them.

    Attributes:
        maxima: Of the shuffles within the group, ascending.
        maxima_outside: Of the shuffles among failures and controls, ascending.
        classes: (n_failures, n_classes) 1 at the true class of each failure, else 0.
        shares: (n_classes, n_cuts) share of the images of each class, failures and controls, that are above.
        factors: (n_cuts,) weight over variance, among failures and controls.
    """

    maxima: Singles
    maxima_outside: Singles
    classes: Singles
    shares: Singles
    factors: Singles

    def choose(
        self, scores: Floats, fails_above: Booleans, k_above: Integers, drawn: Booleans, *, limit: float
    ) -> Integers:
        """Return the best cut of each draw, (n_draws,).

        Args:
            scores: (n_draws, n_cuts) within the group.
            fails_above: (n_draws, n_cuts) whether more fail above the cut.
            k_above: (n_draws, n_cuts) failures above.
            drawn: (n_draws, n_failures) whether each failure was drawn.
            limit: Of a p-value that passes.
        """
        beyond = k_above - drawn.astype(np.float32) @ self.classes @ self.shares
        p_outside = _p_values(self.maxima_outside, beyond**2 * self.factors)
        p_outside[(beyond > 0) != fails_above] = 1.0
        return _choose(scores, np.maximum(_p_values(self.maxima, scores), p_outside), limit=limit)


def _choose(scores: npt.NDArray[np.floating], p_values: Floats, *, limit: float) -> Integers:
    """The cut of each row with the smallest p-value if that passes, of equal ones the best; else the best of all."""
    smallest = p_values.min(axis=1, keepdims=True)
    passing = np.where((smallest <= limit) & (p_values > smallest), -1.0, scores)
    return np.asarray(passing.argmax(axis=1), dtype=np.int64)


def _p_values(maxima: Singles, scores: npt.NDArray[np.floating]) -> Floats:
    """Share of shuffles whose best cut does as well as each cut: valid for all of them at once."""
    n_hits = len(maxima) - np.searchsorted(maxima, scores, side="left")
    return np.asarray((1 + n_hits) / (1 + len(maxima)), dtype=np.float64)


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
    first: _Split | None
    baseline = None
    if controls is None:
        everything = np.ones(len(failure), dtype=np.bool_)
        first = _best_split(candidates, failure, everything, settings=settings, random=random)
    else:
        first, baseline = _best_split_with_controls(
            candidates, features, failure, controls, settings=settings, random=random
        )
        settings = settings.model_copy(update={"max_depth": 1})
    if first is None:
        return None
    grower = _Grower(candidates, failure, settings, random, baseline)
    grower.grow(first)
    return _number(grower.nodes, candidates, p_value=float(np.fmax(first.p_value, first.p_baseline)))


def _best_split(
    candidates: Candidates,
    failure: Booleans,
    images: Booleans,
    *,
    settings: RulesConfig,
    random: np.random.Generator,
) -> _Split | None:
    scorer = Scorer(candidates, failure, members=images)
    scores = scorer.scores
    column = int(scores.argmax())
    if scores[column] <= 0:
        return None
    p_value = sequential_p_value(
        partial(scorer.draw, random=random),
        float(scores[column]),
        n_shuffles=settings.n_shuffles,
        n_images=len(failure),
    )
    return _Split(column=column, fails_above=bool(scorer.fails_above[column]), p_value=p_value)


def _best_split_with_controls(
    candidates: Candidates,
    features: Singles,
    failure: Booleans,
    controls: Controls,
    *,
    settings: RulesConfig,
    random: np.random.Generator,
) -> tuple[_Split | None, _Baseline | None]:
    """Return the cut that tells the failures best from both the group's successes and images of their own classes."""
    inside = Scorer(candidates, failure)
    if inside.scores.max() <= 0:
        return None, None
    both = np.concatenate([features[failure], controls.features])
    cases = np.arange(len(both)) < failure.sum()
    of_both = replace(
        candidates, above=cut_features(both, candidates.feature_ids, candidates.thresholds), n_images=len(both)
    )
    strata = np.concatenate([controls.failure_strata, controls.strata])
    outside = Scorer(of_both, cases, strata=strata)
    maxima, maxima_outside = (_maxima(s, n_shuffles=settings.n_shuffles, random=random) for s in (inside, outside))
    p_inside, p_outside = _p_values(maxima, inside.scores), _p_values(maxima_outside, outside.scores)
    p_outside = np.where(outside.fails_above == inside.fails_above, p_outside, 1.0)
    p_values = np.maximum(p_inside, p_outside)
    column = int(_choose(inside.scores[None], p_values[None], limit=settings.max_q_value)[0])
    split = _Split(
        column=column,
        fails_above=bool(inside.fails_above[column]),
        p_value=float(p_inside[column]),
        p_baseline=float(p_outside[column]),
    )
    classes, of_failure = np.unique(controls.failure_strata, return_inverse=True)
    of_class = np.stack([strata == c for c in classes])
    shares = count_shared(of_both.above, pack(of_class)) / of_class.sum(axis=1)[:, None]
    baseline = _Baseline(
        maxima=maxima,
        maxima_outside=maxima_outside,
        classes=(of_failure[:, None] == np.arange(len(classes))).astype(np.float32),
        shares=shares.astype(np.float32),
        factors=outside.factors,
    )
    return split, baseline


def _maxima(scorer: Scorer, *, n_shuffles: int, random: np.random.Generator) -> Singles:
    """The score of the best cut of each shuffle, ascending.

    Shuffling ends when enough shuffles have done as well as the best cut, and so as any other.
    """
    best = scorer.scores.max()
    maxima = np.empty(0, dtype=np.float32)
    for n in split_draws(n_shuffles, n_images=scorer.n_images):
        maxima = np.append(maxima, scorer.draw(n, random=random))
        n_as_good = np.cumsum(maxima >= best)
        if n_as_good[-1] >= N_EXCEEDANCES:
            return np.sort(maxima[: int(np.searchsorted(n_as_good, N_EXCEEDANCES)) + 1])
    return np.sort(maxima)


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
