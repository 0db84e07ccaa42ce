"""How long the search for rules takes: a few groups of the run's sizes are explained, and that is multiplied.

Features are those of images that were passed over, drawn again; some of the failures go along with one of them, so
that there is something to find and to test, as in most groups of a run.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.stages.measuring import timed
from barlow_report.stages.prospect import Prospect, failures_like

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SearchCost", "measure_search"]

_MOST_IMAGES, _MOST_FEATURES, _N_TIMED = 1024, 256, 2
"""What the search is timed on, at most: images and features of a group, and groups."""


@dataclass(frozen=True, kw_only=True)
class SearchCost:
    """What the search takes: seconds once, and for all groups."""

    once: float
    seconds: float


def measure_search(rules: RulesConfig, prospect: Prospect, *, n_ways: float | None = None) -> SearchCost | None:
    """Time the search for rules on a few groups, and multiply: by images, features and ways of grouping.

    Args:
        rules: The settings.
        prospect: What is known of the run.
        n_ways: How often each image is in a group; default: once for each way of grouping of the settings.

    Returns:
        None where no class has enough images or there are no features.
    """
    sizes = np.bincount(prospect.images.labels[prospect.images.labels >= 0], minlength=1)
    large = sizes[sizes >= rules.min_images]
    if not len(large) or not prospect.n_features:
        return None
    size = int(min(np.median(large), _MOST_IMAGES))
    n_features = min(prospect.n_features, _MOST_FEATURES)
    run = _search(rules, prospect, size=size, n_features=n_features)
    first = timed(lambda: run(1))
    each = timed(lambda: run(_N_TIMED)) / (_N_TIMED * size)
    if n_ways is None:
        n_ways = _n_ways(rules, prospect)
    expected = prospect.expected
    with_tree = expected.n_trees / max(expected.n_groups, 1)
    scale = max(prospect.n_features / n_features, 1.0) * with_tree
    return SearchCost(once=max(first - each * size, 0.0), seconds=each * float(large.sum()) * n_ways * scale)


def _n_ways(rules: RulesConfig, prospect: Prospect) -> float:
    """In how many groups an image is, on average."""
    in_pairs = min(rules.confused_pairs, prospect.n_classes * (prospect.n_classes - 1)) / max(prospect.n_classes, 1)
    in_unions = len(rules.unions) * len(rules.groupings) * 2 / max(prospect.n_classes, 1)
    return max(len(rules.groupings) + len(rules.manifest_columns) + in_pairs + in_unions, 1.0)


def _search(rules: RulesConfig, prospect: Prospect, *, size: int, n_features: int) -> "Callable[[int], object]":
    """What explains so many groups of made-up images, on all threads."""
    plain = {
        "unions": {},
        "union_superclasses": (),
        "confused_pairs": 0,
        "manifest_columns": (),
        "groupings": ("label",),
    }
    settings = rules.model_copy(update=plain)
    share = prospect.failing_share

    def run(n_groups: int) -> object:
        from barlow_report.rules import explain_failures  # takes a second

        features = prospect.like_a_class(size * n_groups)
        features = np.ascontiguousarray(features[:, _strongest(features, n_features)])
        labels = np.repeat(np.arange(n_groups), size)
        fails = failures_like(features, labels, share)
        predictions = np.where(fails, labels + 1, labels)
        return explain_failures(features, labels, predictions, settings=settings, seed=0)

    return run


def _strongest(features: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.int64]:
    return np.sort(np.argsort(-features.std(axis=0), kind="stable")[:n])
