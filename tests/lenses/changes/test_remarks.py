"""What differs between two runs is said, with what could not be compared for it."""

from dataclasses import replace
from typing import Any

import pytest

from barlow_report.lenses.changes.comparing import compare_runs
from barlow_report.lenses.changes.remarks import remarks
from barlow_report.lenses.changes.results import RunResults
from tests.lenses.changes.runs import DOG, N, hand_run, wrong


def _remarks(old: RunResults, new: RunResults) -> dict[str, str]:
    return remarks(compare_runs(old, new, delta=0.05))


def _with_rules(run: RunResults, **rules: Any) -> RunResults:
    config = {"rules": {**run.info["config"]["rules"], **rules}}
    return replace(run, info={**run.info, "config": config})


_OLD = hand_run(wrong(dogs=range(10)), name="old")
_NEW = hand_run(wrong(dogs=range(30)), name="new")


def test_of_runs_that_differ_in_their_model_alone_nothing_is_said() -> None:
    assert _remarks(_OLD, _NEW) == {}


@pytest.mark.parametrize(
    ("new", "topic", "words"),
    [
        (hand_run(wrong(), name="new", prefix="b"), "images", "old and new have no image in common. All images"),
        (
            hand_run(wrong(), name="new", class_names=("cat", "hound")),
            "classes",
            "Only old has dog. Only new has hound.",
        ),
        (hand_run(wrong(), name="new", class_names=("cat", "hound")), "labels", f"{N} images of both runs"),
        (hand_run(wrong(), name="new", feature_model="ef"), "feature_model", "recognised by their images"),
        (hand_run(wrong(), name="new", feature_model=None), "feature_model", "It is not known whether"),
        (hand_run(wrong(), prefix="b", feature_model="ef"), "feature_model", "models, and no image is the same: no f"),
        (_with_rules(_NEW, rho=0.2, tau=0.1), "settings", "ρ was 0.1 and is 0.2, τ was 0.2 and is 0.1"),
        (_with_rules(_NEW, evidence="shuffles"), "evidence", "old tests rules on held-out images, new compares"),
        (_with_rules(_NEW, held_out_fraction=0.5), "evidence", "held out 0.3 of its images, new 0.5"),
        (
            hand_run(wrong(), name="new", modes=[("confused_pairs", DOG)]),
            "groups",
            "Only new looked at groups by confused",
        ),
    ],
)
def test_each_difference_is_named(new: RunResults, topic: str, words: str) -> None:
    assert words in _remarks(_OLD, new)[topic]


@pytest.mark.parametrize(
    ("prefix", "words"), [("a", "None of the same images is labelled dog."), ("b", "new has no image labelled dog.")]
)
def test_classes_without_images_are_among_what_could_not_be_compared(prefix: str, words: str) -> None:
    new = hand_run(wrong(), name="new", prefix=prefix)
    images = new.tables["images"].assign(label=0, prediction=0)
    found = _remarks(_OLD, replace(new, tables={**new.tables, "images": images}))
    assert found["classes"] == f"{words} Other classes are compared."


def test_one_image_that_both_runs_have_is_said_to_be_one() -> None:
    new = hand_run(wrong(), name="new", prefix="b")
    digests = [_OLD.tables["contents"]["digest"].iloc[0], *new.tables["contents"]["digest"].iloc[1:]]
    contents = new.tables["contents"].assign(digest=digests)
    found = _remarks(_OLD, replace(new, tables={**new.tables, "contents": contents}))
    assert found["images"].startswith("1 of the 160 images of new is among the 160 of old: too few")


def test_an_export_without_the_features_that_are_needed_is_named_with_what_to_do() -> None:
    old = replace(hand_run(wrong(), name="old", modes=[], prefix="b"), activations=lambda *_: None)
    assert "1 failure mode could not be compared" in _remarks(old, _NEW)["features"]
    assert "--all-features" in _remarks(old, _NEW)["features"]
