"""Discovery rate, false discovery rates and precision at 10.

Definitions of SpotCheck (Plumb et al., 2023): a slice belongs to the planted failure when at least 80 % of its images
satisfy the planted condition; the failure is discovered when the slices that belong to it cover at least 80 % of the
images that satisfy it; a slice that does not belong is a false discovery. Where nothing is planted all are. `Discovery
at 60` puts 60 % for both. A slice may miss 80 % and still be right that its images fail more often: `spurious` counts
only those whose true probability of failure exceeds the group's by less than 0.05, which is the error that a test of
significance limits; the others are true slices. Precision at 10 (Eyuboglu et al., 2022): share of the ten images
highest in the first slice that satisfy the condition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.benchmarks.peers.experiments import Experiment

__all__ = ["Outcome", "count_outcomes", "score_slices", "summarize"]

STRICT = 0.8
LOOSE = 0.6
MIN_EXCESS = 0.05


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a method returned for one experiment: counts of slices, and whether it found what was planted."""

    kind: str
    n_returned: int
    n_false: int
    n_spurious: int
    is_discovered: bool
    is_discovered_at_60: bool
    precision_at_10: float


def score_slices(experiment: Experiment, scores: npt.NDArray[np.float64]) -> Outcome:
    """Judge the slices that a method returned, by scenes it never saw.

    Args:
        experiment: The experiment.
        scores: (n_judge, n_slices), positive for members, the first slice first.
    """
    weights, condition = experiment.judge_weights, experiment.judge_condition
    planted = experiment.plan.kind != "none"
    members = scores > 0
    sizes = weights @ members
    with np.errstate(invalid="ignore"):
        precision = np.nan_to_num((weights * condition) @ members / sizes)
        risk = np.nan_to_num((weights * experiment.judge_risk) @ members / sizes)
    base = weights @ experiment.judge_risk / weights.sum()

    def is_discovered(least: float) -> bool:
        covered = members[:, precision >= least].any(axis=1)
        return bool(planted and 0 < least * (weights @ condition) <= (weights * condition) @ covered)

    return Outcome(
        kind=experiment.plan.kind,
        n_returned=scores.shape[1],
        n_false=int((precision < STRICT).sum()) if planted else scores.shape[1],
        n_spurious=int((risk - base < MIN_EXCESS).sum()),
        is_discovered=is_discovered(STRICT),
        is_discovered_at_60=is_discovered(LOOSE),
        precision_at_10=_precision_at_10(experiment, scores) if planted else float("nan"),
    )


def count_outcomes(outcomes: Sequence[Outcome]) -> dict[str, tuple[int, int]]:
    """Return for each criterion how many meet it, of how many: planted experiments, slices, or null experiments."""
    planted, null = ([o for o in outcomes if (o.kind != "none") == wanted] for wanted in (True, False))
    n_returned = sum(o.n_returned for o in outcomes)
    return {
        "discovery": (sum(o.is_discovered for o in planted), len(planted)),
        "discovery at 60": (sum(o.is_discovered_at_60 for o in planted), len(planted)),
        "true slice": (sum(o.n_returned > o.n_spurious for o in planted), len(planted)),
        "false": (sum(o.n_false for o in outcomes), n_returned),
        "spurious": (sum(o.n_spurious for o in outcomes), n_returned),
        "any in null": (sum(o.n_returned > 0 for o in null), len(null)),
    }


def summarize(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Average over experiments; shares of slices are pooled. NaN where there is nothing to average."""
    shares = {name: k / n if n else float("nan") for name, (k, n) in count_outcomes(outcomes).items()}
    return shares | {
        "precision at 10": _mean([o.precision_at_10 for o in outcomes if o.kind != "none"]),
        "slices": sum(o.n_returned for o in outcomes) / len(outcomes),
    }


def _precision_at_10(experiment: Experiment, scores: npt.NDArray[np.float64]) -> float:
    if not scores.shape[1]:
        return 0.0
    drawn = experiment.judge_drawn
    top = np.argsort(-scores[drawn, 0], kind="stable")[:10]
    return float(experiment.judge_condition[drawn][top].mean())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
