"""What a run says of the training images, ready to be asked for by failure mode."""

from collections.abc import Mapping
from dataclasses import dataclass

from barlow_report.report.records import Share
from barlow_report.report.rows import rows
from barlow_report.report.source import ReportSource
from barlow_report.significance import wilson_interval

__all__ = ["TrainingMode", "WeightsView", "read_weights"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingMode:
    """A failure mode among the training images, see table `training_modes`; shares are of the images of its class."""

    rule_id: int
    analysed: Share
    training: Share
    comparison: str
    q_value: float | None
    factor: float
    reason: str | None
    weight_share: float | None


@dataclass(frozen=True, kw_only=True)
class WeightsView:
    """What the training images are, see table `training_summary`, and every failure mode by rule_id.

    `factor` is None with balance; `n_read` and `n_analysed` where no image was looked at.
    """

    n_listed: int
    n_read: int | None
    n_analysed: int | None
    n_labelled: int
    n_unlabelled: int
    n_other_class: int
    n_members: int
    n_raised: int
    factor: float | None
    max_factor: float
    modes: Mapping[int, TrainingMode]

    @property
    def shares(self) -> Mapping[int, Share]:
        """The training images that are in each failure mode, of those of its class, by rule_id."""
        return {rule_id: mode.training for rule_id, mode in self.modes.items()}

    @property
    def largest(self) -> float:
        """The largest number of times that an image counts."""
        return max((mode.factor for mode in self.modes.values()), default=1.0)


def read_weights(source: ReportSource) -> WeightsView | None:
    """Link the tables of the training images; None where the run has none."""
    tables = source.tables
    if not {"training_summary", "training_modes"} <= tables.keys() or tables["training_summary"].empty:
        return None
    (summary,) = rows(tables["training_summary"])
    level = float(source.info["config"]["rules"].get("confidence_level", 0.95))
    modes = {
        row["rule_id"]: TrainingMode(
            **{name: row[name] for name in ("rule_id", "comparison", "q_value", "factor", "reason", "weight_share")},
            analysed=_share(row["n_meets_analysed"], row["n_class_analysed"], level),
            training=_share(row["n_meets"], row["n_class"], level),
        )
        for row in rows(tables["training_modes"])
    }
    return WeightsView(**summary, modes=modes)


def _share(k: int, n: int, level: float) -> Share:
    if not n:
        return Share(k, n)
    low, high = (float(end) for end in wilson_interval(k, n, level=level))
    return Share(k, n, low, high)
