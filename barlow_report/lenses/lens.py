"""What a lens is; its guide is the docstring of `barlow_report.lenses`. Methods import what they need, none is slow."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import pandas as pd

    from barlow_report.chart import Chart
    from barlow_report.config import Config, Section
    from barlow_report.estimates import Estimate
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Group, Rule
    from barlow_report.report.slots import Block, MethodPart, ModeColumns, PagePart, Ranking, Remark, Sentence
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Lens"]
View = TypeVar("View")


class Lens(Generic[View]):
    """A further look at the failures of a run. Every method has a default: a lens says only what it has to say.

    Attributes:
        name: Its folder below `lenses/`, and what others call it in their `needs`.
        key, meaning: Its section of the configuration, which is its mark in run.json, too; what the section asks for.
        command, command_name: What its command does, empty: there is none; and its name, empty: its key.
        needs: Names of lenses, before it in the registry, that it reads where a run has them and may import from.
        needs_images, templates: Whether it needs images; a folder of templates beside those of the package.
    """

    name: str
    key: str
    meaning: str = ""
    command: str = ""
    command_name: str = ""
    needs: tuple[str, ...] = ()
    needs_images: bool = False
    templates: Path | None = None

    def section(self) -> "type[Section] | None":
        """The model of its section; None: it is not asked for, but follows from what it needs."""
        return None

    def check(self, config: "Config") -> None:
        """Raise ValueError where its section contradicts another one."""

    def manifest_columns(self, config: "Config") -> "Mapping[str, int]":
        """The columns of the manifest that it reads from table `attributes`, and how many values each may have."""
        return {}

    def tables(self) -> "Sequence[Table]":
        """The schemas of its tables in the run folder."""
        return ()

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        """Write its tables, unless they are up to date; `explained` is the fingerprint of the stage `explain`."""

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate | None":
        """What `compute` will take, from a short measurement; None: a run has nothing of it."""

    def photographs(self) -> "Mapping[str, Sequence[str]]":
        """The columns of its tables that name photographs, by table: a site may have to blur them."""
        return {}

    def charts(self, tables: "Mapping[str, pd.DataFrame]") -> "Mapping[str, Chart]":
        """Its charts by name, drawn when the site is built."""
        return {}

    def read(self, source: "ReportSource") -> View | None:
        """Link its tables as objects; None where the run has none, and then none of what follows is asked."""

    def ranking(self, view: View) -> "Ranking | None":
        """What failure modes with the same verdict are sorted by first, on every page."""

    def need(self, site: "Site", name: str) -> Any:
        """The view of a lens that this one needs; None where the run has none."""
        if name not in self.needs:
            raise LookupError(f"lens {self.name} does not say that it needs {name}")
        return next((view for lens, view in site.lenses if lens.name == name), None)

    def pages(self, site: "Site", view: View) -> "Iterable[SitePage]":
        """Its pages; the first has an entry in the navigation."""
        return ()

    def answer(self, site: "Site", view: View) -> "Block | None":
        """The first lines of the overview, before the report's own, of a lens that knows what is good enough."""

    def news(self, site: "Site", view: View) -> "Sentence | None":
        """A line at the top of the overview, below what was analysed."""

    def overview(self, site: "Site", view: View) -> "Block | None":
        """A section of the overview, below the failure modes."""

    def note(self, site: "Site", view: View) -> "Block | None":
        """A line of the overview, below the sections."""
        return None

    def verdict(self, site: "Site", view: View, modes: "Sequence[Rule]") -> str:
        """A sentence beside the known conditions of the overview; `modes` are these, the verified failure modes."""
        return ""

    def remark(self, site: "Site", view: View, rule: "Rule") -> "Remark | None":
        """A badge on a failure mode: on its card and in its link."""
        return None

    def class_head(self, site: "Site", view: View, class_id: int) -> "Block | None":
        """A part of a class's page above its groups."""
        return None

    def class_section(self, site: "Site", view: View, class_id: int) -> "PagePart | None":
        """A part of a class's page below its groups."""
        return None

    def group(self, site: "Site", view: View, group: "Group") -> "Block | None":
        """A part of a group, below its failure modes."""
        return None

    def mode_sentence(self, site: "Site", view: View, rule: "Rule") -> "Sentence | None":
        """A sentence beside the evidence of a failure mode."""
        return None

    def mode(self, site: "Site", view: View, rule: "Rule") -> "Block | None":
        """A part of a failure mode's entry, above its galleries."""
        return None

    def mode_columns(self, site: "Site", view: View) -> "ModeColumns | None":
        """Columns and filters of the table of failure modes."""
        return None

    def form_words(self, site: "Site", view: View, group_id: int, feature_id: int) -> str:
        """What it calls a feature; the form says it to a person who has described all features, never before."""
        return ""

    def picture_note(self, site: "Site", view: View, rule: "Rule", image_id: int) -> str:
        """A word beneath the picture of a failure among those of a failure mode."""
        return ""

    def method(self, site: "Site", view: View) -> "MethodPart | None":
        """Its part of the method page."""
        return None

    def downloads(self, site: "Site", view: View) -> "Mapping[str, Iterable[str]]":
        """Files for readers to take away: text in parts, by path below `data/`."""
        return {}
