"""Joint modes: every group that was tested, in one table."""

from dataclasses import dataclass

from barlow_report.lenses.joint.places import joint_path
from barlow_report.lenses.joint.records import JointMode, JointModes
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.evidence import VERDICTS
from barlow_report.report.glossary import meaning
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.words import grouping_label

__all__ = ["JointPage", "joint_page"]

_NAMED = {"yes": "a rule is verified", "no": "none verified"}


@dataclass(frozen=True, kw_only=True)
class JointPage:
    """All groups that were tested, and how many of them have what."""

    table: DataTable
    n_tested: int
    n_real: int
    n_shown: int


def joint_page(site: Site, joint: JointModes) -> SitePage:
    """The table of joint modes."""
    table = _table(site, joint)
    site.tables[table.name] = table
    view = JointPage(
        table=table,
        n_tested=len(joint.modes),
        n_real=len(joint.shown) + len(joint.beside),
        n_shown=len(joint.shown),
    )
    return SitePage(
        path="joint-modes/index.html",
        title="Joint modes",
        section="Joint modes",
        description="Groups whose failures can be predicted only from many features together.",
        search="Joint modes: failures predictable only from many features together. Directions, AUC, shuffles.",
        template="lenses/joint/page.html",
        view=lambda: view,
        crumbs=(Link("Overview", "index.html"),),
        data=("data/joint-modes.js",),
    )


_COLUMNS = (
    TableColumn(key="group", label="Group", kind="link"),
    TableColumn(key="grouping", label="Grouping", kind="text"),
    TableColumn(key="verdict", label="Verdict", kind="badge", words=VERDICTS, starts="descending"),
    TableColumn(
        key="named",
        label="Rules",
        kind="text",
        title="Whether a rule of the group is verified; if so, the joint mode is not shown.",
    ),
    TableColumn(
        key="er",
        label="ER",
        kind="estimate",
        starts="descending",
        title=meaning("er", of="here of images that score high, estimated"),
    ),
    TableColumn(key="ber", label="BER", kind="rate", starts="descending", title=meaning("ber")),
    TableColumn(
        key="ec",
        label="EC",
        kind="estimate",
        starts="descending",
        title=meaning("ec", of="here of images that score high, estimated"),
    ),
    TableColumn(key="n", label="n", kind="count", starts="descending", title="Images that score high."),
    TableColumn(
        key="auc",
        label="AUC",
        kind="number",
        starts="descending",
        title="Probability that a failure scores higher than a success, each scored by a direction fitted without "
        "it; 0.5 is chance.",
    ),
    TableColumn(key="q", label="q", kind="q", title=meaning("q")),
    TableColumn(key="iv", label="IV", kind="number", starts="descending", title=meaning("iv")),
)


def _table(site: Site, joint: JointModes) -> DataTable:
    groupings = dict.fromkeys(grouping_label(site.catalog.groups[group_id]) for group_id in joint.modes)
    present = {mode.verdict for mode in joint.modes.values()}
    beside = [mode for mode in joint.modes.values() if not joint.shows(mode)]
    return DataTable(
        name="joint-modes",
        caption="Joint modes",
        columns=_COLUMNS,
        rows=[_row(site, joint, mode) for mode in (*joint.shown, *beside)],
        filters=(
            Filter(key="group", label="Name contains", kind="contains"),
            Filter(key="grouping", label="Grouping", kind="equals", choices=tuple((g, g) for g in groupings)),
            Filter(
                key="verdict",
                label="Verdict",
                kind="equals",
                choices=tuple((words, verdict) for verdict, words in VERDICTS.items() if verdict in present),
            ),
            Filter(key="named", label="Rules", kind="equals", choices=tuple((w, w) for w in _NAMED.values())),
            Filter(key="er", label="ER ≥ %", kind="least", is_percent=True),
            Filter(key="ec", label="EC ≥ %", kind="least", is_percent=True),
            Filter(key="auc", label="AUC ≥", kind="least"),
        ),
        sorted_by="",
        least=site.catalog.rules_config.min_images,
        empty="No group could be tested.",
        noun="groups",
    )


def _row(site: Site, joint: JointModes, mode: JointMode) -> list[Cell]:
    group = site.catalog.groups[mode.group_id]
    is_named = any(rule.verdict == "verified" for rule in group.rules)
    return [
        Link(group.name, joint_path(site, mode) if joint.shows(mode) else site.group_path(group)),
        grouping_label(group),
        mode.verdict,
        _NAMED["yes" if is_named else "no"],
        mode.error,
        group.all_images,
        mode.coverage,
        mode.members.n,
        mode.auc,
        mode.q_value,
        mode.importance_value,
    ]
