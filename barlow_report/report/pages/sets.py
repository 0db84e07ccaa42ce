"""Groups that no single class defines: confused pairs, unions, values of a column. Their index and their pages."""

from collections.abc import Iterator
from dataclasses import dataclass

from barlow_report.formatting import counted
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.evidence import modes_words
from barlow_report.report.glossary import meaning
from barlow_report.report.pages.groups import GroupSection, describe_groups, group_headings, group_section, search_words
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.records import Group, Rule, Share
from barlow_report.report.words import STATUSES, grouping_label, kind_words

__all__ = ["GroupLink", "GroupView", "GroupsView", "group_link", "group_pages", "groups_page"]

_N_PLAIN = 3  # columns before those about trees

_UP = (Link("Overview", "index.html"), Link("Groups", "groups/index.html"))


@dataclass(frozen=True, kw_only=True)
class GroupLink:
    """A group that a class takes part in."""

    link: Link
    grouping: str
    base: Share
    modes: str


@dataclass(frozen=True, kw_only=True)
class GroupsView:
    """The sortable table of groups, and the kinds of groups with what they are."""

    table: DataTable
    kinds: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class GroupView:
    """One group, and the classes that define it."""

    kind: str
    section: GroupSection
    classes: tuple[Link, ...]
    modes: str


def group_link(site: Site, group: Group) -> GroupLink:
    """What the page of a class says about a group it takes part in."""
    modes = group.failure_modes
    return GroupLink(
        link=Link(group.name, site.group_page(group)),
        grouping=grouping_label(group),
        base=group.all_images,
        modes=modes_words(modes),
    )


def _n_verified(rules: tuple[Rule, ...]) -> int:
    return sum(rule.verdict == "verified" for rule in rules)


def groups_page(site: Site) -> SitePage:
    """The index of groups; only a run that has some has this page."""
    groups = site.catalog.other_groups
    table = _table(site, groups)
    site.tables[table.name] = table
    kinds = tuple(kind_words(grouping) for grouping in dict.fromkeys(group.grouping for group in groups))
    return SitePage(
        path="groups/index.html",
        title="Groups",
        section="Groups",
        description=f"{counted(len(groups), 'group')} of images other than the classes, with failure modes.",
        search="Groups of images other than the classes: confused pairs, unions of classes, columns of the manifest.",
        template="pages/groups.html",
        view=lambda: GroupsView(table=table, kinds=kinds),
        crumbs=_UP[:1],
        data=("data/groups.js",),
    )


def _table(site: Site, groups: list[Group]) -> DataTable:
    kinds = dict.fromkeys(grouping_label(group) for group in groups)
    columns: tuple[TableColumn, ...] = (
        TableColumn(key="group", label="Group", kind="link"),
        TableColumn(key="kind", label="Kind", kind="text"),
        TableColumn(
            key="ber",
            label="BER",
            kind="rate",
            starts="descending",
            title=meaning("ber"),
        ),
        TableColumn(key="status", label="Tree", kind="badge", words=STATUSES),
        TableColumn(
            key="modes",
            label="Failure modes",
            kind="count",
            starts="descending",
            title=meaning("failure_mode"),
        ),
        TableColumn(
            key="verified",
            label="Verified",
            kind="count",
            starts="descending",
            title=meaning("verified"),
        ),
    )
    rows = [_row(site, group) for group in groups]
    if not site.has_features:
        columns, rows = columns[:_N_PLAIN], [row[:_N_PLAIN] for row in rows]
    return DataTable(
        name="groups",
        caption="Groups",
        columns=columns,
        rows=rows,
        filters=(
            Filter(key="group", label="Name contains", kind="contains"),
            Filter(key="kind", label="Kind", kind="equals", choices=tuple((kind, kind) for kind in kinds)),
            Filter(key="ber", label="BER ≥ %", kind="least", is_percent=True),
            *([Filter(key="modes", label="Failure modes ≥", kind="least")] if site.has_features else []),
        ),
        sorted_by="",
        least=site.catalog.rules_config.min_images,
        empty="The run has no groups other than the classes.",
        noun="groups",
    )


def _row(site: Site, group: Group) -> list[Cell]:
    modes = group.failure_modes
    return [
        Link(group.name, site.group_page(group)),
        grouping_label(group),
        group.all_images,
        group.status,
        len(modes),
        _n_verified(modes),
    ]


def group_pages(site: Site) -> Iterator[SitePage]:
    """One page per group, in the order of the index."""
    groups = site.catalog.other_groups
    links = [Link(group.name, site.group_page(group)) for group in groups]
    for i, group in enumerate(groups):
        yield SitePage(
            path=f"groups/{group.group_id}/index.html",
            title=group.name,
            section="Groups",
            description=describe_groups([group]),
            search=f"Group, {grouping_label(group)}. {search_words([group])}",
            template="pages/group.html",
            view=lambda group=group: _view(site, group),  # type: ignore[misc]
            headings=group_headings(site, [group]),
            crumbs=_UP,
            previous=links[i - 1] if i else None,
            next=links[i + 1] if i + 1 < len(links) else None,
            has_contents=True,
        )


def _view(site: Site, group: Group) -> GroupView:
    modes = group.failure_modes
    return GroupView(
        kind=grouping_label(group),
        section=group_section(site, group),
        classes=tuple(site.class_link(entry.class_id) for entry in group.classes),
        modes=modes_words(modes),
    )
