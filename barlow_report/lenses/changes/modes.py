"""The failure modes of a run, as a comparison sees them: a group, conditions, and what speaks for them.

Where images were held out, every failure mode that was tested counts, verified or not: those that are verified have
many failures among the very images that compare them, and only a correction for all that were tested makes up for
that choice. Where failures were shuffled the rates are estimates instead, and verified modes alone are compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.lenses.changes.differences import Rate
from barlow_report.lenses.changes.identity import Identity, name_modes
from barlow_report.lenses.changes.results import RunResults
from barlow_report.tables import COLUMN_GROUPING

__all__ = [
    "Mode",
    "NoActivationsError",
    "NotComparableError",
    "depends_on_prediction",
    "list_modes",
    "meeting",
    "members",
    "names_of_modes",
]

Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


class NotComparableError(Exception):
    """A failure mode cannot be counted in a run; the text is the reason, for readers."""


class NoActivationsError(NotComparableError):
    """A run has no activations of a feature: its export left them out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Mode:
    """A failure mode of a run.

    Attributes:
        rule_id: In its run.
        identity: What it is the same by in other runs.
        conditions: Rows of the table `conditions`.
        is_verified: Whether it is verified in its run.
        seen, estimate: Its error rate as it was seen and without what the search added, on all of its images; None
            where nothing was estimated.
    """

    rule_id: int
    identity: Identity
    conditions: pd.DataFrame
    is_verified: bool
    seen: float
    estimate: Rate | None


def list_modes(run: RunResults) -> list[Mode]:
    """The failure modes of a run that are compared, by rule_id."""
    rules = run.tables["rules"]
    tested = rules["verdict"].notna() & (rules["verdict"] != "in_sample_only")
    kept = rules[(rules["verdict"] == "verified") if run.settings.is_shuffled else tested]
    groups = run.tables["groups"].set_index("group_id")
    classes = dict(tuple(run.tables["group_classes"].sort_values("position").groupby("group_id")["class_id"]))
    conditions = dict(tuple(run.tables["conditions"].sort_values("position").groupby("rule_id")))
    modes = []
    for rule in kept.itertuples():
        group, rows = groups.loc[rule.group_id], conditions[rule.rule_id]
        ids = [group["class_id"]] if not pd.isna(group["class_id"]) else classes.get(rule.group_id, [])
        identity = Identity(
            grouping=str(group["grouping"]),
            group_name=str(group["name"]),
            classes=tuple(run.class_names[int(class_id)] for class_id in ids),
            feature_model=run.feature_model,
            conditions=tuple(sorted(zip(rows["feature_id"].tolist(), rows["branch"].tolist(), strict=True))),
        )
        ends = (rule.error_rate_held_out, rule.error_rate_held_out_low, rule.error_rate_held_out_high)
        modes.append(
            Mode(
                rule_id=int(rule.rule_id),
                identity=identity,
                conditions=rows,
                is_verified=rule.verdict == "verified",
                seen=float(rule.error_rate),
                estimate=Rate(rate=ends[0], low=ends[1], high=ends[2]) if run.settings.is_shuffled else None,
            )
        )
    return modes


def names_of_modes(run: RunResults) -> dict[int, str]:
    """The permanent names of the verified modes of a run by rule_id: those it was given, or else of their identity."""
    if "mode_names" in run.tables:
        named = run.tables["mode_names"]
        return dict(zip(named["rule_id"].tolist(), named["mode_name"].tolist(), strict=True))
    modes = [mode for mode in list_modes(run) if mode.is_verified]
    names = name_modes([mode.identity for mode in modes])
    return {mode.rule_id: name for mode, name in zip(modes, names, strict=True)}


def depends_on_prediction(identity: Identity) -> bool:
    """Whether the images of the group are those that a model calls something, and are others under another model."""
    return identity.grouping in ("prediction", "unions_by_prediction", "confused_pairs")


def members(run: RunResults, identity: Identity) -> Booleans:
    """(n_images,) the images of a group in a run, found by the names of its classes or the value of its column.

    Raises:
        NotComparableError: The run has no such class, or no such value of a column.
    """
    if identity.grouping.startswith(COLUMN_GROUPING):
        return _members_by_column(run, identity)
    ids = []
    for name in identity.classes:
        if name not in run.class_names:
            raise NotComparableError(f"the run {run.name} has no class {name}")
        ids.append(run.class_names.index(name))
    if identity.grouping == "confused_pairs":
        return np.asarray((run.labels == ids[0]) & np.isin(run.predictions, ids))
    return np.isin(run.predictions if depends_on_prediction(identity) else run.labels, ids)


def _members_by_column(run: RunResults, identity: Identity) -> Booleans:
    groups = run.tables["groups"]
    found = groups[(groups["grouping"] == identity.grouping) & (groups["name"] == identity.group_name)]
    if found.empty:
        column = identity.grouping.removeprefix(COLUMN_GROUPING)
        raise NotComparableError(
            f"the run {run.name} has no group of the images whose {column} is {identity.group_name}"
        )
    memberships = run.tables["memberships"]
    inside = np.zeros(run.n_images, dtype=np.bool_)
    inside[memberships.loc[memberships["group_id"] == found["group_id"].iloc[0], "image_id"]] = True
    return inside


def meeting(run: RunResults, conditions: pd.DataFrame, image_ids: Integers) -> Integers:
    """Those of some images of a run that meet all conditions.

    Raises:
        NoActivationsError: The run has no activations of one of the features.
    """
    from barlow_report.rules import meets  # scikit-learn takes a second

    for feature_id, branch, threshold in _rows(conditions):
        values = run.activations(feature_id, image_ids)
        if values is None:
            raise NoActivationsError(
                f"the export of {run.name} has no activations of feature {feature_id}: give the run's folder, or "
                "export it with --all-features"
            )
        image_ids = image_ids[meets(values, branch=branch, threshold=threshold)]
    return image_ids


def _rows(conditions: pd.DataFrame) -> Iterator[tuple[int, str, float]]:
    columns = (conditions[name].tolist() for name in ("feature_id", "branch", "threshold"))
    yield from zip(*columns, strict=True)
