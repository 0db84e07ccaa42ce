"""What was planted to change between releases, beside hand-made states of failure modes."""

import numpy as np
import pandas as pd
import pytest

from barlow_report.demo.classes import SceneClass
from barlow_report.lenses.planted.changing import compare_changes


def _draw_nothing(*_: object, **__: object) -> None:
    """Stand in for a drawing."""


_NAMES = ["cup", "mug", "purse", "tree"]
_SCENES = {
    "cup": SceneClass("cup", _draw_nothing, cue="spoon", is_cue_optional=True, partner="mug"),
    "mug": SceneClass("mug", _draw_nothing, cue="handle", partner="cup"),
    "purse": SceneClass("purse", _draw_nothing, cue="buckle"),
    "tree": SceneClass("tree", _draw_nothing),
}
_CUP, _MUG, _PURSE, _TREE = range(4)
_N = 10
_LABEL = np.repeat(range(4), _N)
_CUE = (np.arange(len(_LABEL)) % 2 == 0) & (_LABEL != _TREE)
_AS_PLANTED = [
    ("label", _MUG, "gone"),
    ("prediction", _CUP, "better"),
    ("label", _CUP, "new"),
    ("prediction", _MUG, "worse"),
    ("label", _PURSE, "unchanged"),
    ("label", _TREE, "undecided"),
]


def _compare(states: list[tuple[str, int, str]] | None) -> pd.DataFrame:
    """Both models fail on a purse without its buckle, the earlier on a mug without, this one on a cup without."""
    fails = np.isin(_LABEL, (_CUP, _PURSE)) & ~_CUE
    flipped = np.isin(_LABEL, (_CUP, _MUG)) & ~_CUE
    ids = np.arange(len(_LABEL))
    paths = [f"{i}.jpg" for i in ids]
    found = compare_changes(
        classes=pd.DataFrame({"class_id": range(4), "name": _NAMES}),
        images=pd.DataFrame(
            {"image_id": ids, "path": paths, "label": _LABEL, "prediction": np.where(fails, _TREE, _LABEL)}
        ),
        scene_table=pd.DataFrame({"path": paths[::-1], "cue_present": _CUE[::-1]}),
        earlier={"mug", "purse"},
        relies_on={"cup", "purse"},
        mode_changes=None
        if states is None
        else pd.DataFrame(states, columns=["grouping", "class_id", "state"]).astype({"class_id": "Int64"}),
        flipped_images=None
        if states is None
        else pd.DataFrame(
            {"image_id": ids[flipped], "direction": np.where(fails[flipped], "newly_wrong", "newly_right")}
        ),
        scenes=_SCENES,
    )
    return found.assign(name=_NAMES).set_index("name")


def test_each_cue_has_what_became_of_it_and_the_failures_of_both_models() -> None:
    found = _compare(_AS_PLANTED)
    assert found["change"].to_dict() == {"cup": "new", "mug": "repaired", "purse": "kept", "tree": "none"}
    assert found["cue"].tolist() == ["spoon", "handle", "buckle", ""]
    assert found[["n_lacking", "n_failures_old", "n_failures_new"]].to_numpy().tolist() == [
        [5, 0, 5],
        [5, 5, 0],
        [5, 5, 5],
        [0, 0, 0],
    ]
    assert (found["outcome"] == "as_planted").all()
    assert (found.loc["mug", "states_label"], found.loc["mug", "states_prediction"]) == ("gone", "worse")


@pytest.mark.parametrize(
    ("states", "differs"),
    [
        ([("label", _MUG, "unchanged"), ("label", _CUP, "worse")], "mug"),
        ([("label", _MUG, "better"), ("label", _MUG, "undecided"), ("label", _CUP, "new")], "mug"),
        ([("label", _MUG, "better")], "cup"),  # something is new, and the comparison says nothing
        ([("label", _MUG, "better"), ("label", _CUP, "new"), ("prediction", _CUP, "new")], "cup"),
        ([*_AS_PLANTED, ("label", _PURSE, "better")], "purse"),
        ([*_AS_PLANTED, ("prediction", _TREE, "new")], "tree"),
        ([*_AS_PLANTED, ("label", _TREE, "not_comparable")], "tree"),
        ([*_AS_PLANTED, ("prediction", _CUP, "unchanged")], "cup"),
    ],
)
def test_a_comparison_that_says_anything_else_differs(states: list[tuple[str, int, str]], differs: str) -> None:
    outcome = _compare(states)["outcome"]
    assert outcome[outcome != "as_planted"].to_dict() == {differs: "differs"}


@pytest.mark.parametrize("state", ["undecided", "not_comparable"])
def test_nothing_need_be_said_of_images_that_are_called_so(state: str) -> None:
    found = _compare([*_AS_PLANTED, *(("prediction", class_id, state) for class_id in (_CUP, _MUG, _PURSE, _TREE))])
    assert (found["outcome"] == "as_planted").all()


def test_without_a_comparison_only_what_was_planted_is_said() -> None:
    found = _compare(None)
    assert (found["outcome"] == "not_compared").all()
    assert found["n_failures_old"].isna().all()
    assert found["n_failures_new"].tolist() == [5, 0, 5, 0]
