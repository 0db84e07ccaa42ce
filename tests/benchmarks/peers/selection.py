"""From a method's slices to the ones it is held to: in-sample, or after evidence on held-out images.

A method is fitted on some images and gives every image a score for each of its slices, positive for a member: for a
tree the leaf, for soft or ranked slices more than half a membership. Whatever the method, a slice is returned when
it is a failure mode: error rate at least BER + rho and error coverage at least tau, at the product's defaults.

An oracle gets the planted condition in place of the failures; what it returns is held to the same evidence, which
always looks at the failures.
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

_SETTINGS = RulesConfig(held_out_fraction=0.3)


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


def select_verified(
    slicer: Slicer, experiments: Sequence[Experiment], *, is_oracle: bool = False, held_out: bool = True
) -> list[Scores]:
    """Fit on 70 % of the analysed images; return the failure modes that the other 30 % confirm, as the product does.

    Args:
        slicer: The method.
        experiments: What to try it on.
        is_oracle: The method sees the planted condition instead of the failures.
        held_out: False for fit and evidence on all images, valid for methods that see no failures: oracles.
    """
    fitted, tested = zip(*(_split(e, held_out=held_out) for e in experiments), strict=True)
    jobs = [_job(e, f, is_oracle=is_oracle) for e, f in zip(experiments, fitted, strict=True)]
    returned = []
    for e, f, t, scores in zip(experiments, fitted, tested, slicer(jobs), strict=True):
        n = len(e.failure)
        members = scores[:n] > 0
        candidate, *_ = _modes(members[f], e.failure[f])
        holds, n_tested, k_tested = _modes(members[t], e.failure[t])
        p_values = exact_test(n_tested, k_tested, n_group_images=t.sum(), n_group_failures=e.failure[t].sum())
        q_values = adjust_p_values(np.where(candidate, p_values, np.nan))
        verdicts = judge(candidate, holds, q_values, max_q_value=_SETTINGS.max_q_value, in_sample=False)
        returned.append(scores[n:, verdicts == "verified"])
    return returned


def _split(experiment: Experiment, *, held_out: bool) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the images to fit on and those to test on."""
    everything = np.ones(len(experiment.failure), dtype=np.bool_)
    if not held_out:
        return everything, everything
    tested = split_images(
        np.zeros(len(experiment.failure), dtype=np.int64),
        experiment.failure,
        held_out_fraction=_SETTINGS.held_out_fraction,
        seed=experiment.plan.seed,
    )
    return ~tested, tested


def _job(experiment: Experiment, fitted: npt.NDArray[np.bool_], *, is_oracle: bool = False) -> Job:
    outcome, judge_outcome = experiment.failure, experiment.judge_failure
    if is_oracle:
        outcome, judge_outcome = experiment.condition, experiment.judge_condition
    return Job(
        fit_features=experiment.features[fitted],
        fit_failure=outcome[fitted],
        apply_features=np.concatenate([experiment.features, experiment.judge_features]),
        apply_failure=np.concatenate([outcome, judge_outcome]),
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
