"""Changes: what became of the failure modes since an earlier release, and over several.

Two runs are compared image by image where they have the same images, and rule by rule where they have the same feature
model. A failure mode keeps its name from release to release. What two runs must share for which comparison is said in
`matching.py`, what is tested in `differences.py` and `states.py`.

`barlow-report compare` writes the tables into the new run, or `barlow-report run` where the configuration has a section
`changes`. What the command wrote stays when the run is brought up to date without such a section. `records.py` links
the tables for the pages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.changes.config import ChangesConfig
    from barlow_report.lenses.changes.records import ChangeView as View
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import Block, MethodPart, ModeColumns, Remark, Sentence
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Changes"]


class Changes(Lens["View"]):
    """An earlier run beside this one."""

    name = "changes"
    key = "changes"
    meaning = "The run of an earlier release to compare with; nothing is compared where the section is left out."

    def section(self) -> "type[ChangesConfig]":
        from barlow_report.lenses.changes.config import ChangesConfig

        return ChangesConfig

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.changes.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.changes.stage import write_changes

        write_changes(config, run, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.changes.estimating import estimate_changes

        return estimate_changes(prospect)

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

    def class_head(self, site: "Site", view: "View", class_id: int) -> "Block | None":
        from barlow_report.lenses.changes.places import class_head

        return class_head(view, class_id)

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
