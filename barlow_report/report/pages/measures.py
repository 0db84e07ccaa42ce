"""How well a class is recognised: recall, precision and F1, each with its counts."""

from dataclasses import dataclass

from barlow_report.report.pages.page import Site
from barlow_report.report.records import Share
from barlow_report.significance import wilson_interval

__all__ = ["ClassMeasure", "class_measures"]


@dataclass(frozen=True, kw_only=True)
class ClassMeasure:
    """One measure of a class: its key in the glossary, its counts, and what they are of."""

    term: str
    share: Share
    meaning: str


def class_measures(site: Site, class_id: int) -> tuple[ClassMeasure, ...]:
    """Return recall, precision and F1 of a class over all images; without images a share has no value."""
    name = site.class_name(class_id)
    labelled, predicted, right = site.catalog.images.of_class(class_id)
    level = site.catalog.rules_config.confidence_level
    return (
        ClassMeasure(
            term="recall",
            share=_counted(right, labelled, level),
            meaning=f"of the images labelled {name} are recognised",
        ),
        ClassMeasure(
            term="precision",
            share=_counted(right, predicted, level),
            meaning=f"of the images taken for {name} are {name}",
        ),
        ClassMeasure(
            term="f1",
            share=Share(2 * right, labelled + predicted),
            meaning="recall and precision in one",
        ),
    )


def _counted(k: int, n: int, level: float) -> Share:
    if not n:
        return Share(k, n)
    found = wilson_interval(k, n, level=level)
    return Share(k, n, float(found.low), float(found.high))
