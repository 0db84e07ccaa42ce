"""The cascade: every stage on cases made by hand, which one wins where several match, and sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barlow_report.lenses.error_types.cascade import Classification, classify_errors, mean_accuracies
from barlow_report.lenses.error_types.proposals import Proposal
from barlow_report.lenses.error_types.questions import Stage
from barlow_report.lenses.error_types.superclasses import Superclasses
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.tables import check_table
from tests.lenses.error_types.build import CAR, CAT, DOG, FOX, TREE, TRUCK, WOLF, ids, labels_of, missing, stages


def _types(result: Classification) -> dict[int, str]:
    return dict(zip(result.error_types["image_id"], result.error_types["error_type"], strict=True))


def _details(result: Classification) -> dict[int, str | None]:
    return dict(zip(result.error_types["image_id"], result.error_types["detail"], strict=True))


def _words(words: str, *, neighbors: tuple[int, ...] = (CAR,), is_known: bool = False) -> Proposal:
    return Proposal(words=words, is_known=is_known, neighbors=neighbors)


def test_each_stage_claims_its_own_case_and_says_what_matched() -> None:
    labels = ids(CAT, CAT, CAT, CAT, TREE, TREE, TREE, TREE, CAT)
    predictions = ids(CAT, DOG, CAR, FOX, CAR, TRUCK, WOLF, CAT, TREE)
    result = classify_errors(
        labels,
        predictions,
        multi_labels=labels_of({2: (CAT, CAR), 8: (CAT,)}, n_images=9, problematic=[8]),
        stages=stages(
            overlapping=[(CAT, DOG)],
            proposals={4: _words("tractor")},
            together=[(TREE, TRUCK)],
            unusual=[6],
        ),
    )
    assert _types(result) == {
        1: "overlapping",
        2: "multi_label",
        3: "fine_grained",
        4: "out_of_vocabulary",
        5: "co_occurrence",
        6: "non_prototypical",
        7: "model_failure",
        8: "set_aside",
    }
    assert _details(result) == {
        1: "cat → dog",
        2: "car",
        3: "animals",
        4: "tractor",
        5: "tree",
        6: None,
        7: None,
        8: None,
    }
    for name, table in (("error_types", result.error_types), ("taxonomy_stages", result.stages)):
        check_table(name, table, where=name)


@pytest.mark.parametrize("n_left_out", range(7))
def test_the_first_stage_in_the_order_of_the_method_wins(n_left_out: int) -> None:
    """One image that every stage would claim goes to the first that can be assessed."""
    everything: list[Stage] = stages(
        overlapping=[(CAT, DOG)],
        proposals={0: _words("jackal", neighbors=(DOG,))},
        together=[(CAT, DOG)],
        unusual=[0],
    )
    order = [error_type for error_type in ERROR_TYPES if error_type != "set_aside"]
    chosen = [missing(s.error_type) for s in everything[:n_left_out]] + everything[n_left_out:]
    result = classify_errors(ids(CAT), ids(DOG), stages=chosen, multi_labels=labels_of({0: (CAT, DOG)}, n_images=1))
    assert _types(result) == {0: order[n_left_out]}


def test_overlap_has_a_direction() -> None:
    result = classify_errors(ids(CAT, TREE), ids(TREE, CAT), stages=stages(overlapping=[(CAT, TREE)], has_labels=False))
    assert _types(result) == {0: "overlapping", 1: "model_failure"}


def test_any_correct_label_counts_for_superclasses_and_for_classes_seen_together() -> None:
    labels = ids(TREE, CAR, TREE)
    predictions = ids(DOG, TREE, DOG)
    result = classify_errors(
        labels,
        predictions,
        multi_labels=labels_of({0: (TREE, CAT), 1: (CAR, WOLF)}, n_images=3),
        stages=stages(together=[(WOLF, TREE)]),
    )
    assert _types(result) == {0: "fine_grained", 1: "co_occurrence", 2: "model_failure"}
    assert _details(result) == {0: "animals", 1: "wolf", 2: None}


def test_a_label_that_people_reject_counts_no_more() -> None:
    """The image is labelled cat, but people say truck: dog is of no kind that is there."""
    labels = labels_of({0: (TRUCK,), 1: (TRUCK,), 2: (TRUCK,)}, n_images=3)
    data = ids(CAT, CAT, CAT), ids(DOG, CAR, CAT)
    result = classify_errors(*data, multi_labels=labels, stages=stages())
    assert _types(result) == {0: "model_failure", 1: "fine_grained"}
    accuracies = mean_accuracies(*data, result, multi_labels=labels).set_index("measure")["value"]
    assert accuracies["top_1"] == pytest.approx(1 / 3)
    assert accuracies["multi_label"] == 0.0
    assert accuracies["minor"] == pytest.approx(1 / 3)


def test_a_known_word_or_neighbours_of_another_kind_are_no_unknown_class() -> None:
    labels, predictions = ids(TREE, TREE, TREE, TREE), ids(CAR, CAR, CAR, CAR)
    proposals = {
        0: _words("tractor"),
        1: _words("dog", is_known=True),
        2: _words("tractor", neighbors=(CAT, TREE)),
    }
    result = classify_errors(labels, predictions, stages=stages(proposals=proposals))
    assert _types(result) == {0: "out_of_vocabulary", 1: "model_failure", 2: "model_failure", 3: "model_failure"}
    row = result.stages.set_index("error_type").loc["out_of_vocabulary"]
    assert (row["n_assessed"], row["n_errors"]) == (3, 1)


def test_not_assessed_is_not_zero() -> None:
    result = classify_errors(ids(CAT), ids(CAR), stages=[missing(s.error_type) for s in stages()])
    rows = result.stages.set_index("error_type")
    assert rows["is_assessed"].to_dict() == {error_type: error_type == "model_failure" for error_type in ERROR_TYPES}
    assert rows.loc["overlapping", "input"] == "needs overlapping"
    found = classify_errors(ids(CAT), ids(CAR), stages=stages()).stages.set_index("error_type")
    assert bool(found.loc["overlapping", "is_assessed"])
    assert found.loc["overlapping", "n_errors"] == 0


def test_images_that_nobody_was_asked_about_can_be_left_out() -> None:
    labels = labels_of({0: (CAT,)}, n_images=3)
    data = ids(CAT, CAT, CAT), ids(CAR, CAR, CAT)
    with_them = classify_errors(*data, multi_labels=labels, stages=stages())
    without = classify_errors(*data, multi_labels=labels, stages=stages(), only_annotated=True)
    assert _types(with_them) == {0: "model_failure", 1: "model_failure"}
    assert _types(without) == {0: "model_failure", 1: "set_aside"}
    assert without.is_evaluated.tolist() == [True, False, False]
    assessed = with_them.stages.set_index("error_type")["n_assessed"]
    assert assessed["multi_label"] == 1


def test_a_run_without_failures_has_no_types() -> None:
    result = classify_errors(ids(CAT, DOG), ids(CAT, DOG), stages=stages())
    assert len(result.error_types) == 0
    assert result.stages["n_errors"].sum() == 0
    check_table("error_types", result.error_types, where="empty")


PUBLISHED = {  # Peychev et al., one model on the ImageNet multi-label set, problematic images left out
    "overlapping": 104,
    "multi_label": 948,
    "fine_grained": 599,
    "out_of_vocabulary": 144,
    "co_occurrence": 102,
    "non_prototypical": 8,
    "model_failure": 501,
}


def test_the_published_row_adds_up() -> None:
    """18,692 images = 16,286 correct + 2,406 errors, on a table made so that each stage claims its published share."""
    kinds = [kind for kind, n in PUBLISHED.items() for _ in range(n)]
    n_correct, n_images = 16_286, 18_692
    assert n_correct + len(kinds) == n_images
    labels = np.full(n_images, CAT)
    predictions = np.full(n_images, CAT)
    wanted = {
        "overlapping": DOG,
        "multi_label": CAR,
        "fine_grained": FOX,
        "out_of_vocabulary": TRUCK,
        "co_occurrence": TREE,
        "non_prototypical": CAR,
        "model_failure": CAR,
    }
    rng = np.random.default_rng(0)
    place = rng.permutation(n_images)[: len(kinds)]
    predictions[place] = [wanted[kind] for kind in kinds]
    of = {kind: [int(i) for i, k in zip(place, kinds, strict=True) if k == kind] for kind in PUBLISHED}
    sets = dict.fromkeys(range(n_images), (CAT,)) | dict.fromkeys(of["multi_label"], (CAT, CAR))
    multi_labels = labels_of(sets, n_images=n_images)
    result = classify_errors(
        labels,
        predictions,
        multi_labels=multi_labels,
        only_annotated=True,
        stages=stages(
            overlapping=[(CAT, DOG)],
            proposals={i: _words("tractor") for i in of["out_of_vocabulary"]},
            together=[(CAT, TREE)],
            unusual=of["non_prototypical"],
        ),
    )
    found = result.stages.set_index("error_type")["n_errors"].to_dict()
    assert found == {"set_aside": 0, **PUBLISHED}
    assert sum(found.values()) == 2_406
    assert int(result.is_evaluated.sum()) == 18_692
    accuracies = mean_accuracies(labels, predictions, result, multi_labels=multi_labels).set_index("measure")["value"]
    assert accuracies["top_1"] == pytest.approx(16_286 / 18_692)
    assert accuracies["multi_label"] == pytest.approx((16_286 + 104 + 948) / 18_692)
    assert accuracies["minor"] == pytest.approx((16_286 + 104 + 948 + 599 + 144) / 18_692)
    assert accuracies["explainable"] == pytest.approx((18_692 - 501) / 18_692)


def test_accuracies_are_means_over_classes() -> None:
    """Three cats of four are recognised, no dog: (3/4 + 0) / 2, whatever the number of dogs."""
    data = ids(CAT, CAT, CAT, CAT, DOG), ids(CAT, CAT, CAT, CAR, FOX)
    result = classify_errors(*data, stages=stages())
    found = mean_accuracies(*data, result).set_index("measure")
    assert found.loc["top_1", "value"] == pytest.approx(0.375)
    assert found.loc["minor", "value"] == pytest.approx((0.75 + 1) / 2)
    assert found["n_classes"].tolist() == [2] * 4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_failure_has_one_type_and_shares_never_fall(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_images, n_classes = int(rng.integers(1, 60)), int(rng.integers(2, 9))
    labels, predictions = rng.integers(0, n_classes, (2, n_images))
    pairs = rng.integers(0, n_classes, (4, 2)).tolist()
    superclasses = Superclasses(names=("a", "b"), members=rng.random((n_classes, 2)) < 0.4, origin="given")
    sets = {
        int(i): tuple(set(rng.integers(0, n_classes, int(rng.integers(0, 4))).tolist()))
        for i in np.flatnonzero(rng.random(n_images) < 0.6)
    }
    multi_labels = labels_of(sets, n_images=n_images, problematic=[i for i in sets if not sets[i]])
    chosen = [
        stage if rng.random() < 0.8 else missing(stage.error_type)
        for stage in stages(
            overlapping=[(a, b) for a, b in pairs],
            superclasses=superclasses,
            proposals={i: _words("x", neighbors=(0,)) for i in range(0, n_images, 3)},
            together=[(a, b) for a, b in pairs],
            unusual=range(0, n_images, 5),
        )
    ]
    only = bool(rng.random() < 0.5)
    result = classify_errors(labels, predictions, stages=chosen, multi_labels=multi_labels, only_annotated=only)
    assert result.error_types["image_id"].tolist() == np.flatnonzero(labels != predictions).tolist()
    assert result.stages["n_errors"].sum() == (labels != predictions).sum()
    assert (result.stages["n_errors"] <= result.stages["n_assessed"]).all()
    found = mean_accuracies(labels, predictions, result, multi_labels=multi_labels)["value"].dropna().tolist()
    assert found[1:] == sorted(found[1:])
    assert all(0 <= value <= 1 for value in found)


def test_sums_that_do_not_add_up_are_a_bug() -> None:
    """A stage in the wrong place would still add up: its place is checked as well."""
    with pytest.raises(RuntimeError, match="do not add up"):
        classify_errors(ids(CAT), ids(CAR), stages=list(reversed(stages())))
