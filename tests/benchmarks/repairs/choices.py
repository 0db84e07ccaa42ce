"""Images chosen from a pool in several ways, all as many.

Failure modes take turns, so that each has as many of the k images as the others, as far as the pool has that many that
meet its rule. A choice that goes by mode takes as many for each mode; one over the whole pool takes as many in all.
Labels of the pool are known to the choices of a mode or a class, and to no choice over the whole pool.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.scoring import find_directions
from tests.benchmarks.repairs.images import Images, Parts
from tests.benchmarks.repairs.measures import count_off
from tests.benchmarks.repairs.product import Mode

__all__ = ["CHOICES", "DRAWN", "choose", "rank", "shuffled"]

Integers = npt.NDArray[np.int64]
Singles = npt.NDArray[np.float32]

CHOICES = {
    "rules": "that meet the rules, in random order",
    "directions": "of the classes, far along their failure directions",
    "collect": "as `collect` ranks them",
    "random": "any, at random",
    "random_of_class": "of the classes, at random",
    "lowest_confidence": "any, of lowest confidence",
    "lowest_confidence_of_class": "of the classes, of lowest confidence",
    "smallest_margin": "any, of smallest margin",
}
"""What each choice takes; those of a class know its label."""

DRAWN = ("rules", "random", "random_of_class")
"""Choices in random order, which each seed draws anew."""

_WHOLE = ("random", "lowest_confidence", "smallest_margin")


def rank(images: Images, modes: Sequence[Mode], parts: Parts, probabilities: Singles) -> dict[str, list[Integers]]:
    """Return the pool in the order of each choice: for each failure mode, or of those over the whole pool once.

    Those that are `DRAWN` are in the order of the pool, see `shuffled`.

    Args:
        images: All images.
        modes: The failure modes.
        parts: Of the images.
        probabilities: (n, n_classes) of the inspected model, of all images.
    """
    pool = parts.pool
    confidence, ordered = probabilities.max(axis=1), np.sort(probabilities, axis=1)
    rankings: dict[str, list[Integers]] = {name: [] for name in CHOICES}
    rankings["random"] = [pool]
    rankings["lowest_confidence"] = [_by(confidence, pool)]
    rankings["smallest_margin"] = [_by(ordered[:, -1] - ordered[:, -2], pool)]
    found = find_directions(
        images.features[parts.find],
        images.labels[parts.find],
        probabilities[parts.find].argmax(axis=1),
        is_held_out=np.zeros(len(parts.find), dtype=np.bool_),
        n_classes=len(images.class_names),
        settings=DirectionsConfig(n_workers=1),
    )
    for mode in modes:
        of_class = pool[images.labels[pool] == mode.class_id]
        values = found.by_class[mode.class_id].decision_values(found.whitening.apply(images.features))
        rankings["rules"].append(pool[mode.members[pool]])
        rankings["directions"].append(_by(values, of_class))
        rankings["collect"].append(mode.ranked)
        rankings["random_of_class"].append(of_class)
        rankings["lowest_confidence_of_class"].append(_by(confidence, of_class))
    return rankings


def shuffled(rankings: dict[str, list[Integers]], *, seed: int) -> dict[str, list[Integers]]:
    """Return the same rankings, those that are `DRAWN` in an order that the seed draws."""
    random = np.random.default_rng([seed, len(DRAWN)])
    return rankings | {name: [random.permutation(ids) for ids in rankings[name]] for name in DRAWN}


def _by(score: npt.NDArray[np.floating], candidates: Integers) -> Integers:
    """The candidates, lowest score first."""
    return candidates[np.argsort(score[candidates], kind="stable")]


def choose(rankings: dict[str, list[Integers]], k: int) -> dict[str, list[int]]:
    """Return the images of each choice, all as many: `k`, or as many as meet the rules where these are fewer."""
    by_rules = count_off(rankings["rules"], k)
    quota = Counter(place for place, _ in by_rules)
    chosen = {"rules": [candidate for _, candidate in by_rules]}
    for name, ranking in rankings.items():
        if name in _WHOLE:
            chosen[name] = ranking[0][: len(by_rules)].tolist()
        elif name != "rules":
            taken = dict[int, None]()
            for place, candidates in enumerate(ranking):
                # a class may have two modes: what one has taken is not taken again
                taken |= dict.fromkeys([c for c in candidates.tolist() if c not in taken][: quota[place]])
            chosen[name] = list(taken)
    return chosen
