"""Suspected cues: their page, and what they say on the pages of others."""

from dataclasses import dataclass

from barlow_report.formatting import count, counted, number, p_value, percent
from barlow_report.lenses.attributes.page_words import STATE_WORDS, cue_words
from barlow_report.lenses.attributes.records import AttributeView, Cue, DirectionCue, Measure, ModeCue
from barlow_report.lenses.causes.page_words import VERDICT_WORDS
from barlow_report.lenses.causes.records import CauseView
from barlow_report.lenses.directions.places import LABELS
from barlow_report.lenses.directions.records import DirectionTables
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.records import Rule
from barlow_report.report.slots import Block, MethodPart, PagePart

__all__ = ["AttributesPage", "ModeCues", "attributes_page", "method_part", "mode_block"]

_N_SAID = 3

_CUE = TableColumn(key="cue", label="Cue", kind="text", title="Column of the manifest, and the value that is counted.")
_Q = TableColumn(key="q", label="q", kind="q", title="The Benjamini–Hochberg q-value over this table.")


def _spread(what: str) -> TableColumn:
    return TableColumn(
        key="spread", label="Interval", kind="text", is_below=True, title=f"Of {what}, or why not tested."
    )


_MODE_COLUMNS = (
    TableColumn(key="mode", label="Failure mode", kind="link"),
    _CUE,
    TableColumn(
        key="inside",
        label="Inside",
        kind="rate",
        starts="descending",
        title="Images of the failure mode that have the value, of those with any.",
    ),
    TableColumn(
        key="outside",
        label="Outside",
        kind="rate",
        starts="descending",
        title="Other images of its group that have the value, of those with any.",
    ),
    TableColumn(
        key="phi",
        label="phi",
        kind="number",
        starts="descending",
        title="Correlation of being in the failure mode and having the value: 1 together, 0 unrelated, −1 never.",
    ),
    _spread("phi"),
    _Q,
)
_CAUSE_COLUMNS = (
    TableColumn(
        key="cause",
        label="Its feature",
        kind="badge",
        words=VERDICT_WORDS,
        starts="descending",
        title="Whether changing the failure mode's own feature changes the failures; it is not a test of the cue.",
    ),
    TableColumn(
        key="effect",
        label="Effect",
        kind="change",
        starts="descending",
        is_below=True,
        title="In percentage points, with interval: see Causes.",
    ),
)
_DIRECTION_COLUMNS = (
    TableColumn(key="class", label="Class", kind="link"),
    TableColumn(key="verdict", label="Direction", kind="badge", words=LABELS, title="Verdict on the direction itself."),
    _CUE,
    TableColumn(key="with", label="With", kind="count", starts="descending", title="Images that have the value."),
    TableColumn(key="without", label="Without", kind="count", starts="descending", title="Images with another value."),
    TableColumn(
        key="auroc",
        label="AUROC",
        kind="number",
        starts="descending",
        title="Probability that an image with the value is easier than one without it. 0.5: unrelated; 0: those "
        "with it are the hardest.",
    ),
    _spread("AUROC"),
    _Q,
)


@dataclass(frozen=True, kw_only=True)
class AttributesPage:
    """Every failure mode and direction beside every cue."""

    cues: tuple[Cue, ...]
    modes: DataTable
    directions: DataTable | None
    n_modes: int
    n_together: int
    n_missing: tuple[tuple[str, int], ...]
    are_held_out: bool
    has_causes: bool


@dataclass(frozen=True, kw_only=True)
class ModeCues:
    """What a failure mode's entry says of cues: the strongest first."""

    sentences: tuple[str, ...]
    n_more: int


def attributes_page(
    site: Site, view: AttributeView, *, causes: CauseView | None, directions: DirectionTables | None
) -> SitePage:
    """The page of suspected cues."""
    limit = site.catalog.rules_config.max_q_value
    modes = _mode_table(site, view, causes)
    site.tables[modes.name] = modes
    tables = [modes]
    if view.directions:
        tables.append(_direction_table(site, view, directions))
        site.tables[tables[1].name] = tables[1]
    page = AttributesPage(
        cues=tuple(cue for cue in view.cues if cue.value),
        modes=modes,
        directions=tables[1] if len(tables) > 1 else None,
        n_modes=len(view.modes),
        n_together=sum(any(_passes(cue, limit) for cue in found) for found in view.modes.values()),
        n_missing=tuple((cue.column, cue.failures.n or 0) for cue in view.cues if not cue.value),
        are_held_out=any(cue.images == "held_out" for found in view.modes.values() for cue in found),
        has_causes=causes is not None,
    )
    return SitePage(
        path="suspected-cues/index.html",
        title="Suspected cues",
        section="Suspected cues",
        description="Which suspected cues go together with the failure modes.",
        search="Suspected cues: columns of the manifest beside failure modes and directions. phi, AUROC.",
        template="lenses/attributes/page.html",
        view=lambda: page,
        crumbs=(Link("Overview", "index.html"),),
        data=tuple(f"data/{table.name}.js" for table in tables),
    )


def mode_block(site: Site, view: AttributeView, rule: Rule) -> Block | None:
    """The cues of a failure mode: those that go together with it most."""
    found = view.modes.get(rule.rule_id, ())
    if not found:
        return None
    said = tuple(_sentence(site, cue) for cue in found[:_N_SAID])
    return Block(template="lenses/attributes/mode.html", view=ModeCues(sentences=said, n_more=len(found) - len(said)))


def method_part() -> MethodPart:
    """The part of the method page."""
    block = Block(template="lenses/attributes/method.html", view=None)
    return MethodPart(section=PagePart(heading=Heading("Suspected cues", "suspected-cues"), block=block))


def _passes(cue: ModeCue, limit: float) -> bool:
    return cue.q_value is not None and cue.q_value <= limit


def _sentence(site: Site, cue: ModeCue) -> str:
    if cue.measure is None:
        return f"{cue_words(cue)}: not tested, {STATE_WORDS[cue.status]}."
    q = p_value(cue.q_value)
    is_real = _passes(cue, site.catalog.rules_config.max_q_value)
    missing = f" {counted(cue.n_missing, 'image')} without a value left out." if cue.n_missing else ""
    return (
        f"{cue_words(cue)}: {percent(cue.inside.value, decimals=0)} of the images of this failure mode have it "
        f"({count(cue.inside.k)}/{count(cue.inside.n)}), and {percent(cue.outside.value, decimals=0)} of the others of "
        f"its group ({count(cue.outside.k)}/{count(cue.outside.n)}). phi {number(cue.measure.value, decimals=2)} "
        f"({_interval(cue.measure)}), q {q if q.startswith('<') else f'= {q}'}"
        f"{'.' if is_real else ': that may be chance.'}{missing}"
    )


def _interval(measure: Measure) -> str:
    return f"{number(measure.low, decimals=2)} to {number(measure.high, decimals=2)}"


def _spread_cell(cue: ModeCue | DirectionCue) -> str:
    return STATE_WORDS[cue.status] if cue.measure is None else _interval(cue.measure)


def _mode_table(site: Site, view: AttributeView, causes: CauseView | None) -> DataTable:
    found = [cue for cues in view.modes.values() for cue in cues]
    found.sort(key=lambda cue: (2.0 if cue.measure is None else -abs(cue.measure.value), cue.rule_id))
    return DataTable(
        name="suspected-cues",
        caption="Failure modes and cues",
        columns=_MODE_COLUMNS if causes is None else (*_MODE_COLUMNS, *_CAUSE_COLUMNS),
        rows=[_mode_row(site, cue, causes) for cue in found],
        filters=(
            Filter(key="mode", label="Failure mode contains", kind="contains"),
            Filter(key="cue", label="Cue", kind="equals", choices=_choices(found)),
        ),
        sorted_by="",
        empty="No failure mode was verified, so there was nothing to compare.",
        noun="pairs of failure mode and cue",
    )


def _choices(found: list[ModeCue]) -> tuple[tuple[str, str], ...]:
    return tuple((words, words) for words in sorted({cue_words(cue) for cue in found}))


def _mode_row(site: Site, cue: ModeCue, causes: CauseView | None) -> list[Cell]:
    rule = site.catalog.rules[cue.rule_id]
    row: list[Cell] = [
        Link(mode_name(site.catalog.groups[rule.group_id], rule), site.rule_path(rule)),
        cue_words(cue),
        cue.inside,
        cue.outside,
        None if cue.measure is None else cue.measure.value,
        _spread_cell(cue),
        cue.q_value,
    ]
    if causes is None:
        return row
    best = causes.best(cue.rule_id)
    return [*row, None if best is None else best.verdict, None if best is None else best.effect]


def _direction_table(site: Site, view: AttributeView, directions: DirectionTables | None) -> DataTable:
    known = {} if directions is None else directions.classes
    return DataTable(
        name="direction-cues",
        caption="Directions and cues",
        columns=_DIRECTION_COLUMNS,
        rows=[
            [
                site.class_link(cue.class_id),
                known[cue.class_id].label if cue.class_id in known else None,
                cue_words(cue),
                cue.n_with,
                cue.n_without,
                None if cue.measure is None else cue.measure.value,
                _spread_cell(cue),
                cue.q_value,
            ]
            for cue in view.directions
        ],
        filters=(Filter(key="class", label="Class contains", kind="contains"),),
        sorted_by="",
        empty="No class has a direction.",
        noun="pairs of direction and cue",
    )
