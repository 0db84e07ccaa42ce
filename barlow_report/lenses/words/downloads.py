"""Suggested words as CSV."""

from collections.abc import Iterator

from barlow_report.lenses.words.records import WordView
from barlow_report.report.downloads import csv_line
from barlow_report.report.pages.page import Site

__all__ = ["words_csv"]


def words_csv(site: Site, view: WordView) -> Iterator[str]:
    """Yield each word of each feature as CSV with a header, line by line; a feature that was not tested has one row."""
    yield csv_line(
        (
            *(
                "group",
                "grouping",
                "feature_id",
                "status",
                "n_images",
                "n_picked",
                "chance_score",
                "p_value",
                "q_value",
            ),
            *("rank", "word", "score", "fits"),
        )
    )
    for found in view.features.values():
        group = site.catalog.groups[found.group_id]
        start = (
            *(group.name, group.grouping, found.feature_id, found.status, found.n_images, found.n_picked),
            *(found.chance_score, found.p_value, found.q_value),
        )
        for rank, word in enumerate(found.words, start=1):
            yield csv_line((*start, rank, word.text, word.score, word.text in found.fitting))
        if not found.words:
            yield csv_line((*start, None, None, None, None))
