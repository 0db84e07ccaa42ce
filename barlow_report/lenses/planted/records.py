"""What was planted, ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from barlow_report.report.rows import rows

__all__ = ["Planted", "read_planted"]


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


def read_planted(tables: Mapping[str, pd.DataFrame]) -> tuple[Planted, ...] | None:
    """Return what was planted in each class; None where the run is no demo."""
    table = tables.get("planted")
    return None if table is None else tuple(Planted(**row) for row in rows(table))
