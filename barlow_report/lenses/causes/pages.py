"""Causes: what was done, what it cannot show, and every effect in one table."""

from dataclasses import dataclass

from barlow_report.formatting import counted
from barlow_report.lenses.causes.page_words import VERDICT_COUNTS, VERDICT_WORDS
from barlow_report.lenses.causes.records import CauseEffect, CauseView
from barlow_report.lenses.causes.tables import DIRECTIONS, VERDICTS
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Site, SitePage

__all__ = ["CausesPage", "causes_page"]

_COLUMNS = (
    TableColumn(key="mode", label="Failure mode", kind="link"),
    TableColumn(key="feature", label="Feature", kind="link"),
    TableColumn(
        key="direction",
        label="Change",
        kind="text",
        is_below=True,
        title="Repair: images of the failure mode are changed to leave it. Break: others are changed to enter it.",
    ),
    TableColumn(key="verdict", label="Verdict", kind="badge", words=VERDICT_WORDS, starts="descending"),
    TableColumn(
        key="before", label="Fail before", kind="rate", starts="descending", title="Images that fail before the change."
    ),
    TableColumn(
        key="moved", label="After", kind="rate", starts="descending", title="Images that fail after the change."
    ),
    TableColumn(
        key="controls",
        label="Other changes",
        kind="rate",
        starts="descending",
        title="Images that fail after equal changes along other features, each image once for each of them.",
    ),
    TableColumn(
        key="effect",
        label="Effect",
        kind="change",
        starts="descending",
        title="In percentage points, with interval. Repair: error rate after other changes minus error rate after this "
        "one. Break: the reverse.",
    ),
    TableColumn(key="q", label="q", kind="q", is_below=True, title="The Benjamini–Hochberg q-value over all effects."),
    TableColumn(key="reached", label="Reached", kind="rate", title="Images whose feature reached the target."),
)


@dataclass(frozen=True, kw_only=True)
class CausesPage:
    """All effects, and how many failure modes have which verdict."""

    table: DataTable
    counts: tuple[tuple[int, str], ...]
    n_modes: int
    reasons: tuple[tuple[str, int], ...]


def causes_page(site: Site, causes: CauseView) -> SitePage:
    """The page of causes."""
    effects = [effect for found in causes.effects.values() for effect in found]
    effects.sort(key=lambda e: (VERDICTS.index(e.verdict), -(e.effect.value if e.effect else -1.0), e.rule_id))
    table = _table(site, effects)
    site.tables[table.name] = table
    reasons: dict[str, int] = {}
    for effect in effects:
        if effect.reason is not None:
            reasons[effect.reason] = reasons.get(effect.reason, 0) + 1
    view = CausesPage(
        table=table,
        counts=tuple((n, words) for verdict, words in VERDICT_COUNTS.items() if (n := causes.count(verdict))),
        n_modes=len(causes.effects),
        reasons=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )
    return SitePage(
        path="causes/index.html",
        title="Causes",
        section="Causes",
        description=f"Whether changing a feature changes the failures: {counted(len(causes.effects), 'failure mode')}.",
        search="Causes: images changed along one feature, with controls. Effects, dose-response, verdicts.",
        template="lenses/causes/page.html",
        view=lambda: view,
        crumbs=(Link("Overview", "index.html"),),
        data=("data/causes.js",),
    )


def _table(site: Site, effects: list[CauseEffect]) -> DataTable:
    present = {effect.verdict for effect in effects}
    return DataTable(
        name="causes",
        caption="Effects",
        columns=_COLUMNS,
        rows=[_row(site, effect) for effect in effects],
        filters=(
            Filter(key="mode", label="Failure mode contains", kind="contains"),
            Filter(key="direction", label="Change", kind="equals", choices=tuple((w, w) for w in DIRECTIONS)),
            Filter(
                key="verdict",
                label="Verdict",
                kind="equals",
                choices=tuple((VERDICT_WORDS[v], v) for v in VERDICTS if v in present),
            ),
        ),
        sorted_by="",
        empty="No failure mode was verified, so there was nothing to test.",
        noun="effects",
    )


def _row(site: Site, effect: CauseEffect) -> list[Cell]:
    rule = site.catalog.rules[effect.rule_id]
    group = site.catalog.groups[rule.group_id]
    is_tested = effect.effect is not None
    return [
        Link(mode_name(group, rule), site.rule_path(rule)),
        site.feature_link(effect.feature_id),
        effect.direction,
        effect.verdict,
        effect.before if is_tested else None,
        effect.moved if is_tested else None,
        effect.control if is_tested else None,
        effect.effect,
        effect.q_value,
        effect.reached if is_tested else None,
    ]
