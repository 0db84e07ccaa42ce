"""Failures that several features together foretell: the direction of a group, its members and the evidence.

A direction is a mode of the second kind: it says that failures can be foretold, not by which feature. It is tested like
the best cut, by shuffling the failures; see `barlow_report.rules.ridge`. An image is a member when the score that it
gets from a direction fitted without it exceeds a threshold: Otsu's, of the scores of the direction fitted to all.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules.cuts import find_cuts
from barlow_report.rules.estimates import Estimate, estimate_region
from barlow_report.rules.printing import print_threshold
from barlow_report.rules.ridge import Direction, area_under_curve, fit_ridge
from barlow_report.rules.shuffles import sequential_p_value, shuffle

__all__ = ["JointFit", "estimate_members", "fit_joint"]

Booleans = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]

_N_FEATURES = 20
_N_PICTURES = 12
_BYTES_OF_A_SCORE = 8  # of a shuffle, scores take several times the memory that its failures take


@dataclass(frozen=True, kw_only=True, eq=False)
class JointFit:
    """The direction of a group; see the tables `joint_modes`, `joint_features` and `joint_images`.

    `places` are images of the group, by their places in it, from the highest to the lowest score. `direction` is for
    images that it was not fitted to, and `gap` the scores next to the threshold, where they are asked for.
    """

    auc: float
    p_value: float
    threshold: float
    printed_threshold: float
    n_images: int
    n_failures: int
    estimate: Estimate
    feature_ids: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    places: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    direction: Direction | None = None
    gap: tuple[float, float] = (-np.inf, np.inf)


def _area_of_direction(scores: Singles, failure: Booleans) -> float:
    """The area under the curve to show: of the scores without the mean outcome that each contains.

    The mean of the others is lower for an image that failed. In small groups that alone takes the area far below one
    half (0.06 for 60 images and 512 features that have nothing to do with the failures).
    """
    means = (failure.sum() - failure) / (len(failure) - 1)
    own = (scores - means).astype(np.float32)
    return float(area_under_curve(own[:, None], failure.astype(np.float32)[:, None])[0])


def estimate_members(n_images: int, n_failures: int, failure: Booleans, *, settings: RulesConfig) -> Estimate:
    """Estimate the failure rate of a direction's members in a group; see `estimate_region`.

    Args:
        n_images: Members.
        n_failures: Failures among them.
        failure: (n_group_images,) bool, of the whole group.
        settings: The section `rules` of the configuration.
    """
    return estimate_region(
        n_images,
        n_failures,
        n_group_images=len(failure),
        n_group_failures=int(failure.sum()),
        level=settings.confidence_level,
    )


def fit_joint(
    features: Singles, failure: Booleans, *, settings: RulesConfig, random: np.random.Generator, is_sample: bool = False
) -> JointFit | None:
    """Fit and test the direction of one group.

    Args:
        features: (n_images, n_features) float32, finite.
        failure: (n_images,) bool, with at least one of each.
        settings: The section `rules` of the configuration.
        random: Of the shuffles.
        is_sample: The group has further images, so that the direction itself is needed.

    Returns:
        None where no direction gives any image a score that differs, or none has members.
    """
    ridge = fit_ridge(features)
    outcome = failure.astype(np.float32)[:, None]
    scores, fitted = ridge.leave_out(outcome)[:, 0], ridge.fit(outcome)[:, 0]
    threshold = float(find_cuts(fitted[:, None], feature_ids=np.arange(1)).middles[0])
    if not np.isfinite(threshold):
        return None
    members = scores > threshold
    if not members.any():
        return None
    everything = [np.arange(len(failure))]
    observed = float(area_under_curve(scores[:, None], outcome)[0])

    def draw(n_shuffles: int) -> npt.NDArray[np.floating]:
        shuffled = shuffle(failure, everything, n_shuffles=n_shuffles, random=random).T.astype(np.float32)
        return area_under_curve(ridge.leave_out(shuffled), shuffled)

    weights = ridge.weights(failure)
    largest = np.lexsort((np.arange(len(weights)), -np.abs(weights)))[:_N_FEATURES]
    order = np.lexsort((np.arange(len(scores)), -scores))
    shown = order[np.unique(np.linspace(0, len(order) - 1, min(_N_PICTURES, len(order))).round().astype(np.int64))]
    n_images, n_failures = int(members.sum()), int((members & failure).sum())
    return JointFit(
        auc=_area_of_direction(scores, failure),
        p_value=sequential_p_value(
            draw, observed, n_shuffles=settings.n_shuffles, n_images=_BYTES_OF_A_SCORE * len(failure)
        ),
        threshold=threshold,
        printed_threshold=print_threshold(threshold, scores),
        n_images=n_images,
        n_failures=n_failures,
        estimate=estimate_members(n_images, n_failures, failure, settings=settings),
        feature_ids=largest.astype(np.int64),
        weights=weights[largest],
        places=shown.astype(np.int64),
        scores=scores[shown].astype(np.float64),
        direction=ridge.direction(failure) if is_sample else None,
        gap=(float(scores[~members].max(initial=-np.inf)), float(scores[members].min())),
    )
