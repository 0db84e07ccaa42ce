"""What became of failure modes, classes and all images, on small runs made by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from barlow_report.lenses.changes.comparing import ComparedMode, Comparison, compare_runs
from barlow_report.lenses.changes.differences import counted_rate, score_interval
from barlow_report.lenses.changes.results import RunResults
from tests.lenses.changes.runs import CAT, DOG, N, hand_run, wrong


def _compare(old: RunResults, new: RunResults) -> Comparison:
    return compare_runs(old, new, delta=0.05)


def _mode(old: RunResults, new: RunResults) -> ComparedMode:
    (mode,) = _compare(old, new).modes
    return mode


def _states(comparison: Comparison) -> set[str]:
    return {found.state for found in (*comparison.classes.values(), comparison.whole)} | {
        mode.judged.state for mode in comparison.modes
    }


@pytest.mark.parametrize("evidence", ["held_out", "shuffles"])
@pytest.mark.parametrize("n_wrong", [0, 3, 20, 40])
def test_a_run_compared_with_itself_has_not_changed(evidence: str, n_wrong: int) -> None:
    modes = [("label", DOG), ("prediction", DOG), ("label", CAT)]
    run = hand_run(wrong(dogs=range(n_wrong), cats=range(5)), modes=modes, evidence=evidence)
    found = _compare(run, run)
    assert _states(found) <= {"unchanged", "undecided", "not_comparable"}
    assert found.whole.state == "unchanged"
    for mode in found.modes:
        if mode.judged.found.change is not None:
            assert mode.judged.found.change.difference == 0
            assert mode.judged.q_value == 1
        else:  # without failures nothing is called dog among the dogs' images with the feature
            assert mode.judged.found.reason
    assert {mode.same.matched_by for mode in found.modes if mode.same} == {"identity"}


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        (range(10), range(30), "worse"),
        (range(30), range(10), "better"),
        (range(10), range(14), "undecided"),
        (range(10), range(4, 14), "undecided"),
    ],
)
def test_a_mode_of_both_runs_is_compared_on_the_same_images(old: range, new: range, state: str) -> None:
    mode = _mode(hand_run(wrong(dogs=old), name="old"), hand_run(wrong(dogs=new), name="new"))
    counts = mode.judged.found.outcomes
    assert counts is not None
    assert (counts.n_old, counts.k_old, counts.n_new, counts.k_new) == (40, len(old), 40, len(new))
    assert counts.n_newly_wrong == len(set(new) - set(old))
    assert counts.n_newly_right == len(set(old) - set(new))
    assert (mode.judged.state, mode.judged.found.test, mode.tested_rule) == (state, "mcnemar", "old")
    assert mode.places.tolist() == list(range(N, N + 40))


@pytest.mark.parametrize(
    ("verified_in", "old", "new", "state"),
    [
        ("new", range(4), range(30), "new"),
        ("new", range(28), range(30), "undecided"),
        ("new", range(36), range(20), "better"),
        ("old", range(30), range(4), "gone"),
        ("old", range(30), range(28), "undecided"),
        ("old", range(20), range(36), "worse"),
    ],
)
def test_a_mode_of_one_run_came_or_went_only_if_its_rate_says_so(
    verified_in: str, old: range, new: range, state: str
) -> None:
    modes = {run: [("label", DOG)] if run == verified_in else [] for run in ("old", "new")}
    mode = _mode(hand_run(wrong(dogs=old), modes=modes["old"]), hand_run(wrong(dogs=new), modes=modes["new"]))
    assert (mode.judged.state, mode.tested_rule) == (state, verified_in)


def test_pairs_that_are_all_alike_at_a_middle_rate_are_no_proof_that_nothing_changed() -> None:
    """20 of 40 twice the same: the interval is ± z² / (n + z²), 8.8 points, not the 4.7 of Newcombe's."""
    run = hand_run(wrong(dogs=range(20)))
    mode = _mode(run, run)
    assert mode.judged.found.change is not None
    assert mode.judged.found.change.high == pytest.approx(3.841459 / (40 + 3.841459))
    assert mode.judged.state == "undecided"


def test_intervals_of_modes_that_held_out_images_chose_allow_for_the_choice() -> None:
    """One of three rules that were tested is verified: 1 − 0.05 / 3 instead of 95 %."""
    old = hand_run(wrong(dogs=range(10)), modes=[("label", DOG), ("label", CAT), ("prediction", CAT)])
    rules = old.tables["rules"].assign(verdict=["verified", "can_be_chance", "can_be_chance"])
    old = replace(old, tables={**old.tables, "rules": rules})
    found = _mode(old, hand_run(wrong(dogs=range(14)), modes=[])).judged.found
    assert found.change == score_interval(40, 4, 0, level=1 - 0.05 / 3)
    assert found.old == counted_rate(40, 10, level=1 - 0.05 / 3)


def test_modes_that_were_tested_and_not_verified_are_corrected_for_and_not_told() -> None:
    old = hand_run(wrong(dogs=range(10)), verdict="can_be_chance")
    found = _compare(old, hand_run(wrong(dogs=range(30)), modes=[("label", CAT)]))
    assert [mode.mode.identity.group_name for mode in found.modes] == ["cat"]
    assert found.n_tested == 2


def test_other_images_are_compared_by_the_rule_where_features_are_the_same() -> None:
    old, new = hand_run(wrong(dogs=range(10))), hand_run(wrong(dogs=range(30)), prefix="b")
    found = _compare(old, new)
    (mode,) = found.modes
    assert found.pair.matching.kind == "same_feature_model"
    assert (mode.judged.found.test, mode.judged.state) == ("fisher", "worse")
    assert mode.judged.found.outcomes is not None
    assert mode.judged.found.outcomes.n_newly_wrong is None
    assert mode.same is not None


@pytest.mark.parametrize("other", [{"feature_model": "ef"}, {"feature_model": None}, {"mean": 0.5}])
def test_other_images_and_other_features_leave_classes_and_the_whole(other: dict[str, Any]) -> None:
    new = hand_run(wrong(dogs=range(60)), prefix="b", **other)
    found = _compare(hand_run(wrong(dogs=range(10))), new)
    assert {mode.judged.state for mode in found.modes} == {"not_comparable"}
    assert all("feature models" in (mode.judged.found.reason or "") for mode in found.modes)
    assert found.classes["dog"].state == found.whole.state == "worse"


def test_with_the_same_images_a_mode_of_another_feature_model_is_found_by_its_images_and_keeps_its_name() -> None:
    old = hand_run(wrong(dogs=range(10)))
    new = hand_run(wrong(dogs=range(30)), feature_model="ef", feature_order=(1, 0))
    mode = _mode(old, new)
    assert mode.same is not None
    assert (mode.same.matched_by, mode.same.overlap, mode.judged.state) == ("overlap", 1.0, "worse")
    assert _compare(old, new).names_of_new() == {0: (_mode(old, old).name, True)}
    assert mode.name.startswith("dog-with-f0-")


@pytest.mark.parametrize("evidence", ["held_out", "shuffles"])
def test_a_group_by_prediction_has_other_images_under_each_model(evidence: str) -> None:
    # cats with their feature that are called dog: the dogs' mode by prediction has images that are cats
    modes = [("prediction", CAT)]
    old = hand_run(wrong(dogs=[50]), modes=modes, evidence=evidence, estimate=(0.0, 0.0, 0.1))
    new = hand_run(wrong(cats=range(25)), modes=[], evidence=evidence)
    mode = _mode(old, new)
    counts = mode.judged.found.outcomes
    assert counts is not None
    assert (counts.n_old, counts.n_new) == (40, 15)
    assert mode.judged.state in ("unchanged", "undecided")


def test_a_mode_by_prediction_is_gone_where_the_new_model_takes_none_of_the_same_images_for_its_class() -> None:
    old = hand_run(wrong(cats=range(20)), modes=[("prediction", CAT)], name="old")
    new = hand_run(wrong(cats=range(N)), modes=[], name="new")
    mode = _mode(old, new)
    assert (mode.judged.state, mode.judged.found.change) == ("gone", None)
    assert mode.judged.found.reason == "none of the same images is of this kind in new"
    assert _compare(old, new).classes["cat"].state == "worse"  # what it costs is said by label


def test_a_mode_whose_kind_other_images_lack_in_the_new_run_cannot_be_compared() -> None:
    old = hand_run(wrong(cats=range(20)), modes=[("prediction", CAT)], name="old")
    new = hand_run(wrong(cats=range(N)), modes=[], name="new", prefix="b")
    mode = _mode(old, new)
    assert mode.judged.state == "not_comparable"
    assert mode.judged.found.reason == "the run new has no images of this kind"


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [("a", "none of the same images is labelled dog"), ("b", "the run new has no image labelled dog")],
)
def test_a_class_without_images_in_one_run_is_not_compared(prefix: str, reason: str) -> None:
    new = hand_run(wrong(), name="new", prefix=prefix)
    images = new.tables["images"].assign(label=CAT, prediction=CAT)
    found = _compare(hand_run(wrong(), modes=[]), replace(new, tables={**new.tables, "images": images}))
    assert (found.classes["dog"].state, found.classes["dog"].found.reason) == ("not_comparable", reason)
    assert found.classes["cat"].state != "not_comparable"


def test_a_mode_on_images_that_the_old_run_did_not_have_is_new() -> None:
    old = hand_run(wrong(), modes=[], prefix="b")
    old = replace(old, activations=lambda _, rows: np.zeros(len(rows), dtype=np.float32))
    mode = _mode(old, hand_run(wrong(dogs=range(30))))
    assert mode.judged.state == "new"
    assert mode.judged.found.change is None


def test_a_class_that_one_run_lacks_is_named_and_the_others_compared() -> None:
    old, new = hand_run(wrong(dogs=range(10)), name="old"), hand_run(wrong(), class_names=("cat", "hound"), name="new")
    found = _compare(old, new)
    assert found.classes["cat"].state == "unchanged"
    assert {name: found.classes[name].found.reason for name in ("dog", "hound")} == {
        "dog": "the run new has no class dog",
        "hound": "the run old has no class hound",
    }
    assert found.pair.matching.n_relabelled == N


def test_a_run_without_the_activations_of_a_feature_says_so() -> None:
    old = replace(hand_run(wrong(dogs=range(10)), prefix="b"), activations=lambda *_: None)
    found = _compare(old, hand_run(wrong(dogs=range(30))))
    assert "feature 0" in (found.modes[0].judged.found.reason or "")


@pytest.mark.parametrize(
    ("n_shared", "kind"), [(160, "same_images"), (153, "same_images"), (151, "same_feature_model")]
)
def test_pairs_are_compared_from_95_percent_of_the_same_images_on(n_shared: int, kind: str) -> None:
    old, new = hand_run(wrong()), hand_run(wrong())
    contents = new.tables["contents"].assign(digest=_but_last(new, n_shared))
    found = _compare(old, replace(new, tables={**new.tables, "contents": contents}))
    assert (found.pair.matching.kind, found.pair.matching.n_matched) == (kind, n_shared)


def _but_last(run: RunResults, n_shared: int) -> Sequence[str]:
    digests = run.tables["contents"]["digest"].tolist()
    return [digest if i < n_shared else f"other {digest}" for i, digest in enumerate(digests)]


def test_images_are_matched_by_content_whatever_their_order() -> None:
    old = hand_run(wrong(dogs=range(10)))
    new = hand_run(wrong(dogs=range(30)))
    order = np.random.default_rng(0).permutation(2 * N)
    tables = {
        **new.tables,
        **{
            name: new.tables[name].iloc[order].assign(image_id=range(2 * N)).reset_index(drop=True)
            for name in _BY_IMAGE
        },
    }
    shuffled = replace(new, tables=tables, activations=lambda f, rows: new.activations(f, order[rows]))
    first, second = _mode(old, new).judged.found, _mode(old, shuffled).judged.found
    assert (first.change, first.p_value) == (second.change, second.p_value)


_BY_IMAGE = ("images", "contents", "splits")


def test_a_mode_that_was_found_on_the_very_failures_is_compared_by_its_estimate() -> None:
    """The old run saw 30 % in the mode, but 20 % without what the search adds; the new model fails on others."""
    old = hand_run(wrong(dogs=range(12)), evidence="shuffles", estimate=(0.2, 0.12, 0.3))
    new = hand_run(wrong(dogs=range(20, 28)), evidence="shuffles", modes=[])
    found = _mode(old, new).judged.found
    assert found.old is not None
    assert found.new is not None
    assert found.old.rate == pytest.approx(0.2)
    assert found.new.rate == pytest.approx(0.2)  # 8 of 40: it owes the search nothing
    assert _mode(old, new).judged.state == "undecided"
