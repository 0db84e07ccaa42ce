"""The tables of the pages of changes: failure modes, classes, and images that fail with one model alone."""

from collections.abc import Container, Iterable

from barlow_report.formatting import ratio
from barlow_report.lenses.changes.page_words import REPAIR_WORDS, STATE_WORDS, mode_words
from barlow_report.lenses.changes.records import Change, ChangeView, ClassChange, FlippedImage, ModeChange
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, Picture, TableColumn
from barlow_report.report.pages.page import Site

__all__ = [
    "CHANGES_PATH",
    "class_table",
    "flipped_table",
    "mode_link",
    "mode_table",
    "outcome_filter",
    "repair_column",
]

CHANGES_PATH = "changes/index.html"
ONLY_OLD = "only-old"
"""Anchor of the failure modes that only the earlier run has."""

DIRECTIONS = {"newly_wrong": "now fails", "newly_right": "now right"}
_MOST_LISTED = 20_000  # images, in a data script of two megabytes


def mode_link(site: Site, mode: ModeChange) -> Link:
    """The permanent name of a failure mode, and where the site has more about it."""
    rule = None if mode.rule_id_new is None else site.catalog.rules.get(mode.rule_id_new)
    return Link(mode.name, f"{CHANGES_PATH}#{ONLY_OLD}" if rule is None else site.rule_path(rule))


def mode_table(site: Site, changes: ChangeView) -> DataTable:
    """Every failure mode that is verified in either run, by what matters."""
    states = {mode.change.state for mode in changes.modes}
    repaired = [repair_column(changes)] if changes.is_repair else []
    return DataTable(
        name="mode-changes",
        caption="Failure modes in both runs",
        columns=(
            *repaired,
            _state_column(is_below=changes.is_repair),
            TableColumn(key="mode", label="Failure mode", kind="text"),
            TableColumn(
                key="name", label="Permanent name", kind="link", title="The same failure mode has it in every release"
            ),
            *_columns(changes, of="q-value over all failure modes that were tested"),
        ),
        rows=[
            [
                *([mode.repair] if changes.is_repair else []),
                mode.change.state,
                mode_words(site, mode),
                mode_link(site, mode),
                *_cells(mode.change),
            ]
            for mode in changes.modes
        ],
        filters=(
            Filter(key="", label="Failure mode, name or reason contains", kind="contains"),
            *[outcome_filter(column, {mode.repair for mode in changes.modes}) for column in repaired],
            _state_filter(states),
        ),
        sorted_by="",
        page_size=25,
        empty="Neither run has a verified failure mode.",
        noun="failure modes",
    )


def class_table(site: Site, changes: ChangeView) -> DataTable:
    """Every class, its images by label."""
    states = {found.change.state for found in changes.classes}
    return DataTable(
        name="class-changes",
        caption="Classes in both runs",
        columns=(
            _state_column(),
            TableColumn(key="class", label="Class", kind="link"),
            *_columns(changes, of="q-value over all classes"),
        ),
        rows=[[found.change.state, _class_link(site, found), *_cells(found.change)] for found in changes.classes],
        filters=(Filter(key="class", label="Class contains", kind="contains"), _state_filter(states)),
        sorted_by="",
        page_size=50,
        empty="There are no classes.",
        noun="classes",
    )


def flipped_table(site: Site, changes: ChangeView, images: Iterable[FlippedImage]) -> DataTable:
    """The images that fail with one model alone, `images` in this order."""
    shown = list(images)[:_MOST_LISTED]
    catalog = site.catalog
    has_pictures = any(catalog.thumbnails.get(image.image_id) for image in shown)
    columns = (
        *([TableColumn(key="picture", label="Picture", kind="picture")] if has_pictures else []),
        TableColumn(key="image", label="Image", kind="text"),
        TableColumn(key="direction", label="Change", kind="badge", words=DIRECTIONS),
        TableColumn(key="label", label="Label", kind="text"),
        TableColumn(key="old", label="Before", kind="text", title=f"The class that {changes.old.name} takes it for"),
        TableColumn(key="new", label="Now", kind="text", title=f"The class that {changes.new.name} takes it for"),
        *(
            TableColumn(
                key=f"confidence-{key}",
                label=f"Confidence {when}",
                kind="percent",
                starts="descending",
                title=f"Confidence of {run.name} in its prediction",
            )
            for key, when, run in (("old", "before", changes.old), ("new", "now", changes.new))
        ),
        TableColumn(key="mode", label="Failure modes", kind="links"),
    )
    return DataTable(
        name="flipped-images",
        caption="Images that fail with one model alone",
        columns=columns,
        rows=[_flipped_row(site, changes, image, has_pictures=has_pictures) for image in shown],
        filters=(
            Filter(
                key="direction", label="Change", kind="equals", choices=tuple((v, k) for k, v in DIRECTIONS.items())
            ),
            Filter(key="label", label="Label", kind="name"),
            Filter(key="new", label="Now", kind="name"),
            Filter(key="mode", label="Failure mode contains", kind="contains"),
        ),
        sorted_by="",
        page_size=50,
        empty="The same images fail with both models."
        if changes.has_same_images
        else "The runs have other images, so none can be followed from one to the other.",
        noun="images",
    )


def _modes_of_image(site: Site, changes: ChangeView, image: FlippedImage) -> tuple[Link, ...]:
    """The failure modes that an image is in."""
    found = (changes.by_name.get(name) for name in image.modes)
    return tuple(mode_link(site, mode) for mode in found if mode is not None)


def _flipped_row(site: Site, changes: ChangeView, image: FlippedImage, *, has_pictures: bool) -> list[Cell]:
    images, thumbnail = site.catalog.images, site.catalog.thumbnails.get(image.image_id)
    confidence = float(images.confidence[image.image_id])
    picture: list[Cell] = [thumbnail and Picture(thumbnail, "")] if has_pictures else []  # the row says what it is
    return [
        *picture,
        images.name(image.image_id),
        "newly_wrong" if image.is_newly_wrong else "newly_right",
        site.class_name(int(images.label[image.image_id])),
        image.prediction_old,
        site.class_name(int(images.prediction[image.image_id])),
        image.confidence_old,
        None if confidence != confidence else confidence,
        _modes_of_image(site, changes, image),
    ]


def repair_column(changes: ChangeView) -> TableColumn:
    """Whether the repair of a failure mode worked."""
    title = f"Whether {changes.new.name} repaired this failure mode of {changes.old.name}"
    return TableColumn(key="repair", label="Repair", kind="badge", words=REPAIR_WORDS, title=title)


def outcome_filter(column: TableColumn, repairs: Container[str | None]) -> Filter:
    """Choose the failure modes with one of some outcomes of their repair."""
    choices = tuple((words, repair) for repair, words in column.words.items() if repair in repairs)
    return Filter(key="repair", label="Repair", kind="equals", choices=choices)


def _state_column(*, is_below: bool = False) -> TableColumn:
    return TableColumn(key="state", label="State", kind="badge", words=STATE_WORDS, is_below=is_below)


def _state_filter(states: set[str]) -> Filter:
    choices = tuple((words, state) for state, words in STATE_WORDS.items() if state in states)
    return Filter(key="state", label="State", kind="equals", choices=choices)


def _columns(changes: ChangeView, *, of: str) -> tuple[TableColumn, ...]:
    old, new = changes.old.name, changes.new.name
    return (
        TableColumn(
            key="before", label="Fail before", kind="estimate", starts="descending", title=f"Share that {old} fails on"
        ),
        TableColumn(
            key="now", label="Fail now", kind="estimate", starts="descending", title=f"Share that {new} fails on"
        ),
        TableColumn(
            key="counts",
            label="Counted",
            kind="text",
            title="Failures among images, before and now, or why they were not compared. Rates that are estimates are "
            "not what these counts give",
        ),
        TableColumn(
            key="difference",
            label="Difference",
            kind="change",
            starts="descending",
            title="Now less before, in percentage points, with its interval; above 0 is worse",
        ),
        TableColumn(key="q", label="q", kind="q", title=of),
    )


def _cells(change: Change) -> tuple[Cell, ...]:
    is_counted = change.new.n is not None
    counts = f"{ratio(change.old.k, change.old.n)} → {ratio(change.new.k, change.new.n)}" if is_counted else ""
    return (
        change.rate_old,
        change.rate_new,
        "; ".join(filter(None, (counts, change.reason))) or None,
        change.difference,
        change.q_value,
    )


def _class_link(site: Site, found: ClassChange) -> Cell:
    if found.class_id is None or found.class_id not in site.catalog.classes:
        return Link(found.name, f"{CHANGES_PATH}#classes")
    return Link(found.name, site.class_path(found.class_id))
