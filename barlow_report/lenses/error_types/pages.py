"""What kinds of errors the failures are: of the run, of each class, and of each failure mode."""

from collections.abc import Mapping
from dataclasses import dataclass

from barlow_report.formatting import count, percent
from barlow_report.lenses.error_types.page_tables import classes_table, modes_table, people_table
from barlow_report.lenses.error_types.records import ERROR_TITLES, MEANINGS, ErrorTypeTables, StageEntry
from barlow_report.report.datatable import DataTable, Link
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.pages.pictures import GalleryPicture, gallery_picture
from barlow_report.report.records import Share

__all__ = ["AccuracyRow", "ErrorTypesView", "StageRow", "TypeGallery", "error_types_page"]

_ACCURACIES = {  # what each is called, what it counts as correct beyond the one before, and by which types
    "top_1": ("Top-1", "the prediction is the label", ("model_failure",)),
    "multi_label": (
        "Multi-label",
        "or another correct label, or a class that overlaps with it",
        ("overlapping", "multi_label"),
    ),
    "minor": (
        "Minor errors accepted",
        "or {fine_grained}, or {out_of_vocabulary}",
        ("fine_grained", "out_of_vocabulary"),
    ),
    "explainable": (
        "Explainable errors accepted",
        "or a {co_occurrence}, or {non_prototypical}",
        ("co_occurrence", "non_prototypical"),
    ),
}
_ORIGINS = {
    "given": "as given in the configuration",
    "wordnet": "kinds of things that people name, by WordNet",
    "suggested": "suggested from confusions and features",
}


@dataclass(frozen=True, kw_only=True)
class StageRow:
    """One line of the table of types."""

    stage: StageEntry
    title: str
    meaning: str
    share: Share


@dataclass(frozen=True, kw_only=True)
class AccuracyRow:
    """One line of the table of accuracies; not assessed where no type that it accepts is."""

    title: str
    meaning: str
    value: float | None
    is_assessed: bool


@dataclass(frozen=True, kw_only=True)
class TypeGallery:
    """Some failures of one type."""

    error_type: str
    title: str
    meaning: str
    share: Share
    pictures: tuple[GalleryPicture, ...]


@dataclass(frozen=True, kw_only=True)
class ErrorTypesView:
    """The page of error types."""

    error_types: ErrorTypeTables
    rows: tuple[StageRow, ...]
    accuracies: tuple[AccuracyRow, ...]
    galleries: tuple[TypeGallery, ...]
    classes: DataTable
    modes: DataTable
    people: DataTable | None
    superclasses: tuple[tuple[str, tuple[Link, ...]], ...]
    origin: str
    n_alone: int
    has_download: bool
    plain_titles: Mapping[str, str]


def error_types_page(site: Site, error_types: ErrorTypeTables) -> SitePage:
    """What kinds of errors the failures are."""
    classes, modes = classes_table(site, error_types), modes_table(site, error_types)
    people = people_table(site, error_types)
    shown = [table for table in (classes, modes if site.has_features else None, people) if table is not None]
    site.tables.update({table.name: table for table in shown})
    headings = [
        Heading("Types", "types"),
        *([Heading("Lists that were read", "lists")] if error_types.inputs else []),
        Heading("Accuracy", "accuracy"),
        *([Heading("Agreement with people", "people")] if people else []),
        *([Heading("Failure modes", "modes")] if site.has_features else []),
        Heading("Classes", "by-class"),
        *([Heading("Examples", "examples")] if site.has_images else []),
        Heading("Superclasses", "superclasses"),
    ]
    return SitePage(
        path="error-types/index.html",
        title="Error types",
        section="Error types",
        description=_description(error_types),
        search="Error types: overlapping classes, multi-label, fine-grained, out of vocabulary, co-occurrence, "
        "non-prototypical, model failure; multi-label accuracy; superclasses.",
        template="lenses/error_types/page.html",
        view=lambda: _view(site, error_types, classes, modes, people),
        headings=tuple(headings),
        crumbs=(Link("Overview", "index.html"),),
        data=tuple(f"data/{table.name}.js" for table in shown),
        has_contents=True,
    )


def _description(error_types: ErrorTypeTables) -> str:
    found = sorted(error_types.run.found, key=lambda entry: -(entry.share.k or 0))
    if not found:
        return "There is no failure to explain."
    if error_types.nothing_assessed:
        return "What kinds of errors the failures are is not known: none of the types was assessed."
    parts = [f"{percent(entry.share.value, decimals=0)} {entry.title}" for entry in found[:4]]
    n = error_types.run.n_failures
    which = "the one failure" if n == 1 else f"each of the {count(n)} failures"
    return f"What kind of error {which} is: {', '.join(parts)}."


def _view(
    site: Site, error_types: ErrorTypeTables, classes: DataTable, modes: DataTable, people: DataTable | None
) -> ErrorTypesView:
    shares = {entry.error_type: entry.share for entry in error_types.run.types}
    in_some = {class_id for ids in error_types.superclasses.values() for class_id in ids}
    return ErrorTypesView(
        error_types=error_types,
        rows=tuple(
            StageRow(
                stage=stage,
                title=error_types.titles[stage.error_type],
                meaning=MEANINGS[stage.error_type],
                share=shares.get(stage.error_type, Share(None, None)),
            )
            for stage in error_types.stages
            if stage.error_type != "set_aside" or stage.is_assessed
        ),
        accuracies=tuple(
            AccuracyRow(
                title=title,
                meaning=meaning.format_map(error_types.titles),
                value=error_types.accuracies.get(measure),
                is_assessed=any(stage.is_assessed and stage.error_type in types for stage in error_types.stages),
            )
            for measure, (title, meaning, types) in _ACCURACIES.items()
        ),
        galleries=tuple(
            TypeGallery(
                error_type=entry.error_type,
                title=entry.title,
                meaning=MEANINGS[entry.error_type],
                share=entry.share,
                pictures=tuple(
                    gallery_picture(site, image, note=error_types.details.get(image.image_id, ""))
                    for image in error_types.galleries.get(entry.error_type, ())
                ),
            )
            for entry in error_types.run.found
        ),
        classes=classes,
        modes=modes,
        people=people,
        superclasses=tuple(
            (name, tuple(site.class_link(class_id) for class_id in ids))
            for name, ids in error_types.superclasses.items()
        ),
        origin=_ORIGINS[error_types.origin],
        n_alone=len(site.catalog.classes) - len(in_some),
        has_download=site.offers("errors.csv"),
        plain_titles=ERROR_TITLES,
    )
