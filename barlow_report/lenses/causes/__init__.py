"""Causes: whether a failure mode's feature makes the model fail, or only goes along with it.

A rule says that failures and a feature go together. This lens changes the feature in images, as little else as
possible, and asks the inspected model again; other features, changed in the same images as far, are the control. The
paper that rules come from names this as its next step (Singla et al., CVPR 2021, section 10).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.causes.config import CausesConfig
    from barlow_report.lenses.causes.records import CauseView as View
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import Block, MethodPart, ModeColumns, Ranking, Remark, Sentence
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Causes"]


class Causes(Lens["View"]):
    """Whether changing a feature changes the failures."""

    name = "causes"
    key = "causes"
    meaning = "Whether changing a feature changes the failures; leave the section out, and it is not computed."
    command = (
        "Test whether the features of verified failure modes cause the failures. Extracts and explains "
        "first if need be."
    )
    needs_images = True

    def section(self) -> "type[CausesConfig]":
        from barlow_report.lenses.causes.config import CausesConfig

        return CausesConfig

    def check(self, config: "Config") -> None:
        from barlow_report.config.further import refuse_given_features

        if config.section(self.key) is not None:
            refuse_given_features(config.data, key=self.key)

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.causes.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.causes.stage import find_causes

        find_causes(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.causes.estimating import estimate_causes

        return estimate_causes(config, prospect)

    def photographs(self) -> Mapping[str, Sequence[str]]:
        from barlow_report.lenses.causes.tables import PICTURES

        return {"cause_pairs": PICTURES}

    def read(self, source: "ReportSource") -> "View | None":
        from barlow_report.lenses.causes.records import read_causes

        return read_causes(source)

    def ranking(self, view: "View") -> "Ranking":
        from barlow_report.lenses.causes.places import ranking

        return ranking(view)

    def pages(self, site: "Site", view: "View") -> "Iterator[SitePage]":
        from barlow_report.lenses.causes.pages import causes_page

        yield causes_page(site, view)

    def remark(self, site: "Site", view: "View", rule: "Rule") -> "Remark | None":
        from barlow_report.lenses.causes.places import remark

        return remark(view, rule)

    def mode_sentence(self, site: "Site", view: "View", rule: "Rule") -> "Sentence | None":
        from barlow_report.lenses.causes.places import mode_sentence

        return mode_sentence(site, view, rule)

    def mode(self, site: "Site", view: "View", rule: "Rule") -> "Block | None":
        from barlow_report.lenses.causes.places import mode_block

        return mode_block(site, view, rule)

    def mode_columns(self, site: "Site", view: "View") -> "ModeColumns":
        from barlow_report.lenses.causes.places import mode_columns

        return mode_columns(view)

    def method(self, site: "Site", view: "View") -> "MethodPart":
        from barlow_report.lenses.causes.places import method_part

        return method_part(view)

    def downloads(self, site: "Site", view: "View") -> "Mapping[str, Iterable[str]]":
        from barlow_report.lenses.causes.downloads import causes_csv, causes_json

        return {"causes.csv": causes_csv(site, view), "causes.json": causes_json(site, view)}
