"""The kinds of errors that people found failures to be, beside those that the cascade finds for the same errors.

People may have looked at another model's errors: where their list says what was predicted, the cascade is asked about
that prediction, and otherwise about the run's own.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.lenses.error_types.agreement import Kappa, cohens_kappa, count_pairs
from barlow_report.lenses.error_types.cascade import classify_errors
from barlow_report.lenses.error_types.inputs import TaxonomyInputs
from barlow_report.lenses.error_types.person_types import PersonTypes
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.tables import empty_table

__all__ = ["agreement_table", "compare_with_people"]

Integers = npt.NDArray[np.int64]


def compare_with_people(
    people: PersonTypes, labels: Integers, predictions: Integers, *, inputs: TaxonomyInputs, only_annotated: bool
) -> pd.DataFrame:
    """Return table `people_types`: each error that people named, with what the cascade calls it.

    Images that the prediction gets right are left out: there is no error to name.
    """
    made = labels.copy()
    for image_id in people.types:
        made[image_id] = people.predictions.get(image_id, int(predictions[image_id]))
    types = classify_errors(
        labels, made, stages=inputs.stages, multi_labels=inputs.multi_labels, only_annotated=only_annotated
    ).error_types
    if not len(types):
        return empty_table("people_types")
    return pd.DataFrame(
        {
            "image_id": types["image_id"],
            "prediction": made[types["image_id"].to_numpy(dtype=np.int64)],
            "people_type": [people.types[image_id] for image_id in types["image_id"]],
            "error_type": types["error_type"],
        }
    )


def agreement_table(compared: pd.DataFrame, *, n_listed: int, level: float) -> pd.DataFrame:
    """Return table `people_agreement` of table `people_types`.

    Args:
        compared: The table.
        n_listed: Entries of people's lists.
        level: Of the interval.
    """
    places = {error_type: place for place, error_type in enumerate(ERROR_TYPES)}
    first, second = (compared[column].map(places).to_numpy(dtype=np.int64) for column in ("people_type", "error_type"))
    found: Kappa = cohens_kappa(count_pairs(first, second, n_names=len(ERROR_TYPES)), level=level)
    return pd.DataFrame(
        [
            {
                "n_listed": n_listed,
                "n_errors": found.n,
                "n_same": found.n_same,
                "kappa": found.value,
                "low": found.low,
                "high": found.high,
            }
        ]
    ).astype(dict.fromkeys(("kappa", "low", "high"), "float64"))
