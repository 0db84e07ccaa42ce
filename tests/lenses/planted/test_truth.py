"""What a cue and a decoy truly do: hand-made scenes whose redrawn predictions are known."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from barlow_report.demo.classes import Decoy, SceneClass
from barlow_report.lenses.planted.truth import Kind, measure_true_effects
from barlow_report.rules import leaf_members


def _draw_nothing(*_: object, **__: object) -> None:
    """Stand in for a drawing."""


_SCENES = {
    "cup": SceneClass("cup", _draw_nothing, partner="mug"),
    "mug": SceneClass("mug", _draw_nothing, cue="handle", decoy=Decoy("candle", "A candle.", _draw_nothing)),
    "purse": SceneClass("purse", _draw_nothing, cue="buckle", decoy=Decoy("garland", "One.", _draw_nothing)),
}
_CUP, _MUG, _PURSE = 0, 1, 2
_N = 20
_LABEL = np.repeat([_CUP, _MUG, _PURSE], _N)
_PLACE = np.tile(np.arange(_N), 3)
_CUE = (_LABEL != _CUP) & (_PLACE < 10)
_DECOY = (_LABEL == _MUG) & ((_PLACE < 9) | (_PLACE == 19))  # in 9 of 10 scenes with the handle, and in 1 without


class _Redrawn:
    """A model that fails without the cue, except on scenes 18 and 19, where a decoy hides what it goes by."""

    def __init__(self) -> None:
        self.asked: list[tuple[Kind, list[int]]] = []

    def predict(self, cue: NDArray[np.bool_], decoy: NDArray[np.bool_]) -> NDArray[np.int64]:
        is_right = np.where(_PLACE >= 18, ~decoy, cue)
        return np.where((_LABEL == _CUP) | is_right, _LABEL, _CUP)

    def __call__(self, image_ids: Sequence[int], kind: Kind) -> NDArray[np.int64]:
        self.asked.append((kind, list(image_ids)))
        changed = self.predict(~_CUE, _DECOY) if kind == "cue" else self.predict(_CUE, ~_DECOY)
        return changed[list(image_ids)]


def _measure(model: _Redrawn, conditions: pd.DataFrame, *, n_redrawn: int = 100) -> pd.DataFrame:
    features = np.stack([_CUE, _DECOY, _PLACE], axis=1).astype(np.float32)
    ids = sorted(conditions["rule_id"].unique())
    paths = [f"{i}.jpg" for i in range(len(_LABEL))]
    found = measure_true_effects(
        classes=pd.DataFrame({"class_id": [0, 1, 2], "name": ["cup", "mug", "purse"]}),
        images=pd.DataFrame({"path": paths, "label": _LABEL, "prediction": model.predict(_CUE, _DECOY)}),
        groups=pd.DataFrame({"group_id": [0, 1, 2], "grouping": "label", "class_id": [0, 1, 2]}),
        rules=pd.DataFrame(
            {
                "rule_id": ids,
                "group_id": _MUG,
                "is_failure_mode": True,
                "verdict": ["can_be_chance" if i == 9 else "verified" for i in ids],
            }
        ),
        conditions=conditions,
        scene_table=pd.DataFrame({"path": paths[::-1], "cue_present": _CUE[::-1], "decoy_present": _DECOY[::-1]}),
        members=lambda rows: leaf_members(features, rows),
        redraw=model,
        cues_of={"mug", "purse"},
        n_redrawn=n_redrawn,
        scenes=_SCENES,
    )
    return found.set_index(["class_id", "kind", "direction"]).sort_index()


def _conditions(*rows: tuple[int, int, int, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["rule_id", "position", "feature_id", "branch", "threshold"])


def test_effects_are_changes_of_the_failure_rate_when_one_thing_is_changed() -> None:
    found = _measure(_Redrawn(), _conditions((0, 0, 0, "le", 0.5)))
    # 10 mugs lack the handle: 8 fail and are right with it; 18 is right either way, 19 fails either way.
    counts = ["n_scenes", "n_failures", "n_failures_redrawn", "effect"]
    assert found.loc[(_MUG, "cue", "repair"), counts].tolist() == [10, 9, 1, 0.8]
    assert found.loc[(_MUG, "cue", "break"), counts].tolist() == [10, 0, 10, 1.0]
    # 10 lack the decoy: scene 9 has its handle, 10 to 17 fail with and without the decoy, 18 is broken by it.
    assert found.loc[(_MUG, "decoy", "repair"), counts].tolist() == [10, 8, 9, -0.1]
    # Of those that lose it 0 to 8 are right either way, and 19 is repaired: an effect below 0.
    assert found.loc[(_MUG, "decoy", "break"), counts].tolist() == [10, 1, 0, -0.1]
    assert found.loc[(_MUG, "decoy", "break"), "name"] == "candle"


def test_classes_without_a_thing_and_decoys_that_were_not_drawn_have_no_rows() -> None:
    found = _measure(_Redrawn(), _conditions((0, 0, 0, "le", 0.5)))
    assert sorted(set(found.index.droplevel("direction"))) == [(_MUG, "cue"), (_MUG, "decoy"), (_PURSE, "cue")]


def test_no_more_scenes_are_redrawn_than_asked_for() -> None:
    model = _Redrawn()
    found = _measure(model, _conditions((0, 0, 0, "le", 0.5)), n_redrawn=3)
    assert (found["n_scenes"] == 3).all()
    assert model.asked[0] == ("cue", [_N + 10, _N + 11, _N + 12])


@pytest.mark.parametrize(
    ("conditions", "cue", "decoy"),
    [
        (_conditions((0, 0, 0, "le", 0.5)), (0, 0, 1.0), None),
        (_conditions((0, 0, 1, "le", 0.5)), None, (0, 0, 1.0)),
        (_conditions((0, 0, 0, "gt", 0.5)), None, None),
        (_conditions((9, 0, 0, "le", 0.5)), None, None),  # not verified
        (_conditions((0, 0, 2, "gt", 7.5), (0, 1, 2, "gt", 9.5), (1, 0, 1, "le", 0.5)), (0, 1, 1.0), (1, 0, 1.0)),
    ],
)
def test_a_verified_condition_is_about_what_it_agrees_with_best(
    conditions: pd.DataFrame, cue: tuple[int, int, float] | None, decoy: tuple[int, int, float] | None
) -> None:
    found = _measure(_Redrawn(), conditions)
    for kind, expected in (("cue", cue), ("decoy", decoy)):
        row = found.loc[(_MUG, kind, "repair")]
        about = [row[name] for name in ("rule_id", "position", "agreement")]
        assert pd.isna(about).all() if expected is None else about == list(expected)
