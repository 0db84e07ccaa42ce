"""What the commands `barlow-report annotations …` do, in words and files; the commands only print."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from barlow_report.annotations.batches import Selection
from barlow_report.annotations.quality import FLAGS
from barlow_report.errors import DataError
from barlow_report.files import atomic_write
from barlow_report.formatting import count, number, percent
from barlow_report.run_folder import Run
from barlow_report.stages import annotations as stage
from barlow_report.stages.annotations_export import export_tasks
from barlow_report.stages.annotations_forget import forget

__all__ = ["Made", "Merged", "export", "forget", "merge", "summarize", "template"]

_CHOICES = ("verified", "failure_modes", "rules", "informative", "study")
_N_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class Made:
    """A file that was written, and what to say about it."""

    path: Path
    words: str


@dataclass(frozen=True, kw_only=True)
class Merged:
    """A merge in lines of words."""

    path: Path
    lines: tuple[str, ...]


def template(
    folder: Path,
    *,
    choice: str,
    groupings: Sequence[str],
    groups: Sequence[str],
    features_per_group: int | None,
    max_items: int | None,
    n_people: int,
    part_size: int,
    seed: int,
) -> Made:
    """Write the batch of a run.

    Raises:
        DataError: The choice is not one, nothing fits it, or the published design is to be only of some groups.
    """
    if choice == "study" and (groupings or groups or features_per_group):
        raise DataError(
            "--study: the published design says which groups and how many features; leave out --grouping, --group and "
            "--features-per-group, or choose with --choice informative instead."
        )
    if choice not in _CHOICES:
        raise DataError(f"--choice: found {choice!r}, expected one of {', '.join(_CHOICES[:-1])}.")
    selection = Selection(
        choice=choice,
        groupings=tuple(groupings),
        classes=tuple(groups),
        features_per_group=features_per_group,
        max_items=max_items,
        seed=seed,
    )
    run = Run.open(folder)
    with run.locked():
        path, batch, n_missing = stage.make_batch(
            run, selection, is_study=choice == "study", n_people=n_people, part_size=part_size
        )
    n = len(batch.items)
    words = (
        f"{count(n)} item{'s' * (n != 1)} in {len(batch.parts)} part{'s' * (len(batch.parts) != 1)}, "
        f"{n_people} people each."
    )
    if n_missing:
        words += (
            f" {count(n_missing)} of them have no pictures yet: run barlow-report run with the configuration, which "
            "draws them and builds the site."
        )
    else:
        words += " Build the site to show them: barlow-report site."
    return Made(path=path, words=words)


def merge(
    folder: Path, files: Sequence[Path], *, embedding: str | None, min_seconds: float | None, is_vouched: bool
) -> Merged:
    """Merge files into a run; what is not given stays as in the last merge."""
    run = Run.open(folder)
    with run.locked():
        settings = stage.merge_settings(run)
        settings = replace(
            settings,
            embedding=settings.embedding if embedding is None else embedding,
            min_seconds=settings.min_seconds if min_seconds is None else min_seconds,
        )
        done = stage.merge_files(run, files, settings=settings, is_vouched=is_vouched)
    lines = [
        f"{count(done.n_applied)} answers of {count(done.n_people)} people applied; {count(done.n_names)} names: "
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
    return Merged(path=run.folder / "feature_names.parquet", lines=tuple(lines))


def summarize(folder: Path) -> Iterator[str]:
    """Yield the study's figures and the names as lines.

    Raises:
        RunFolderError: Nobody has answered yet.
    """
    run = Run.open(folder)
    figures = run.read_table("study_figures")
    for row in figures.itertuples():
        if row.measure == "embedding":
            yield f"Texts compared by {row.category}"
            continue
        label = f"{row.measure} {row.category}".strip().replace("_", " ")
        if row.subset == "unflagged":
            label += ", unflagged"
        if row.measure == "flag":
            label += f" ({FLAGS[row.category]})"
        text = f"n = {count(row.n)}" if row.value != row.value else f"{number(row.value)} (n = {count(row.n)})"
        if row.value != row.value and row.measure.startswith(("alpha", "agreement")):
            text = "not computable"
        if row.low == row.low:
            text += f", 95 % interval {number(row.low)} to {number(row.high)}"
        yield f"{label}: {text}"
    for row in run.read_table("feature_names").sort_values(["group_id", "feature_id"]).itertuples():
        status = "chosen by the owner" if row.is_override else row.status.replace("_", " ")
        agreement = "" if row.agreement != row.agreement else f", agreement {number(row.agreement, decimals=2)}"
        yield (
            f"{row.group_name} ({row.grouping}), feature {row.feature_id}: {row.name or 'no name'} "
            f"[{status}, {row.n_people} people{agreement}{f', {row.relation}' if row.relation else ''}]"
        )
    answered = figures[(figures["measure"] == "cannot_tell") & (figures["subset"] == "all")]["value"].iloc[0]
    yield f"Cannot tell: {percent(None if answered != answered else float(answered))} of the answers"


def export(source: Path, output: Path, *, to: str, image_url: str) -> Path:
    """Write tasks for another tool, or answers as JSON Lines; see the command.

    Raises:
        DataError: `to` is no format, or the source has nothing to export.
    """
    if to == "jsonl":
        return _export_lines(source, output)
    if to not in ("label-studio", "potato"):
        raise DataError(f"--to: found {to!r}, expected label-studio, potato or jsonl.")
    run = Run.open(source)
    run.require("visualize")
    return export_tasks(run, output, to=to, image_url=image_url)


def _export_lines(source: Path, output: Path) -> Path:
    from barlow_report.annotations.exchange.database import is_database, read_database
    from barlow_report.annotations.records import canonical

    if is_database(source):
        lines = list(read_database(source))
    else:
        lines = [canonical(item.record) for item in stage.annotations_folder(Run.open(source)).stored()]
    atomic_write(output, "".join(f"{line}\n" for line in sorted(lines)))
    return output
