"""People's descriptions: between the run folder and the package `annotations`.

Merging writes four tables. They outlive a new analysis of the same features: groups are found again by their
grouping, class and name, and names given for the features of one model are refused for another.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from barlow_report.annotations.batches import Batch, Selection, choose_batch, select_features, study_features
from barlow_report.annotations.embeddings import choose_embedding
from barlow_report.annotations.exchange import Target, read_records
from barlow_report.annotations.figures import study_figures
from barlow_report.annotations.folder import AnnotationsFolder, GroupKey
from barlow_report.annotations.merge import Merged, Problem, Reports, merge
from barlow_report.annotations.names import FeatureName, Vote, name_features
from barlow_report.annotations.overrides import overridden
from barlow_report.annotations.people import assumes_one_instance
from barlow_report.annotations.quality import flags
from barlow_report.annotations.records import Record, canonical
from barlow_report.errors import DataError, RunFolderError
from barlow_report.report.form import FormBatch
from barlow_report.run_folder import Run
from barlow_report.tables import TABLES, empty_table

__all__ = [
    "MergeSettings",
    "MergeSummary",
    "annotations_folder",
    "asked_pairs",
    "current_batch",
    "current_tables",
    "delete_tables",
    "form_batch",
    "make_batch",
    "merge_files",
    "merge_settings",
    "tables_of",
]

_TABLES = ("annotations", "feature_names", "name_variants", "study_figures")
_ONE_INSTANCE = (
    "People are told apart by their numbers in exports of Label Studio, as if all exports were of one instance; "
    "exports with addresses say it for sure."
)
_READ = ("groups", "rules", "conditions", "selection", "images", "tiles")


@dataclass(frozen=True, kw_only=True)
class MergeSettings:
    """How records are made into names; kept in run.json, so that later merges go on in the same way."""

    embedding: str = "ngrams"
    min_seconds: float = 5.0


@dataclass(frozen=True, kw_only=True)
class MergeSummary:
    """What a merge came to: counts, and everything that was not applied."""

    n_people: int
    n_applied: int
    n_names: int
    statuses: Mapping[str, int]
    problems: tuple[Problem, ...]


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


def _identity(run: Run) -> tuple[str, str]:
    info = run.info
    model = feature_model(info)
    if model is None:
        raise RunFolderError(f"{run.folder}: run.json does not say which model the features come from. Run it again.")
    return str(info["run_id"]), model


# --- batches ----------------------------------------------------------------------------------------------


def make_batch(
    run: Run, selection: Selection, *, is_study: bool, n_people: int, part_size: int
) -> tuple[Path, Batch, int]:
    """Choose a batch and write it.

    Returns:
        The batch file, the batch, and how many of its items have no pictures yet.

    Raises:
        DataError: Nothing fits the selection.
    """
    run.require("explain")
    report_id, model = _identity(run)
    tables = tables_of(run)
    pairs = study_features(tables) if is_study else select_features(tables, selection)
    if not pairs:
        raise DataError(f"{run.folder}: no feature fits the choice {selection.choice!r}. {_hint(selection.choice)}")
    batch = choose_batch(
        pairs, selection=selection, report_id=report_id, feature_model=model, n_people=n_people, part_size=part_size
    )
    folder = annotations_folder(run)
    folder.write_batch(batch)
    folder.add_report(report_id, _group_keys(tables["groups"]))
    drawn = _pairs(tables["tiles"])
    return folder.batch_path, batch, sum((item.group_id, item.feature_id) not in drawn for item in batch.items)


def _hint(choice: str) -> str:
    others = {"verified": "failure_modes", "failure_modes": "rules", "rules": "informative"}
    return f"Try --choice {others[choice]}." if choice in others else "The run has no group with features."


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
    drawn = _pairs(tables["tiles"])
    items = tuple(item for item in batch.items if (item.group_id, item.feature_id) in drawn)
    return batch.model_copy(update={"items": items}) if items else None


def asked_pairs(run: Run) -> list[tuple[int, int]]:
    """The (group, feature) pairs of the owner's batch, in order, if it is for the rules that the run has now."""
    batch = annotations_folder(run).batch()
    if batch is None or batch.report_id != run.info.get("run_id"):
        return []
    return sorted({(item.group_id, item.feature_id) for item in batch.items})


def _pairs(frame: pd.DataFrame) -> set[tuple[int, int]]:
    return set(zip(frame["group_id"].tolist(), frame["feature_id"].tolist(), strict=True))


def _group_keys(groups: pd.DataFrame) -> dict[int, GroupKey]:
    class_ids = [None if pd.isna(c) else int(c) for c in groups["class_id"]]
    rows = zip(groups["group_id"].tolist(), groups["grouping"], class_ids, groups["name"], strict=True)
    return {group_id: (grouping, class_id, name) for group_id, grouping, class_id, name in rows}


# --- merging ----------------------------------------------------------------------------------------------


def merge_settings(run: Run) -> MergeSettings:
    """The settings of the last merge, or the default."""
    found = run.info.get("annotations")
    if found is None:
        return MergeSettings()
    try:
        return MergeSettings(embedding=str(found["embedding"]), min_seconds=float(found["min_seconds"]))
    except (TypeError, KeyError, ValueError) as error:
        raise RunFolderError(
            f"{run.folder}: run.json says nothing usable under 'annotations' ({error!r}). Delete that entry, and merge "
            "again with your --embedding and --min-seconds."
        ) from error


def merge_files(run: Run, files: Sequence[Path], *, settings: MergeSettings, is_vouched: bool = False) -> MergeSummary:
    """Merge files of records into the run folder and bring the tables up to date.

    Args:
        run: The run, locked.
        files: See `read_records`; none, to apply the owner's names or other settings.
        settings: How records are made into names.
        is_vouched: Whether files that do not say so belong to this report.

    Raises:
        DataError: A file cannot be read.
    """
    run.require("visualize")
    report_id, model = _identity(run)
    folder = annotations_folder(run)
    groups = run.read_table("groups")
    keys = _group_keys(groups)
    overrides = _overrides(run, keys)
    target = Target(
        report_id=report_id,
        feature_model=model,
        groups={(kind, class_id): g for g, (kind, class_id, _) in keys.items() if class_id is not None},
        salt=folder.salt(),
        is_vouched=is_vouched,
    )
    incoming = [record for path in files for record in read_records(path, target)]
    known = folder.add_report(report_id, keys)
    now = {key: group_id for group_id, key in keys.items()}
    reports = Reports(
        report_id=report_id,
        feature_model=model,
        groups={r: {g: now.get(key) for g, key in found.items()} for r, found in known.items()},
        items=_pairs(run.read_table("tiles")),
    )
    merged = merge(
        folder.stored(),
        incoming,
        reports=reports,
        forgotten=folder.forgotten(),
        forgotten_records=folder.forgotten_records(),
        rejected=folder.rejected(),
    )
    folder.write_records(merged.stored, merged.rejected)
    exported = [item for item in merged.stored if item.record.source == "label_studio"]
    if assumes_one_instance({canonical(item.record): (item.record, item.raw) for item in exported}):
        run.assume("annotations", "label_studio", _ONE_INSTANCE)
    return _write_tables(run, merged, keys, overrides=overrides, model=model, settings=settings)


def _write_tables(
    run: Run,
    merged: Merged,
    keys: Mapping[int, GroupKey],
    *,
    overrides: Mapping[tuple[int, int], str],
    model: str,
    settings: MergeSettings,
) -> MergeSummary:
    records = merged.applied
    votes = [
        Vote(record=record, flags=found)
        for record, found in zip(records, flags(records, min_seconds=settings.min_seconds), strict=True)
    ]
    words, embed = choose_embedding(settings.embedding)
    vectors = {kind: embed([getattr(record.answers, kind) or "" for record in records]) for kind in ("short", "long")}
    seed = int(run.info["config"]["seed"])
    names = name_features(votes, vectors["short"], overrides=overrides, seed=seed)
    figures = study_figures(votes, vectors, names, embedding=words, seed=seed)
    rows: dict[str, Iterable[dict[str, Any]]] = {
        "annotations": [_annotation_row(vote, keys) for vote in votes],
        "feature_names": [_name_row(name, keys, model=model) for name in names],
        "name_variants": [row for name in names for row in _variant_rows(name)],
        "study_figures": [asdict(figure) for figure in figures],
    }
    for name, found in rows.items():
        run.write_table(name, pd.DataFrame(found, columns=TABLES[name].column_names, dtype=object).infer_objects())
    run.update_info(annotations=asdict(settings))
    return MergeSummary(
        n_people=len({record.annotator for record in records}),
        n_applied=len(records),
        n_names=sum(name.name is not None for name in names),
        statuses=Counter(name.status for name in names),
        problems=merged.problems,
    )


def _overrides(run: Run, keys: Mapping[int, GroupKey]) -> dict[tuple[int, int], str]:
    """The owner's names, checked before anything is written."""
    folder = annotations_folder(run)
    n_features = run.info["models"]["feature"].get("n_features")
    groups = [(group_id, grouping, name) for group_id, (grouping, _, name) in keys.items()]
    return overridden(
        folder.overrides(),
        groups,
        n_features=n_features if isinstance(n_features, int) else None,
        where=folder.names_path,
    )


def _group_columns(group_id: int, keys: Mapping[int, GroupKey]) -> dict[str, Any]:
    grouping, class_id, name = keys[group_id]
    return {"grouping": grouping, "class_id": class_id, "group_name": name}


def _annotation_row(vote: Vote, keys: Mapping[int, GroupKey]) -> dict[str, Any]:
    record: Record = vote.record
    same = ("group_id", "feature_id", "annotator", "report_id", "record_id", "revision", "source", "position")
    row = {name: getattr(record, name) for name in (*same, "active_seconds", "n_pastes")}
    return {
        **row,
        **_group_columns(record.group_id, keys),
        **record.answers.model_dump(),
        "flags": " ".join(vote.flags),
    }


def _name_row(name: FeatureName, keys: Mapping[int, GroupKey], *, model: str) -> dict[str, Any]:
    row = {key: getattr(name, key) for key in TABLES["feature_names"].column_names if hasattr(name, key)}
    return {**row, **_group_columns(name.group_id, keys), "feature_model": model}


def _variant_rows(name: FeatureName) -> Iterable[dict[str, Any]]:
    for rank, variant in enumerate(name.variants, start=1):
        yield {
            "group_id": name.group_id,
            "feature_id": name.feature_id,
            "rank": rank,
            "text": variant.text,
            "n_people": variant.n_people,
        }


def delete_tables(run: Run) -> None:
    """Delete the tables that a merge writes."""
    for name in _TABLES:
        run.delete_table(name)


# --- for the site -----------------------------------------------------------------------------------------


def current_tables(run: Run, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables of names as they apply to the groups that the run has now.

    Names of another feature model and of groups that are no longer there are left out. What individual people
    answered is left out altogether: the site has no use for it.
    """
    others = {name: frame for name, frame in tables.items() if name not in _TABLES}
    if "feature_names" not in tables:
        return others
    names = tables["feature_names"]
    names = names[names["feature_model"] == feature_model(run.info)]
    now = {key: group_id for group_id, key in _group_keys(tables["groups"]).items()}
    then = _group_keys(names.drop(columns="name").rename(columns={"group_name": "name"}))
    moved = {old: now.get(key) for old, key in then.items()}
    for name, frame in (("feature_names", names), ("name_variants", tables["name_variants"])):
        kept = frame[[moved.get(group_id) is not None for group_id in frame["group_id"]]]
        others[name] = kept.assign(group_id=[moved[group_id] for group_id in kept["group_id"]])
    if len(names):
        others["study_figures"] = tables["study_figures"]
    return others


def form_batch(run: Run, tables: Mapping[str, pd.DataFrame]) -> FormBatch | None:
    """Return what the site's form asks, and note the report, so that answers to it are understood later on."""
    batch = current_batch(run, {name: tables[name] if name in tables else empty_table(name) for name in _READ})
    if batch is None:
        return None
    folder = annotations_folder(run)
    folder.add_report(batch.report_id, _group_keys(tables["groups"]))
    return FormBatch(
        report_id=batch.report_id,
        feature_model=batch.feature_model,
        batch_id=batch.batch_id,
        part_size=batch.part_size,
        items=tuple((item.group_id, item.feature_id) for item in batch.items),
        text=batch.as_json(),
    )
