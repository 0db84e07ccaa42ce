"""What `barlow-report annotations template` does: choose what people are asked, and write it down."""

from collections.abc import Sequence
from pathlib import Path

from barlow_report.annotations.batches import Batch, Selection, choose_batch, select_features, study_features
from barlow_report.commands.made import Made
from barlow_report.errors import DataError
from barlow_report.formatting import count, counted
from barlow_report.run_folder import Run
from barlow_report.stages.asking import annotations_folder, drawn_pairs, group_keys, report_identity, tables_of

__all__ = ["make_batch", "template"]

_CHOICES = ("verified", "failure_modes", "rules", "informative", "study")


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
        path, batch, n_missing = make_batch(
            run, selection, is_study=choice == "study", n_people=n_people, part_size=part_size
        )
    n = len(batch.items)
    words = (
        f"{counted(n, 'item')} in {counted(len(batch.parts), 'part')}, {counted(n_people, 'person', 'people')} each."
    )
    if n_missing:
        words += (
            f" {count(n_missing)} of them {'has' if n_missing == 1 else 'have'} no pictures yet: run barlow-report run "
            "with the configuration, which draws them and builds the site."
        )
    else:
        words += " Build the site to show them: barlow-report site."
    return Made(path=path, lines=(words,))


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
    report_id, model = report_identity(run)
    tables = tables_of(run)
    pairs = study_features(tables) if is_study else select_features(tables, selection)
    if not pairs:
        raise DataError(f"{run.folder}: no feature fits the choice {selection.choice!r}. {_hint(selection.choice)}")
    batch = choose_batch(
        pairs, selection=selection, report_id=report_id, feature_model=model, n_people=n_people, part_size=part_size
    )
    folder = annotations_folder(run)
    folder.write_batch(batch)
    folder.add_report(report_id, group_keys(tables["groups"]))
    drawn = drawn_pairs(tables["tiles"])
    return folder.batch_path, batch, sum((item.group_id, item.feature_id) not in drawn for item in batch.items)


def _hint(choice: str) -> str:
    others = {"verified": "failure_modes", "failure_modes": "rules", "rules": "informative"}
    return f"Try --choice {others[choice]}." if choice in others else "The run has no group with features."
