"""How long what follows the pass takes, as far as that can be known before: the search for rules, and the lenses.

The search is timed on classes of the run's sizes with random features, and multiplied: in four trials, with drawn
features that tell failures, that gave 0.6 to 2.7 times what it took. What a lens takes depends on what is found; it is
said to be not timed.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config
from barlow_report.config.base import Section
from barlow_report.config.further import FurtherDataConfig
from barlow_report.formatting import counted, duration
from barlow_report.lenses import registry
from barlow_report.rules.workers import count_processors

__all__ = ["Total", "explain_seconds", "lens_lines", "rules_words"]

_N_IMAGES, _N_FEATURES = 256, 256
"""What the search is timed on, at most, but for one group: a second or so."""
_FAILING = 0.1
"""Share of the images that fail in that sample; the run does not know its own yet."""


@dataclass
class Total:
    """What is added up on the way.

    Attributes:
        seconds: Of all that could be timed.
        n_bytes: Of what models beside the inspected one answer.
        untimed: What could not.
    """

    seconds: float = 0.0
    n_bytes: int = 0
    untimed: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """One line on it."""
        rest = f"; not timed: {', '.join(self.untimed)}" if self.untimed else ""
        return f"{duration(self.seconds)} for what is timed{rest}"


def explain_seconds(config: Config, labels: npt.NDArray[np.int64], *, n_features: int, n_groups: int) -> float | None:
    """Time the search for rules on a few groups, and multiply: by images, features and ways of grouping.

    Args:
        config: The configuration.
        labels: (n_images,) class_id.
        n_features: Of the feature model.
        n_groups: Groups that may get a tree, which run at the same time.

    Returns:
        Seconds; None where no class has enough images or there are no features.
    """
    sizes = np.bincount(labels)
    large = np.flatnonzero(sizes >= config.rules.min_images)
    if not len(large) or not n_features:
        return None
    from barlow_report.rules import explain_failures  # takes a second

    near = large[np.argsort(np.abs(sizes[large] - np.median(sizes[large])), kind="stable")]
    timed = near[: max(int(np.searchsorted(np.cumsum(sizes[near]), _N_IMAGES, side="right")), 1)]
    sample = np.concatenate([np.full(min(sizes[class_id], 2 * _N_IMAGES), i) for i, class_id in enumerate(timed)])
    rng = np.random.default_rng(0)
    n = min(n_features, _N_FEATURES)
    features = rng.random((len(sample), n), dtype=np.float32)
    fails = rng.random(len(sample)) < _FAILING
    predictions = np.where(fails, sample + 1, sample)
    plain = {"unions": {}, "confused_pairs": 0, "manifest_columns": (), "groupings": ("label",), "n_workers": 1}
    settings = config.rules.model_copy(update=plain)
    elapsed = 0.0
    for width in (min(n, 2), n):  # the first compiles
        start = time.perf_counter()
        explain_failures(features[:, :width], sample, predictions, settings=settings, seed=0)
        elapsed = time.perf_counter() - start
    n_ways = max(len(config.rules.groupings) + len(config.rules.manifest_columns), 1)
    n_workers = min(config.rules.n_workers or count_processors(), max(n_groups, 1))
    return elapsed / len(sample) * len(labels) * n_features / n * n_ways / n_workers


def lens_lines(config: Config, *, n_images: int, total: Total) -> Iterator[tuple[str, str]]:
    """Yield what each lens does, and note it as not timed."""
    for lens in registry.LENSES:
        section = config.section(lens.key) if lens.section() is not None else None
        if isinstance(section, FurtherDataConfig):
            total.untimed.append(f"{lens.key} after its pass")
        elif section is not None:
            work, n_bytes = section.work(n_images) if isinstance(section, Section) else ("", 0)
            total.untimed.append(lens.key)
            total.n_bytes += n_bytes
            yield lens.key.capitalize(), f"{work}; not timed" if work else "not timed"


def rules_words(seconds: float | None, *, n_groups: int) -> str:
    """Say how long the search for rules takes."""
    if seconds is None:
        return "no group is large enough"
    return f"{duration(seconds)} for {counted(n_groups, 'group')}, as a search among random features takes"
