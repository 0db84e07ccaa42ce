"""What the analysed images say of a failure mode: how often images that meet its rule fail, and what tells them apart.

The reference of a candidate are the analysed images that would be candidates for the same reason: those of the class
that meet the rule; and, with their labels hidden, those that meet it and are taken for the class, or as what the
mode's failures are taken for.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.pool.calibration import Calibration, calibrate
from barlow_report.lenses.pool.candidates import BASES, Mode

__all__ = ["MIN_COUNTED", "Reference", "failures_are_taken_for"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MIN_COUNTED = 10
"""Held-out images that give a rate of their own; with fewer, all images count."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """The analysed images.

    Attributes:
        features: (n, n_features); may be memory-mapped.
        labels: (n,) class_id.
        predictions: (n,) class_id.
        confidences: (n,) 0 to 1, or NaN.
        is_held_out: (n,) images that nothing is fitted to.
    """

    features: npt.NDArray[np.floating]
    labels: Integers
    predictions: Integers
    confidences: Floats
    is_held_out: Booleans

    def counts(self, mode: Mode) -> dict[str, int]:
        """Return how many images are of the class of a mode, and how many of these meet the rule."""
        is_of_class = np.isin(self.labels, mode.class_ids)
        return {"n_class": int(is_of_class.sum()), "n_meets": int((is_of_class & mode.meets(self.features)).sum())}

    def calibrated(self, mode: Mode, *, rate: float, predictors: Floats) -> Mode:
        """Return the mode with its calibrations.

        Args:
            mode: Without calibrations.
            rate: The error rate in evidence of images of the class that meet the rule, 0 to 1.
            predictors: (n, n_predictors) of the analysed images.
        """
        meets_rule, fails = mode.meets(self.features), self.labels != self.predictions
        populations = {
            "label": np.isin(self.labels, mode.class_ids),
            "prediction": np.isin(self.predictions, mode.class_ids),
            "taken_for": np.isin(self.predictions, mode.taken_for),
        }
        is_fitted = ~self.is_held_out if self.is_held_out.any() else np.ones(len(fails), dtype=np.bool_)
        found: dict[str, Calibration] = {}
        for basis in BASES:
            members = populations[basis]
            counted = self._counted(members & meets_rule)
            of_others = float(fails[counted].mean()) if counted.any() else 0.0
            found[basis] = calibrate(
                predictors[members],
                fails[members],
                meets_rule[members],
                fitted=is_fitted[members],
                counted=counted[members],
                rate=rate if basis == "label" else of_others,
            )
        return replace(mode, calibrations=found)

    def _counted(self, inside: Booleans) -> Booleans:
        """The images of a rule that its rate is counted on: held-out ones where there are enough."""
        held_out = inside & self.is_held_out
        return held_out if held_out.sum() >= MIN_COUNTED else inside


def failures_are_taken_for(
    labels: Integers, predictions: Integers, meets_rule: Booleans, *, class_ids: Integers
) -> Integers:
    """Return the classes, ascending, other than those of a mode, that its failures are taken for.

    Args:
        labels: (n,) class_id of the analysed images.
        predictions: (n,) class_id.
        meets_rule: (n,) whether each meets the rule.
        class_ids: Of the mode.
    """
    is_failure = np.isin(labels, class_ids) & (labels != predictions) & meets_rule
    return np.setdiff1d(predictions[is_failure], class_ids)
