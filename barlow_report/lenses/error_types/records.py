"""Error types as pages show them: what they are called, how many there are, and what a failure mode consists of."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from barlow_report.formatting import count, percent
from barlow_report.lenses.error_types.agreement import PeopleAgreement, read_agreement
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.report.picture_records import GalleryImage
from barlow_report.report.records import Share
from barlow_report.visible import visible

__all__ = [
    "ERROR_TITLES",
    "LABEL_NOISE",
    "MEANINGS",
    "Breakdown",
    "ErrorTypeTables",
    "InputEntry",
    "StageEntry",
    "TypeShare",
    "breakdown_words",
    "is_suggested",
    "noise_sentence",
    "read_breakdowns",
    "read_error_types",
    "type_titles",
]

ERROR_TITLES = {
    "set_aside": "set aside",
    "overlapping": "overlapping classes",
    "multi_label": "multi-label",
    "fine_grained": "fine-grained",
    "out_of_vocabulary": "out of vocabulary",
    "co_occurrence": "co-occurrence",
    "non_prototypical": "non-prototypical",
    "model_failure": "model failure",
}

MEANINGS = {
    "set_aside": "People did not agree on any label, so nobody can say whether the prediction is wrong.",
    "overlapping": "The two classes mean the same thing, or one is a part of the other: the prediction is as good as "
    "the label.",
    "multi_label": "The prediction is another correct label of the image.",
    "fine_grained": "The prediction is nearly right: it shares a superclass with a correct label.",
    "out_of_vocabulary": "The image shows something of the prediction's kind that is none of the classes.",
    "co_occurrence": "The prediction is a class that is often seen together with a correct label.",
    "non_prototypical": "The image shows its class in an unusual way.",
    "model_failure": "None of the above explains it.",
}

LABEL_NOISE = ("set_aside", "overlapping", "multi_label")
"""Failures that say more about the labels than about the model."""

_BY_SUPERCLASSES = ("fine_grained", "out_of_vocabulary")
"""Types that the superclasses decide about."""

_HALF = 0.5


def type_titles(*, is_suggested: bool) -> Mapping[str, str]:
    """Return what each type is called; those that superclasses decide about say so where nobody confirmed these."""
    marked = _BY_SUPERCLASSES if is_suggested else ()
    return {name: f"{title} (suggested)" if name in marked else title for name, title in ERROR_TITLES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeShare:
    """How many of some failures are of one type; `is_suggested` where nobody confirmed the superclasses."""

    error_type: str
    share: Share
    is_suggested: bool = False

    @property
    def title(self) -> str:
        """What the type is called."""
        return type_titles(is_suggested=self.is_suggested)[self.error_type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """What kinds of errors some failures are: every assessed type, in the order of the cascade."""

    types: tuple[TypeShare, ...]
    n_failures: int

    @property
    def found(self) -> tuple[TypeShare, ...]:
        """The types that occur."""
        return tuple(entry for entry in self.types if entry.share.k)

    @property
    def label_noise(self) -> Share:
        """Failures that say more about the labels than about the model."""
        n_noise = sum(entry.share.k or 0 for entry in self.types if entry.error_type in LABEL_NOISE)
        return Share(n_noise, self.n_failures)

    @property
    def is_label_noise(self) -> bool:
        """Whether that is at least half of them."""
        return (self.label_noise.value or 0.0) >= _HALF

    @property
    def most(self) -> TypeShare | None:
        """The type of most failures; of two with as many, the earlier one."""
        best = max(self.types, key=lambda entry: entry.share.k or 0, default=None)
        return best if best is not None and best.share.k else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntry:
    """One stage of the cascade; see table `taxonomy_stages`."""

    error_type: str
    is_assessed: bool
    input: str
    n_assessed: int
    n_errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputEntry:
    """A list that was read; see table `taxonomy_inputs`."""

    key: str
    noun: str
    n_entries: int
    n_matched: int


@dataclass(frozen=True, kw_only=True)
class ErrorTypeTables:
    """The error types of a run.

    Attributes:
        accuracies: By measure: the mean over classes.
        superclasses: Each with its class_ids.
        origin: Where the superclasses come from: given, wordnet or suggested.
        type_of: Error type by image_id, of failures.
        details: What matched, by image_id.
        inputs: The lists that were read; empty in runs of earlier versions.
        people: How far people's types agree; None where nobody named any.
    """

    stages: tuple[StageEntry, ...]
    run: Breakdown
    by_class: Mapping[int, Breakdown]
    by_rule: Mapping[int, Breakdown]
    accuracies: Mapping[str, float | None]
    n_images: int
    n_classes: int
    superclasses: Mapping[str, tuple[int, ...]]
    origin: str
    type_of: Mapping[int, str]
    details: Mapping[int, str]
    galleries: Mapping[str, tuple[GalleryImage, ...]]
    inputs: tuple[InputEntry, ...] = ()
    people: PeopleAgreement | None = None

    @property
    def is_suggested(self) -> bool:
        """Whether nobody has confirmed the superclasses."""
        return self.origin == "suggested"

    @property
    def titles(self) -> Mapping[str, str]:
        """What each type is called."""
        return type_titles(is_suggested=self.is_suggested)

    @property
    def unassessed(self) -> tuple[StageEntry, ...]:
        """The stages without input; problematic labels aside, which are no kind of error."""
        return tuple(stage for stage in self.stages if not stage.is_assessed and stage.error_type != "set_aside")

    @property
    def nothing_assessed(self) -> bool:
        """Whether no stage had its input: then all failures are called model failures, which says nothing of them."""
        return not any(stage.is_assessed for stage in self.stages if stage.error_type != "model_failure")

    @property
    def finds_label_noise(self) -> bool:
        """Whether any stage can tell that labels are at fault."""
        return any(stage.is_assessed and stage.error_type in LABEL_NOISE for stage in self.stages)


def breakdown_words(breakdown: Breakdown, *, among: str = "") -> str:
    """Say what some failures consist of: Of 140 failures, 61 are overlapping classes and 79 model failures.

    Args:
        breakdown: Of these failures.
        among: Which failures they are, where the page shows others as well, such as ` among all images`.
    """
    parts = [f"{count(entry.share.k)} {_of_many(entry)}" for entry in breakdown.found]
    if not parts:
        return "No failure."
    verb = "is" if breakdown.found[0].share.k == 1 else "are"
    head = f"Of {count(breakdown.n_failures)} failure{'s' * (breakdown.n_failures != 1)}{among}, "
    first, *others = parts
    first = first.replace(" ", f" {verb} ", 1)
    return head + " and ".join([", ".join([first, *others[:-1]]), others[-1]] if others else [first]) + "."


def _of_many(entry: TypeShare) -> str:
    return f"{entry.title}s" if entry.error_type == "model_failure" and entry.share.k != 1 else entry.title


def noise_sentence(breakdown: Breakdown) -> str:
    """Say how much of some failures is label noise."""
    share = breakdown.label_noise
    return f"{percent(share.value, decimals=0)} of its failures say more about the labels than about the model"


def read_error_types(tables: Mapping[str, pd.DataFrame]) -> ErrorTypeTables | None:
    """Return the error types of a run; None where they were not computed.

    Args:
        tables: The tables of the run.
    """
    if "error_types" not in tables or "error_type_counts" not in tables:
        return None
    stages = tables["taxonomy_stages"].sort_values("position")
    accuracies = tables["taxonomy_accuracies"]
    types = tables["error_types"]
    counts = tables["error_type_counts"]
    origins = tables["superclasses"]["origin"]
    marked = is_suggested(tables)
    run = read_breakdowns(counts[counts["scope"] == "run"].assign(scope_id=0), "scope_id", is_suggested=marked)
    superclasses: dict[str, list[int]] = {}
    for row in tables["superclasses"].itertuples():
        superclasses.setdefault(visible(row.superclass), []).append(row.class_id)
    detailed = types[types["detail"].notna()]
    return ErrorTypeTables(
        stages=tuple(
            StageEntry(
                error_type=row.error_type,
                is_assessed=bool(row.is_assessed),
                input=row.input,
                n_assessed=row.n_assessed,
                n_errors=row.n_errors,
            )
            for row in stages.itertuples()
        ),
        run=run.get(0, Breakdown(types=(), n_failures=0)),
        by_class=read_breakdowns(counts[counts["scope"] == "class"], "class_id", is_suggested=marked),
        by_rule=read_breakdowns(counts[counts["scope"] == "rule"], "rule_id", is_suggested=marked),
        accuracies={row.measure: None if np.isnan(row.value) else float(row.value) for row in accuracies.itertuples()},
        n_images=int(accuracies["n_images"].max()) if len(accuracies) else 0,
        n_classes=int(accuracies["n_classes"].max()) if len(accuracies) else 0,
        superclasses={name: tuple(ids) for name, ids in superclasses.items()},
        origin=str(origins.iloc[0]) if len(origins) else "given",
        type_of=dict(zip(types["image_id"].tolist(), types["error_type"].tolist(), strict=True)),
        details={
            image_id: visible(detail)
            for image_id, detail in zip(detailed["image_id"].tolist(), detailed["detail"].tolist(), strict=True)
        },
        galleries=_galleries(tables),
        people=read_agreement(tables),
        inputs=_inputs(tables),
    )


def _inputs(tables: Mapping[str, pd.DataFrame]) -> tuple[InputEntry, ...]:
    table = tables.get("taxonomy_inputs")
    if table is None:
        return ()
    return tuple(
        InputEntry(key=row.input, noun=row.noun, n_entries=row.n_entries, n_matched=row.n_matched)
        for row in table.itertuples()
    )


def is_suggested(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Whether nobody confirmed the superclasses of a run; false where it has none."""
    found = tables.get("superclasses")
    return found is not None and bool((found["origin"] == "suggested").any())


def read_breakdowns(counts: pd.DataFrame, key: str, *, is_suggested: bool = False) -> dict[int, Breakdown]:
    """Return what some failures consist of, by the ids in column `key`; see table `error_type_counts`.

    Args:
        counts: Rows of such a table.
        key: Name of the column.
        is_suggested: Nobody confirmed the superclasses.
    """
    order = {error_type: place for place, error_type in enumerate(ERROR_TYPES)}
    found: dict[int, list[TypeShare]] = {}
    columns = [key, "error_type", "n_errors", "n_failures", "low", "high"]
    for row_id, error_type, n_errors, n_failures, low, high in zip(*(counts[c].tolist() for c in columns), strict=True):
        has_interval = not (np.isnan(low) or np.isnan(high))
        share = Share(n_errors, n_failures, low if has_interval else None, high if has_interval else None)
        found.setdefault(int(row_id), []).append(
            TypeShare(error_type=error_type, share=share, is_suggested=is_suggested)
        )
    return {
        row_id: Breakdown(
            types=tuple(sorted(entries, key=lambda entry: order[entry.error_type])), n_failures=entries[0].share.n or 0
        )
        for row_id, entries in found.items()
    }


def _galleries(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[GalleryImage, ...]]:
    found: dict[str, list[GalleryImage]] = {}
    table = tables.get("error_galleries")
    if table is not None:
        for row in table.sort_values(["error_type", "rank"]).itertuples():
            image = GalleryImage(image_id=row.image_id, is_failure=True, thumbnail=row.thumbnail)
            found.setdefault(row.error_type, []).append(image)
    return {error_type: tuple(images) for error_type, images in found.items()}
