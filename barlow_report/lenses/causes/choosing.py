"""Which images are changed, how far, and along which other features the controls go."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Sides", "class_controls", "other_features", "sample", "sides"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

MAX_CORRELATION = 0.2
"""Largest absolute correlation of a control feature with the feature, within the group."""

N_NEAREST = 4
"""Control features are drawn from so many times as many, those of the most similar mean activation."""


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A condition of a rule in its group; images are positions among those of the group.

    Attributes:
        inside: Images of the leaf.
        outside: Images that meet the rule's other conditions and not this one.
        target_inside: Median activation of the images on the condition's side, to move others to; NaN without any.
        target_outside: The same of the other side.
    """

    inside: Integers
    outside: Integers
    target_inside: float
    target_outside: float


def sides(values: Floats, meets: Booleans, meets_others: Booleans, is_fitted: Booleans) -> Sides:
    """Split a group by one condition.

    Args:
        values: The feature on the images of the group, (n,).
        meets: Which meet the condition, (n,).
        meets_others: Which meet all other conditions of the rule, (n,).
        is_fitted: Which the rule was fitted on, (n,): only they give targets.
    """

    def median(which: Booleans) -> float:
        return float(np.median(values[which])) if which.any() else float("nan")

    return Sides(
        inside=np.flatnonzero(meets & meets_others),
        outside=np.flatnonzero(~meets & meets_others),
        target_inside=median(meets & is_fitted),
        target_outside=median(~meets & is_fitted),
    )


def sample(candidates: Integers, n: int, *, seed: tuple[int, ...]) -> Integers:
    """At most `n` of the candidates, drawn with a seed, ascending."""
    if len(candidates) <= n:
        return np.sort(candidates)
    return np.sort(np.random.default_rng(seed).choice(candidates, n, replace=False))


def other_features(features: npt.NDArray[np.floating], feature_id: int, n: int, *, seed: tuple[int, ...]) -> Integers:
    """Draw features of similar mean activation in a group, that hardly go along with `feature_id`.

    Args:
        features: Of the group's images, (n_images, n_features).
        feature_id: The feature that is moved.
        n: How many, at most: fewer where there are not as many.
        seed: Of the draw.
    """
    means, correlations = _similarity(features, feature_id)
    allowed = np.flatnonzero(np.abs(correlations) <= MAX_CORRELATION)  # a constant feature has none: NaN
    distance = np.abs(means[allowed] - means[feature_id])
    nearest = allowed[np.argsort(distance, kind="stable")[: N_NEAREST * n]]
    return sample(nearest, n, seed=seed)


def class_controls(weights: Floats, features: npt.NDArray[np.floating], feature_id: int, n: int) -> Integers:
    """The features whose weight for a class is most similar to that of `feature_id`, ascending.

    Args:
        weights: Change of the class's output with each feature, (n_features,).
        features: Of the group's images, (n_images, n_features).
        feature_id: The feature that is moved.
        n: How many, at most.
    """
    _, correlations = _similarity(features, feature_id)
    allowed = np.flatnonzero(np.abs(correlations) <= MAX_CORRELATION)
    order = np.argsort(np.abs(weights[allowed] - weights[feature_id]), kind="stable")
    return np.sort(allowed[order[:n]])


def _similarity(features: npt.NDArray[np.floating], feature_id: int) -> tuple[Floats, Floats]:
    """Means of all features, and their correlations with one; NaN for constant ones."""
    values = np.asarray(features, dtype=np.float64)
    means = values.mean(axis=0)
    centred = values - means
    lengths = np.sqrt((centred**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = centred.T @ centred[:, feature_id] / (lengths * lengths[feature_id])
    correlations[lengths <= 1e-12 * max(float(lengths.max(initial=0.0)), 1e-300)] = np.nan
    return means, correlations
