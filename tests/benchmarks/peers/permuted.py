"""A candidate for better evidence in small groups: a permutation test of the whole search, on all images.

Held-out images cost power twice: the tree is fitted on fewer images and tested on fewer still. Shuffling the failures
and repeating the search gives the distribution of its best split under no relation, selection included, so that all
images can serve both. What it tests is the group ("there is something to find"), and not each rule; the rule's rates
remain in-sample. Stumps search all features, without a selection first.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.rules.evidence import adjust_p_values
from tests.benchmarks.peers.experiments import Experiment
from tests.benchmarks.peers.product import explain_experiments

__all__ = ["explain_permuted", "permutation_p_value"]

N_PERMUTATIONS = 499


def explain_permuted(experiments: Sequence[Experiment]) -> list[npt.NDArray[np.float64]]:
    """Return the in-sample failure modes of depth 1 where the permutation test passes, over all groups at 5 %."""
    returned = explain_experiments(experiments, settings=RulesConfig(max_depth=1, held_out_fraction=0.0))
    p_values = [permutation_p_value(e.features, e.failure, seed=e.plan.seed) for e in experiments]
    candidates = np.array([p if s.shape[1] else np.nan for p, s in zip(p_values, returned, strict=True)])
    passed = np.nan_to_num(adjust_p_values(candidates), nan=1.0) <= RulesConfig().max_q_value
    return [s if keep else s[:, :0] for s, keep in zip(returned, passed, strict=True)]


def permutation_p_value(
    features: npt.NDArray[np.float32],
    failure: npt.NDArray[np.bool_],
    *,
    seed: int,
    n_permutations: int = N_PERMUTATIONS,
) -> float:
    """Return how often shuffled failures allow a split of one feature as good as the best one, 0 to 1.

    Args:
        features: (n_images, n_features).
        failure: (n_images,) bool.
        seed: Of the shuffles.
        n_permutations: Shuffles; the smallest p-value is 1 / (n_permutations + 1).
    """
    n, n_failures = len(failure), int(failure.sum())
    if n_failures in (0, n):
        return 1.0
    order = np.argsort(features, axis=0, kind="stable")
    ordered = np.take_along_axis(features, order, axis=0)
    is_cut = ordered[1:] > ordered[:-1]  # a threshold fits only between different values
    sizes = np.arange(1, n)[:, None]
    scale = sizes * (n - sizes)
    random = np.random.default_rng([seed, 11])

    def best(outcome: npt.NDArray[np.bool_]) -> float:
        counts = np.cumsum(outcome[order[:-1]], axis=0, dtype=np.float64)
        return float(np.where(is_cut, (n * counts - n_failures * sizes) ** 2 / scale, 0.0).max())  # as chi-squared

    observed = best(failure)
    n_as_good = sum(best(random.permutation(failure)) >= observed * (1 - 1e-12) for _ in range(n_permutations))
    return (n_as_good + 1) / (n_permutations + 1)
