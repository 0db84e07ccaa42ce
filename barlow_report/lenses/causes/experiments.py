"""What is tested: a condition of a failure mode in a direction, and the rows of the tables that come of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.causes.effects import Effect, measure_effect
from barlow_report.lenses.causes.tables import DIRECTIONS

__all__ = ["Experiment", "Rows", "not_tested", "tabulate"]

Booleans = npt.NDArray[np.bool_]
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


def tabulate(
    unit: Experiment,
    *,
    moved: Booleans,
    controls: Booleans,
    control_doses: Booleans,
    of_class: Booleans,
    noise: Booleans,
    doses: tuple[float, ...],
    control_ids: npt.NDArray[np.int64],
    class_ids: npt.NDArray[np.int64],
    seed: int,
    level: float,
) -> Rows:
    """The rows of an experiment, but for its pictures, for q-values and verdicts, and for what was set beforehand.

    Args:
        unit: The experiment.
        moved: Whether images fail after each dose of the move, (n_images, n_doses), the unchanged one first.
        controls: Whether they fail after the changes along other features, (n_images, n_controls).
        control_doses: The same after each dose of one of these changes, (n_images, n_doses).
        of_class: As `controls`, along features with a similar weight for the class; perhaps none.
        noise: Whether they fail after noise, (n_images,).
        doses: Shares of the way, 0 to 1.
        control_ids: The features of `controls`.
        class_ids: Those of `of_class`.
        seed: Of bootstrap and sign flips.
        level: Of intervals, 0 to 1.
    """
    n_images = len(moved)
    effect = measure_effect(moved[:, -1], controls, direction=unit.direction, seed=seed, level=level)
    rates = controls.mean(axis=0)
    row = {
        **unit.key,
        "feature_id": unit.feature_id,
        "n_images": n_images,
        "n_failures_before": int(moved[:, 0].sum()),
        "n_failures_moved": int(moved[:, -1].sum()),
        "n_failures_noise": int(noise.sum()),
        "control_rate": float(rates.mean()),
        "control_rate_low": float(rates.min()),
        "control_rate_high": float(rates.max()),
        "p_value": effect.p_value,
        **_as_columns("effect", effect),
    }
    if of_class.shape[1] > 1:
        specific = measure_effect(moved[:, -1], of_class, direction=unit.direction, seed=seed, level=level)
        row |= _as_columns("specificity", specific)
    failed = zip(moved.sum(axis=0), control_doses.sum(axis=0), strict=True)
    tested = (("other", control_ids, controls), ("class", class_ids, of_class))
    return {
        "causes": [row],
        "cause_doses": [
            {**unit.key, "dose": dose, "n_images": n_images, "n_failures_moved": int(k), "n_failures_control": int(c)}
            for dose, (k, c) in zip(doses, failed, strict=True)
        ],
        "cause_controls": [
            {**unit.key, "kind": kind, "feature_id": int(i), "n_images": n_images, "n_failures": int(k)}
            for kind, ids, table in tested
            for i, k in zip(ids, table.sum(axis=0), strict=True)
        ],
        "cause_pairs": [],
    }


def _as_columns(name: str, effect: Effect) -> dict[str, float]:
    return {name: effect.value, f"{name}_low": effect.low, f"{name}_high": effect.high}
