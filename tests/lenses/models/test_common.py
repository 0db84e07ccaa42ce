"""Errors that most models make, on tables whose answer is known by hand."""

import numpy as np
import pandas as pd

from barlow_report.lenses.error_types.inputs import TaxonomyInputs
from barlow_report.lenses.error_types.multi_labels import MultiLabels
from barlow_report.lenses.error_types.questions import FineGrained, MultiLabel, OutOfVocabulary
from barlow_report.lenses.error_types.superclasses import Superclasses
from barlow_report.lenses.models.common import common_errors
from barlow_report.tables import check_table

NAMES = ["cat", "dog", "car", "bus"]
LABELS = np.array([0, 0, 1, 2, 3, 2])
#                    4 models: all right; 2 of 4; 3 of 4; all, in two ways; all alike; 3 of 4
PREDICTIONS = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 2, 1], [3, 3, 0, 0], [0, 0, 0, 0], [1, 2, 3, 3]])


def _inputs() -> TaxonomyInputs:
    members = np.array([[True, False], [True, False], [False, True], [False, True]])
    superclasses = Superclasses(names=("animal", "vehicle"), members=members, origin="given")
    labels = MultiLabels(
        image_ids=np.array([4, 4]),
        class_ids=np.array([3, 0]),
        is_annotated=np.array([False] * 4 + [True, False]),
        is_problematic=np.zeros(6, dtype=np.bool_),
    )
    stages = (
        MultiLabel(names=NAMES, source="by hand"),
        FineGrained(superclasses=superclasses, source="by hand"),
        OutOfVocabulary(proposals={}, superclasses=superclasses, nearest=lambda _: {}, source="by hand"),
    )
    return TaxonomyInputs(stages=stages, superclasses=superclasses, multi_labels=labels)


def test_an_error_is_common_when_more_than_half_of_the_models_miss_the_image() -> None:
    found = common_errors(LABELS, PREDICTIONS, inputs=None)
    assert found["image_id"].tolist() == [4, 3, 2, 5]  # the most missed first, of these the most alike
    assert found["n_missed"].tolist() == [4, 4, 3, 3]
    assert found["prediction"].tolist() == [0, 0, 0, 3]  # of two as frequent the first class
    assert found["n_same"].tolist() == [4, 2, 2, 2]
    assert found["rank"].tolist() == [1, 2, 3, 4]
    assert found["error_type"].isna().all()
    check_table("common_errors", found, where="here")


def test_its_type_is_that_of_the_error_that_most_models_make() -> None:
    found = common_errors(LABELS, PREDICTIONS, inputs=_inputs()).set_index("image_id")
    # car and bus are vehicles, cat and dog animals; image 3 is taken for a cat as often as for a bus
    assert found["error_type"].to_dict() == {
        4: "multi_label",
        3: "model_failure",
        2: "fine_grained",
        5: "fine_grained",
    }
    assert found["detail"].dropna().to_dict() == {4: "cat", 2: "animal", 5: "vehicle"}
    assert found["rank"].to_dict() == {4: 1, 3: 1, 2: 1, 5: 2}
    check_table("common_errors", found.reset_index(), where="here")


def test_where_no_image_is_missed_by_most_the_table_is_empty() -> None:
    for predictions in (LABELS[:, None], np.column_stack([LABELS, np.roll(LABELS, 1)])):
        found = common_errors(LABELS, predictions, inputs=_inputs())
        assert isinstance(found, pd.DataFrame)
        assert len(check_table("common_errors", found, where="here")) == 0
