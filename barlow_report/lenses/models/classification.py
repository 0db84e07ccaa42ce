"""The cascade for several models: the same images, labels and inputs, other predictions."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.lenses.error_types.cascade import classify_errors, mean_accuracies
from barlow_report.lenses.error_types.inputs import TaxonomyInputs
from barlow_report.lenses.error_types.questions import OutOfVocabulary, Stage, Unassessed
from barlow_report.progress import Advance, ignore_advance
from barlow_report.significance import wilson_interval
from barlow_report.tables import empty_table

__all__ = ["classify_models", "fair_stages"]

Integers = npt.NDArray[np.int64]


def classify_models(
    labels: Integers,
    predictions: npt.NDArray[np.integer],
    *,
    inputs: TaxonomyInputs,
    only_annotated: bool = False,
    confidence_level: float = 0.95,
    advance: Advance = ignore_advance,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say what kind of error each failure of each model is, and count them.

    Out of vocabulary is only assessed where every image that any model fails on has words: a model whose failures have
    more of them would seem to have more such errors.

    Args:
        labels: (n_images,) class_id of the label.
        predictions: (n_images, n_models) class_id that each model predicts.
        inputs: The stages and multi-labels, the same for all models.
        only_annotated: Set images without multi-labels aside.
        confidence_level: Of the intervals.
        advance: Called with 1 after each model.

    Returns:
        Table `model_error_types`, and table `model_accuracies`.
    """
    stages = fair_stages(inputs.stages, labels, predictions)
    counts, accuracies = [], []
    for model_id, predicted in enumerate(predictions.T):
        class_ids = predicted.astype(np.int64)
        result = classify_errors(
            labels,
            class_ids,
            stages=stages,
            multi_labels=inputs.multi_labels,
            only_annotated=only_annotated,
        )
        assessed = result.stages.loc[result.stages["is_assessed"], ["error_type", "n_errors"]]
        counts.append(assessed.assign(model_id=model_id, n_failures=len(result.error_types)))
        means = mean_accuracies(labels, class_ids, result, multi_labels=inputs.multi_labels)
        accuracies.append(means.assign(model_id=model_id))
        advance(1)
    if not counts:
        return empty_table("model_error_types"), empty_table("model_accuracies")
    types = pd.concat(counts, ignore_index=True)
    low, high = wilson_interval(types["n_errors"], types["n_failures"], level=confidence_level)
    return types.assign(low=low, high=high), pd.concat(accuracies, ignore_index=True)


def fair_stages(stages: Sequence[Stage], labels: Integers, predictions: npt.NDArray[np.integer]) -> list[Stage]:
    """Return the stages, with those not assessed that would treat models differently; see `classify_models`."""
    return [_if_fair(stage, labels, predictions) for stage in stages]


def _if_fair(stage: Stage, labels: Integers, predictions: npt.NDArray[np.integer]) -> Stage:
    if not isinstance(stage, OutOfVocabulary):
        return stage
    failing = np.flatnonzero((predictions != labels[:, None]).any(axis=1))
    n_without = sum(image_id not in stage.proposals for image_id in failing.tolist())
    if not n_without:
        return stage
    words = f"needs words for every image that any model fails on: {n_without} of {len(failing)} have none"
    return Unassessed(error_type=stage.error_type, source=words)
