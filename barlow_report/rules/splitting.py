"""The best cut of some images and its p-value, alone and, in a group by prediction, by two tests.

Why groups by prediction need two is said in `barlow_report.rules.growing`.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules.bits import count_shared, pack
from barlow_report.rules.shuffles import (
    N_EXCEEDANCES,
    Candidates,
    Scorer,
    cut_features,
    sequential_p_value,
    split_draws,
)

__all__ = ["Baseline", "Controls", "Split", "best_split", "best_split_with_controls"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """A cut: its place among the candidates, on which side more fail, and its p-values.

    `p_baseline` is that against images of the failures' own classes, NaN but in a group by prediction.
    """

    column: int
    fails_above: bool
    p_value: float
    p_baseline: float = float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
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


def best_split(
    candidates: Candidates,
    failure: Booleans,
    images: Booleans,
    *,
    settings: RulesConfig,
    random: np.random.Generator,
) -> Split | None:
    """Return the cut with the best score among some images of a group; None where none explains anything.

    Args:
        candidates: The cuts.
        failure: (n_images,) bool, of the group.
        images: (n_images,) bool, the images to look at, with a failure and a success at least.
        settings: The section `rules` of the configuration.
        random: Of the shuffles.
    """
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
    return Split(column=column, fails_above=bool(scorer.fails_above[column]), p_value=p_value)


def best_split_with_controls(
    candidates: Candidates,
    features: Singles,
    failure: Booleans,
    controls: Controls,
    *,
    settings: RulesConfig,
    random: np.random.Generator,
) -> tuple[Split | None, Baseline | None]:
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
    split = Split(
        column=column,
        fails_above=bool(inside.fails_above[column]),
        p_value=float(p_inside[column]),
        p_baseline=float(p_outside[column]),
    )
    classes, of_failure = np.unique(controls.failure_strata, return_inverse=True)
    of_class = np.stack([strata == c for c in classes])
    shares = count_shared(of_both.above, pack(of_class)) / of_class.sum(axis=1)[:, None]
    baseline = Baseline(
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
