"""Joint modes: groups whose failures many features foretell together, though no single one says when they happen.

The stage `explain` finds and tests them (`joint_modes` and the tables beside it); this lens draws their pictures and
shows them. They never stand in front of a failure mode with a name: a group with a verified rule gets one line.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.joint.records import JointModes
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Group, Rule
    from barlow_report.report.slots import Block, MethodPart
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Joint"]


class Joint(Lens["JointModes"]):
    """Failures that are predictable, but not by one feature."""

    name = "joint"
    key = "joint"

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.joint.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.joint.stage import draw_joint_modes

        draw_joint_modes(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.joint.estimating import estimate_joint

        return estimate_joint(config, prospect)

    def photographs(self) -> "Mapping[str, Sequence[str]]":
        return {"joint_pictures": ("thumbnail",), "joint_examples": ("thumbnail",)}

    def read(self, source: "ReportSource") -> "JointModes | None":
        from barlow_report.lenses.joint.records import read_joint_modes

        return read_joint_modes(source)

    def pages(self, site: "Site", view: "JointModes") -> "Iterator[SitePage]":
        from barlow_report.lenses.joint.pages import joint_page

        yield joint_page(site, view)

    def overview(self, site: "Site", view: "JointModes") -> "Block | None":
        from barlow_report.lenses.joint.places import overview_block

        return overview_block(site, view)

    def verdict(self, site: "Site", view: "JointModes", modes: "Sequence[Rule]") -> str:
        from barlow_report.lenses.joint.places import verdict_words

        return verdict_words(view)

    def group(self, site: "Site", view: "JointModes", group: "Group") -> "Block | None":
        from barlow_report.lenses.joint.places import group_block

        return group_block(site, view, group)

    def method(self, site: "Site", view: "JointModes") -> "MethodPart":
        from barlow_report.lenses.joint.places import method_part

        return method_part(view)

    def downloads(self, site: "Site", view: "JointModes") -> "Mapping[str, Iterable[str]]":
        from barlow_report.lenses.joint.downloads import joint_csv, joint_json

        return {"joint-modes.csv": joint_csv(site, view), "joint-modes.json": joint_json(site, view)}
