"""The second stage: groups, trees and rules from the features, and the evidence for each rule."""

import pandas as pd

from barlow_report.config import Config, RulesConfig
from barlow_report.files import digest_text
from barlow_report.formatting import duplicates_words
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.stages.duplicates import count_duplicates
from barlow_report.stages.holding_out import chooses_threshold, draw_split
from barlow_report.stages.unions import rules_with_unions

__all__ = ["explain"]

_REVISION = 4
"""Raised when the same inputs give other tables, so that runs of an earlier version are explained again."""


def explain(config: Config, run: Run, *, extracted: str, progress: Progress) -> str:
    """Write the tables of groups, trees and rules, unless they are up to date; return the fingerprint.

    Args:
        config: The configuration.
        run: The run folder, with the stage `extract` finished.
        extracted: The fingerprint of that stage.
        progress: Where to report to.
    """
    attributes = run.read_table("attributes") if config.rules.manifest_columns else None
    if attributes is not None:  # lenses may read further columns
        attributes = attributes[attributes["column"].isin(config.rules.manifest_columns)]
    class_names = run.read_table("classes")["name"].tolist()
    rules = rules_with_unions(config, class_names)
    images = run.read_table("images")
    mark = fingerprint(
        extract=extracted,
        attributes=None if attributes is None else digest_text(attributes.to_csv(index=False)),
        seed=config.seed,
        rules=rules.model_dump(mode="json", exclude=_without_effect(rules, images)),
        revision=_REVISION,
    )
    if run.is_done("explain", fingerprint=mark):
        progress.message("Rules are up to date")
        return mark
    run.begin("explain", fingerprint=mark)
    labels, predictions = images["label"].to_numpy(), images["prediction"].to_numpy()
    # scikit-learn takes a second: only when there is work
    from barlow_report.rules import explain_failures, group_by_column, list_groupings, list_groups

    usual = list_groupings(labels, predictions, class_names=class_names, settings=rules)
    by_column = [group_by_column(name, values) for name, values in _columns(attributes, len(images)).items()]
    features = run.features()
    n_groups = sum(len(grouping.names) for grouping in (*usual, *by_column))
    if features.shape[1]:
        with progress.task("Explaining failures", total=n_groups, unit="groups") as advance:
            explanation = explain_failures(
                features,
                labels,
                predictions,
                class_names=class_names,
                settings=rules,
                seed=config.seed,
                groupings=by_column,
                held_out=draw_split(config, labels, None) if chooses_threshold(run) else None,
                advance=advance,
            )
    else:
        explanation = list_groups(labels, predictions, class_names=class_names, settings=rules, groupings=by_column)
        progress.message("There are no features (data.features), so no failure modes are looked for")
    for name, table in explanation.tables.items():
        run.write_table(name, table)
    duplicates = count_duplicates(run)
    run.update_info(duplicates=duplicates)
    if words := duplicates_words(duplicates):
        progress.message(f"Note: {words}")
    run.finish("explain", fingerprint=mark)
    return mark


def _without_effect(rules: RulesConfig, images: pd.DataFrame) -> set[str]:
    """The settings that the tables do not depend on: of groups that are small enough none is sampled."""
    by_class = [images[key].value_counts().max() for key in rules.groupings if len(images)]
    has_others = rules.unions or rules.confused_pairs or rules.manifest_columns
    largest = len(images) if has_others else max(by_class, default=0)
    return {"n_workers"} | ({"max_fitted_images"} if largest <= rules.max_fitted_images else set())


def _columns(attributes: pd.DataFrame | None, n_images: int) -> dict[str, list[str | None]]:
    """Return the values of each column of the manifest, one for each image."""
    if attributes is None:
        return {}
    columns: dict[str, list[str | None]] = {}
    for name, found in attributes.groupby("column", sort=False):
        values = pd.Series(None, index=range(n_images), dtype=object)
        values.loc[found["image_id"]] = found["value"].to_numpy()
        columns[str(name)] = values.tolist()
    return columns
