"""What kind of error each failure is, of the run, of each class and of each failure mode."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from barlow_report.config import Config
from barlow_report.files import atomic_write, digest_named
from barlow_report.formatting import count, counted, percent
from barlow_report.lenses.error_types.cascade import classify_errors, mean_accuracies
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.config import TaxonomyConfig
from barlow_report.lenses.error_types.images import ImageNames
from barlow_report.lenses.error_types.inputs import TaxonomyInputs, gather_inputs
from barlow_report.lenses.error_types.matched import Matched, matched_in_all
from barlow_report.lenses.error_types.people import agreement_table, compare_with_people
from barlow_report.lenses.error_types.person_types import read_person_types
from barlow_report.lenses.error_types.proposing import propose_words, with_proposals
from barlow_report.lenses.error_types.run_classes import vocabulary_of
from barlow_report.lenses.error_types.superclass_sources import needs_wordnet
from barlow_report.lenses.error_types.superclasses import Superclasses, suggestion_text
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.significance import wilson_interval
from barlow_report.stages.leaves import leaves_of_failures
from barlow_report.tables import empty_table

__all__ = ["SUGGESTION", "classify", "digest_inputs", "read_inputs", "run_vocabulary"]

SUGGESTION = "superclasses.suggested.yaml"
"""The file of suggested superclasses in a run folder, for a person to edit."""


def classify(config: Config, run: Run, *, explained: str, progress: Progress) -> str:
    """Write the tables of error types, unless they are up to date; return the fingerprint.

    Args:
        config: The configuration, with a section `taxonomy`.
        run: The run folder, with the stage `explain` finished.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `taxonomy`.
        DataError: A file that it names cannot be read, or does not fit the run.
    """
    settings = config.needed_section("taxonomy")
    vocabulary = run_vocabulary(config, run)
    propose_words(config, run, vocabulary, progress=progress)
    mark = fingerprint(
        explain=explained,
        seed=config.seed,
        n_gallery=config.visuals.n_gallery,
        thumbnail_size=config.visuals.thumbnail_size,
        taxonomy=settings.model_dump(mode="json", exclude={"clip"}),
        files=digest_inputs(with_proposals(settings, run)),
    )
    if run.is_done("taxonomy", fingerprint=mark):
        progress.message("Error types are up to date")
        return mark
    run.begin("taxonomy", fingerprint=mark)
    images = run.read_table("images")
    labels, predictions = images["label"].to_numpy(), images["prediction"].to_numpy()
    inputs = read_inputs(settings, run, vocabulary)
    result = classify_errors(
        labels,
        predictions,
        stages=inputs.stages,
        multi_labels=inputs.multi_labels,
        only_annotated=settings.only_annotated,
    )
    lists = dict(inputs.matches)
    if settings.people_types:
        lists["people_types"] = _compare_with_people(config, run, settings, vocabulary, inputs)
    _write(run, inputs, vocabulary, lists)
    run.write_table("error_types", result.error_types)
    run.write_table("taxonomy_stages", result.stages)
    run.write_table(
        "taxonomy_accuracies", mean_accuracies(labels, predictions, result, multi_labels=inputs.multi_labels)
    )
    counts = _counts(run, result.error_types, result.stages, labels, level=config.rules.confidence_level)
    run.write_table("error_type_counts", counts)
    run.write_table("error_galleries", _galleries(config, run, result.error_types, progress=progress))
    for key, matches in lists.items():
        if matches.n_foreign and key != "co_occurrence_labels":  # of which other images are wanted
            run.assume("taxonomy", key, matches.sentence(f"taxonomy.{key}"))
    run.finish("taxonomy", fingerprint=mark)
    _report(run, inputs, counts, lists, result.stages, progress)
    return mark


def _compare_with_people(
    config: Config, run: Run, settings: TaxonomyConfig, vocabulary: Vocabulary, inputs: TaxonomyInputs
) -> Matched:
    """Write the tables that compare the types with people's; return how much of people's lists is about the run."""
    images = run.read_table("images")
    people = read_person_types(settings.people_types, images=ImageNames(images["path"].tolist()), vocabulary=vocabulary)
    compared = compare_with_people(
        people,
        images["label"].to_numpy(),
        images["prediction"].to_numpy(),
        inputs=inputs,
        only_annotated=settings.only_annotated,
    )
    found = matched_in_all(people.matches)
    run.write_table("people_types", compared)
    agreement = agreement_table(compared, n_listed=found.n_entries, level=config.rules.confidence_level)
    run.write_table("people_agreement", agreement)
    return found


def run_vocabulary(config: Config, run: Run) -> Vocabulary:
    """The classes of a run by everything that files may call them."""
    return vocabulary_of(run.read_table("classes")["name"].tolist(), config.data)


def read_inputs(settings: TaxonomyConfig, run: Run, vocabulary: Vocabulary) -> TaxonomyInputs:
    """What the cascade needs, for the images of a run; suggested superclasses are those of its inspected model."""
    images = run.read_table("images")
    return gather_inputs(
        with_proposals(settings, run),
        vocabulary=vocabulary,
        paths=images["path"].tolist(),
        labels=images["label"].to_numpy(),
        predictions=images["prediction"].to_numpy(),
        features=run.features,
    )


def digest_inputs(settings: TaxonomyConfig) -> dict[str, str]:
    """The hashes of the files that the section names.

    Raises:
        DataError: One cannot be read.
    """
    paths = {key: value for key, value in settings if hasattr(value, "is_file")}
    paths |= {f"people_types[{place}]": path for place, path in enumerate(settings.people_types)}
    if needs_wordnet(settings):
        paths["wordnet"] = settings.wordnet.folder / "data.noun"
    return {key: digest_named(path, key=f"taxonomy.{key}") for key, path in paths.items()}


def _write(run: Run, inputs: TaxonomyInputs, vocabulary: Vocabulary, lists: Mapping[str, Matched]) -> None:
    superclasses = inputs.superclasses
    run.write_table("superclasses", _superclass_table(superclasses))
    run.write_table("taxonomy_inputs", _input_table(lists))
    if superclasses.origin == "suggested" and superclasses.names:
        atomic_write(run.folder / SUGGESTION, suggestion_text(superclasses, vocabulary=vocabulary))


def _superclass_table(superclasses: Superclasses) -> pd.DataFrame:
    columns, class_ids = np.nonzero(superclasses.members.T)
    if not len(columns):
        return empty_table("superclasses")
    names = np.array(superclasses.names, dtype=object)
    return pd.DataFrame({"superclass": names[columns], "class_id": class_ids, "origin": superclasses.origin})


def _input_table(lists: Mapping[str, Matched]) -> pd.DataFrame:
    if not lists:
        return empty_table("taxonomy_inputs")
    rows = [(key, found.noun, found.n_entries, found.n_matched) for key, found in lists.items()]
    return pd.DataFrame(rows, columns=["input", "noun", "n_entries", "n_matched"])


def _counts(run: Run, types: pd.DataFrame, stages: pd.DataFrame, labels: np.ndarray, *, level: float) -> pd.DataFrame:
    """The rows of table `error_type_counts`: every assessed type in every scope, also where its count is zero."""
    assessed = stages.loc[stages["is_assessed"], "error_type"].tolist()
    codes = pd.Categorical(types["error_type"], categories=assessed).codes
    image_ids = types["image_id"].to_numpy(dtype=np.int64)
    leaves = leaves_of_failures(run)
    place = {image_id: row for row, image_id in enumerate(image_ids.tolist())}
    rows = leaves["image_id"].map(place).to_numpy(dtype=np.int64)
    scopes = [
        ("run", np.zeros(len(codes), dtype=np.int64), codes),
        ("class", labels[image_ids], codes),
        ("rule", leaves["rule_id"].to_numpy(), codes[rows]),
    ]
    parts = list(_scope_counts(scopes, assessed))
    frame = pd.concat(parts, ignore_index=True) if parts else empty_table("error_type_counts")
    low, high = wilson_interval(frame["n_errors"], frame["n_failures"], level=level)
    return frame.assign(low=low, high=high)


def _scope_counts(scopes: list[tuple[str, Any, Any]], assessed: list[str]) -> Iterator[pd.DataFrame]:
    for scope, ids, codes in scopes:
        found, rows = np.unique(ids, return_inverse=True)
        if scope == "run" and not len(found):
            found = np.zeros(1, dtype=np.int64)  # a run without failures has a row of zeros
        table = np.zeros((len(found), len(assessed)), dtype=np.int64)
        np.add.at(table, (rows, codes), 1)
        totals = table.sum(axis=1)
        if not len(found):
            continue
        ids_column = pd.array(np.repeat(found, len(assessed)), dtype="Int64")
        nothing = pd.array([pd.NA] * len(ids_column), dtype="Int64")
        yield pd.DataFrame(
            {
                "scope": scope,
                "class_id": ids_column if scope == "class" else nothing,
                "rule_id": ids_column if scope == "rule" else nothing,
                "error_type": np.tile(np.array(assessed, dtype=object), len(found)),
                "n_errors": table.ravel(),
                "n_failures": np.repeat(totals, len(assessed)),
            }
        )


def _galleries(config: Config, run: Run, types: pd.DataFrame, *, progress: Progress) -> pd.DataFrame:
    """The rows of table `error_galleries`: a seeded sample of the failures of each type, with thumbnails."""
    chosen = []
    for error_type, rows in types.groupby("error_type", sort=False):
        rng = np.random.default_rng([config.seed, ERROR_TYPES.index(str(error_type))])
        image_ids = rng.permutation(rows["image_id"].to_numpy())[: config.visuals.n_gallery]
        ranks = range(1, len(image_ids) + 1)
        chosen.append(pd.DataFrame({"error_type": error_type, "image_id": image_ids, "rank": ranks}))
    if not chosen or not config.data.has_images:
        return empty_table("error_galleries")
    from barlow_report.stages.pictures import Pictures  # reads the images: only when there are failures

    table = pd.concat(chosen, ignore_index=True)
    with progress.task("Drawing thumbnails", total=table["image_id"].nunique(), unit="images") as advance:
        table["thumbnail"] = Pictures(config, run).thumbnails(table["image_id"].tolist(), advance=advance)
    return table


def _not_assessed_words(stages: pd.DataFrame) -> str | None:
    """Say which types nothing was known of, so that their failures are called model failures; None where there is none.

    Args:
        stages: Rows of table `taxonomy_stages`.
    """
    stages = stages[~stages["error_type"].isin(["set_aside", "model_failure"])]
    missing = stages[~stages["is_assessed"].astype(bool)]
    if missing.empty:
        return None
    parts = [
        f"{row.error_type.replace('_', ' ')} ({row.input.removesuffix(' in the configuration')})"
        for row in missing.itertuples()
    ]
    these = "this" if len(missing) == 1 else "these"
    return (
        f"Not assessed: {len(missing)} of {counted(len(stages), 'type')}; some failures called model failures may be "
        f"of {these}: {', '.join(parts)}"
    )


def _report(
    run: Run,
    inputs: TaxonomyInputs,
    counts: pd.DataFrame,
    lists: Mapping[str, Matched],
    stages: pd.DataFrame,
    progress: Progress,
) -> None:
    total = counts[counts["scope"] == "run"]
    parts = [
        f"{row.error_type.replace('_', ' ')} {count(row.n_errors)} ({percent(row.n_errors / row.n_failures)})"
        for row in total.itertuples()
        if row.n_errors
    ]
    for key, matches in lists.items():
        progress.message(f"taxonomy.{key}: {matches.words}")
    is_known = stages.loc[stages["error_type"] != "model_failure", "is_assessed"].any()
    unknown = "none was assessed; each needs a list or superclasses (see taxonomy in configs/reference.yaml)"
    progress.message(f"Error types: {(', '.join(parts) if is_known else unknown) if parts else 'no failures'}")
    if parts and is_known and (missing := _not_assessed_words(stages)):
        progress.message(missing)
    if inputs.superclasses.origin == "suggested" and inputs.superclasses.names:
        progress.message(
            f"Superclasses were suggested: edit {run.folder / SUGGESTION} and name it under taxonomy.superclasses"
        )
