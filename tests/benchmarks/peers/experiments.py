"""Small experiments with a planted failure each, in the manner of SpotCheck (Plumb et al., 2023, arXiv 2207.04104).

A group of images is put together from a pool; its failures are drawn with probability p1 where the planted condition
holds and p0 elsewhere. The features are those of real images; the analysis gets features and failures, never the
condition. Besides, some experiments have no planted failure (p1 = p0), and some use a trained model's own failures.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.benchmarks.peers.pools import Pool

__all__ = ["Experiment", "Plan", "make_experiment", "plan_experiments"]

KINDS = ("cue missing", "cue shown", "hidden class", "hidden class, cue missing")
GROUP_SIZES = (60, 120, 240, 400)
CONDITION_RATES = (0.2, 0.35, 0.5)
BASE_RATES = (0.05, 0.15, 0.3)
STRENGTHS = (0.2, 0.4, 0.6)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is planted: see the module; kind "none" for nothing, and "model's own" for a trained model's failures.

    Here `rate` is the share of images with the odd cue, 0 to 1.
    """

    kind: str
    classes: tuple[int, ...]
    n_images: int
    rate: float
    base: float
    strength: float
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """The images to analyse, and others to judge the result by.

    Attributes:
        features: (n_images, n_features) float32.
        failure: (n_images,) bool.
        condition: (n_images,) bool: the planted condition holds. For oracles alone.
        judge_features: (n_judge, n_features): of images that are not analysed; scenes with and without their cues.
        judge_failure: (n_judge,) bool.
        judge_condition: (n_judge,) bool: the planted condition holds.
        judge_risk: (n_judge,) probability of a failure, 0 to 1.
        judge_weights: (n_judge,) so that the share of each cue is that of the analysed images.
        judge_drawn: (n_judge,) bool: a sample by those weights, one scene of each pair.
    """

    plan: Plan
    features: npt.NDArray[np.float32]
    failure: npt.NDArray[np.bool_]
    condition: npt.NDArray[np.bool_]
    judge_features: npt.NDArray[np.float32]
    judge_failure: npt.NDArray[np.bool_]
    judge_condition: npt.NDArray[np.bool_]
    judge_risk: npt.NDArray[np.float64]
    judge_weights: npt.NDArray[np.float64]
    judge_drawn: npt.NDArray[np.bool_]


def plan_experiments(*, n_planted: int, n_own: int, n_null: int, n_classes: int, seed: int) -> list[Plan]:
    """Draw what is planted where; all factors vary independently."""
    random = np.random.default_rng([seed, 7])
    plans = []
    for number in range(n_planted + n_own + n_null):
        kind = KINDS[number % len(KINDS)]
        if number >= n_planted:
            kind = "model's own" if number < n_planted + n_own else "none"
        n_mixed = 2 if kind.startswith("hidden class") else 1
        plans.append(
            Plan(
                kind=kind,
                classes=tuple(random.choice(n_classes, n_mixed, replace=False).tolist()),
                n_images=int(random.choice(GROUP_SIZES)),
                rate=float(random.choice(CONDITION_RATES)),
                base=float(random.choice(BASE_RATES)),
                strength=float(random.choice(STRENGTHS)) if kind != "none" else 0.0,
                seed=int(random.integers(2**31)),
            )
        )
    return plans


def make_experiment(pool: Pool, plan: Plan) -> Experiment:
    """Put the images of `plan` together and draw their failures; the last fifth of the pool's scenes only judges."""
    random = np.random.default_rng(plan.seed)
    first_judge = pool.features.shape[1] * 4 // 5
    per_class = min(plan.n_images // len(plan.classes), first_judge)
    analysed = [(c, i) for c in plan.classes for i in random.choice(first_judge, per_class, replace=False)]
    judging = [(c, i) for c in plan.classes for i in range(first_judge, pool.features.shape[1])]
    class_ids, indices = np.array(analysed).T
    odd = random.random(len(class_ids)) < plan.rate
    judge_classes, judge_indices = np.repeat(np.array(judging), 2, axis=0).T
    judge_odd = np.tile([True, False], len(judging))
    risk, condition = _risk(pool, plan, class_ids, indices, odd)
    judge_risk, judge_condition = _risk(pool, plan, judge_classes, judge_indices, judge_odd)
    return Experiment(
        plan=plan,
        features=pool.features[class_ids, indices, _version(plan, odd)],
        failure=random.random(len(risk)) < risk,
        condition=condition,
        judge_features=pool.features[judge_classes, judge_indices, _version(plan, judge_odd)],
        judge_failure=random.random(len(judge_risk)) < judge_risk,
        judge_condition=judge_condition,
        judge_risk=judge_risk,
        judge_weights=np.where(judge_odd, plan.rate, 1 - plan.rate),
        judge_drawn=np.repeat(random.random(len(judging)) < plan.rate, 2) == judge_odd,
    )


def _version(plan: Plan, odd: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Which scene of the pair: 0 without the cue, 1 with it. The odd images lack it, but for `cue shown`."""
    return (odd if plan.kind == "cue shown" else ~odd).astype(np.int64)


def _risk(
    pool: Pool,
    plan: Plan,
    class_ids: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    odd: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the probability of a failure of each image, and whether the planted condition holds."""
    condition = odd.copy()
    if plan.kind == "hidden class":
        condition = class_ids == plan.classes[0]
    elif plan.kind == "hidden class, cue missing":
        condition &= class_ids == plan.classes[0]
    if plan.kind == "model's own":
        return pool.fails[class_ids, indices, _version(plan, odd)].astype(np.float64), condition
    return plan.base + np.where(condition, plan.strength, 0.0), condition
