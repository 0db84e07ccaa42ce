"""What is tested: a condition of a failure mode in a direction, and the rows of the tables that come of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.causes.effects import Effect, image_effects, mean_effect, sign_flip_test
from barlow_report.lenses.causes.tables import DIRECTIONS

__all__ = ["Answered", "Experiment", "Rows", "not_tested", "tabulate"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Rows = dict[str, list[dict[str, Any]]]
"""Rows by the name of their table."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One condition of a verified rule, in one direction."""

    rule_id: int
    group_id: int
    position: int
    feature_id: int
    branch: str
    direction: str

    @property
    def name(self) -> str:
        """Of its file in the work folder."""
        return f"{self.rule_id:06d}-{self.position}-{self.direction}.json"

    @property
    def seed(self) -> tuple[int, ...]:
        """What tells its draws from those of others."""
        return (self.rule_id, self.position, DIRECTIONS.index(self.direction))

    @property
    def key(self) -> dict[str, Any]:
        """The key columns of its rows."""
        return {"rule_id": self.rule_id, "position": self.position, "direction": self.direction}

    @property
    def sign(self) -> int:
        """+1 where the move raises the feature."""
        return (1 if self.branch == "le" else -1) * (1 if self.direction == "repair" else -1)


def not_tested(unit: Experiment, reason: str) -> Rows:
    """The rows of an experiment that could not be done."""
    counts = dict.fromkeys(("n_images", "n_reached", "n_failures_before", "n_failures_moved", "n_failures_noise"), 0)
    row = {**unit.key, "feature_id": unit.feature_id, **counts, "verdict": "not_tested", "reason": reason}
    return {"causes": [row], "cause_doses": [], "cause_controls": [], "cause_pairs": []}


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came of an experiment with n images; failures are 1, else 0.

    Attributes:
        moved: After each dose of the move, (n, n_doses), the unchanged one first.
        controls: After the change along each control feature, (n, n_controls).
        control_doses: After each dose of one of these changes, (n, n_doses).
        of_class: After the change along a feature with a similar weight for the class, another for each, (n,).
        noise: After noise, (n,).
        unsure_moved: 1 − confidence in the label after the move, (n,).
        unsure_controls: The same after the change along each control feature, (n, n_controls).
        doses: Shares of the way, 0 to 1.
        control_ids: The features of `controls`.
        class_ids: Those of `of_class`, (n,).
    """

    moved: Floats
    controls: Floats
    control_doses: Floats
    of_class: Floats
    noise: Floats
    unsure_moved: Floats
    unsure_controls: Floats
    doses: tuple[float, ...]
    control_ids: Integers
    class_ids: Integers


def tabulate(unit: Experiment, found: Answered, *, seed: int, level: float) -> Rows:
    """The rows of an experiment, but for its pictures, what was set beforehand, and what all effects of a run decide.

    Args:
        unit: The experiment.
        found: What came of it.
        seed: Of bootstrap and sign flips.
        level: Of intervals, 0 to 1.
    """
    moved, last = found.moved, found.moved[:, -1]
    effects = image_effects(last, found.controls, direction=unit.direction)
    confidence = image_effects(found.unsure_moved, found.unsure_controls, direction=unit.direction)
    rates = found.controls.mean(axis=0)
    row = {
        **unit.key,
        "feature_id": unit.feature_id,
        "n_images": len(moved),
        "n_failures_before": int(moved[:, 0].sum()),
        "n_failures_moved": int(last.sum()),
        "n_failures_noise": int(found.noise.sum()),
        "control_rate": float(rates.mean()),
        "control_rate_low": float(rates.min()),
        "control_rate_high": float(rates.max()),
        "p_images": sign_flip_test(effects, seed=seed),
        **_as_columns("effect", mean_effect(effects, seed=seed, level=level)),
        **_as_columns("confidence_effect", mean_effect(confidence, seed=seed, level=level)),
    }
    if len(np.unique(found.class_ids)) > 1:
        specific = image_effects(last, found.of_class[:, None], direction=unit.direction)
        row |= _as_columns("specificity", mean_effect(specific, seed=seed, level=level))
    failed = zip(found.doses, moved.sum(axis=0), found.control_doses.sum(axis=0), strict=True)
    return {
        "causes": [row],
        "cause_doses": [
            {**unit.key, "dose": d, "n_images": len(moved), "n_failures_moved": int(k), "n_failures_control": int(c)}
            for d, k, c in failed
        ],
        "cause_controls": [
            {**unit.key, "kind": kind, "feature_id": int(i), "n_images": len(fails), "n_failures": int(fails.sum())}
            for kind, i, fails in _controls(found)
        ],
        "cause_pairs": [],
    }


def _controls(found: Answered) -> Iterator[tuple[str, int, Floats]]:
    """Each control feature, and whether the images fail after changes along it."""
    for feature_id, fails in zip(found.control_ids.tolist(), found.controls.T, strict=True):
        yield "other", feature_id, fails
    for feature_id in np.unique(found.class_ids[found.class_ids >= 0]).tolist():
        yield "class", feature_id, found.of_class[found.class_ids == feature_id]


def _as_columns(name: str, effect: Effect) -> dict[str, float]:
    return {name: effect.value, f"{name}_low": effect.low, f"{name}_high": effect.high}
