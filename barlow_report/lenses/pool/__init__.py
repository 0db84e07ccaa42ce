"""What to collect: which images of a pool are candidates for the verified failure modes.

Jain et al. (arXiv 2206.14754) prove failure directions by it: images of a pool that are chosen along the direction
repair the failing part of a class faster than random ones. Here they are chosen by the rules.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.pool.config import PoolConfig
    from barlow_report.lenses.pool.records import PoolView as View
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import Block, MethodPart
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Pool"]


class Pool(Lens["View"]):
    """Which images of a pool to collect."""

    name = "pool"
    key = "pool"
    meaning = (
        "Further images, labelled or not, among which the best ones to collect are found for each failure mode; leave "
        "the section out, and there is no pool."
    )
    command = "Find the images of a pool that are worth collecting. Extracts and explains first if need be."
    command_name = "collect"
    needs = ("directions", "weights")
    needs_images = True

    def section(self) -> "type[PoolConfig]":
        from barlow_report.lenses.pool.config import PoolConfig

        return PoolConfig

    def check(self, config: "Config") -> None:
        from barlow_report.config.further import refuse_given_features

        if config.section(self.key) is not None:
            refuse_given_features(config.data, key=self.key)

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.pool.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.pool.stage import collect_candidates

        collect_candidates(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.pool.estimating import estimate_pool

        return estimate_pool(config, prospect)

    def photographs(self) -> "Mapping[str, Sequence[str]]":
        return {"pool_pictures": ("thumbnail",)}

    def read(self, source: "ReportSource") -> "View | None":
        from barlow_report.lenses.pool.records import read_pool

        return read_pool(source)

    def pages(self, site: "Site", view: "View") -> "Iterator[SitePage]":
        from barlow_report.lenses.pool.pages import pool_pages

        training = self.need(site, "weights")
        yield from pool_pages(site, view, training={} if training is None else training.shares)

    def note(self, site: "Site", view: "View") -> "Block | None":
        from barlow_report.lenses.pool.places import note

        return note(view)

    def mode(self, site: "Site", view: "View", rule: "Rule") -> "Block | None":
        from barlow_report.lenses.pool.places import mode_block

        return mode_block(site, view, rule)

    def method(self, site: "Site", view: "View") -> "MethodPart":
        from barlow_report.lenses.pool.places import method_part

        return method_part()

    def downloads(self, site: "Site", view: "View") -> "Mapping[str, Iterable[str]]":
        from barlow_report.lenses.pool.downloads import candidates_csv

        return {"collect.csv": candidates_csv(site, view)}
