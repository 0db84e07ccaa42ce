"""Training images: their page, a sentence with each failure mode, and the part of the method page."""

from dataclasses import dataclass

from barlow_report.lenses.weights.page_words import COMPARISON_WORDS, REASON_WORDS, answer, lead, mode_words
from barlow_report.lenses.weights.records import TrainingMode, WeightsView
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.records import Rule
from barlow_report.report.slots import Block, MethodPart, PagePart, Sentence

__all__ = ["TRAINING_PATH", "TrainingPage", "method_part", "mode_sentence", "training_page"]

TRAINING_PATH = "training/index.html"


@dataclass(frozen=True, kw_only=True)
class TrainingPage:
    """Every failure mode by label among the training images, and how the weights are used."""

    answer: str
    lead: str
    weights: WeightsView
    table: DataTable
    is_folder: bool


def training_page(site: Site, view: WeightsView) -> SitePage:
    """The page of the training images."""
    table = _table(site, view)
    site.tables[table.name] = table
    page = TrainingPage(answer=answer(view), lead=lead(view), weights=view, table=table, is_folder=_is_folder(site))
    return SitePage(
        path=TRAINING_PATH,
        title="Training images",
        section="Training images",
        description=f"Which training images are in the failure modes, and how much each should count. {page.answer}",
        search="Training images: weights, upweighting, reweighting, sampler, share of images in each failure mode.",
        template="lenses/weights/page.html",
        view=lambda: page,
        headings=(Heading("Failure modes", "modes"), Heading("Train with the weights", "use")),
        crumbs=(Link("Overview", "index.html"),),
        data=(f"data/{table.name}.js",),
    )


def mode_sentence(view: WeightsView, rule: Rule) -> Sentence | None:
    """How common a failure mode is among the training images."""
    found = view.modes.get(rule.rule_id)
    return None if found is None else Sentence(text=mode_words(found), more=Link("Training images", TRAINING_PATH))


def method_part(view: WeightsView) -> MethodPart:
    """How the weights are made."""
    block = Block(template="lenses/weights/method.html", view=view)
    return MethodPart(section=PagePart(heading=Heading("Weights of training images", "weights"), block=block))


def _is_folder(site: Site) -> bool:
    config = site.info.get("config", {})
    section = config.get("training", {}) if isinstance(config, dict) else {}
    return isinstance(section, dict) and section.get("folder") is not None


def _table(site: Site, view: WeightsView) -> DataTable:
    modes = [view.modes[rule.rule_id] for rule in site.catalog.failure_modes() if rule.rule_id in view.modes]
    comparisons = {mode.comparison for mode in modes}
    return DataTable(
        name="training-modes",
        caption="Failure modes among the training images",
        columns=(
            TableColumn(key="mode", label="Failure mode", kind="link"),
            TableColumn(
                key="analysed",
                label="Analysed",
                kind="rate",
                starts="descending",
                title="Analysed images of the class that are in the failure mode.",
            ),
            TableColumn(
                key="training",
                label="Training",
                kind="rate",
                starts="descending",
                title="Training images of the class that are in the failure mode.",
            ),
            TableColumn(
                key="comparison",
                label="Compared",
                kind="badge",
                words=COMPARISON_WORDS,
                title="How common such images are among the training images, compared with the analysed ones.",
            ),
            TableColumn(key="q", label="q", kind="q", title="q-value of that both shares are the same."),
            TableColumn(
                key="factor",
                label="Counts",
                kind="number",
                starts="descending",
                title="How many times such a training image counts in the weights; others count once.",
            ),
            TableColumn(
                key="share",
                label="Weight",
                kind="percent",
                starts="descending",
                title="Share of the weight of the class that its training images then have.",
            ),
            TableColumn(key="reason", label="Why once", kind="text", title="Why such an image counts only once."),
        ),
        rows=[_row(site, mode) for mode in modes],
        filters=(
            Filter(key="mode", label="Failure mode contains", kind="contains"),
            Filter(
                key="comparison",
                label="Compared",
                kind="equals",
                choices=tuple((words, value) for value, words in COMPARISON_WORDS.items() if value in comparisons),
            ),
        ),
        sorted_by="",
        page_size=25,
        empty="No failure mode by label is verified.",
        noun="failure modes",
    )


def _row(site: Site, mode: TrainingMode) -> list[Cell]:
    rule = site.catalog.rules[mode.rule_id]
    name = mode_name(site.catalog.groups[rule.group_id], rule)
    return [
        Link(f"{name[:1].upper()}{name[1:]}", site.rule_path(rule)),
        mode.analysed,
        mode.training,
        mode.comparison,
        mode.q_value,
        mode.factor,
        mode.weight_share,
        None if mode.reason is None else REASON_WORDS[mode.reason],
    ]
