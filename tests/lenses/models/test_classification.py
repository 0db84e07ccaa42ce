"""The cascade for several models: each as if it were alone, with what is known about all of them."""

import numpy as np

from barlow_report.lenses.error_types.cascade import classify_errors
from barlow_report.lenses.error_types.inputs import TaxonomyInputs
from barlow_report.lenses.error_types.proposals import Proposal
from barlow_report.lenses.models.classification import classify_models
from barlow_report.tables import check_table
from tests.lenses.error_types.build import CAR, CAT, DOG, FOX, SUPERCLASSES, TREE, TRUCK, ids, labels_of, stages

LABELS = ids(CAT, CAT, DOG, CAR, TREE, FOX)
FIRST = ids(DOG, CAT, TREE, TRUCK, TREE, FOX)
SECOND = ids(CAR, TREE, TREE, CAR, CAR, CAR)
PERFECT = LABELS.copy()


def _inputs(proposals: dict[int, Proposal] | None = None) -> TaxonomyInputs:
    multi_labels = labels_of({2: [DOG, TREE]}, n_images=6)
    return TaxonomyInputs(
        stages=tuple(stages(proposals=proposals)), superclasses=SUPERCLASSES, multi_labels=multi_labels
    )


def test_counts_by_hand() -> None:
    counts, accuracies = classify_models(LABELS, np.column_stack([FIRST, SECOND, PERFECT]), inputs=_inputs())
    check_table("model_error_types", counts, where="here")
    check_table("model_accuracies", accuracies, where="here")
    found = counts[counts["n_errors"] > 0].set_index(["model_id", "error_type"])["n_errors"].to_dict()
    assert found == {
        (0, "multi_label"): 1,  # the dog beside a tree
        (0, "fine_grained"): 2,  # cat for dog, car for truck
        (1, "multi_label"): 1,
        (1, "model_failure"): 4,
    }
    assert counts.groupby("model_id")["n_failures"].first().tolist() == [3, 5, 0]
    assert counts.loc[counts["model_id"] == 2, ["low", "high"]].isna().all(axis=None)
    top_1 = accuracies[accuracies["measure"] == "top_1"]["value"].tolist()
    np.testing.assert_allclose(top_1, [(0.5 + 0 + 0 + 1 + 1) / 5, (0 + 0 + 1 + 0 + 0) / 5, 1.0])


def test_each_model_is_classified_as_if_it_were_alone() -> None:
    inputs = _inputs()
    counts, _ = classify_models(LABELS, np.column_stack([FIRST, SECOND]), inputs=inputs)
    for model_id, predictions in enumerate((FIRST, SECOND)):
        alone = classify_errors(LABELS, predictions, stages=inputs.stages, multi_labels=inputs.multi_labels)
        expected = alone.stages[alone.stages["is_assessed"]].set_index("error_type")["n_errors"]
        rows = counts[counts["model_id"] == model_id].set_index("error_type")["n_errors"]
        assert rows.to_dict() == expected.drop("out_of_vocabulary").to_dict()  # nobody gave words


def test_words_count_only_where_every_failing_image_has_some() -> None:
    """Image 3, a car: neighbours are vehicles, and the best word for it is no class."""
    word = Proposal(words="tractor", is_known=False, neighbors=(CAR,))
    both = np.column_stack([ids(DOG, CAT, DOG, CAR, CAR, FOX), ids(CAT, CAT, DOG, CAR, CAR, CAR)])
    failing = (0, 4, 5)
    counts, _ = classify_models(LABELS, both, inputs=_inputs(dict.fromkeys(failing, word)))
    rows = counts[counts["error_type"] == "out_of_vocabulary"].set_index("model_id")["n_errors"]
    assert rows.to_dict() == {0: 1, 1: 2}
    counts, _ = classify_models(LABELS, both, inputs=_inputs(dict.fromkeys(failing[:-1], word)))
    assert "out_of_vocabulary" not in set(counts["error_type"])
