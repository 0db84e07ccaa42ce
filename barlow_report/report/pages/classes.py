"""The index of classes, one page per class, and one page per group of another kind."""

from collections.abc import Iterator
from dataclasses import dataclass

from barlow_report.formatting import count, percent, ratio
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.pages.groups import GroupSection, group_headings, group_section
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.records import ClassEntry, Group, Rule, Share
from barlow_report.report.words import GROUPINGS, STATUSES, grouping_label, images_of

__all__ = ["ClassView", "ClassesView", "GroupLink", "GroupView", "class_pages", "classes_page", "group_pages"]

_UP = (Link("Overview", "index.html"), Link("Classes", "classes/index.html"))


@dataclass(frozen=True, kw_only=True)
class GroupLink:
    """A group of another kind, in the list below the table of classes."""

    link: Link
    grouping: str
    base: Share
    n_failure_modes: int
    n_verified: int
    status: str


@dataclass(frozen=True, kw_only=True)
class ClassesView:
    """The sortable table of classes."""

    table: DataTable
    other_groups: tuple[GroupLink, ...]


@dataclass(frozen=True, kw_only=True)
class ClassView:
    """One class with all of its groups."""

    entry: ClassEntry
    sections: tuple[GroupSection, ...]
    n_failure_modes: int
    n_verified: int


@dataclass(frozen=True, kw_only=True)
class GroupView:
    """One group of another kind."""

    section: GroupSection
    n_failure_modes: int
    n_verified: int


def classes_page(site: Site) -> SitePage:
    """The index of classes."""
    table = _table(site)
    site.tables[table.name] = table
    others = tuple(_group_link(site, group) for group in site.catalog.other_groups)
    return SitePage(
        path="classes/index.html",
        title="Classes",
        section="Classes",
        description=f"All {count(len(table.rows))} classes with their error rates and failure modes.",
        search="All classes: sizes, error rates, failure modes.",
        template="pages/classes.html",
        view=lambda: ClassesView(table=table, other_groups=others),
        crumbs=_UP[:1],
        data=("data/classes.js",),
    )


def _group_link(site: Site, group: Group) -> GroupLink:
    modes = group.failure_modes
    return GroupLink(
        link=Link(group.name, site.group_path(group)),
        grouping=grouping_label(group),
        base=group.base,
        n_failure_modes=len(modes),
        n_verified=_n_verified(modes),
        status=STATUSES[group.status],
    )


def _n_verified(rules: tuple[Rule, ...]) -> int:
    return sum(rule.verdict == "verified" for rule in rules)


def _groupings(site: Site) -> list[str]:
    """The groupings that class pages have, the usual two first."""
    found = {group.grouping for groups in site.catalog.groups_of_class.values() for group in groups}
    return [g for g in GROUPINGS if g in found] + sorted(found - GROUPINGS.keys())


def _table(site: Site) -> DataTable:
    groupings = _groupings(site)
    columns = [TableColumn(key="class", label="Class", kind="link")]
    for grouping in groupings:
        words = GROUPINGS.get(grouping, grouping)
        title = f"Base error rate: failures among the images of the group {words} that trees are fitted on"
        columns += [
            TableColumn(key=f"ber-{grouping}", label=f"BER {words}", kind="rate", title=title, starts="descending"),
            TableColumn(key=f"status-{grouping}", label=f"Tree {words}", kind="badge", words=STATUSES),
        ]
    columns += [
        TableColumn(
            key="modes",
            label="Failure modes",
            kind="count",
            starts="descending",
            title="Leaves of its trees that are failure modes",
        ),
        TableColumn(
            key="verified",
            label="Verified",
            kind="count",
            starts="descending",
            title="Of these, failure modes that hold on held-out images",
        ),
    ]
    rows = [_row(site, entry, groupings) for entry in site.catalog.classes.values()]
    rows.sort(key=lambda row: (row[0].text.casefold(), row[0].text) if isinstance(row[0], Link) else ("", ""))
    return DataTable(
        name="classes",
        caption="Classes",
        columns=tuple(columns),
        rows=rows,
        filters=(
            Filter(key="class", label="Name contains", kind="contains"),
            *(
                Filter(key=f"ber-{g}", label=f"BER {GROUPINGS.get(g, g)} ≥ %", kind="least", is_percent=True)
                for g in groupings
            ),
            Filter(key="modes", label="Failure modes ≥", kind="least"),
        ),
        sorted_by="class",
        least=site.catalog.rules_config.min_images,
        empty="The run has no classes.",
        noun="classes",
    )


def _row(site: Site, entry: ClassEntry, groupings: list[str]) -> list[Cell]:
    groups = {group.grouping: group for group in site.catalog.groups_of_class.get(entry.class_id, ())}
    modes = tuple(rule for group in groups.values() for rule in group.failure_modes)
    row: list[Cell] = [site.class_link(entry.class_id)]
    for grouping in groupings:
        group = groups.get(grouping)
        row += [None, None] if group is None else [group.base, group.status]
    return [*row, len(modes), _n_verified(modes)]


def class_pages(site: Site) -> Iterator[SitePage]:
    """One page per class, in the order of the names."""
    entries = sorted(site.catalog.classes.values(), key=lambda entry: (entry.name.casefold(), entry.name))
    for i, entry in enumerate(entries):
        groups = site.catalog.groups_of_class.get(entry.class_id, [])
        yield SitePage(
            path=f"classes/{entry.slug}/index.html",
            title=entry.name,
            section="Classes",
            description=_description(groups),
            search=_search_text(groups),
            template="pages/class.html",
            view=lambda entry=entry, groups=groups: _class_view(site, entry, groups),  # type: ignore[misc]
            headings=group_headings(site, groups),
            crumbs=_UP,
            previous=site.class_link(entries[i - 1].class_id) if i else None,
            next=site.class_link(entries[i + 1].class_id) if i + 1 < len(entries) else None,
            has_contents=True,
        )


def _description(groups: list[Group]) -> str:
    parts = [
        f"{percent(share.value)} of the {images_of(group)} are misclassified ({ratio(share.k, share.n)})"
        for group, share in ((group, _all_images(group)) for group in groups)
        if share.value is not None
    ]
    return "; ".join(parts) + "." if parts else "No image was analysed."


def _all_images(group: Group) -> Share:
    """The failures among all images of a group, fitted and held out together."""
    parts = (group.base, group.base_held_out)
    return Share(sum(part.k or 0 for part in parts), sum(part.n or 0 for part in parts))


def _search_text(groups: list[Group]) -> str:
    modes = [rule for group in groups for rule in group.failure_modes]
    features = dict.fromkeys(f"feature {c.feature_id}" for rule in modes for c in rule.conditions)
    return f"Class. {_description(groups)} {len(modes)} failure modes. {', '.join(features)}"


def _class_view(site: Site, entry: ClassEntry, groups: list[Group]) -> ClassView:
    modes = tuple(rule for group in groups for rule in group.failure_modes)
    return ClassView(
        entry=entry,
        sections=tuple(group_section(site, group) for group in groups),
        n_failure_modes=len(modes),
        n_verified=_n_verified(modes),
    )


def group_pages(site: Site) -> Iterator[SitePage]:
    """One page per group that is not defined by a class."""
    groups = site.catalog.other_groups
    links = [Link(group.name, site.group_page(group)) for group in groups]
    for i, group in enumerate(groups):
        modes = group.failure_modes
        yield SitePage(
            path=f"groups/{group.group_id}/index.html",
            title=group.name,
            section="Classes",
            description=_description([group]),
            search=_search_text([group]),
            template="pages/group.html",
            view=lambda group=group, modes=modes: GroupView(  # type: ignore[misc]
                section=group_section(site, group), n_failure_modes=len(modes), n_verified=_n_verified(modes)
            ),
            headings=group_headings(site, [group]),
            crumbs=_UP,
            previous=links[i - 1] if i else None,
            next=links[i + 1] if i + 1 < len(links) else None,
            has_contents=True,
        )
