"""What a condition of a policy can be about: the measures by name, and what each of them needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["MEASURES", "Bound", "Measure", "MeasureName", "Of"]

MeasureName = Literal[
    "worse_modes",
    "new_modes",
    "mode_error_rate_rise",
    "accuracy_drop",
    "class_error_rate_rise",
    "mode_error_rate",
    "verified_modes",
    "explained_failures",
    "accuracy",
    "class_error_rate",
]
Bound = Literal["at_most", "at_least"]
Of = Literal["modes", "classes", "run"]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure.

    Attributes:
        words: What it is, to stand before "at most 20 %".
        of: What is looked at, one by one: each failure mode, each class, or the run as a whole.
        is_count: Whether the bound is a number of failure modes; otherwise it is a share of 0 to 1.
        bounds: Which bounds it can have.
        has_interval: Whether it is known with an interval, so that the policy says which of its limits counts.
        needs_baseline: Whether it compares the run with an earlier one.
    """

    words: str
    of: Of
    is_count: bool = False
    bounds: tuple[Bound, ...] = ("at_most",)
    has_interval: bool = False
    needs_baseline: bool = False


MEASURES: Mapping[MeasureName, Measure] = {
    "worse_modes": Measure(
        words="failure modes that got worse than in the baseline", of="modes", is_count=True, needs_baseline=True
    ),
    "new_modes": Measure(
        words="failure modes that the baseline does not have", of="modes", is_count=True, needs_baseline=True
    ),
    "mode_error_rate_rise": Measure(
        words="rise of the error rate of each failure mode since the baseline",
        of="modes",
        has_interval=True,
        needs_baseline=True,
    ),
    "accuracy_drop": Measure(
        words="drop of the accuracy since the baseline", of="run", has_interval=True, needs_baseline=True
    ),
    "class_error_rate_rise": Measure(
        words="rise of the error rate of each class since the baseline",
        of="classes",
        has_interval=True,
        needs_baseline=True,
    ),
    "mode_error_rate": Measure(words="error rate of each verified failure mode", of="modes", has_interval=True),
    "verified_modes": Measure(words="verified failure modes", of="modes", is_count=True),
    "explained_failures": Measure(
        words="share of the failures that lie in verified failure modes", of="run", bounds=("at_least", "at_most")
    ),
    "accuracy": Measure(words="accuracy", of="run", bounds=("at_least",), has_interval=True),
    "class_error_rate": Measure(words="error rate of each class, by label (BER)", of="classes", has_interval=True),
}
"""Every measure by its name; those that compare two runs come first."""
