"""The cascade: every failure gets exactly one type, that of the first stage which claims it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.lenses.error_types.cases import Cases
from barlow_report.lenses.error_types.multi_labels import MultiLabels
from barlow_report.lenses.error_types.questions import Stage
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.tables import empty_table

__all__ = ["EXPLAINABLE", "MINOR", "Classification", "classify_errors", "mean_accuracies"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

MINOR = ("fine_grained", "out_of_vocabulary")
"""Errors that a person would forgive."""

EXPLAINABLE = (*MINOR, "co_occurrence", "non_prototypical")
"""Errors whose cause is known."""

_CORRECT = ("overlapping", "multi_label")  # by the label a failure, to people none
_REST = "none of the stages above claims it"
_NO_LABELS = "no multi-labels were given, so every label counts"


@dataclass(frozen=True, kw_only=True, eq=False)
class Classification:
    """What kind of error each failure is.

    Attributes:
        error_types: Table `error_types`: one row for each failure.
        stages: Table `taxonomy_stages`.
        is_evaluated: (n_images,) false for images that are set aside, failures or not.
    """

    error_types: pd.DataFrame
    stages: pd.DataFrame
    is_evaluated: Booleans


def classify_errors(
    labels: Integers,
    predictions: Integers,
    *,
    stages: Sequence[Stage],
    multi_labels: MultiLabels | None = None,
    only_annotated: bool = False,
) -> Classification:
    """Ask each stage about the failures that no earlier one has claimed; what is left are model failures.

    Args:
        labels: (n_images,) class_id of the label.
        predictions: (n_images,) class_id of the prediction.
        stages: In the order of `tables.ERROR_TYPES`.
        multi_labels: All correct labels of images. Images that people find problematic are set aside.
        only_annotated: Set images without such labels aside as well.
    """
    is_evaluated = np.ones(len(labels), dtype=np.bool_)
    if multi_labels is not None:
        is_evaluated &= ~multi_labels.is_problematic
        if only_annotated:
            is_evaluated &= multi_labels.is_annotated
    failures = np.flatnonzero(labels != predictions)
    types = np.full(len(failures), "model_failure", dtype=object)
    details = np.full(len(failures), None, dtype=object)
    types[~is_evaluated[failures]] = "set_aside"
    n_aside = int((types == "set_aside").sum())
    rows = [_row("set_aside", multi_labels is not None, _aside_words(multi_labels, only_annotated), n_aside, n_aside)]
    open_places = np.flatnonzero(is_evaluated[failures])
    cases = Cases.from_images(failures[open_places], labels, predictions, multi_labels=multi_labels)
    for stage in stages:
        if not stage.has_input:
            rows.append(_row(stage.error_type, False, stage.source, 0, 0))
            continue
        match = stage.match(cases)
        claimed = open_places[match.is_match]
        types[claimed] = stage.error_type
        details[claimed] = [word for word, hit in zip(match.details, match.is_match.tolist(), strict=True) if hit]
        rows.append(_row(stage.error_type, True, stage.source, int(match.is_assessed.sum()), len(claimed)))
        cases, open_places = cases.take(~match.is_match), open_places[~match.is_match]
    rows.append(_row("model_failure", True, _REST, len(cases), len(cases)))
    columns = {"error_type": types, "detail": details}
    table = pd.DataFrame(
        {"image_id": failures, **{name: pd.Series(column, dtype=object) for name, column in columns.items()}}
    )
    result = Classification(
        error_types=table if len(table) else empty_table("error_types"),
        stages=pd.DataFrame(rows).assign(position=range(len(rows))),
        is_evaluated=is_evaluated,
    )
    _check_sums(result, n_failures=len(failures))
    return result


def _row(error_type: str, is_assessed: bool, words: str, n_assessed: int, n_errors: int) -> dict[str, object]:
    return {
        "error_type": error_type,
        "is_assessed": is_assessed,
        "input": words,
        "n_assessed": n_assessed,
        "n_errors": n_errors,
    }


def _aside_words(multi_labels: MultiLabels | None, only_annotated: bool) -> str:
    if multi_labels is None:
        return _NO_LABELS
    problematic = "people agree on no label of the image"
    return f"{problematic}, or nobody was asked" if only_annotated else problematic


def _check_sums(result: Classification, *, n_failures: int) -> None:
    """Raise unless every failure is counted once, and once only, and in the known order."""
    found = result.stages["error_type"].tolist()
    known = [error_type for error_type in ERROR_TYPES if error_type in found]
    by_type = result.error_types["error_type"].value_counts()
    n_errors = result.stages.set_index("error_type")["n_errors"]
    if (
        found != known
        or int(n_errors.sum()) != n_failures
        or len(result.error_types) != n_failures
        or any(by_type.get(error_type, 0) != n for error_type, n in n_errors.items())
    ):
        raise RuntimeError(f"error types do not add up to {n_failures} failures: {n_errors.to_dict()}")


def mean_accuracies(
    labels: Integers, predictions: Integers, result: Classification, *, multi_labels: MultiLabels | None = None
) -> pd.DataFrame:
    """Return the accuracies of table `taxonomy_accuracies`, each the mean over classes of its images' share.

    top_1 counts the label; multi_label every correct label and overlapping classes; minor, in addition, fine-grained
    errors and those out of vocabulary; explainable also co-occurrences and non-prototypical images. An image whose
    label people reject is not correct by multi_label for being predicted as it.

    Args:
        labels: (n_images,) class_id of the label.
        predictions: (n_images,) class_id of the prediction.
        result: What `classify_errors` found.
        multi_labels: What it was given.
    """
    top_1 = labels == predictions
    accepted = top_1.copy()
    if multi_labels is not None:
        named = np.zeros(len(labels), dtype=np.bool_)
        named[multi_labels.image_ids[multi_labels.class_ids == labels[multi_labels.image_ids]]] = True
        accepted &= named | ~multi_labels.is_annotated
    types = np.full(len(labels), "", dtype=object)
    types[result.error_types["image_id"].to_numpy()] = result.error_types["error_type"].to_numpy()
    correct = {"top_1": top_1}
    for measure, further in (("multi_label", ()), ("minor", MINOR), ("explainable", EXPLAINABLE)):
        correct[measure] = accepted | np.isin(types, (*_CORRECT, *further))
    kept = result.is_evaluated
    classes, codes = np.unique(labels[kept], return_inverse=True)
    n_of = np.bincount(codes, minlength=len(classes))
    return pd.DataFrame(
        [
            {
                "measure": measure,
                "value": _mean(np.bincount(codes, hits[kept], minlength=len(classes)) / n_of),
                "n_images": int(kept.sum()),
                "n_classes": len(classes),
            }
            for measure, hits in correct.items()
        ]
    )


def _mean(shares: npt.NDArray[np.float64]) -> float | None:
    """The mean to 12 digits, so that one that ends in a half is rounded by it and not by an error of binary digits."""
    return round(float(shares.mean()), 12) if len(shares) else None
