"""What kinds of errors the failures are: of the run, of each class, and of each failure mode."""

from dataclasses import dataclass

from barlow_report.formatting import count, percent
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.pages.groups import GalleryPicture, gallery_picture
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.records import Share
from barlow_report.report.taxonomy import ERROR_TITLES, MEANINGS, Breakdown, StageEntry, Taxonomy
from barlow_report.report.words import VERDICTS, condition_words

__all__ = [
    "AccuracyRow",
    "ErrorTypesView",
    "StageRow",
    "TypeGallery",
    "error_types_page",
    "mostly",
    "type_cells",
    "type_columns",
    "type_filter",
]

_ACCURACIES = {  # what each is called, what it counts as correct beyond the one before, and by which types
    "top_1": ("Top-1", "the prediction is the label", ("model_failure",)),
    "multi_label": (
        "Multi-label",
        "or another correct label, or a class that overlaps with it",
        ("overlapping", "multi_label"),
    ),
    "minor": (
        "Minor errors forgiven",
        "or fine-grained, or out of vocabulary",
        ("fine_grained", "out_of_vocabulary"),
    ),
    "explainable": (
        "Explainable errors forgiven",
        "or a co-occurrence, or non-prototypical",
        ("co_occurrence", "non_prototypical"),
    ),
}
_ORIGINS = {
    "given": "as given in the configuration",
    "wordnet": "from the hypernyms of WordNet",
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
    """One line of the table of accuracies; not assessed where no type that it forgives is."""

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

    taxonomy: Taxonomy
    rows: tuple[StageRow, ...]
    accuracies: tuple[AccuracyRow, ...]
    galleries: tuple[TypeGallery, ...]
    classes: DataTable
    modes: DataTable
    superclasses: tuple[tuple[str, tuple[Link, ...]], ...]
    origin: str
    n_alone: int


def error_types_page(site: Site, taxonomy: Taxonomy) -> SitePage:
    """What kinds of errors the failures are."""
    classes, modes = _classes_table(site, taxonomy), _modes_table(site, taxonomy)
    site.tables[classes.name], site.tables[modes.name] = classes, modes
    headings = [
        Heading("Types", "types"),
        Heading("Accuracy", "accuracy"),
        Heading("Failure modes", "modes"),
        Heading("Classes", "by-class"),
        Heading("Examples", "examples"),
        Heading("Superclasses", "superclasses"),
    ]
    return SitePage(
        path="error-types/index.html",
        title="Error types",
        section="Error types",
        description=_description(taxonomy),
        search="Error types: overlapping classes, multi-label, fine-grained, out of vocabulary, co-occurrence, "
        "non-prototypical, model failure; multi-label accuracy; superclasses.",
        template="pages/error_types.html",
        view=lambda: _view(site, taxonomy, classes, modes),
        headings=tuple(headings),
        crumbs=(Link("Overview", "index.html"),),
        data=(f"data/{classes.name}.js", f"data/{modes.name}.js"),
        has_contents=True,
    )


def _description(taxonomy: Taxonomy) -> str:
    found = sorted(taxonomy.run.found, key=lambda entry: -(entry.share.k or 0))
    if not found:
        return "There is no failure to explain."
    parts = [f"{percent(entry.share.value, decimals=0)} {entry.title}" for entry in found[:4]]
    return f"What kind of error each of the {count(taxonomy.run.n_failures)} failures is: {', '.join(parts)}."


def _view(site: Site, taxonomy: Taxonomy, classes: DataTable, modes: DataTable) -> ErrorTypesView:
    shares = {entry.error_type: entry.share for entry in taxonomy.run.types}
    in_some = {class_id for ids in taxonomy.superclasses.values() for class_id in ids}
    return ErrorTypesView(
        taxonomy=taxonomy,
        rows=tuple(
            StageRow(
                stage=stage,
                title=ERROR_TITLES[stage.error_type],
                meaning=MEANINGS[stage.error_type],
                share=shares.get(stage.error_type, Share(None, None)),
            )
            for stage in taxonomy.stages
            if stage.error_type != "set_aside" or stage.is_assessed
        ),
        accuracies=tuple(
            AccuracyRow(
                title=title,
                meaning=meaning,
                value=taxonomy.accuracies.get(measure),
                is_assessed=any(stage.is_assessed and stage.error_type in types for stage in taxonomy.stages),
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
                    gallery_picture(site, image, with_detail=True)
                    for image in taxonomy.galleries.get(entry.error_type, ())
                ),
            )
            for entry in taxonomy.run.found
        ),
        classes=classes,
        modes=modes,
        superclasses=tuple(
            (name, tuple(site.class_link(class_id) for class_id in ids)) for name, ids in taxonomy.superclasses.items()
        ),
        origin=_ORIGINS[taxonomy.origin],
        n_alone=len(site.catalog.classes) - len(in_some),
    )


def type_filter(breakdowns: list[Breakdown | None], *, label: str = "Mostly") -> Filter:
    """A choice among the types that most failures of a row are of."""
    found = {breakdown.most for breakdown in breakdowns if breakdown is not None}
    choices = tuple((title, title) for error_type, title in ERROR_TITLES.items() if error_type in found)
    return Filter(key="mostly", label=label, kind="equals", choices=choices)


def mostly(breakdown: Breakdown | None) -> str | None:
    """The type of most failures, as it is called."""
    return None if breakdown is None or breakdown.most is None else ERROR_TITLES[breakdown.most]


def type_columns(taxonomy: Taxonomy) -> list[TableColumn]:
    """A column for each type that occurs anywhere."""
    return [
        TableColumn(
            key=entry.error_type.replace("_", "-"),
            label=entry.title[0].upper() + entry.title[1:],
            kind="rate",
            starts="descending",
            title=MEANINGS[entry.error_type]
            + (" Superclasses are suggested." if entry.error_type == "fine_grained" and taxonomy.is_suggested else ""),
        )
        for entry in taxonomy.run.found
    ]


def type_cells(taxonomy: Taxonomy, breakdown: Breakdown | None) -> list[Cell]:
    """The shares of those types among some failures."""
    shares = {} if breakdown is None else {entry.error_type: entry.share for entry in breakdown.types}
    return [shares.get(entry.error_type) for entry in taxonomy.run.found]


def _classes_table(site: Site, taxonomy: Taxonomy) -> DataTable:
    rows: list[list[Cell]] = []
    for class_id in site.catalog.classes:
        breakdown = taxonomy.by_class.get(class_id)
        n_failures = 0 if breakdown is None else breakdown.n_failures
        rows.append([site.class_link(class_id), n_failures, mostly(breakdown), *type_cells(taxonomy, breakdown)])
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
                title="Images with the label that are misclassified, fitted and held-out ones",
            ),
            TableColumn(key="mostly", label="Mostly", kind="text", title="The type of most of these failures"),
            *type_columns(taxonomy),
        ),
        rows=rows,
        filters=(
            Filter(key="class", label="Class contains", kind="contains"),
            type_filter([taxonomy.by_class.get(class_id) for class_id in site.catalog.classes]),
            Filter(key="failures", label="Failures ≥", kind="least"),
        ),
        sorted_by="failures",
        page_size=50,
        empty="The run has no classes.",
        noun="classes",
    )


def _modes_table(site: Site, taxonomy: Taxonomy) -> DataTable:
    rules = [rule for rule in site.catalog.failure_modes() if rule.rule_id in taxonomy.by_rule]
    rows: list[list[Cell]] = []
    for rule in rules:
        group, breakdown = site.catalog.groups[rule.group_id], taxonomy.by_rule[rule.rule_id]
        rows.append(
            [
                Link(condition_words(rule.conditions) or "all images", site.rule_path(rule)),
                Link(group.name, site.group_path(group)),
                rule.verdict,
                breakdown.n_failures,
                mostly(breakdown),
                *type_cells(taxonomy, breakdown),
            ]
        )
    verdicts = [verdict for verdict in VERDICTS if any(rule.verdict == verdict for rule in rules)]
    return DataTable(
        name="error-types-by-mode",
        caption="Error types of the failures of each failure mode",
        columns=(
            TableColumn(key="rule", label="Rule", kind="link"),
            TableColumn(key="group", label="Group", kind="link"),
            TableColumn(key="verdict", label="Verdict", kind="badge", words=VERDICTS, starts="descending"),
            TableColumn(
                key="failures",
                label="Failures",
                kind="count",
                starts="descending",
                title="In the leaf, fitted and held-out images",
            ),
            TableColumn(key="mostly", label="Mostly", kind="text", title="The type of most of these failures"),
            *type_columns(taxonomy),
        ),
        rows=rows,
        filters=(
            Filter(key="", label="Rule or group contains", kind="contains"),
            type_filter([taxonomy.by_rule[rule.rule_id] for rule in rules]),
            Filter(key="verdict", label="Verdict", kind="equals", choices=tuple((VERDICTS[v], v) for v in verdicts)),
        ),
        sorted_by="",
        page_size=50,
        empty="This run has no failure modes.",
        noun="failure modes",
    )
