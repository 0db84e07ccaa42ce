"""A lens that the package does not know: how sure the model is of each class, and of the images of each rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import Field

from barlow_report.config import Config, Section
from barlow_report.lenses.lens import Lens
from barlow_report.progress import Progress
from barlow_report.report import ReportSource
from barlow_report.report.datatable import Cell, Filter, Link, TableColumn
from barlow_report.report.pages import Site, SitePage
from barlow_report.report.records import Group, Rule
from barlow_report.report.slots import Block, Heading, MethodPart, ModeColumns, PagePart, Ranking, Remark, Sentence
from barlow_report.run_folder import Run, fingerprint
from barlow_report.tables import Table
from barlow_report.tables.schema import integer, real

__all__ = ["Toy"]

SURE = Table(
    name="sure",
    meaning="How sure the model is of the images of each class.",
    key=("class_id",),
    columns=(integer("class_id", "see classes"), real("mean_confidence", "mean over the images with the label")),
)


class ToyConfig(Section):
    """Section `toy`."""

    least: float = Field(0.5, ge=0, le=1, description="Classes with at least this mean confidence are called sure.")


@dataclass(frozen=True)
class View:
    """Mean confidence by class."""

    means: Mapping[int, float]
    least: float
    rule_ids: Sequence[int]


class Toy(Lens[View]):
    """Says something in every place."""

    name = "toy"
    key = "toy"
    meaning = "How sure the model is."
    command = "Say how sure the model is."
    templates = Path(__file__).with_name("templates")

    def section(self) -> type[ToyConfig]:
        return ToyConfig

    def tables(self) -> Sequence[Table]:
        return (SURE,)

    def compute(self, config: Config, run: Run, *, explained: str, progress: Progress) -> None:
        mark = fingerprint(explain=explained, toy=config.section("toy").model_dump())
        if run.is_done("toy", fingerprint=mark):
            progress.message("The toy is up to date")
            return
        run.begin("toy", fingerprint=mark)
        means = run.read_table("images").groupby("label")["confidence"].mean()
        run.write_table("sure", pd.DataFrame({"class_id": means.index, "mean_confidence": means.to_numpy()}))
        run.finish("toy", fingerprint=mark)

    def read(self, source: ReportSource) -> View | None:
        if "sure" not in source.tables:
            return None
        means = source.tables["sure"].set_index("class_id")["mean_confidence"].to_dict()
        rule_ids = source.tables["rules"]["rule_id"].tolist()
        return View(means=means, least=source.info["config"]["toy"]["least"], rule_ids=rule_ids)

    def ranking(self, view: View) -> Ranking:
        return Ranking(words="toys backwards", ranks={rule_id: -rule_id for rule_id in view.rule_ids})

    def pages(self, site: Site, view: View) -> Iterator[SitePage]:
        for path in ("toy/index.html", "toy/more/index.html"):
            yield SitePage(
                path=path,
                title="Toy",
                section="Toy",
                description="How sure the model is.",
                search="Toy",
                template="lenses/toy/page.html",
                view=lambda: [(site.class_link(class_id), mean) for class_id, mean in view.means.items()],
                crumbs=(Link("Overview", "index.html"),),
            )

    def news(self, site: Site, view: View) -> Sentence:
        return Sentence(text="Toy news.", more=Link("Read on", "toy/index.html"))

    def overview(self, site: Site, view: View) -> Block:
        return _words("toy in the overview")

    def note(self, site: Site, view: View) -> Block:
        return _words("toy noted")

    def verdict(self, site: Site, view: View, modes: Sequence[Rule]) -> str:
        return "Toy verdict."

    def remark(self, site: Site, view: View, rule: Rule) -> Remark:
        return Remark(word="toy <badge>", sentence="The toy remarks it.")

    def class_head(self, site: Site, view: View, class_id: int) -> Block:
        return _words(f"toy: {view.means[class_id]:.3f} sure")

    def class_section(self, site: Site, view: View, class_id: int) -> PagePart:
        return PagePart(
            heading=Heading("Toy section", "toy-section"), block=_words("toy section", anchor="toy-section")
        )

    def group(self, site: Site, view: View, group: Group) -> Block:
        return _words("toy in a group")

    def mode_sentence(self, site: Site, view: View, rule: Rule) -> Sentence:
        return Sentence(text="Toy sentence.", more=Link("The toy", "toy/index.html"))

    def mode(self, site: Site, view: View, rule: Rule) -> Block:
        return _words("toy in a mode")

    def mode_columns(self, site: Site, view: View) -> ModeColumns:
        words = {"yes": "toy says yes"}

        def cells(rule: Rule) -> tuple[Cell, ...]:
            return ("yes", rule.rule_id)

        return ModeColumns(
            columns=(
                TableColumn(key="toy", label="Toy", kind="badge", words=words),
                TableColumn(key="toy-id", label="Toy id", kind="count"),
            ),
            cells=cells,
            filters=(Filter(key="toy", label="Toy is", kind="equals", choices=(("toy says yes", "yes"),)),),
        )

    def picture_note(self, site: Site, view: View, rule: Rule, image_id: int) -> str:
        return "toy picture"

    def method(self, site: Site, view: View) -> MethodPart:
        return MethodPart(
            section=PagePart(heading=Heading("The toy", "the-toy"), block=_words("toy method", anchor="the-toy")),
            sources=_words("toy source"),
        )

    def downloads(self, site: Site, view: View) -> Mapping[str, Sequence[str]]:
        return {"toy.csv": [f"{class_id},{mean}\n" for class_id, mean in view.means.items()]}


def _words(text: str, *, anchor: str = "") -> Block:
    return Block(template="lenses/toy/words.html", view={"text": text, "anchor": anchor})
