"""The candidates of a pool as CSV, for programs that fetch, label or train."""

from collections.abc import Iterator

from barlow_report.lenses.pool.records import PoolView
from barlow_report.report.downloads import csv_line
from barlow_report.report.pages.page import Site

__all__ = ["candidates_csv"]

_COLUMNS = (
    *("rule_id", "group", "grouping", "rank", "path", "digest", "pool_image_id", "label", "prediction", "confidence"),
    *("basis", "probability", "also_of"),
)


def candidates_csv(site: Site, view: PoolView) -> Iterator[str]:
    """Yield the listed candidates as CSV with a header, line by line, those of the most important mode first.

    `path` is empty where the site shows no paths; `also_of` are the other failure modes that the image is listed for.
    """
    yield csv_line(_COLUMNS)
    for rule in site.catalog.failure_modes():
        found = view.modes.get(rule.rule_id)
        group = site.catalog.groups[rule.group_id]
        for candidate in () if found is None else found.candidates:
            image = candidate.image
            others = [str(rule_id) for rule_id in view.modes_of[image.pool_image_id] if rule_id != rule.rule_id]
            yield csv_line(
                (
                    *(rule.rule_id, group.name, group.grouping, candidate.rank),
                    *(image.path, image.digest, image.pool_image_id),
                    None if image.label is None else site.class_name(image.label),
                    site.class_name(image.prediction),
                    *(image.confidence, candidate.basis, candidate.probability, " ".join(others)),
                )
            )
