"""What `barlow-report annotations summarize` does: the study's figures and the names, in lines."""

from collections.abc import Iterator
from pathlib import Path

from barlow_report.annotations.quality import FLAGS
from barlow_report.formatting import count, counted, number, percent
from barlow_report.run_folder import Run

__all__ = ["summarize"]


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
            f"[{status}, "
            f"{counted(row.n_people, 'person', 'people')}{agreement}{f', {row.relation}' if row.relation else ''}]"
        )
    answered = figures[(figures["measure"] == "cannot_tell") & (figures["subset"] == "all")]["value"].iloc[0]
    yield f"Cannot tell: {percent(None if answered != answered else float(answered))} of the answers"
