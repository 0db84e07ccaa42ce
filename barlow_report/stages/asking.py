"""What people are asked about the features of a run: the owner's batch, or the default, as the pages show it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from barlow_report.annotations.batches import Batch, Selection, choose_batch, select_features
from barlow_report.annotations.folder import AnnotationsFolder, GroupKey
from barlow_report.errors import RunFolderError
from barlow_report.report.form import FormBatch
from barlow_report.report.words import relation_question
from barlow_report.run_folder import Run
from barlow_report.tables import empty_table

__all__ = [
    "annotations_folder",
    "asked_pairs",
    "current_batch",
    "drawn_pairs",
    "feature_model",
    "form_batch",
    "group_keys",
    "relation_questions",
    "report_identity",
    "tables_of",
]

_READ = ("groups", "rules", "conditions", "selection", "images", "tiles")


def annotations_folder(run: Run) -> AnnotationsFolder:
    """The folder of a run's records."""
    return AnnotationsFolder(run.folder / "annotations")


def tables_of(run: Run) -> dict[str, pd.DataFrame]:
    """The tables that batches are chosen from; without pictures where none have been made yet."""
    return {name: run.read_table(name) if run.has_table(name) else empty_table(name) for name in _READ}


def feature_model(info: Mapping[str, Any]) -> str | None:
    """The hash of a run's feature model; None where it has none."""
    models = info.get("models")
    feature = models.get("feature") if isinstance(models, Mapping) else None
    found = feature.get("sha256") if isinstance(feature, Mapping) else None
    return str(found) if found else None


def report_identity(run: Run) -> tuple[str, str]:
    """The id of the report and the hash of its feature model, both of which an answer names.

    Raises:
        RunFolderError: The run does not say which model its features come from.
    """
    info = run.info
    model = feature_model(info)
    if model is None:
        raise RunFolderError(f"{run.folder}: run.json does not say which model the features come from. Run it again.")
    return str(info["run_id"]), model


def current_batch(run: Run, tables: Mapping[str, pd.DataFrame]) -> Batch | None:
    """The batch that the site asks about: the owner's, or by default the features of verified failure modes.

    Returns:
        The batch, with only the items that there are pictures of; None where nothing can be asked.
    """
    info = run.info
    model = feature_model(info)
    if model is None:
        return None
    report_id = str(info["run_id"])
    batch = annotations_folder(run).batch()
    if batch is None or batch.report_id != report_id:
        selection = Selection(choice="verified")
        pairs = select_features(tables, selection)
        batch = choose_batch(pairs, selection=selection, report_id=report_id, feature_model=model)
    drawn = drawn_pairs(tables["tiles"])
    items = tuple(item for item in batch.items if (item.group_id, item.feature_id) in drawn)
    return batch.model_copy(update={"items": items}) if items else None


def asked_pairs(run: Run) -> list[tuple[int, int]]:
    """The (group, feature) pairs of the owner's batch, in order, if it is for the rules that the run has now."""
    batch = annotations_folder(run).batch()
    if batch is None or batch.report_id != run.info.get("run_id"):
        return []
    return sorted({(item.group_id, item.feature_id) for item in batch.items})


def form_batch(run: Run, tables: Mapping[str, pd.DataFrame]) -> FormBatch | None:
    """Return what the site's form asks, and note the report, so that answers to it are understood later on."""
    batch = current_batch(run, {name: tables[name] if name in tables else empty_table(name) for name in _READ})
    if batch is None:
        return None
    folder = annotations_folder(run)
    folder.add_report(batch.report_id, group_keys(tables["groups"]))
    return FormBatch(
        report_id=batch.report_id,
        feature_model=batch.feature_model,
        batch_id=batch.batch_id,
        part_size=batch.part_size,
        items=tuple((item.group_id, item.feature_id) for item in batch.items),
        text=batch.as_json(),
    )


def relation_questions(run: Run, groups: pd.DataFrame) -> dict[int, str]:
    """Return by group what people are asked about a feature and its classes, as the form on the site asks it."""
    names: dict[int, list[str]] = {}
    if run.has_table("group_classes"):
        of_class = run.read_table("classes").set_index("class_id")["name"]
        for row in run.read_table("group_classes").sort_values(["group_id", "position"]).itertuples():
            names.setdefault(row.group_id, []).append(of_class[row.class_id])
    return {
        row.group_id: relation_question(row.grouping, names.get(row.group_id, [row.name]))
        for row in groups.itertuples()
    }


def drawn_pairs(tiles: pd.DataFrame) -> set[tuple[int, int]]:
    """The (group, feature) pairs that there are pictures of."""
    return set(zip(tiles["group_id"].tolist(), tiles["feature_id"].tolist(), strict=True))


def group_keys(groups: pd.DataFrame) -> dict[int, GroupKey]:
    """How each group of table `groups` is found again in a later analysis."""
    class_ids = [None if pd.isna(c) else int(c) for c in groups["class_id"]]
    rows = zip(groups["group_id"].tolist(), groups["grouping"], class_ids, groups["name"], strict=True)
    return {group_id: (grouping, class_id, name) for group_id, grouping, class_id, name in rows}
