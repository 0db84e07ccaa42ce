"""What `barlow-report annotations merge` does: answers from files into the run folder, and from all of them names.

Merging writes four tables. They outlive a new analysis of the same features: groups are found again by their
grouping, class and name, and names given for the features of one model are refused for another.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from barlow_report.annotations.answers import canonical
from barlow_report.annotations.exchange import Target, read_answers
from barlow_report.annotations.folder import GroupKey
from barlow_report.annotations.merge import Problem, Reports
from barlow_report.annotations.merge import merge as merge_answers
from barlow_report.annotations.overrides import overridden
from barlow_report.annotations.people import assumes_one_instance
from barlow_report.commands.made import Made
from barlow_report.commands.name_tables import MergeSettings, write_tables
from barlow_report.errors import RunFolderError
from barlow_report.formatting import count, counted
from barlow_report.run_folder import Run
from barlow_report.stages.asking import annotations_folder, drawn_pairs, group_keys, report_identity

__all__ = ["MergeSettings", "MergeSummary", "merge", "merge_files", "merge_settings"]

_ONE_INSTANCE = (
    "All exports of Label Studio were taken to come from one instance: people are told apart by their numbers there. "
    "Exports with addresses leave no doubt."
)
_N_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class MergeSummary:
    """What a merge came to: counts, and everything that was not applied."""

    n_people: int
    n_applied: int
    n_names: int
    statuses: Mapping[str, int]
    problems: tuple[Problem, ...]


def merge(
    folder: Path, files: Sequence[Path], *, embedding: str | None, min_seconds: float | None, is_vouched: bool
) -> Made:
    """Merge files into a run; what is not given stays as in the last merge."""
    run = Run.open(folder)
    with run.locked():
        settings = merge_settings(run)
        settings = replace(
            settings,
            embedding=settings.embedding if embedding is None else embedding,
            min_seconds=settings.min_seconds if min_seconds is None else min_seconds,
        )
        done = merge_files(run, files, settings=settings, is_vouched=is_vouched)
    lines = [
        f"{counted(done.n_applied, 'answer')} of {counted(done.n_people, 'person', 'people')} applied; "
        f"{counted(done.n_names, 'name')}: "
        + ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in sorted(done.statuses.items()))
    ]
    kinds = Counter(problem.kind for problem in done.problems)
    for kind, n in sorted(kinds.items()):
        lines.append(f"Not applied, {kind}: {count(n)}")
        listed = [problem for problem in done.problems if problem.kind == kind]
        lines += [f"  {problem.where}: {problem.reason}" for problem in listed[:_N_LISTED]]
        if n > _N_LISTED:
            lines.append(
                f"  and {count(n - _N_LISTED)} more; invalid and foreign ones are in annotations/rejected.jsonl"
            )
    lines.append("Build the site to show the names: barlow-report site.")
    return Made(path=run.folder / "feature_names.parquet", lines=tuple(lines))


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
    """Merge files of answers into the run folder and bring the tables up to date.

    Args:
        run: The run, locked.
        files: See `read_records`; none, to apply the owner's names or other settings.
        settings: How answers are made into names.
        is_vouched: Whether files that do not say so belong to this report.

    Raises:
        DataError: A file cannot be read.
    """
    run.require("visualize")
    report_id, model = report_identity(run)
    folder = annotations_folder(run)
    groups = run.read_table("groups")
    keys = group_keys(groups)
    overrides = _overrides(run, keys)
    target = Target(
        report_id=report_id,
        feature_model=model,
        groups={(kind, class_id): g for g, (kind, class_id, _) in keys.items() if class_id is not None},
        salt=folder.salt(),
        is_vouched=is_vouched,
    )
    incoming = [answer for path in files for answer in read_answers(path, target)]
    known = folder.add_report(report_id, keys)
    now = {key: group_id for group_id, key in keys.items()}
    reports = Reports(
        report_id=report_id,
        feature_model=model,
        groups={r: {g: now.get(key) for g, key in found.items()} for r, found in known.items()},
        items=drawn_pairs(run.read_table("tiles")),
    )
    merged = merge_answers(
        folder.stored(),
        incoming,
        reports=reports,
        forgotten=folder.forgotten(),
        forgotten_records=folder.forgotten_records(),
        rejected=folder.rejected(),
    )
    folder.write_records(merged.stored, merged.rejected)
    exported = [item for item in merged.stored if item.answer.source == "label_studio"]
    if assumes_one_instance({canonical(item.answer): (item.answer, item.raw) for item in exported}):
        run.assume("annotations", "label_studio", _ONE_INSTANCE)
    names = write_tables(run, merged.applied, keys, overrides=overrides, model=model, settings=settings)
    return MergeSummary(
        n_people=len({answer.annotator for answer in merged.applied}),
        n_applied=len(merged.applied),
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
