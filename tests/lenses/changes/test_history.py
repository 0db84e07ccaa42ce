"""Failure modes over several releases, by hand."""

from typing import Any

import pandas as pd
import pytest

from barlow_report.lenses.changes.history import compare_releases, history_tables
from barlow_report.lenses.changes.results import RunResults
from tests.lenses.changes.runs import CAT, hand_run, wrong


def _release(number: int, n_wrong: int, **options: Any) -> RunResults:
    return hand_run(wrong(dogs=range(n_wrong)), name=f"release-{number}", **options)


def _history(*runs: RunResults) -> dict[str, pd.DataFrame]:
    return history_tables(compare_releases(runs, delta=0.05))


def test_every_mode_is_counted_in_every_release_by_the_rule_that_found_it_first() -> None:
    found = _history(
        _release(0, 4, modes=[]),
        _release(1, 30),
        _release(2, 30, feature_model="ef", feature_order=(1, 0)),
        _release(3, 4, modes=[("label", CAT)]),
    )
    assert found["releases"]["n_failures"].tolist() == [4, 30, 30, 4]
    assert found["releases"]["state"].tolist() == [None, "worse", "unchanged", "better"]
    modes = found["release_modes"]
    (dog,) = modes.loc[modes["group_name"] == "dog", "mode_name"].unique()
    rows = modes[modes["mode_name"] == dog].set_index("release")
    assert rows["n_images"].tolist() == [40] * 4
    assert rows["n_failures"].tolist() == [4, 30, 30, 4]
    assert rows["state"].tolist() == [None, "new", "undecided", "gone"]
    assert rows["rule_id"].isna().tolist() == [True, False, False, True]
    assert len(modes) == 8


def test_a_mode_that_comes_back_has_its_name_again() -> None:
    modes = _history(_release(0, 30), _release(1, 4, modes=[]), _release(2, 30))["release_modes"]
    assert len(set(modes["mode_name"])) == 1
    assert modes["state"].tolist() == [None, "gone", "new"]


def test_a_release_that_cannot_be_counted_says_why() -> None:
    found = _history(_release(0, 30), _release(1, 4, prefix="b", feature_model="ef", modes=[]))["release_modes"]
    assert found["n_images"].isna().tolist() == [False, True]
    assert "feature models" in found["reason"].tolist()[1]


def test_the_release_that_found_a_mode_by_shuffles_shows_its_estimate() -> None:
    runs = [_release(i, 12, evidence="shuffles", estimate=(0.2, 0.12, 0.3)) for i in range(2)]
    modes = _history(*runs)["release_modes"]
    assert modes["error_rate"].tolist() == pytest.approx([0.2, 0.2])
    assert modes["error_rate_low"].iloc[0] == 0.12
    assert modes["n_failures"].tolist() == [12, 12]
