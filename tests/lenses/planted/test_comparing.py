from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from barlow_report.demo.classes import LabelNoise, SceneClass
from barlow_report.errors import DataError
from barlow_report.lenses.planted.comparing import compare_with_planted


def _draw_nothing(*_: object, **__: object) -> None:
    """Stand in for a drawing."""


_SCENES = {
    "cup": SceneClass("cup", _draw_nothing, partner="mug"),
    "mug": SceneClass("mug", _draw_nothing, cue="handle", description="A handle.", partner="cup"),
    "tree": SceneClass("tree", _draw_nothing),
}
_NOISE = LabelNoise("multi_label", "mug", "mug in front", "There is a mug in front of the tree.", _draw_nothing)
_NOISY_SCENES = {**_SCENES, "tree": SceneClass("tree", _draw_nothing, label_noise=_NOISE)}
_CUP, _MUG, _TREE = 0, 1, 2
_N = 40


class _Run:
    """Forty images per class, the first twenty held out; a mug without its handle is taken for a cup."""

    def __init__(self) -> None:
        self.label = np.repeat([_CUP, _MUG, _TREE], _N)
        place = np.tile(np.arange(_N), 3)
        self.shows_cue = (self.label == _MUG) & (place % 2 == 0)
        self.prediction = np.where((self.label == _MUG) & ~self.shows_cue, _CUP, self.label)
        self.held_out = place < 20
        self.has_noise = np.zeros(len(self.label), dtype=np.bool_)
        self.error_types: pd.DataFrame | None = None
        self.masks: dict[int, NDArray[np.bool_]] = {}
        self.modes: list[dict[str, object]] = []

    def add_mode(self, grouping: str, class_id: int, mask: NDArray[np.bool_], *, verdict: str = "verified") -> int:
        rule_id = len(self.modes)
        self.masks[rule_id] = mask
        self.modes.append({"rule_id": rule_id, "grouping": grouping, "class_id": class_id, "verdict": verdict})
        return rule_id

    def plant_noise(self, recognised: str = "multi_label") -> NDArray[np.bool_]:
        """Let every fourth tree show a mug as well, for which it is taken; return which images these are."""
        self.has_noise = (self.label == _TREE) & (np.arange(len(self.label)) % 4 == 0)
        self.prediction[self.has_noise] = _MUG
        failures = np.flatnonzero(self.label != self.prediction)
        types = np.where(self.has_noise[failures], recognised, "model_failure")
        self.error_types = pd.DataFrame({"image_id": failures, "error_type": types})
        return self.has_noise

    def compare(self, scenes: Mapping[str, SceneClass] = _SCENES) -> pd.DataFrame:
        n = len(self.label)
        paths = [f"{i}.jpg" for i in range(n)]
        names = ["cup", "mug", "tree"]
        columns = ["rule_id", "grouping", "class_id", "verdict"]
        modes = pd.DataFrame(self.modes, columns=columns)
        table = compare_with_planted(
            classes=pd.DataFrame({"class_id": [0, 1, 2], "name": names, "slug": names}),
            images=pd.DataFrame(
                {"image_id": range(n), "path": paths, "label": self.label, "prediction": self.prediction}
            ),
            splits=pd.DataFrame({"image_id": range(n), "split": np.where(self.held_out, "held_out", "fit")}),
            groups=modes.assign(group_id=modes["rule_id"])[["group_id", "grouping", "class_id"]],
            rules=modes.assign(group_id=modes["rule_id"], rank=1, is_failure_mode=True)[
                ["rule_id", "group_id", "rank", "is_failure_mode", "verdict"]
            ],
            scene_table=pd.DataFrame(
                {
                    "path": paths,
                    "cue_present": self.shows_cue,
                    "label_noise": np.where(self.has_noise, "multi_label", ""),
                }
            ),
            error_types=self.error_types,
            members=self.masks.__getitem__,
            relies_on={"mug"},
            scenes=scenes,
        )
        return table.set_index("class_id")


@pytest.fixture
def run() -> _Run:
    return _Run()


def test_a_leaf_that_is_the_missing_cue_is_found(run: _Run) -> None:
    rule_id = run.add_mode("label", _MUG, ~run.shows_cue)
    row = run.compare().loc[_MUG]
    assert row["outcome"] == "found"
    assert row["rule_id"] == rule_id
    assert row["agreement"] == 1.0
    assert (row["n_images"], row["n_with_cue"], row["cue"]) == (20, 10, "handle")


def test_agreement_counts_the_held_out_images_of_the_class_only(run: _Run) -> None:
    mask = ~run.shows_cue
    mask[~run.held_out | (run.label != _MUG)] ^= True
    mask[np.flatnonzero(run.held_out & (run.label == _MUG))[:2]] ^= True
    run.add_mode("label", _MUG, mask)
    row = run.compare().loc[_MUG]
    assert row["agreement"] == pytest.approx(0.9)
    assert row["outcome"] == "found"


def test_all_images_of_the_class_count_where_none_is_held_out(run: _Run) -> None:
    run.held_out[:] = False
    mask = ~run.shows_cue
    mask[np.flatnonzero(run.label == _MUG)[:2]] ^= True
    run.add_mode("label", _MUG, mask)
    row = run.compare().loc[_MUG]
    assert (row["n_images"], row["agreement"], row["outcome"]) == (_N, 0.95, "found")


def test_a_verified_leaf_about_something_else_is_another_cue(run: _Run) -> None:
    run.add_mode("label", _MUG, np.ones(len(run.label), dtype=np.bool_))
    row = run.compare().loc[_MUG]
    assert row["outcome"] == "other_cue"
    assert row["agreement"] == 0.5


def test_the_leaf_that_agrees_best_is_named(run: _Run) -> None:
    run.add_mode("label", _MUG, np.ones(len(run.label), dtype=np.bool_))
    best = run.add_mode("label", _MUG, ~run.shows_cue)
    row = run.compare().loc[_MUG]
    assert row["rule_id"] == best
    assert row["n_verified"] == 2


@pytest.mark.parametrize("verdict", ["real_but_small", "can_be_chance", "in_sample_only"])
def test_a_mode_that_is_not_verified_counts_as_missed(run: _Run, verdict: str) -> None:
    run.add_mode("label", _MUG, ~run.shows_cue, verdict=verdict)
    row = run.compare().loc[_MUG]
    assert row["outcome"] == "missed"
    assert pd.isna(row["rule_id"])
    assert row["n_verified"] == 0


def test_a_mode_among_the_images_predicted_as_the_class_does_not_make_it_found(run: _Run) -> None:
    run.add_mode("prediction", _MUG, ~run.shows_cue)
    assert run.compare().loc[_MUG, "outcome"] == "missed"


def test_classes_without_a_cue_and_without_a_mode_are_correctly_silent(run: _Run) -> None:
    outcomes = run.compare()["outcome"]
    assert outcomes[_CUP] == outcomes[_TREE] == "correctly_silent"


@pytest.mark.parametrize(("grouping", "class_id"), [("label", _CUP), ("label", _TREE), ("prediction", _TREE)])
def test_a_verified_mode_where_nothing_was_planted_is_a_false_alarm(run: _Run, grouping: str, class_id: int) -> None:
    rule_id = run.add_mode(grouping, class_id, np.ones(len(run.label), dtype=np.bool_))
    row = run.compare().loc[class_id]
    assert row["outcome"] == "false_alarm"
    assert row["rule_id"] == rule_id
    assert row["n_verified"] == 1


def test_the_partners_planted_failures_are_no_false_alarm_among_images_predicted_as_the_class(run: _Run) -> None:
    run.add_mode("prediction", _CUP, np.ones(len(run.label), dtype=np.bool_))
    row = run.compare().loc[_CUP]
    assert row["outcome"] == "correctly_silent"
    assert row["n_verified"] == 0


def test_other_failures_among_images_predicted_as_the_partner_are_a_false_alarm(run: _Run) -> None:
    run.prediction[run.label == _TREE] = _CUP
    run.add_mode("prediction", _CUP, np.ones(len(run.label), dtype=np.bool_))
    assert run.compare().loc[_CUP, "outcome"] == "false_alarm"


def test_label_noise_whose_leaf_holds_it_is_found_and_recognised(run: _Run) -> None:
    rule_id = run.add_mode("label", _TREE, run.plant_noise())
    table = run.compare(_NOISY_SCENES)
    row = table.loc[_TREE]
    assert (row["outcome"], row["rule_id"], row["agreement"], row["cue"]) == ("found", rule_id, 1.0, "")
    assert (row["label_noise"], row["noise_sign"], row["noise_class_id"]) == ("multi_label", "mug in front", _MUG)
    assert (row["n_noise"], row["n_noise_failures"], row["n_noise_recognised"], row["n_noise_false"]) == (10, 10, 10, 0)
    others = table.drop(index=_TREE)
    assert (others["label_noise"] == "").all()
    assert (others[["n_noise", "n_noise_failures"]] == 0).all().all()


def test_label_noise_of_another_type_is_not_recognised(run: _Run) -> None:
    run.plant_noise("overlapping")
    row = run.compare(_NOISY_SCENES).loc[_TREE]
    assert (row["outcome"], row["n_noise_failures"], row["n_noise_recognised"]) == ("missed", 10, 0)


def test_planted_noise_that_the_model_does_not_fall_for_is_no_failure(run: _Run) -> None:
    run.plant_noise()
    run.prediction[run.has_noise] = _TREE
    run.error_types = None
    row = run.compare(_NOISY_SCENES).loc[_TREE]
    assert (row["n_noise"], row["n_noise_failures"]) == (10, 0)
    assert pd.isna(row["n_noise_recognised"])


def test_failures_that_are_called_label_noise_though_none_was_planted_are_counted(run: _Run) -> None:
    run.plant_noise()
    assert run.error_types is not None
    run.error_types["error_type"] = "multi_label"
    assert run.compare(_NOISY_SCENES)["n_noise_false"].tolist() == [0, 20, 0]


def test_a_class_whose_label_noise_was_not_drawn_is_like_any_other(run: _Run) -> None:
    row = run.compare(_NOISY_SCENES).loc[_TREE]
    assert (row["outcome"], row["label_noise"]) == ("correctly_silent", "")


def test_a_class_that_the_demo_does_not_have_is_named(run: _Run) -> None:
    with pytest.raises(DataError, match="no class 'tree'"):
        run.compare({name: scene for name, scene in _SCENES.items() if name != "tree"})
