"""Which images of a pool are candidates for a failure mode, and why.

An image is a candidate when it meets the rule and may be of the class: its label says so; or, without a label, the
inspected model predicts the class, or one of those that the failures of the mode are taken for. An image that is
labelled as something else never is one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config.further import NO_LABEL
from barlow_report.lenses.pool.calibration import Calibration, log_odds
from barlow_report.rules import leaf_members

__all__ = ["BASES", "Images", "Mode", "Predictors", "may_be_of_class", "reasons"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

BASES = ("label", "prediction", "taken_for")
"""Why an image may be of the class of a mode."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Some images of a pool that are not among the analysed ones.

    Attributes:
        features: (n, n_features).
        labels: (n,) class_id, or `NO_LABEL` or `OTHER_CLASS`.
        predictions: (n,) class_id.
        confidences: (n,) 0 to 1, or NaN.
        digests: (n,) hash of the bytes of each.
        rows: (n,) positions in the list of the pool.
    """

    features: npt.NDArray[np.floating]
    labels: Integers
    predictions: Integers
    confidences: Floats
    digests: npt.NDArray[np.bytes_]
    rows: Integers

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: Booleans) -> "Images":
        return Images(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictors:
    """What is known of an image beside the rule.

    Attributes:
        has_confidence: Whether the inspected model's confidences are known.
        decision_values: The place of images (n, n_features) along the failure direction of the class, (n,).
    """

    has_confidence: bool
    decision_values: Callable[[npt.NDArray[np.floating]], Floats] | None = None

    def of(self, features: npt.NDArray[np.floating], confidences: Floats) -> Floats:
        """Return the predictors (n, n_predictors) of images: log-odds of the confidence, and the decision value."""
        return self.joined(confidences, None if self.decision_values is None else self.decision_values(features))

    def joined(self, confidences: Floats, decision_values: Floats | None) -> Floats:
        """Return the same of images whose decision values are known already; None where there is no direction."""
        columns = [log_odds(confidences)] if self.has_confidence else []
        if decision_values is not None:
            columns.append(decision_values)
        return np.column_stack(columns) if columns else np.zeros((len(confidences), 0))

    @property
    def names(self) -> str:
        """What they are, as table `pool_modes` has it."""
        found = ["confidence"] * self.has_confidence + ["direction"] * (self.decision_values is not None)
        return " and ".join(found) or "rule"


@dataclass(frozen=True, kw_only=True, eq=False)
class Mode:
    """A verified failure mode of a group by label.

    Attributes:
        rule_id: Of its rule.
        class_ids: The classes of its group.
        taken_for: The classes that its failures are taken for, other than these.
        conditions: Rows of table `conditions`.
        predictors: What is known of an image beside the rule.
        calibrations: The probability to fail, for each of `BASES`.
    """

    rule_id: int
    class_ids: Integers
    taken_for: Integers
    conditions: pd.DataFrame
    predictors: Predictors
    calibrations: dict[str, Calibration] = field(default_factory=dict)

    @property
    def is_calibrated(self) -> bool:
        """Whether candidates are told apart by more than the rule, for one reason at least."""
        return any(calibration.weights is not None for calibration in self.calibrations.values())

    def meets(self, features: npt.NDArray[np.floating]) -> Booleans:
        """Return which images meet the rule, (n,)."""
        return leaf_members(features, self.conditions)


def may_be_of_class(mode: Mode, labels: Integers, predictions: Integers) -> dict[str, Booleans]:
    """Return which images may be of the class of a mode, (n,), by the reason; no image has two."""
    is_unlabelled = labels == NO_LABEL
    return {
        "label": np.isin(labels, mode.class_ids),
        "prediction": is_unlabelled & np.isin(predictions, mode.class_ids),
        "taken_for": is_unlabelled & np.isin(predictions, mode.taken_for),
    }


def reasons(found: dict[str, Booleans]) -> Integers:
    """Return the position in `BASES` of the reason that each image has, (n,); -1 for none."""
    codes = np.full(len(next(iter(found.values()))), -1, dtype=np.int64)
    for code, basis in enumerate(BASES):
        codes[found[basis]] = code
    return codes
