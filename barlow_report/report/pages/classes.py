"""The index of classes, and one page per class."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from barlow_report.formatting import counted
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.evidence import modes_words
from barlow_report.report.glossary import meaning
from barlow_report.report.pages.groups import GroupSection, describe_groups, group_headings, group_section, search_words
from barlow_report.report.pages.measures import ClassMeasure, class_measures
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.pages.sets import GroupLink, group_link
from barlow_report.report.records import ClassEntry, Group, Rule
from barlow_report.report.slots import Block, PagePart
from barlow_report.report.words import GROUPINGS, STATUSES

__all__ = ["ClassView", "ClassesView", "class_pages", "classes_page", "classes_without_images"]

_OF_MODES = ("status-", "modes", "verified")
"""Columns about what trees found begin like this."""

_UP = (Link("Overview", "index.html"), Link("Classes", "classes/index.html"))


@dataclass(frozen=True, kw_only=True)
class ClassesView:
    """The sortable table of classes with images; `lead` says how they were analysed, `empty` are the others."""

    table: DataTable
    lead: str
    empty: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class ClassView:
    """One class with its groups, and the groups of several classes that it takes part in."""

    entry: ClassEntry
    measures: tuple[ClassMeasure, ...]
    sections: tuple[GroupSection, ...]
    takes_part: tuple[GroupLink, ...]
    heads: tuple[Block, ...]
    parts: tuple[PagePart, ...]
    modes: str


_LEADS = {
    (): "Classes were not analysed by themselves: this run is about other groups of images.",
    ("label",): "Each class is analysed by the images labelled as it.",
    ("prediction",): "Each class is analysed by the images taken for it.",
    ("label", "prediction"): "Each class is analysed twice: the images labelled as it, and the images taken for it.",
}


_PLAIN = "How often the images labelled as each class fail, and those taken for it."


def classes_page(site: Site) -> SitePage:
    """The index of classes."""
    table = _table(site)
    site.tables[table.name] = table
    asked = site.catalog.rules_config.groupings
    lead = _LEADS[tuple(name for name in ("label", "prediction") if name in asked)] if site.has_features else _PLAIN
    return SitePage(
        path="classes/index.html",
        title="Classes",
        section="Classes",
        description=f"{counted(len(table.rows), 'class')} with error rates{' and failure modes' * site.has_features}.",
        search="All classes: sizes, error rates, failure modes.",
        template="pages/classes.html",
        view=lambda: ClassesView(table=table, lead=lead, empty=classes_without_images(site)),
        crumbs=_UP[:1],
        data=("data/classes.js",),
    )


def classes_without_images(site: Site) -> tuple[Link, ...]:
    """Classes that no image is labelled as or taken for, in the order of their names."""
    seen = _seen(site)
    found = [entry for entry in site.catalog.classes.values() if entry.class_id not in seen]
    return tuple(site.class_link(entry.class_id) for entry in sorted(found, key=_by_name))


def _seen(site: Site) -> set[int]:
    images = site.catalog.images
    return {*np.unique(images.label).tolist(), *np.unique(images.prediction).tolist()}


def _by_name(entry: ClassEntry) -> tuple[str, str]:
    return entry.name.casefold(), entry.name


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
        title = meaning("ber")
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
            title=meaning("failure_mode"),
        ),
        TableColumn(
            key="verified",
            label="Verified",
            kind="count",
            starts="descending",
            title=meaning("verified"),
        ),
    ]
    seen = _seen(site)
    entries = [entry for entry in site.catalog.classes.values() if entry.class_id in seen]
    rows = [_row(site, entry, groupings) for entry in sorted(entries, key=_by_name)]
    if not site.has_features:
        kept = [i for i, column in enumerate(columns) if not column.key.startswith(_OF_MODES)]
        columns, rows = [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]
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
            *([Filter(key="modes", label="Failure modes ≥", kind="least")] if site.has_features else []),
        ),
        sorted_by="class",
        least=site.catalog.rules_config.min_images,
        empty="The run has no images.",
        noun="classes",
    )


def _row(site: Site, entry: ClassEntry, groupings: list[str]) -> list[Cell]:
    groups = {group.grouping: group for group in site.catalog.groups_of_class.get(entry.class_id, ())}
    modes = tuple(rule for group in groups.values() for rule in group.failure_modes)
    row: list[Cell] = [site.class_link(entry.class_id)]
    for grouping in groupings:
        group = groups.get(grouping)
        row += [None, None] if group is None or not group.all_images.n else [group.all_images, group.status]
    return [*row, len(modes), _n_verified(modes)]


def class_pages(site: Site) -> Iterator[SitePage]:
    """One page per class, in the order of the names."""
    entries = sorted(site.catalog.classes.values(), key=_by_name)
    for i, entry in enumerate(entries):
        groups = site.catalog.groups_of_class.get(entry.class_id, [])
        yield SitePage(
            path=f"classes/{entry.slug}/index.html",
            title=entry.name,
            section="Classes",
            description=describe_groups(groups),
            search=f"Class. {search_words(groups)}",
            template="pages/class.html",
            view=lambda entry=entry, groups=groups: _class_view(site, entry, groups),  # type: ignore[misc]
            headings=_headings(site, entry, groups),
            crumbs=_UP,
            previous=site.class_link(entries[i - 1].class_id) if i else None,
            next=site.class_link(entries[i + 1].class_id) if i + 1 < len(entries) else None,
            has_contents=True,
        )


def _headings(site: Site, entry: ClassEntry, groups: list[Group]) -> tuple[Heading, ...]:
    is_whole = _heads(site, entry) or site.catalog.other_groups_of_class.get(entry.class_id)
    whole = (Heading("The whole class", "whole"),) if is_whole else ()
    return (*group_headings(site, groups), *whole, *(part.heading for part in _parts(site, entry)))


def _heads(site: Site, entry: ClassEntry) -> tuple[Block, ...]:
    return site.ask(lambda lens, view: lens.class_head(site, view, entry.class_id))


def _parts(site: Site, entry: ClassEntry) -> tuple[PagePart, ...]:
    return site.ask(lambda lens, view: lens.class_section(site, view, entry.class_id))


def _class_view(site: Site, entry: ClassEntry, groups: list[Group]) -> ClassView:
    modes = tuple(rule for group in groups for rule in group.failure_modes)
    return ClassView(
        entry=entry,
        measures=class_measures(site, entry.class_id),
        sections=tuple(group_section(site, group) for group in groups),
        takes_part=tuple(
            group_link(site, group) for group in site.catalog.other_groups_of_class.get(entry.class_id, ())
        ),
        heads=_heads(site, entry),
        parts=_parts(site, entry),
        modes=modes_words(modes),
    )
