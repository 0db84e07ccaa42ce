"""Whether the tables of a run fit together: each fits its schema, but a file may have been put together by hand."""

from collections.abc import Iterator

import numpy as np
from pydantic import ValidationError

from barlow_report.errors import RunFolderError
from barlow_report.lenses.changes.results import RunResults

__all__ = ["check_results"]

_PER_IMAGE = ("images", "contents", "splits")
_REFERENCES = (
    ("rules", "group_id", "groups"),
    ("group_classes", "group_id", "groups"),
    ("memberships", "group_id", "groups"),
    ("conditions", "rule_id", "rules"),
    ("mode_names", "rule_id", "rules"),
)
_CLASSES = (("images", "label"), ("images", "prediction"), ("groups", "class_id"), ("group_classes", "class_id"))


def check_results(run: RunResults) -> RunResults:
    """Return the results of a run if their tables fit together.

    Raises:
        RunFolderError: They do not.
    """
    problem = next(_problems(run), None)
    if problem is not None:
        raise RunFolderError(
            f"{run.source}: {problem}. Its tables do not belong together: make it again, with barlow-report run or "
            "export-results."
        )
    return run


def _problems(run: RunResults) -> Iterator[str]:
    try:
        _ = run.settings, run.seed
    except (ValidationError, ValueError, TypeError) as error:
        yield f"the configuration in it cannot be read ({str(error).splitlines()[0]})"
    n_images, n_classes = len(run.tables["images"]), len(run.tables["classes"])
    for name in _PER_IMAGE:
        if not np.array_equal(run.tables[name]["image_id"], np.arange(n_images)):
            yield f"the table {name} does not have the images 0 to {n_images - 1} in order"
    if not np.array_equal(run.tables["classes"]["class_id"], np.arange(n_classes)):
        yield f"the table classes does not have the classes 0 to {n_classes - 1} in order"
    if run.tables["classes"]["name"].duplicated().any():
        yield "two classes have the same name"
    for name, column in _CLASSES:
        if not run.tables[name][column].dropna().between(0, n_classes - 1).all():
            yield f"the table {name} has a {column} that is no class"
    if not run.tables["memberships"]["image_id"].between(0, n_images - 1).all():
        yield "the table memberships has an image_id that is not an image"
    for name, column, other in _REFERENCES:
        if name in run.tables and not run.tables[name][column].isin(run.tables[other][column]).all():
            yield f"the table {name} has a {column} that is not in {other}"
    verified = run.tables["rules"].loc[run.tables["rules"]["verdict"] == "verified", "rule_id"]
    if "mode_names" in run.tables and not verified.isin(run.tables["mode_names"]["rule_id"]).all():
        yield "the table mode_names lacks a failure mode"
    if (
        not run.tables["rules"]["rule_id"][run.tables["rules"]["verdict"].notna()]
        .isin(run.tables["conditions"]["rule_id"])
        .all()
    ):
        yield "the table conditions lacks a failure mode"
