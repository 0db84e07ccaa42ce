"""The product itself, through its public function."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules import explain_failures
from barlow_report.rules.ridge import fit_ridge
from tests.benchmarks.peers.experiments import Experiment
from tests.benchmarks.peers.table import Method

__all__ = ["explain_experiments", "product_methods", "score_direction"]


def product_methods() -> dict[str, Method]:
    """Return the product at its defaults, and its variants with their settings named."""
    found: dict[str, Method] = {
        "barlow-report, defaults": partial(explain_experiments, settings=RulesConfig()),
        "barlow-report, defaults, named modes only": partial(
            explain_experiments, settings=RulesConfig(), with_directions=False
        ),
    }
    thresholds: Literal["natural", "entropy"]
    for depth in (1, 2):
        for thresholds in ("natural", "entropy"):
            for label, fraction in (("30 % held out", 0.3), ("in-sample", 0.0)):
                settings = RulesConfig(
                    evidence="held_out", max_depth=depth, held_out_fraction=fraction, thresholds=thresholds
                )
                name = f"barlow-report, {thresholds} thresholds, depth {depth}, {label}"
                found[name] = partial(explain_experiments, settings=settings)
    return found


def explain_experiments(
    experiments: Sequence[Experiment], *, settings: RulesConfig, with_directions: bool = True
) -> list[npt.NDArray[np.float64]]:
    """Return the scores of the judging images for each verified mode, or for each failure mode in-sample.

    A rule's score is how far an image is inside its conditions: the smallest distance to a threshold, in standard
    deviations of the feature. Where no rule is verified the direction is returned if it is, as on the site: its score
    is how far an image exceeds its threshold.
    """
    return [_explain(experiment, settings, with_directions=with_directions) for experiment in experiments]


def _explain(experiment: Experiment, settings: RulesConfig, *, with_directions: bool) -> npt.NDArray[np.float64]:
    explanation = explain_failures(
        experiment.features,
        np.zeros(len(experiment.failure), dtype=np.int64),
        experiment.failure.astype(np.int64),
        settings=settings.model_copy(update={"groupings": ("label",), "n_workers": 1, "evaluation_depths": (1,)}),
        seed=experiment.plan.seed,
    )
    rules = explanation.rules
    rules = rules[rules["is_failure_mode"] if settings.held_out_fraction == 0 else rules["verdict"] == "verified"]
    joint = explanation.joint_modes
    if with_directions and not len(rules) and (joint["verdict"] == "verified").any():
        return score_direction(experiment, threshold=float(joint["threshold"].iloc[0]))
    scores = np.zeros((len(experiment.judge_features), len(rules)))
    for column, rule_id in enumerate(rules["rule_id"]):
        conditions = explanation.conditions[explanation.conditions["rule_id"] == rule_id]
        margins = []
        for feature_id, branch, threshold in conditions[["feature_id", "branch", "threshold"]].itertuples(index=False):
            margin = experiment.judge_features[:, feature_id].astype(np.float64) - threshold
            margin /= experiment.features[:, feature_id].std() + 1e-12
            # a value at the threshold belongs to `le`
            margins.append(np.where(margin <= 0, -margin + 1e-12, -margin) if branch == "le" else margin)
        scores[:, column] = np.min(margins, axis=0)
    return scores


def score_direction(experiment: Experiment, *, threshold: float) -> npt.NDArray[np.float64]:
    """Return how far the score of each judging image exceeds the threshold of the group's direction, (n_judge, 1)."""
    ridge = fit_ridge(experiment.features)
    varies = ridge.scales > 0
    z = (experiment.judge_features - experiment.features.mean(axis=0))[:, varies] / ridge.scales[varies]
    scores = experiment.failure.mean() + z @ ridge.weights(experiment.failure)[varies]
    return np.asarray(scores - threshold, dtype=np.float64)[:, None]
