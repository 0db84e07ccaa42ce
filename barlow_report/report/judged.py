"""Whether anything could be judged at all, and what would help where nothing could.

A run whose groups are all too small finds nothing, whatever the model does. That is no good news and must not look
like it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from barlow_report.formatting import THIN_SPACE, count, counted
from barlow_report.power import POWER, Effect, images_needed
from barlow_report.report.pages.page import Site

__all__ = ["ImagesNeeded", "Judged", "images_needed_here", "nothing_judged"]

_SHARE = 1 / 3
_DIFFERENCES = (0.2, 0.3)
_N_FEATURES = 512  # where the run does not say how many there are
_HELPS_WHERE_ALL_FAIL = (
    "A look at the order of the classes (data.classes, class_order) and at the model's preprocessing: models that fail "
    "on all images of a class are often asked in another way than they were trained.",
    "Other groups of the images, in which some are right: rules.unions joins classes, rules.manifest_columns groups "
    "images by a column.",
)
_WITHOUT_TREE = ("too_few_images", "only_failures", "no_failures")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What could not be judged, as the headline of a report, and what would help, a sentence each."""

    sentence: str
    helps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ImagesNeeded:
    """How many images a class of this run needs for a condition to be found that fails so many points more often."""

    points: str
    n_images: int


def images_needed_here(site: Site) -> tuple[ImagesNeeded, ...]:
    """Return the power of the run's evidence for conditions that a third of a class's images meet."""
    return tuple(ImagesNeeded(points=f"{d * 100:g}", n_images=_needed(site, d)) for d in _DIFFERENCES)


def nothing_judged(site: Site) -> Judged | None:
    """Return why nothing could be judged; None where something was, or where no image fails.

    Nothing is judged where no group has as many images as a tree needs, where those that have them fail on all, and
    where no failure mode was tested on as many as could have told.
    """
    catalog = site.catalog
    if not catalog.images.failures.k:
        return None
    statuses = Counter(group.status for group in catalog.groups.values())
    if not any(n for status, n in statuses.items() if status not in _WITHOUT_TREE):
        if statuses["only_failures"]:
            return Judged(sentence=_all_fail(statuses), helps=_HELPS_WHERE_ALL_FAIL)
        if statuses["too_few_images"]:
            return Judged(sentence=_no_tree(site, statuses["too_few_images"]), helps=_helps(site))
    modes = catalog.failure_modes()
    if modes and all(rule.verdict == "too_few_images" for rule in modes):
        return Judged(sentence=_no_test(site), helps=_helps(site))
    return None


def _all_fail(statuses: Mapping[str, int]) -> str:
    n_failing, n_small, n_right = (statuses[status] for status in ("only_failures", "too_few_images", "no_failures"))
    others = [f"{count(n_right)} without failures"] * (n_right > 0) + [f"{count(n_small)} too small"] * (n_small > 0)
    rest = f"; of the others, {' and '.join(others)}" if others else ""
    return (
        f"Nothing could be judged: in {counted(n_failing, 'group')} all images fail{rest}. A condition is what tells "
        "images that fail from images that do not."
    )


def _no_tree(site: Site, n_small: int) -> str:
    groups = site.catalog.groups.values()
    largest = max((group.base.n or 0 for group in groups if group.status == "too_few_images"), default=0)
    every = "the one group of images is" if n_small == 1 else f"all {count(n_small)} groups of images are"
    which = every if n_small == len(groups) else "every group with failures is"
    return (
        f"Nothing could be judged: {which} too small. The largest has {counted(largest, 'image')} to find rules in; "
        f"{count(site.catalog.rules_config.min_images)} are needed."
    )


def _no_test(site: Site) -> str:
    sizes = sorted(rule.best.error.n or 0 for rule in site.catalog.failure_modes())
    n = f"{count(sizes[0])} to {counted(sizes[-1], 'image')}" if sizes[0] < sizes[-1] else counted(sizes[0], "image")
    modes = f"each of the {count(len(sizes))} failure modes was" if len(sizes) > 1 else "the failure mode was"
    return f"Nothing could be judged: {modes} tested on {n}, too few to tell anything."


def _helps(site: Site) -> tuple[str, ...]:
    small, large = images_needed_here(site)
    rules = site.catalog.rules_config
    more = (
        f"More images of each class. If a third of a class's images meet a condition and fail {small.points} points "
        f"more often than the others, the test finds it with {POWER * 100:g}{THIN_SPACE}% probability among "
        f"{count(small.n_images)} images of the class; for {large.points} points, {count(large.n_images)} are enough."
    )
    larger = (
        f"Larger groups of the images you have, of {count(large.n_images)} images or more: rules.unions joins classes, "
        "such as those of a superclass; rules.manifest_columns groups images by a column, such as the camera; "
        "rules.confused_pairs takes the pairs of classes with the most failures."
    )
    all_images = "rules.evidence: shuffles tests on all images, not only on held-out ones."
    return (more, larger, *([all_images] if rules.evidence_kind == "held_out" else []))


def _needed(site: Site, difference: float) -> int:
    catalog = site.catalog
    failing = min(catalog.images.failures.value or 0.0, 1 - difference)
    return images_needed(
        Effect(share=_SHARE, base=failing, difference=difference),
        settings=catalog.rules_config,
        n_features=_n_features(site.info),
        n_groups=max(len(catalog.classes), 1),
    )


def _n_features(info: Mapping[str, object]) -> int:
    models = info.get("models")
    feature = models.get("feature") if isinstance(models, Mapping) else None
    n = feature.get("n_features") if isinstance(feature, Mapping) else None
    return n if isinstance(n, int) and n > 0 else _N_FEATURES
