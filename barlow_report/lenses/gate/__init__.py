"""Gate: does a release hold what a policy asks of it?

A policy is a list of conditions on the new run and on its comparison with a baseline, and of waivers for failure modes
that are accepted for now. `barlow-report gate` says what becomes of it, for people and for CI; with a section `gate`
in the configuration the site says it as well, and its overview says it first.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.gate.config import GateConfig
    from barlow_report.lenses.gate.records import GateView
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.slots import Block
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Gate"]


class Gate(Lens["GateView"]):
    """What a release must hold."""

    name = "gate"
    key = "gate"
    meaning = "What a release must hold; nothing is judged where the section is left out."
    needs = ("changes",)

    def section(self) -> "type[GateConfig]":
        from barlow_report.lenses.gate.config import GateConfig

        return GateConfig

    def check(self, config: "Config") -> None:
        from barlow_report.lenses.gate.policy import load_policy

        if (settings := config.section(self.key)) is not None:
            load_policy(settings.policy)  # a mistake in it is told before the work of hours, not after it

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.gate.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.gate.stage import write_verdict

        write_verdict(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.gate.estimating import estimate_gate

        return estimate_gate(prospect)

    def read(self, source: "ReportSource") -> "GateView | None":
        from barlow_report.lenses.gate.records import read_gate

        return read_gate(source)

    def pages(self, site: "Site", view: "GateView") -> "Iterator[SitePage]":
        from barlow_report.lenses.gate.pages import gate_page

        yield gate_page(site, view, changes=self.need(site, "changes"))

    def answer(self, site: "Site", view: "GateView") -> "Block":
        from barlow_report.lenses.gate.pages import answer

        return answer(view)
