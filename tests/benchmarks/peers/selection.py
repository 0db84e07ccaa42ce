"""From a method's slices to the ones it is held to: in-sample, or after evidence on held-out images.

A method is fitted on some images and gives every image a score for each of its slices, positive for a member: for a
tree the leaf, for soft or ranked slices more than half a membership. Whatever the method, a slice is returned when
it is a failure mode: error rate at least BER + rho and error coverage at least tau, at the product's defaults.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.evidence import adjust_p_values, exact_test, judge
from barlow_report.rules.groups import split_images
from tests.benchmarks.peers.experiments import Experiment

__all__ = ["Job", "Slicer", "select_everything", "select_in_sample", "select_verified"]

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """Fit on the first, score the second; a method sees no more than this."""

    fit_features: npt.NDArray[np.float32]
    fit_failure: npt.NDArray[np.bool_]
    apply_features: npt.NDArray[np.float32]
    apply_failure: npt.NDArray[np.bool_]
    seed: int


Slicer = Callable[[Sequence[Job]], list[Scores]]
"""From jobs to scores (n_apply, n_slices) each, the method's first slice first."""

_SETTINGS = RulesConfig()


def select_in_sample(slicer: Slicer, experiments: Sequence[Experiment]) -> list[Scores]:
    """Fit on all analysed images, return the scores of the judging images for each slice that is a failure mode."""
    jobs = [_job(e, np.ones(len(e.failure), dtype=np.bool_)) for e in experiments]
    returned = []
    for experiment, scores in zip(experiments, slicer(jobs), strict=True):
        n = len(experiment.failure)
        returned.append(scores[n:, _modes(scores[:n] > 0, experiment.failure)[0]])
    return returned


def select_everything(slicer: Slicer, experiments: Sequence[Experiment]) -> list[Scores]:
    """Fit on all analysed images, return every slice that the method returns and that has a member among them."""
    jobs = [_job(e, np.ones(len(e.failure), dtype=np.bool_)) for e in experiments]
    returned = []
    for experiment, scores in zip(experiments, slicer(jobs), strict=True):
        n = len(experiment.failure)
        returned.append(scores[n:, (scores[:n] > 0).any(axis=0)])
    return returned


def select_verified(slicer: Slicer, experiments: Sequence[Experiment]) -> list[Scores]:
    """Fit on 70 % of the analysed images; return the failure modes that the other 30 % confirm, as the product does."""
    held = [
        split_images(
            np.zeros(len(e.failure), dtype=np.int64),
            e.failure,
            held_out_fraction=_SETTINGS.held_out_fraction,
            seed=e.plan.seed,
        )
        for e in experiments
    ]
    jobs = [_job(e, ~h) for e, h in zip(experiments, held, strict=True)]
    returned = []
    for e, h, scores in zip(experiments, held, slicer(jobs), strict=True):
        members, n = scores[: len(h)] > 0, len(h)
        candidate, *_ = _modes(members[~h], e.failure[~h])
        holds, n_held, k_held = _modes(members[h], e.failure[h])
        p_values = exact_test(n_held, k_held, n_group_images=h.sum(), n_group_failures=e.failure[h].sum())
        q_values = adjust_p_values(np.where(candidate, p_values, np.nan))
        verdicts = judge(candidate, holds, q_values, max_q_value=_SETTINGS.max_q_value, in_sample=False)
        returned.append(scores[n:, verdicts == "verified"])
    return returned


def _job(experiment: Experiment, fitted: npt.NDArray[np.bool_]) -> Job:
    return Job(
        fit_features=experiment.features[fitted],
        fit_failure=experiment.failure[fitted],
        apply_features=np.concatenate([experiment.features, experiment.judge_features]),
        apply_failure=np.concatenate([experiment.failure, experiment.judge_failure]),
        seed=experiment.plan.seed,
    )


def _modes(
    members: npt.NDArray[np.bool_], failure: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return which slices are failure modes on these images, and their images and failures."""
    n, k = members.sum(axis=0), members[failure].sum(axis=0)
    modes = metrics.is_failure_mode(
        metrics.error_rate(n, k),
        metrics.error_coverage(k, failure.sum()),
        base_rate=metrics.base_error_rate(len(failure), failure.sum()),
        rho=_SETTINGS.rho,
        tau=_SETTINGS.tau,
    )
    return np.asarray(modes), n, k
