"""In a run of the demo: what was planted, and what of it was found. The demo computes it when its run is finished."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.lenses.planted.records import PlantedTables
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.slots import Block
    from barlow_report.tables import Table

__all__ = ["Planted"]


class Planted(Lens["PlantedTables"]):
    """What was planted in the demo's images."""

    name = "planted"
    key = "planted"
    needs = ("causes", "directions", "error_types")

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.planted.tables import TABLES

        return TABLES

    def read(self, source: "ReportSource") -> "PlantedTables | None":
        from barlow_report.lenses.planted.records import read_planted

        return read_planted(source.tables)

    def pages(self, site: "Site", view: "PlantedTables") -> "Iterator[SitePage]":
        from barlow_report.lenses.planted.pages import planted_page

        yield planted_page(
            site,
            view,
            has_directions=self.need(site, "directions") is not None,
            error_types=self.need(site, "error_types"),
            causes=self.need(site, "causes"),
        )

    def note(self, site: "Site", view: "PlantedTables") -> "Block":
        from barlow_report.lenses.planted.pages import note

        return note()
