"""The failure modes among the training images as CSV."""

from collections.abc import Iterator

from barlow_report.lenses.weights.records import WeightsView
from barlow_report.report.downloads import csv_line
from barlow_report.report.pages.page import Site

__all__ = ["modes_csv"]

_COLUMNS = (
    *("rule_id", "group", "grouping", "n_class", "n_meets", "n_class_analysed", "n_meets_analysed"),
    *("comparison", "q_value", "factor", "reason", "weight_share"),
)


def modes_csv(site: Site, view: WeightsView) -> Iterator[str]:
    """Yield every failure mode as CSV with a header, line by line, the most important first."""
    yield csv_line(_COLUMNS)
    for rule in site.catalog.failure_modes():
        found = view.modes.get(rule.rule_id)
        if found is not None:
            group = site.catalog.groups[rule.group_id]
            counts = (found.training.n, found.training.k, found.analysed.n, found.analysed.k)
            said = (found.comparison, found.q_value, found.factor, found.reason, found.weight_share)
            yield csv_line((rule.rule_id, group.name, group.grouping, *counts, *said))
