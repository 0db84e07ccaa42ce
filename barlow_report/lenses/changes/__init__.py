"""Changes: what became of the failure modes since an earlier release, and over several.

Two runs are compared image by image where they have the same images, and rule by rule where they have the same feature
model. A failure mode keeps its name from release to release.

`comparing.py` compares two runs; nothing writes its results into tables yet. `records.py` links them for the pages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.lenses.changes.records import ChangeView as View
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import MethodPart, ModeColumns, Remark, Sentence
    from barlow_report.tables import Table

__all__ = ["Changes"]


class Changes(Lens["View"]):
    """An earlier run beside this one."""

    name = "changes"
    key = "changes"

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.changes.tables import TABLES

        return TABLES

    def read(self, source: "ReportSource") -> "View | None":
        from barlow_report.lenses.changes.records import read_changes

        return read_changes(source)

    def pages(self, site: "Site", view: "View") -> "Iterator[SitePage]":
        from barlow_report.lenses.changes.pages import changes_pages

        return changes_pages(site, view)

    def news(self, site: "Site", view: "View") -> "Sentence":
        from barlow_report.lenses.changes.places import news

        return news(view)

    def remark(self, site: "Site", view: "View", rule: "Rule") -> "Remark | None":
        from barlow_report.lenses.changes.places import remark

        return remark(view, rule)

    def mode_sentence(self, site: "Site", view: "View", rule: "Rule") -> "Sentence | None":
        from barlow_report.lenses.changes.places import mode_sentence

        return mode_sentence(view, rule)

    def mode_columns(self, site: "Site", view: "View") -> "ModeColumns":
        from barlow_report.lenses.changes.places import mode_columns

        return mode_columns(view)

    def method(self, site: "Site", view: "View") -> "MethodPart":
        from barlow_report.lenses.changes.places import method_part

        return method_part(view)

    def downloads(self, site: "Site", view: "View") -> "Mapping[str, Iterable[str]]":
        from barlow_report.lenses.changes.downloads import downloads

        return downloads(site, view)
