"""The tables of error types, by class and by failure mode, and what other tables show of them."""

from barlow_report.lenses.error_types.records import (
    ERROR_TITLES,
    MEANINGS,
    Breakdown,
    ErrorTypeTables,
    TypeShare,
    type_titles,
)
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.evidence import VERDICTS
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Rule
from barlow_report.report.slots import ModeColumns
from barlow_report.report.words import condition_words, group_short

__all__ = [
    "classes_table",
    "mode_columns",
    "modes_table",
    "mostly",
    "people_table",
    "type_cells",
    "type_columns",
    "type_filter",
]


_MODE_COLUMNS = (
    TableColumn(
        key="mostly",
        label="Mostly",
        kind="text",
        title="The most frequent error type of its failures, over all images.",
    ),
    TableColumn(
        key="noise",
        label="Label noise",
        kind="rate",
        starts="descending",
        title="Its failures that say more about the labels than about the model, over all images.",
    ),
)


def mode_columns(site: Site, error_types: ErrorTypeTables) -> ModeColumns:
    """The columns of the table of failure modes: the type of most failures, and how many are label noise."""
    if error_types.nothing_assessed:
        return ModeColumns(columns=(), cells=lambda _: (), filters=())
    columns = _MODE_COLUMNS[: 2 if error_types.finds_label_noise else 1]

    def cells(rule: Rule) -> tuple[Cell, ...]:
        errors = error_types.by_rule.get(rule.rule_id)
        return (mostly(errors), None if errors is None else errors.label_noise)[: len(columns)]

    modes = [error_types.by_rule.get(rule.rule_id) for rule in site.catalog.failure_modes()]
    return ModeColumns(columns=columns, cells=cells, filters=(type_filter(modes),))


def type_filter(breakdowns: list[Breakdown | None], *, label: str = "Mostly") -> Filter:
    """A choice among the types that most failures of a row are of."""
    found = {entry.title for entry in (b.most for b in breakdowns if b is not None) if entry is not None}
    titles = dict.fromkeys(title for s in (False, True) for title in type_titles(is_suggested=s).values())
    choices = tuple((title, title) for title in titles if title in found)
    return Filter(key="mostly", label=label, kind="equals", choices=choices)


def mostly(breakdown: Breakdown | None) -> str | None:
    """The type of most failures, as it is called."""
    return None if breakdown is None or breakdown.most is None else breakdown.most.title


def type_columns(error_types: ErrorTypeTables) -> list[TableColumn]:
    """A column for each type that occurs anywhere; none where nothing was assessed."""
    return [
        TableColumn(
            key=entry.error_type.replace("_", "-"),
            label=entry.title[0].upper() + entry.title[1:],
            kind="rate",
            starts="descending",
            title=MEANINGS[entry.error_type],
        )
        for entry in _found(error_types)
    ]


def type_cells(error_types: ErrorTypeTables, breakdown: Breakdown | None) -> list[Cell]:
    """The shares of those types among some failures."""
    shares = {} if breakdown is None else {entry.error_type: entry.share for entry in breakdown.types}
    return [shares.get(entry.error_type) for entry in _found(error_types)]


def _found(error_types: ErrorTypeTables) -> tuple[TypeShare, ...]:
    return () if error_types.nothing_assessed else error_types.run.found


def _mostly_columns(error_types: ErrorTypeTables) -> list[TableColumn]:
    title = "The type of most of these failures."
    column = TableColumn(key="mostly", label="Mostly", kind="text", is_below=True, title=title)
    return [] if error_types.nothing_assessed else [column]


def _mostly_cells(error_types: ErrorTypeTables, breakdown: Breakdown | None) -> list[Cell]:
    return [] if error_types.nothing_assessed else [mostly(breakdown)]


def _mostly_filters(error_types: ErrorTypeTables, breakdowns: list[Breakdown | None]) -> list[Filter]:
    return [] if error_types.nothing_assessed else [type_filter(breakdowns)]


def classes_table(site: Site, error_types: ErrorTypeTables) -> DataTable:
    """The types of the failures of each class."""
    rows: list[list[Cell]] = []
    for class_id in site.catalog.classes:
        breakdown = error_types.by_class.get(class_id)
        n_failures = 0 if breakdown is None else breakdown.n_failures
        rows.append(
            [
                site.class_link(class_id),
                n_failures,
                *_mostly_cells(error_types, breakdown),
                *type_cells(error_types, breakdown),
            ]
        )
    rows.sort(key=lambda row: (-row[1] if isinstance(row[1], int) else 0, str(row[0])))
    return DataTable(
        name="error-types-by-class",
        caption="Error types of the failures of each class",
        columns=(
            TableColumn(key="class", label="Class", kind="link"),
            TableColumn(
                key="failures",
                label="Failures",
                kind="count",
                starts="descending",
                title="The images labelled as the class that fail.",
            ),
            *_mostly_columns(error_types),
            *type_columns(error_types),
        ),
        rows=rows,
        filters=(
            Filter(key="class", label="Class contains", kind="contains"),
            *_mostly_filters(error_types, [error_types.by_class.get(class_id) for class_id in site.catalog.classes]),
            Filter(key="failures", label="Failures ≥", kind="least"),
        ),
        sorted_by="failures",
        page_size=50,
        empty="The run has no classes.",
        noun="classes",
    )


def people_table(site: Site, error_types: ErrorTypeTables) -> DataTable | None:
    """The errors that people call otherwise; None where nobody named any."""
    if error_types.people is None:
        return None
    images, titles = site.catalog.images, error_types.titles
    rows: list[list[Cell]] = [
        [
            images.name(image_id),
            site.class_link(int(images.label[image_id])),
            site.class_link(prediction),
            ERROR_TITLES[said],
            titles[found],
        ]
        for image_id, prediction, said, found in error_types.people.others
    ]
    return DataTable(
        name="people-types",
        caption="Errors that people call otherwise",
        columns=(
            TableColumn(key="image", label="Image", kind="text"),
            TableColumn(key="label", label="Label", kind="link"),
            TableColumn(key="prediction", label="Prediction", kind="link", is_below=True),
            TableColumn(key="people", label="People", kind="text"),
            TableColumn(key="here", label="Here", kind="text"),
        ),
        rows=rows,
        filters=(Filter(key="", label="Image, class or type contains", kind="contains"),),
        sorted_by="",
        page_size=25,
        empty="People call all of these errors as they are called here.",
        noun="errors",
    )


def modes_table(site: Site, error_types: ErrorTypeTables) -> DataTable:
    """The types of the failures of each failure mode."""
    rules = [rule for rule in site.catalog.failure_modes() if rule.rule_id in error_types.by_rule]
    rows: list[list[Cell]] = []
    for rule in rules:
        group, breakdown = site.catalog.groups[rule.group_id], error_types.by_rule[rule.rule_id]
        rows.append(
            [
                Link(condition_words(rule.conditions) or "all images", site.rule_path(rule)),
                Link(group_short(group), site.group_path(group)),
                rule.verdict,
                breakdown.n_failures,
                *_mostly_cells(error_types, breakdown),
                *type_cells(error_types, breakdown),
            ]
        )
    verdicts = [verdict for verdict in VERDICTS if any(rule.verdict == verdict for rule in rules)]
    return DataTable(
        name="error-types-by-mode",
        caption="Error types of the failures of each failure mode",
        columns=(
            TableColumn(key="rule", label="Rule", kind="link"),
            TableColumn(key="group", label="Group", kind="link", is_below=True),
            TableColumn(key="verdict", label="Verdict", kind="badge", words=VERDICTS, starts="descending"),
            TableColumn(
                key="failures",
                label="Failures",
                kind="count",
                starts="descending",
                title="The failures among all images that meet the rule.",
            ),
            *_mostly_columns(error_types),
            *type_columns(error_types),
        ),
        rows=rows,
        filters=(
            Filter(key="", label="Rule or group contains", kind="contains"),
            *_mostly_filters(error_types, [error_types.by_rule[rule.rule_id] for rule in rules]),
            Filter(key="verdict", label="Verdict", kind="equals", choices=tuple((VERDICTS[v], v) for v in verdicts)),
        ),
        sorted_by="",
        page_size=50,
        empty="This run has no failure modes.",
        noun="failure modes",
    )
