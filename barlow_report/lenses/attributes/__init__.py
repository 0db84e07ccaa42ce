"""Suspected cues: which columns of the manifest go together with failure modes and directions.

Jain et al. (arXiv 2206.14754) judge a direction by an attribute that is known to be spurious; here every verified
failure mode and every direction is put beside every attribute that the data know.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.attributes.config import AttributesConfig
    from barlow_report.lenses.attributes.records import AttributeView as View
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import Block, MethodPart, ModeColumns
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Attributes"]

MAX_VALUES = 20
"""Different values that a column may have."""


class Attributes(Lens["View"]):
    """Which suspected cues go together with the failures."""

    name = "attributes"
    key = "attributes"
    meaning = (
        "Suspected cues: columns of the manifest that failure modes are compared with; leave the section out, and "
        "nothing is compared."
    )
    command = (
        "Compare failure modes with suspected cues, columns of the manifest. Extracts and explains first if need be."
    )
    needs = ("causes", "directions")

    def section(self) -> "type[AttributesConfig]":
        from barlow_report.lenses.attributes.config import AttributesConfig

        return AttributesConfig

    def check(self, config: "Config") -> None:
        if config.section(self.key) is not None and config.data.manifest is None:
            raise ValueError("'attributes' goes with 'data.manifest': other sources have no columns")

    def manifest_columns(self, config: "Config") -> "Mapping[str, int]":
        section = config.section(self.key)
        return {} if section is None else dict.fromkeys(section.columns, MAX_VALUES)

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.attributes.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.attributes.stage import measure_attributes

        measure_attributes(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.attributes.estimating import estimate_attributes

        return estimate_attributes(config, prospect)

    def read(self, source: "ReportSource") -> "View | None":
        from barlow_report.lenses.attributes.records import read_attributes

        return read_attributes(source)

    def pages(self, site: "Site", view: "View") -> "Iterator[SitePage]":
        from barlow_report.lenses.attributes.pages import attributes_page

        yield attributes_page(site, view, causes=self.need(site, "causes"), directions=self.need(site, "directions"))

    def mode(self, site: "Site", view: "View", rule: "Rule") -> "Block | None":
        from barlow_report.lenses.attributes.pages import mode_block

        return mode_block(site, view, rule)

    def mode_columns(self, site: "Site", view: "View") -> "ModeColumns":
        from barlow_report.lenses.attributes.places import mode_columns

        return mode_columns(site, view)

    def method(self, site: "Site", view: "View") -> "MethodPart":
        from barlow_report.lenses.attributes.pages import method_part

        return method_part()

    def downloads(self, site: "Site", view: "View") -> "Mapping[str, Iterable[str]]":
        from barlow_report.lenses.attributes.downloads import directions_csv, modes_csv

        return {
            "attributes.csv": modes_csv(site, view, causes=self.need(site, "causes")),
            "direction-attributes.csv": directions_csv(site, view),
        }
