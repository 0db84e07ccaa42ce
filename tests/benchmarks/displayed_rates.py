"""Is the error rate that a report shows the one that new images have?

    python -m tests.benchmarks.displayed_rates --images ../shared/data/cifar10 --folder FOLDER [--n-planted 600]

Failures are planted in groups of real images of the benchmark's test part (other plants than that benchmark's), and of
drawn scenes. Of every mode that passes its test, verified or real but small, the shown rate is compared with the true
probability of failure of other images of the same make that meet its rule. In-sample: the rate that was seen.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from barlow_report.config import RulesConfig
from barlow_report.rules import explain_failures, leaf_members
from tests.benchmarks.peers.experiments import Experiment, make_experiment, plan_experiments
from tests.benchmarks.peers.pools import CUED_CLASSES, load_pool
from tests.benchmarks.peers.product import score_direction
from tests.benchmarks.peers.real_experiments import make_real_experiment, plan_real_experiments
from tests.benchmarks.peers.real_pool import load_real_pool

SIZES = (60, 120, 250, 500, 1000, 1400)
N_CLASSES_OF_LARGEST = 4
SEED = 505


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A mode that passed its test: what a report says of it, and the truth."""

    kind: str
    n_images: int
    seen: float
    rate: float
    low: float
    high: float
    truth: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of images and models")
    parser.add_argument("--folder", type=Path, required=True, help="where pools are kept")
    parser.add_argument("--n-planted", type=int, default=600)
    arguments = parser.parse_args()
    print("| plants | mode | images of the group | modes | seen − true | shown − true | interval covers |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    real = load_real_pool(arguments.folder, arguments.images, part="test")
    n_classes = int(real.labels.max()) + 1
    plans = plan_real_experiments(n_planted=arguments.n_planted, n_null=0, n_classes=n_classes, seed=SEED)
    random = np.random.default_rng(SEED)
    largest = [
        replace(
            plan,
            n_images=SIZES[-1],
            classes=tuple(random.choice(n_classes, N_CLASSES_OF_LARGEST, replace=False).tolist()),
        )
        for plan in plans[: arguments.n_planted // 5]
    ]
    _print("real images", [make_real_experiment(real, plan) for plan in [*plans, *largest]])
    pool = load_pool(arguments.folder, seed=SEED, n_per_class=500)
    drawn = plan_experiments(
        n_planted=arguments.n_planted // 2, n_own=0, n_null=0, n_classes=len(CUED_CLASSES), seed=SEED
    )
    _print("drawn scenes", [make_experiment(pool, plan) for plan in drawn])


def _print(name: str, experiments: Sequence[Experiment]) -> None:
    shown = [mode for experiment in experiments for mode in modes_shown(experiment)]
    for kind in ("named", "joint"):
        for size in sorted({mode.n_images for mode in shown}):
            found = [mode for mode in shown if (mode.kind, mode.n_images) == (kind, size)]
            if found:
                print(f"| {name} | {kind} | {size} | {len(found)} | {' | '.join(_cells(found))} |", flush=True)


def _cells(modes: Sequence[Shown]) -> tuple[str, str, str]:
    seen, rate = (np.array([getattr(mode, key) - mode.truth for mode in modes]) * 100 for key in ("seen", "rate"))
    covers = np.mean([mode.low <= mode.truth <= mode.high for mode in modes])
    return f"{seen.mean():+.1f}", f"{rate.mean():+.1f} ± {rate.std() / np.sqrt(len(rate)):.1f}", f"{covers:.0%}"


def modes_shown(experiment: Experiment) -> list[Shown]:
    """Return every mode of an experiment that passes its test, with the truth about it."""
    explanation = explain_failures(
        experiment.features,
        np.zeros(len(experiment.failure), dtype=np.int64),
        experiment.failure.astype(np.int64),
        settings=RulesConfig(groupings=("label",), n_workers=1, evaluation_depths=(1,), n_resamples=0),
        seed=experiment.plan.seed,
    )
    found = []
    rules = explanation.rules
    for rule in rules[rules["verdict"].isin(["verified", "real_but_small"])].itertuples():
        conditions = explanation.conditions[explanation.conditions["rule_id"] == rule.rule_id]
        members = leaf_members(experiment.judge_features, conditions)
        rates = (rule.error_rate_held_out, rule.error_rate_held_out_low, rule.error_rate_held_out_high)
        found.append(("named", rule.error_rate, rates, members))
    for mode in explanation.joint_modes.itertuples():
        if mode.verdict != "can_be_chance":
            members = score_direction(experiment, threshold=mode.threshold)[:, 0] > 0
            rates = (mode.error_rate, mode.error_rate_low, mode.error_rate_high)
            found.append(("joint", mode.n_failures / mode.n_images, rates, members))
    weights = experiment.judge_weights
    return [
        Shown(
            kind=kind,
            n_images=experiment.plan.n_images,
            seen=seen,
            rate=rate,
            low=low,
            high=high,
            truth=float((weights * members) @ experiment.judge_risk / (weights @ members)),
        )
        for kind, seen, (rate, low, high), members in found
        if weights @ members > 0
    ]


if __name__ == "__main__":
    main()
