"""The errors that most models make on the same image.

The errors of one image differ from model to model; what is listed is the one that most models make, and its kind. An
error is common when more than half of the models miss the image, whatever they take it for.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.lenses.error_types.cascade import classify_errors
from barlow_report.lenses.error_types.inputs import TaxonomyInputs
from barlow_report.lenses.models.classification import fair_stages
from barlow_report.tables import empty_table

__all__ = ["common_errors"]

Integers = npt.NDArray[np.int64]
Predictions = npt.NDArray[np.integer]


def common_errors(
    labels: Integers, predictions: Predictions, *, inputs: TaxonomyInputs | None, only_annotated: bool = False
) -> pd.DataFrame:
    """List the images that most models miss.

    Args:
        labels: (n_images,) class_id of the label.
        predictions: (n_images, n_models) class_id that each model predicts.
        inputs: What the cascade of error types needs; None: types are not told.
        only_annotated: Set images without multi-labels aside.

    Returns:
        Table `common_errors` without pictures: those of one type that most models miss are first.
    """
    n_missed = (predictions != labels[:, None]).sum(axis=1)
    image_ids = np.flatnonzero(2 * n_missed > predictions.shape[1])
    if not len(image_ids):
        return empty_table("common_errors")
    errors = [_most_common(predictions[image_id], labels[image_id]) for image_id in image_ids]
    frame = pd.DataFrame(errors, columns=["prediction", "n_same"])
    frame = frame.assign(image_id=image_ids, n_missed=n_missed[image_ids])
    if inputs is None:
        frame = frame.assign(error_type=None, detail=None)
    else:
        made = labels.copy()
        made[image_ids] = frame["prediction"].to_numpy()
        found = classify_errors(
            labels,
            made,
            stages=fair_stages(inputs.stages, labels, predictions),
            multi_labels=inputs.multi_labels,
            only_annotated=only_annotated,
        ).error_types
        frame = frame.merge(found, on="image_id", how="left", validate="one_to_one")
    return _ranked(frame).assign(thumbnail=None)


def _most_common(predicted: Predictions, label: np.int64) -> tuple[int, int]:
    """The wrong class that most models take an image for, the first of equal ones, and how many do."""
    classes, counts = np.unique(predicted[predicted != label], return_counts=True)
    place = int(counts.argmax())
    return int(classes[place]), int(counts[place])


def _ranked(frame: pd.DataFrame) -> pd.DataFrame:
    ordered = frame.sort_values(["n_missed", "n_same", "image_id"], ascending=[False, False, True])
    groups = ordered["error_type"].fillna("")
    return ordered.assign(rank=ordered.groupby(groups).cumcount() + 1).reset_index(drop=True)
