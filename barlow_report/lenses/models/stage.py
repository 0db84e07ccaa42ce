"""Several models on the same images: what kinds of errors they make, and which failure modes they share."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import Config, RulesConfig
from barlow_report.formatting import count, counted
from barlow_report.lenses.error_types.config import TaxonomyConfig
from barlow_report.lenses.error_types.stage import digest_inputs, read_inputs, run_vocabulary
from barlow_report.lenses.models.asking import Inquiry
from barlow_report.lenses.models.classification import classify_models
from barlow_report.lenses.models.common import common_errors
from barlow_report.lenses.models.config import ComparisonConfig
from barlow_report.lenses.models.metadata import metadata_frame
from barlow_report.lenses.models.summary import shared_mode_tables, summarise_models
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.stages.holding_out import images_to_test_with
from barlow_report.tables import empty_table

if TYPE_CHECKING:
    from barlow_report.lenses.models.shared_modes import Mode

__all__ = ["compare", "plain_rules"]

Integers = npt.NDArray[np.int64]
Predictions = npt.NDArray[np.int32]


def compare(config: Config, run: Run, *, explained: str, progress: Progress) -> str:
    """Write the tables that compare models, unless they are up to date; return the fingerprint.

    The inspected model is model 0. A column of the table that holds its very predictions gives it its name.

    Args:
        config: The configuration, with a section `comparison`.
        run: The run folder, with the stage `explain` finished.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `comparison`.
        DataError: A file that it names cannot be read, or does not fit the run.
    """
    settings = config.needed_section(
        "comparison",
        example="{predictions: FILE}",
        hint=", a table with the column path and one column per model, or models to ask.",
    )
    taxonomy = config.section("taxonomy")
    if taxonomy is not None and taxonomy.proposal_words is not None:
        # words are proposed for the failures of the inspected model alone
        taxonomy = taxonomy.model_copy(update={"proposal_words": None})
    inquiry = Inquiry(config, run, settings)
    mark = _mark(config, inquiry, taxonomy, explained=explained)
    if run.is_done("comparison", fingerprint=mark):
        progress.message("The comparison of models is up to date")
        return mark
    run.begin("comparison", fingerprint=mark)
    labels = run.read_table("images")["label"].to_numpy()
    vocabulary = run_vocabulary(config, run)
    compared = inquiry.gather(vocabulary, progress=progress)
    names, predictions = compared.names, compared.class_ids
    inputs = None if taxonomy is None else read_inputs(taxonomy, run, vocabulary)
    types, accuracies = empty_table("model_error_types"), empty_table("model_accuracies")
    if taxonomy is not None and inputs is not None:
        with progress.task("Classifying errors", total=predictions.shape[1], unit="models") as advance:
            types, accuracies = classify_models(
                labels,
                predictions,
                inputs=inputs,
                only_annotated=taxonomy.only_annotated,
                confidence_level=config.rules.confidence_level,
                advance=advance,
            )
    errors = common_errors(
        labels, predictions, inputs=inputs, only_annotated=taxonomy is not None and taxonomy.only_annotated
    )
    proposing = _spread((predictions == labels[:, None]).sum(axis=0), n_others=settings.n_proposing)
    modes, rates = _rate(config, run, labels, predictions, proposing=proposing, progress=progress)
    models = summarise_models(names, labels, predictions, rates, level=config.rules.confidence_level)
    models["n_found"] = models["n_found"].where(models["model_id"].isin(proposing))
    run.write_table("models", pd.concat([models, metadata_frame(compared.metadata)], axis=1))
    run.write_table("models_left_out", compared.left_out)
    run.write_table("model_error_types", types)
    run.write_table("model_accuracies", accuracies)
    run.write_table("common_errors", _with_pictures(config, run, errors, progress=progress))
    shared = shared_mode_tables(modes, rates)
    for name, table in shared.items():
        run.write_table(name, table)
    mark = _mark(config, inquiry, taxonomy, explained=explained)  # with what is known of the models by now
    run.finish("comparison", fingerprint=mark)
    n_several = int((shared["shared_modes"]["n_holds"] > 1).sum())
    n_one = count(len(shared["shared_modes"]))
    of_modes = (
        f": failure modes that hold for at least one: {n_one}, for several: {count(n_several)}"
        if config.data.has_features
        else "; no features, so no failure modes"
    )
    progress.message(f"Comparison of {counted(len(names), 'model')}{of_modes}")
    return mark


def _mark(config: Config, inquiry: Inquiry, taxonomy: TaxonomyConfig | None, *, explained: str) -> str:
    settings: ComparisonConfig = config.needed_section("comparison")
    return fingerprint(
        explain=explained,
        seed=config.seed,
        rules=config.rules.model_dump(mode="json", exclude={"n_workers"}),
        pictures=[config.visuals.n_gallery, config.visuals.thumbnail_size],
        comparison=settings.model_dump(mode="json", include={"columns", "n_proposing"}),
        named=[[entry.name, entry.family] for entry in settings.models],
        **inquiry.state(),
        taxonomy=None if taxonomy is None else taxonomy.model_dump(mode="json", exclude={"clip"}),
        files=None if taxonomy is None else digest_inputs(taxonomy),
    )


def _with_pictures(config: Config, run: Run, errors: pd.DataFrame, *, progress: Progress) -> pd.DataFrame:
    """The common errors with pictures of the first of each type."""
    shown = errors["rank"] <= config.visuals.n_gallery
    if not shown.any() or not config.data.has_images:
        return errors
    from barlow_report.stages.pictures import Pictures  # reads the images: only when there are any to show

    with progress.task("Drawing thumbnails", total=int(shown.sum()), unit="images") as advance:
        names = Pictures(config, run).thumbnails(errors.loc[shown, "image_id"].tolist(), advance=advance)
    thumbnails = pd.Series(None, index=errors.index, dtype=object)
    thumbnails[shown] = names
    return errors.assign(thumbnail=thumbnails)


def _spread(n_correct: Integers, *, n_others: int) -> list[int]:
    """The inspected model and at most `n_others` others: from the least to the most accurate one at equal steps."""
    order = np.argsort(n_correct[1:], kind="stable") + 1
    if len(order) > n_others:
        order = order[np.linspace(0, len(order) - 1, n_others).round().astype(np.int64)]
    return [0, *sorted(order.tolist())]


def _rate(
    config: Config,
    run: Run,
    labels: Integers,
    predictions: Predictions,
    *,
    proposing: list[int],
    progress: Progress,
) -> "tuple[list[Mode], pd.DataFrame]":
    """Every failure mode that the trees of the proposing models have, and table `shared_mode_rates` of all of them.

    The rules of the run speak for the inspected model, unless images that test here took part in fitting them.
    """
    from barlow_report.lenses.models.shared_modes import (
        adopt_rule_ids,
        merge_proposals,
        print_modes,
        propose_modes,
        rate_modes,
    )
    from barlow_report.rules import explain_failures  # takes a second

    held_out = images_to_test_with(config, run)
    if not held_out.any() or not run.features().shape[1]:
        return [], empty_table("shared_mode_rates")
    own = list(propose_modes(0, **{name: run.read_table(name) for name in ("groups", "rules", "conditions")}))
    is_split = config.rules.evidence_kind == "held_out"
    proposals = own if is_split else []
    settings, features = plain_rules(config.rules), run.features()
    class_names = run.read_table("classes")["name"].tolist()
    explained = proposing[1:] if is_split else proposing
    with progress.task("Explaining the failures of models", total=len(explained), unit="models") as advance:
        for model_id in explained:
            found = explain_failures(
                features,
                labels,
                predictions[:, model_id],
                class_names=class_names,
                settings=settings,
                seed=config.seed,
                held_out=held_out,
            )
            new = propose_modes(model_id, groups=found.groups, rules=found.rules, conditions=found.conditions)
            proposals += adopt_rule_ids(new, own=own) if model_id == 0 else new
            advance(1)
    modes = merge_proposals(proposals)
    with progress.task("Testing failure modes on all models", total=len(modes), unit="modes") as advance:
        rates = rate_modes(
            modes,
            features=features,
            labels=labels,
            predictions=predictions,
            held_out=held_out,
            settings=config.rules,
            advance=advance,
        )
    return print_modes(modes, features=features, labels=labels, predictions=predictions), rates


def plain_rules(settings: RulesConfig) -> RulesConfig:
    """The settings of trees that held-out images test, without further groups, other depths and the noise floor."""
    return settings.model_copy(
        update={
            "evidence": "held_out",
            "confused_pairs": 0,
            "unions": {},
            "union_superclasses": (),
            "manifest_columns": (),
            "n_permutations": 0,
            "evaluation_depths": (),
        }
    )
