"""Which images are changed, how far, and along which other features the controls go."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Sides", "Similar", "class_controls", "other_features", "sample", "sides", "similar_features"]

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


@dataclass(frozen=True, kw_only=True)
class Similar:
    """The features that may be compared with one, in a group: those that hardly go along with it.

    Attributes:
        feature_id: The feature that is moved.
        feature_ids: The others, ascending.
        distances: How far their mean activations are from its own, (len(feature_ids),).
    """

    feature_id: int
    feature_ids: Integers
    distances: Floats


def similar_features(features: npt.NDArray[np.floating], feature_id: int) -> Similar:
    """Find the features that may be compared with `feature_id`; none of them is constant.

    Args:
        features: Of the group's images, (n_images, n_features).
        feature_id: The feature that is moved.
    """
    values = np.asarray(features, dtype=np.float64)
    means = values.mean(axis=0)
    centred = values - means
    lengths = np.sqrt((centred**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = centred.T @ centred[:, feature_id] / (lengths * lengths[feature_id])
    correlations[lengths <= 1e-12 * max(float(lengths.max(initial=0.0)), 1e-300)] = np.nan
    allowed = np.flatnonzero(np.abs(correlations) <= MAX_CORRELATION)
    return Similar(feature_id=feature_id, feature_ids=allowed, distances=np.abs(means[allowed] - means[feature_id]))


def other_features(similar: Similar, n: int, *, seed: tuple[int, ...]) -> Integers:
    """Draw `n` features of similar mean activation, ascending; fewer where there are not as many."""
    nearest = similar.feature_ids[np.argsort(similar.distances, kind="stable")[: N_NEAREST * n]]
    return sample(nearest, n, seed=seed)


def class_controls(weights: Floats, similar: Similar, n: int) -> Integers:
    """The features, at most `n`, whose weight for a class is most similar to that of the moved one, ascending.

    Args:
        weights: Change of the class's output with each feature, (n_features,).
        similar: The features to choose from.
        n: How many, at most.
    """
    ids = similar.feature_ids
    order = np.argsort(np.abs(weights[ids] - weights[similar.feature_id]), kind="stable")
    return np.sort(ids[order[:n]])
