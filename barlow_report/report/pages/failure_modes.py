"""The table of all failure modes of the run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from barlow_report.formatting import count, counted, percent
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.downloads import rule_columns
from barlow_report.report.evidence import STABILITY, VERDICTS, modes_words
from barlow_report.report.glossary import meaning
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.pages.samples import mode_sample
from barlow_report.report.records import Rule, Share
from barlow_report.report.slots import ModeColumns
from barlow_report.report.words import condition_words, group_short, grouping_label

__all__ = ["FailureModesView", "failure_modes_page"]

_PAGE_SIZE = 40  # a dozen columns wide: more rows would be more elements than a page should have

_COLUMNS = (
    TableColumn(key="picture", label="Picture", kind="sample"),
    TableColumn(key="rule", label="Rule", kind="link"),
    TableColumn(key="images", label="Images", kind="link", title="The page with all images of the failure mode."),
    TableColumn(key="n", label="n", kind="count", starts="descending", is_below=True),
    TableColumn(key="class", label="Group", kind="link"),
    TableColumn(key="grouping", label="Grouping", kind="text", is_below=True),
    TableColumn(key="verdict", label="Verdict", kind="badge", words=VERDICTS, starts="descending"),
    TableColumn(key="er", label="ER", kind="rate", starts="descending"),
    TableColumn(key="ber", label="BER", kind="rate", starts="descending"),
    TableColumn(key="ec", label="EC", kind="rate", starts="descending"),
    TableColumn(key="iv", label="IV", kind="number", starts="descending", is_below=True),
    TableColumn(
        key="q",
        label="q",
        kind="q",
        title=meaning("q"),
    ),
    TableColumn(
        key="stability",
        label="Stability",
        kind="grade",
        starts="descending",
        is_below=True,
        grades=STABILITY,
        title=meaning("stability", of=", ".join(f"{word} from {limit:g}" for limit, word in STABILITY[:-1])),
    ),
)
"""What a mode is and how often it fails come first; a lens adds its columns behind the verdict or at the end."""


@dataclass(frozen=True, kw_only=True)
class FailureModesView:
    """The table, how many of its rows have which verdict, and the columns of rules.csv with what they mean."""

    table: DataTable
    counts: str
    n_rules: int
    columns: tuple[tuple[str, str], ...]


def failure_modes_page(site: Site) -> SitePage:
    """The table of all failure modes."""
    rules = site.catalog.failure_modes()
    table = _table(site, rules)
    site.tables[table.name] = table
    view = FailureModesView(
        table=table,
        counts=modes_words(rules),
        n_rules=len(site.catalog.rules),
        columns=tuple(rule_columns(site.catalog.evidence.kind).items()),
    )
    return SitePage(
        path="failure-modes/index.html",
        title="Failure modes",
        section="Failure modes",
        description=f"All {count(len(rules))} failure modes, to sort and filter.",
        search="All failure modes as a table to sort and filter; downloads as CSV and JSON.",
        template="pages/failure_modes.html",
        view=lambda: view,
        crumbs=(Link("Overview", "index.html"),),
        data=("data/failure-modes.js",),
    )


def _table(site: Site, rules: list[Rule]) -> DataTable:
    groupings = dict.fromkeys(grouping_label(site.catalog.groups[rule.group_id]) for rule in rules)
    verdicts = [verdict for verdict in VERDICTS if any(rule.verdict == verdict for rule in rules)]
    config = site.catalog.rules_config
    added = site.ask(lambda lens, view: lens.mode_columns(site, view))
    columns = _with_columns_of_lenses(_columns(site, rules), added)
    has_stability = any(column.key == "stability" for column in columns)
    return DataTable(
        name="failure-modes",
        caption="Failure modes",
        columns=tuple(columns),
        rows=[[cells[column.key] for column in columns] for cells in (_cells(site, rule, added) for rule in rules)],
        filters=(
            Filter(key="", label="Rule or group contains", kind="contains"),
            Filter(key="grouping", label="Grouping", kind="equals", choices=tuple((g, g) for g in groupings)),
            Filter(key="verdict", label="Verdict", kind="equals", choices=tuple((VERDICTS[v], v) for v in verdicts)),
            *([Filter(key="stability", label="Stability ≥", kind="least")] * has_stability),
            Filter(key="er", label="ER ≥ %", kind="least", is_percent=True),
            Filter(key="ec", label="EC ≥ %", kind="least", is_percent=True),
            Filter(key="n", label="n ≥", kind="least"),
            *(filter_ for lens_columns in added for filter_ in lens_columns.filters),
        ),
        sorted_by="",
        least=config.min_images,
        page_size=max(_PAGE_SIZE - 10 * len(added), 10),
        empty="This run has no failure modes: no rule fails at least "
        f"{counted(f'{config.rho * 100:g}', 'point')} more often than its group and covers at least "
        f"{percent(config.tau, decimals=0)} of its failures.",
        noun="failure modes",
    )


def _columns(site: Site, rules: Sequence[Rule]) -> list[TableColumn]:
    """The columns that the run has values for; its measures are those in evidence, and say so."""
    words, absent = site.catalog.evidence, set[str]()
    order = ", then ".join([*site.catalog.order_keys(), "this"])
    titles = {**words.measures, "iv": f"{meaning('iv')} Rows are sorted by {order}."}
    if site.catalog.is_in_sample:
        absent.add("q")
    if all(rule.stability is None for rule in rules):
        absent.add("stability")
    estimated = {"er", "ec"} if words.kind == "shuffles" else set()
    return [
        replace(
            column,
            kind="estimate" if column.key in estimated else column.kind,
            title=titles.get(column.key, column.title),
            is_below=column.is_below and not (column.key == "stability" and "q" in absent),
        )
        for column in _COLUMNS
        if column.key not in absent
    ]


def _with_columns_of_lenses(columns: list[TableColumn], added: Sequence[ModeColumns]) -> list[TableColumn]:
    behind = next(i for i, column in enumerate(columns) if column.key == "verdict") + 1
    beside = [column for lens_columns in added if lens_columns.is_beside_verdict for column in lens_columns.columns]
    beside[:1] = [replace(column, is_below=True) for column in beside[:1]]
    last = [column for lens_columns in added if not lens_columns.is_beside_verdict for column in lens_columns.columns]
    return [*columns[:behind], *beside, *columns[behind:], *last]


def _cells(site: Site, rule: Rule, added: Sequence[ModeColumns]) -> dict[str, Cell]:
    group = site.catalog.groups[rule.group_id]
    found = site.catalog.mode_images.get(rule.rule_id)
    cells: dict[str, Cell] = {}
    for lens_columns in added:
        keys = (column.key for column in lens_columns.columns)
        cells |= dict(zip(keys, lens_columns.cells(rule), strict=True))
    return cells | {
        "picture": mode_sample(site, group, rule),
        "images": Link(f"all {count(len(found))}" if found else "some", site.mode_path(rule)),
        "rule": Link(condition_words(rule.conditions) or "all images", site.rule_path(rule)),
        "class": Link(group_short(group), site.group_path(group)),
        "grouping": grouping_label(group),
        "verdict": rule.verdict,
        "stability": rule.stability,
        "er": rule.best.error,
        "ber": Share(rule.best.base.k, rule.best.base.n),
        "ec": rule.best.coverage,
        "n": rule.n_in_evidence,
        "iv": rule.best.importance_value,
        "q": rule.q_value,
    }
