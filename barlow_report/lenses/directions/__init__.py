"""Failure directions: along which line of an embedding each class fails, and whether that holds on other images.

After Jain, Lawrence, Moitra and Madry, "Distilling Model Failures as Directions in Latent Space" (arXiv 2206.14754).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.directions.config import DirectionsConfig
    from barlow_report.lenses.directions.records import DirectionTables
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import MethodPart, PagePart, Sentence
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Directions"]


class Directions(Lens["DirectionTables"]):
    """Along which direction each class fails."""

    name = "directions"
    key = "directions"
    meaning = "Along which direction each class fails; leave the section out, and it is not computed."
    command = "Find the direction along which each class fails. Extracts and explains first if need be."
    needs_images = True

    def section(self) -> "type[DirectionsConfig]":
        from barlow_report.lenses.directions.config import DirectionsConfig

        return DirectionsConfig

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.directions.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.directions.stage import find_failure_directions

        find_failure_directions(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.directions.estimating import estimate_directions

        return estimate_directions(config, prospect)

    def photographs(self) -> Mapping[str, Sequence[str]]:
        return {"direction_images": ("thumbnail",)}

    def read(self, source: "ReportSource") -> "DirectionTables | None":
        from barlow_report.lenses.directions.records import read_directions

        return read_directions(source)

    def pages(self, site: "Site", view: "DirectionTables") -> "Iterator[SitePage]":
        from barlow_report.lenses.directions.pages import directions_page

        yield directions_page(site, view)

    def class_section(self, site: "Site", view: "DirectionTables", class_id: int) -> "PagePart | None":
        from barlow_report.lenses.directions.places import class_section

        return class_section(site, view, class_id)

    def mode_sentence(self, site: "Site", view: "DirectionTables", rule: "Rule") -> "Sentence | None":
        from barlow_report.lenses.directions.places import mode_sentence

        return mode_sentence(view, rule)

    def method(self, site: "Site", view: "DirectionTables") -> "MethodPart":
        from barlow_report.lenses.directions.places import method_part

        return method_part(view)
