"""From features, labels and predictions to the tables of failure modes.

The features may be memory-mapped and larger than the memory: one group after the other is read, and only small
results stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.engine import current_engine
from barlow_report.progress import Advance, ignore_advance
from barlow_report.rules.evaluation import summarize_evaluations, tabulate_evaluations, tabulate_explained
from barlow_report.rules.fitting import GroupFit
from barlow_report.rules.group_work import GroupUnit, GroupWork
from barlow_report.rules.groups import Group, Grouping, number_groups, split_images
from barlow_report.rules.inputs import Inputs, check_inputs, check_split, refuse_other_order
from barlow_report.rules.joint_tables import tabulate_joint
from barlow_report.rules.judgement import find_unsettled
from barlow_report.rules.sets import list_groupings, tabulate_group_classes, tabulate_memberships
from barlow_report.rules.summary import summarize_modes
from barlow_report.rules.tabulation import (
    tabulate_conditions,
    tabulate_groups,
    tabulate_nodes,
    tabulate_rules,
    tabulate_samples,
    tabulate_selection,
)

__all__ = ["Explanation", "explain_failures", "leaf_members", "list_groups", "meets"]


_MAX_SHOWN = 30
"""Rows of the table that a console or a notebook shows."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Explanation:
    """The tables that explain a model's failures; `barlow_report.tables` says what their columns mean.

    `feature_names` are by feature_id; empty where features came without names.
    """

    splits: pd.DataFrame
    groups: pd.DataFrame
    group_samples: pd.DataFrame
    group_classes: pd.DataFrame
    memberships: pd.DataFrame
    selection: pd.DataFrame
    nodes: pd.DataFrame
    rules: pd.DataFrame
    conditions: pd.DataFrame
    evaluations: pd.DataFrame
    evaluation: pd.DataFrame
    explained: pd.DataFrame
    joint_modes: pd.DataFrame
    joint_features: pd.DataFrame
    joint_images: pd.DataFrame
    feature_names: tuple[str, ...] = ()

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by its name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "feature_names"}

    @property
    def modes(self) -> pd.DataFrame:
        """The failure modes in words, with verdict and evidence: see `barlow_report.rules.summary.summarize_modes`."""
        return summarize_modes(self.rules, self.groups, self.conditions, feature_names=self.feature_names)

    def __repr__(self) -> str:
        """What a console shows: how many failure modes there are, and their table."""
        modes = self.modes
        shown = modes.to_string(index=False, float_format="{:.3g}".format, na_rep="", max_rows=_MAX_SHOWN)
        return _counted(modes) if modes.empty else f"{_counted(modes)}\n{shown}"

    def _repr_html_(self) -> str:
        """What a notebook shows: the same."""
        modes = self.modes
        table = modes.to_html(index=False, float_format="{:.3g}".format, na_rep="", max_rows=_MAX_SHOWN)
        return f"<p>{_counted(modes)}</p>{table}"


def _counted(modes: pd.DataFrame) -> str:
    n_verified = int((modes["verdict"] == "verified").sum())
    return f"{len(modes)} failure mode{'s' * (len(modes) != 1)}, {n_verified} verified"


def explain_failures(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    settings: RulesConfig | None = None,
    seed: int = 0,
    groupings: Sequence[Grouping] = (),
    held_out: npt.ArrayLike | None = None,
    advance: Advance = ignore_advance,
) -> Explanation:
    """Find the features that explain a classifier's failures, and test what was found.

    Args:
        features: (n_images, n_features) real numbers; may be memory-mapped, rows are read group by group. The names of
            the columns of a pandas table are kept.
        labels: (n_images,) class_id or name of the true class.
        predictions: (n_images,) class_id or name that the inspected model predicts; a failure is one that is not the
            label.
        class_names: (n_classes,) names by class_id; default: those that occur, sorted, or the ids that occur, as text.
            Ids may then be any whole numbers from 0 on; classes between them that never occur are in no table.
        settings: The section `rules` of the configuration; default: its defaults. There is no manifest here, so its
            `manifest_columns` are not looked at: give what they mean as `groupings`, see `group_by_column`.
        seed: 0 to 2**32 − 1. The result is a function of the data, the settings and the seed; it does not depend
            on the number of workers.
        groupings: Further sets of images to explain, after those of the settings.
        held_out: (n_images,) bool, images that only test rules, such as those of another model's explanation; where
            failures are shuffled, they only test the trees of the automatic evaluation. Default: drawn with the
            settings and the seed.
        advance: Called with 1 after each group; there are as many as rows in the table `groups`.

    Returns:
        The tables, each in the schema of its name in `barlow_report.tables.TABLES`.

    Raises:
        ConfigError: A union of the settings names an unknown class.
        DataError: Shapes, classes or groupings do not fit, pandas tables are in different orders, or a feature is not a
            finite float32.
    """
    settings = settings or RulesConfig()
    refuse_other_order(features, labels=labels, predictions=predictions)
    inputs = check_inputs(features, labels, predictions, class_names=class_names)
    usual = [
        grouping.with_class_ids(inputs.class_ids)
        for grouping in list_groupings(
            inputs.labels, inputs.predictions, class_names=inputs.class_names, settings=settings
        )
    ]
    groups = number_groups([*usual, *groupings], n_images=len(inputs.labels))
    if held_out is None:
        fraction = settings.held_out_fraction
        split = split_images(inputs.labels, inputs.failure, held_out_fraction=fraction, seed=seed)
    else:
        split = check_split(held_out, n_images=len(inputs.labels))
    fits = _fit_groups(inputs, groups, split, settings=settings, seed=seed, advance=advance)
    names = tuple(map(str, features.columns)) if isinstance(features, pd.DataFrame) else ()
    return _tabulate(groups, fits, inputs.failure, split, settings=settings, feature_names=names)


def list_groups(
    labels: npt.NDArray[np.int64],
    predictions: npt.NDArray[np.int64],
    *,
    class_names: Sequence[str],
    settings: RulesConfig,
    groupings: Sequence[Grouping] = (),
) -> Explanation:
    """Return the same tables where there are no features: the groups, how many of their images fail, and no rules.

    Args:
        labels: (n_images,) class_id of the true class.
        predictions: (n_images,) class_id that the inspected model predicts.
        class_names: (n_classes,) names by class_id.
        settings: The section `rules` of the configuration.
        groupings: Further sets of images, after those of the settings.

    Raises:
        ConfigError: A union of the settings names an unknown class.
        DataError: Groupings do not fit.
    """
    usual = list_groupings(labels, predictions, class_names=class_names, settings=settings)
    groups = number_groups([*usual, *groupings], n_images=len(labels))
    failure = labels != predictions
    fits = [
        GroupFit(
            status="no_features",
            counts_in_group=(len(group.image_ids), int(failure[group.image_ids].sum()), 0, 0),
        )
        for group in groups
    ]
    return _tabulate(groups, fits, failure, np.zeros(len(labels), dtype=np.bool_), settings=settings)


def _tabulate(
    groups: Sequence[Group],
    fits: Sequence[GroupFit],
    failure: npt.NDArray[np.bool_],
    split: npt.NDArray[np.bool_],
    *,
    settings: RulesConfig,
    feature_names: tuple[str, ...] = (),
) -> Explanation:
    tests = np.zeros_like(split) if settings.is_shuffled else split  # the evaluation alone is held out from then
    group_table = tabulate_groups(groups, fits, settings=settings)
    nodes = tabulate_nodes(groups, fits)
    rules = tabulate_rules(group_table, nodes, fits, settings=settings)
    evaluations = tabulate_evaluations(groups, fits, settings=settings)
    return Explanation(
        splits=pd.DataFrame(
            {"image_id": np.arange(len(split)), "split": np.where(tests, "held_out", "fit").astype(object)}
        ),
        groups=group_table,
        group_samples=tabulate_samples(groups, fits),
        group_classes=tabulate_group_classes(groups),
        memberships=tabulate_memberships(groups),
        selection=tabulate_selection(groups, fits),
        nodes=nodes,
        rules=rules,
        conditions=tabulate_conditions(rules, fits),
        evaluations=evaluations,
        evaluation=summarize_evaluations(group_table, evaluations, settings=settings),
        explained=tabulate_explained(
            groups, fits, rules, failure=failure, held_out=split, is_shuffled=settings.is_shuffled
        ),
        **tabulate_joint(groups, group_table, nodes, fits, settings=settings),
        feature_names=feature_names,
    )


def leaf_members(
    features: npt.NDArray[np.floating],
    conditions: pd.DataFrame,
    *,
    image_ids: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.bool_]:
    """Tell which images satisfy all conditions of one rule.

    Args:
        features: (n_images, n_features); may be memory-mapped. Only the columns of the conditions are used.
        conditions: The rows of the table `conditions` that belong to one rule.
        image_ids: Images to look at, such as those of the rule's group; default: all.

    Returns:
        (n_images,) bool, or (len(image_ids),) where they are given.
    """
    n_images = len(features) if image_ids is None else len(image_ids)
    members = np.ones(n_images, dtype=np.bool_)
    for feature_id, branch, threshold in zip(
        conditions["feature_id"], conditions["branch"], conditions["threshold"], strict=True
    ):
        column = features[:, feature_id] if image_ids is None else features[image_ids, feature_id]
        members &= meets(column, branch=branch, threshold=threshold)
    return members


def meets(values: npt.NDArray[np.floating], *, branch: str, threshold: float) -> npt.NDArray[np.bool_]:
    """Tell which activations meet a condition, compared as trees compare: float32 values with a float64 threshold."""
    at_most: npt.NDArray[np.bool_] = values.astype(np.float32).astype(np.float64) <= threshold
    return at_most if branch == "le" else ~at_most


def _fit_groups(
    inputs: Inputs,
    groups: Sequence[Group],
    held_out: npt.NDArray[np.bool_],
    *,
    settings: RulesConfig,
    seed: int,
    advance: Advance,
) -> list[GroupFit]:
    work = GroupWork(inputs=inputs, held_out=held_out, settings=settings, seed=seed, n_groups=len(groups))
    with current_engine().team(work, n_units=len(groups)) as team:
        fits: list[GroupFit] = list(team.map([GroupUnit(group, settings) for group in groups], advance=advance))
        if settings.is_shuffled:
            unsettled = find_unsettled(groups, fits, settings=settings)
            again = team.map([GroupUnit(groups[i], changed) for i, changed in unsettled.items()])
            for i, fit in zip(unsettled, again, strict=True):
                fits[i] = fit
    return fits
