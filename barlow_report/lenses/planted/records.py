"""What was planted, ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from barlow_report.report.rows import rows

__all__ = ["Planted", "PlantedChange", "PlantedTables", "TrueEffect", "read_planted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What became of one planted failure mode; see table `planted`."""

    class_id: int
    cue: str
    n_images: int
    n_with_cue: int
    rule_id: int | None
    agreement: float | None
    cue_correlation: float | None
    n_verified: int
    outcome: str
    label_noise: str
    noise_sign: str
    noise_class_id: int | None
    n_noise: int
    n_noise_failures: int
    n_noise_recognised: int | None
    n_noise_false: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEffect:
    """What a cue or a decoy truly does to the inspected model; see table `true_effects`."""

    class_id: int
    kind: str
    name: str
    direction: str
    n_scenes: int
    n_failures: int
    n_failures_redrawn: int
    effect: float
    rule_id: int | None
    position: int | None
    agreement: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedChange:
    """What was planted to change in a class since the release before; see table `planted_changes`."""

    class_id: int
    cue: str
    change: str
    n_lacking: int
    n_failures_old: int | None
    n_failures_new: int
    states_label: str
    states_prediction: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedTables:
    """What was planted in each class, what of it truly makes the model fail, and what changed; empty: first release."""

    classes: tuple[Planted, ...]
    effects: tuple[TrueEffect, ...]
    changes: tuple[PlantedChange, ...]


def read_planted(tables: Mapping[str, pd.DataFrame]) -> PlantedTables | None:
    """Return what was planted; None where the run is no demo. A run of an earlier version has no true effects."""
    if (planted := tables.get("planted")) is None:
        return None
    effects, changes = tables.get("true_effects"), tables.get("planted_changes")
    return PlantedTables(
        classes=tuple(Planted(**row) for row in rows(planted)),
        effects=() if effects is None else tuple(TrueEffect(**row) for row in rows(effects)),
        changes=() if changes is None else tuple(PlantedChange(**row) for row in rows(changes)),
    )
