"""The failures of each class, inside and outside known conditions, and the classes that fail most often.

A rate over few images is noise: classes with fewer images than a group must have to be analysed are not compared.
"""

from dataclasses import dataclass

import numpy as np

from barlow_report.report.datatable import Link
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Estimate, Rule, Share
from barlow_report.report.shares import counted

__all__ = ["ClassFailures", "FailuresByClass", "failures_by_class"]

_N_SHOWN = 12
_N_WORST = 3


@dataclass(frozen=True, kw_only=True)
class ClassFailures:
    """A class: how often it fails, and how many of its failures in evidence lie in known conditions.

    Attributes:
        link: Its page.
        failures: Its failures among all of its images, with the interval.
        inside: Failures in known conditions among those in evidence; None where that is not known.
    """

    link: Link
    failures: Share
    inside: Share | None


@dataclass(frozen=True, kw_only=True)
class FailuresByClass:
    """Classes with failures and enough images.

    Attributes:
        rows: Those with the most failures, at most twelve.
        worst: Those with the highest error rates, at most three.
        n_classes: How many there are.
        n_small: Classes that have too few images to be compared, with failures or without.
        least: Images that a class must have.
        longest: The most failures of a row; at least 1.
    """

    rows: tuple[ClassFailures, ...]
    worst: tuple[ClassFailures, ...]
    n_classes: int
    n_small: int
    least: int
    longest: int


def failures_by_class(site: Site) -> FailuresByClass:
    """Count the failures of each class."""
    images, config = site.catalog.images, site.catalog.rules_config
    n_classes = len(site.catalog.classes)
    n = np.bincount(images.label, minlength=n_classes)
    k = np.bincount(images.label[images.label != images.prediction], minlength=n_classes)
    n_small = int((n[n > 0] < config.min_images).sum())
    compared = np.flatnonzero((n >= config.min_images) & (k > 0))
    # of classes with equally many failures, and at equal rates, the larger one first: it says more
    most = compared[np.lexsort((compared, -n[compared], -k[compared]))][:_N_SHOWN]
    highest = compared[np.lexsort((compared, -n[compared], -k[compared] / n[compared]))][:_N_WORST]
    inside = _inside(site)

    def row(class_id: int) -> ClassFailures:
        return ClassFailures(
            link=site.class_link(class_id),
            failures=counted(int(k[class_id]), int(n[class_id]), level=config.confidence_level),
            inside=inside.get(class_id),
        )

    rows = tuple(row(class_id) for class_id in most.tolist())
    return FailuresByClass(
        rows=rows,
        worst=tuple(row(class_id) for class_id in highest.tolist()),
        n_classes=len(compared),
        n_small=n_small,
        least=config.min_images,
        longest=max((row.failures.k or 0 for row in rows), default=1),
    )


def _inside(site: Site) -> dict[int, Share]:
    """By class: its failures in evidence that lie in known conditions of any grouping, each counted once.

    Empty where the run does not say which images its failure modes have, or had no features to find any by. Where
    failures were shuffled, a failure counts with the share that the estimated error rate of its condition is of the one
    that was seen, as in table `explained`.
    """
    catalog, images = site.catalog, site.catalog.images
    if not site.has_features:
        return {}
    known = [rule for rule in catalog.failure_modes() if catalog.is_in_sample or rule.verdict == "verified"]
    if any(rule.rule_id not in catalog.mode_images for rule in known):
        return {}
    weights = np.zeros(len(images))
    for rule in known:
        inside = catalog.mode_images[rule.rule_id].image_ids
        weights[inside] = np.maximum(weights[inside], _weight(rule))
    counts = images.is_failure & (images.is_held_out if catalog.evidence.kind == "held_out" else True)
    n_classes = len(catalog.classes)
    n = np.bincount(images.label[counts], minlength=n_classes)
    k = np.bincount(images.label[counts], weights=weights[counts], minlength=n_classes)
    return {class_id: Share(round(k[class_id]), int(n[class_id])) for class_id in range(n_classes)}


def _weight(rule: Rule) -> float:
    error, seen = rule.best.error, rule.fit.error.value
    return min(error.value / seen, 1.0) if isinstance(error, Estimate) and seen else 1.0
