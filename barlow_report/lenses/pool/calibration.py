"""The estimated probability that the inspected model fails on an image that meets the rule of a failure mode.

Where the rule alone is known it is the error rate of the images that meet it. Confidence and the decision value of a
failure direction tell such images apart: a logistic regression of failing on them, and on whether the rule is met,
is fitted to images that nothing is tested with. Its level is then moved so that the mean over the images that meet the
rule is their error rate in evidence, because a rule was chosen for failing much where it was found. Moving the level
changes no order.

What is predicted is whether the model fails, and whether the label is the prediction is never used: of an image that
has yet to be labelled nobody knows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MIN_OUTCOMES", "Calibration", "calibrate", "log_odds"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

MIN_OUTCOMES = 10
"""Failures and successes that a regression needs: about five of each for each of two predictors."""

_CLIP = 1e-6
_MOST = 30.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """How failing follows from predictors, among images that meet a rule.

    Attributes:
        rate: The error rate of images that meet the rule, 0 to 1.
        weights: Log-odds for a unit of each predictor, (n_predictors,); None where the rate is all that is known.
        intercept: Log-odds where all predictors are 0.
    """

    rate: float
    weights: Floats | None = None
    intercept: float = 0.0

    def probabilities(self, predictors: Floats) -> Floats:
        """Return the probability to fail (n,) for predictors (n, n_predictors); the rate where one is NaN."""
        if self.weights is None:
            return np.full(len(predictors), self.rate)
        is_known = np.asarray(np.isfinite(predictors).all(axis=1))
        odds = np.where(is_known[:, None], predictors, 0.0) @ self.weights + self.intercept
        return np.where(is_known, _sigmoid(odds), self.rate)


def calibrate(
    predictors: Floats, is_failure: Booleans, meets_rule: Booleans, *, fitted: Booleans, counted: Booleans, rate: float
) -> Calibration:
    """Fit the calibration of one failure mode.

    Args:
        predictors: (n, n_predictors), such as `log_odds` of the confidence; finite.
        is_failure: (n,) whether the model fails.
        meets_rule: (n,) whether each image meets the rule.
        fitted: (n,) images to fit the regression to.
        counted: (n,) images over which the mean probability is to be `rate`; those of them that meet the rule count.
        rate: Error rate of images that meet the rule, in evidence, 0 to 1.
    """
    chosen = fitted & np.isfinite(predictors).all(axis=1)
    outcomes = is_failure[chosen]
    inside = counted & meets_rule & np.isfinite(predictors).all(axis=1)
    is_too_few = min(outcomes.sum(), (~outcomes).sum()) < MIN_OUTCOMES
    if predictors.shape[1] == 0 or is_too_few or not inside.any():
        return Calibration(rate=rate)
    weights = _fit(predictors[chosen], meets_rule[chosen], outcomes)
    level = min(max(rate, 0.5 / inside.sum()), 1 - 0.5 / inside.sum())
    return Calibration(rate=rate, weights=weights, intercept=_level(predictors[inside] @ weights, level))


def log_odds(probabilities: Floats) -> Floats:
    """Return log(p / (1 - p)), p kept a millionth away from 0 and 1; NaN stays."""
    clipped = np.clip(probabilities, _CLIP, 1 - _CLIP)
    odds: Floats = np.log(clipped) - np.log1p(-clipped)
    return odds


def _fit(predictors: Floats, meets_rule: Booleans, outcomes: Booleans) -> Floats:
    """The weights of the predictors beside that of the rule, each in units of its standard deviation while fitting."""
    from sklearn.linear_model import LogisticRegression  # a second

    deviation = predictors.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    columns = np.column_stack([predictors / scale, meets_rule])
    machine = LogisticRegression(max_iter=1000).fit(columns - columns.mean(axis=0), outcomes)
    weights: Floats = machine.coef_[0, :-1] / scale
    return weights


def _level(odds: Floats, rate: float) -> float:
    """What to add to log-odds so that their mean probability is `rate`, above 0 and below 1: by bisection."""
    low, high = -_MOST - float(odds.max()), _MOST - float(odds.min())
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(odds + middle).mean() < rate else (low, middle)
    return (low + high) / 2


def _sigmoid(odds: Floats) -> Floats:
    found: Floats = np.exp(-np.logaddexp(0, -odds))
    return found
