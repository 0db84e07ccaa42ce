"""Failures planted in groups of real images, by conditions that no method sees.

A condition is the highest or lowest values of a pixel statistic, the images nearest to a cluster's centre in another
model's features, an edit, one of several mixed classes, or two of these: both hold, or one of them. Failures are drawn
with probability base + strength where the condition holds and base elsewhere. What judges the result are the other
images of the same classes, put together in the same way.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from tests.benchmarks.peers.experiments import Experiment, Plan
from tests.benchmarks.peers.real_pool import RealPool, load_real_pool

__all__ = ["RealPlan", "make_real_experiment", "plan_real_experiments", "real_experiments", "tuning_experiments"]

SEEDS = {"tuning": 303, "test": 404}
N_PLANTED = {"tuning": 240, "test": 300}
N_NULL = {"tuning": 80, "test": 100}
SOURCES = ("edit", "hidden class", "cluster", "pixel statistic")
KINDS = (*SOURCES, "A and B", "A or B")
GROUP_SIZES = (60, 120, 250, 500, 1000)
CONDITION_RATES = (0.15, 0.25, 0.35, 0.5)
BASE_RATES = (0.05, 0.15, 0.3)
STRENGTHS = (0.2, 0.4, 0.6)
N_CLUSTERS = 6
LARGEST_OF_ONE_CLASS = 500
SMALLEST_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class RealPlan(Plan):
    """A plan whose condition holds in the share `rate` of the images.

    Attributes:
        sources: One or two of SOURCES, in that order.
        is_either: One of two is enough; else both must hold.
    """

    sources: tuple[str, ...]
    is_either: bool

    @property
    def first_rate(self) -> float:
        """The share of images in which each of two independent conditions holds, so that together it is `rate`."""
        if len(self.sources) == 1:
            return self.rate
        return float(1 - np.sqrt(1 - self.rate) if self.is_either else np.sqrt(self.rate))


def tuning_experiments(folder: Path, images: Path) -> list[Experiment]:
    """Return the experiments to choose methods and settings on; see `real_experiments`."""
    return real_experiments(folder, images, part="tuning")


def real_experiments(folder: Path, images: Path, *, part: str) -> list[Experiment]:
    """Return the experiments of a part, "tuning" or "test".

    Args:
        folder: Where the pool is kept.
        images: Folder of images and models; see `tests.benchmarks.peers.real_pool`.
        part: The two share no class, image, statistic, edit or seed.
    """
    pool = load_real_pool(folder, images, part=part)
    plans = plan_real_experiments(
        n_planted=N_PLANTED[part], n_null=N_NULL[part], n_classes=int(pool.labels.max()) + 1, seed=SEEDS[part]
    )
    return [make_real_experiment(pool, plan) for plan in plans]


def plan_real_experiments(*, n_planted: int, n_null: int, n_classes: int, seed: int) -> list[RealPlan]:
    """Draw what is planted where; all factors vary independently. Groups with nothing planted are made alike."""
    random = np.random.default_rng([seed, 7])
    plans = []
    for number in range(n_planted + n_null):
        kind, is_planted = KINDS[number % len(KINDS)], number < n_planted
        sources: tuple[str, ...] = (kind,)
        if kind not in SOURCES:
            # two of the statistics may be joined, as well as two different sources
            drawn = random.choice(len(SOURCES) + 1, 2, replace=False)
            sources = tuple((*SOURCES, SOURCES[-1])[i] for i in np.sort(drawn))
        n_images = int(random.choice(GROUP_SIZES))
        n_mixed = 1 + ("hidden class" in sources) + (n_images > LARGEST_OF_ONE_CLASS) + int(random.random() < 1 / 3)
        plans.append(
            RealPlan(
                kind=kind if is_planted else "none",
                sources=sources,
                is_either=kind == "A or B",
                classes=tuple(random.choice(n_classes, n_mixed, replace=False).tolist()),
                n_images=n_images,
                rate=float(random.choice(CONDITION_RATES)),
                base=float(random.choice(BASE_RATES)),
                strength=float(random.choice(STRENGTHS)) if is_planted else 0.0,
                seed=int(random.integers(2**31)),
            )
        )
    return plans


def make_real_experiment(pool: RealPool, plan: RealPlan) -> Experiment:
    """Put the images of `plan` together, those to analyse and those that judge, and draw their failures."""
    random = np.random.default_rng(plan.seed)
    images = _draw_images(pool, plan, random)
    version = np.zeros(len(images), dtype=np.int64)
    if "edit" in plan.sources:
        is_edited = random.random(len(images)) < plan.first_rate
        version = np.where(is_edited, random.integers(1, len(pool.features)), 0)
    condition = _condition(pool, plan, images, version, random)
    risk = plan.base + np.where(condition, plan.strength, 0.0)
    features, failure = pool.features[version, images], random.random(len(risk)) < risk
    n, n_judge = plan.n_images, len(images) - plan.n_images
    return Experiment(
        plan=plan,
        features=features[:n],
        failure=failure[:n],
        condition=condition[:n],
        judge_features=features[n:],
        judge_failure=failure[n:],
        judge_condition=condition[n:],
        judge_risk=risk[n:],
        judge_weights=np.ones(n_judge),
        judge_drawn=np.ones(n_judge, dtype=np.bool_),
    )


def _draw_images(pool: RealPool, plan: RealPlan, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw images in random order, as many as there are for the plan's shares of classes.

    The shares are equal, but for a hidden class, which is the plan's first.
    """
    shares = np.full(len(plan.classes), 1 / len(plan.classes))
    if "hidden class" in plan.sources:
        shares[:] = (1 - plan.first_rate) / (len(plan.classes) - 1)
        shares[0] = plan.first_rate
    available = [np.flatnonzero(pool.labels == c) for c in plan.classes]
    n_images = min(len(ids) / share for ids, share in zip(available, shares, strict=True))
    drawn = [
        random.choice(ids, int(n_images * share), replace=False) for ids, share in zip(available, shares, strict=True)
    ]
    return random.permutation(np.concatenate(drawn))


def _condition(
    pool: RealPool,
    plan: RealPlan,
    images: npt.NDArray[np.int64],
    version: npt.NDArray[np.int64],
    random: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """Return in which images the planted condition holds.

    The second of two conditions is cut where it completes the plan's rate, among the images that it can still change.
    """
    statistics = iter(random.permutation(len(pool.statistics)))
    condition = np.full(len(images), not plan.is_either)
    for source, rate in zip(plan.sources, (plan.first_rate, plan.rate), strict=False):
        if source == "edit":
            holds = version > 0
        elif source == "hidden class":
            holds = pool.labels[images] == plan.classes[0]
        else:
            if source == "cluster":
                scores = _closeness(pool.hidden_features[images], random)
            else:
                scores = random.choice((-1, 1)) * pool.statistics[next(statistics)][images]
            holds = scores > _threshold(scores[: plan.n_images], condition[: plan.n_images], rate, plan.is_either)
        condition = condition | holds if plan.is_either else condition & holds
    return condition


def _threshold(
    scores: npt.NDArray[np.float64], condition: npt.NDArray[np.bool_], rate: float, is_either: bool
) -> np.float64:
    """Return the score above which the condition, joined with what it is so far, holds in `rate` of the images."""
    if is_either:
        among, share = ~condition, (rate - condition.mean()) / (1 - condition.mean())
    else:
        among, share = condition, rate / condition.mean()
    return np.float64(np.quantile(scores[among], 1 - np.clip(share, SMALLEST_SHARE, 1)))


def _closeness(hidden: npt.NDArray[np.float32], random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return how near each image is to the centre of one of the clusters."""
    clusters = KMeans(N_CLUSTERS, n_init=1, random_state=int(random.integers(2**31))).fit(hidden)
    return np.asarray(-clusters.transform(hidden)[:, random.integers(N_CLUSTERS)], dtype=np.float64)
