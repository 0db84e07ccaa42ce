"""What the pictures of failure modes are made from: strips along conditions, and heatmaps on one scale."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from barlow_report.run_folder import Run
from barlow_report.stages.group_distributions import histograms_of_groups, quantiles_of_groups
from barlow_report.stages.heat_rows import scale_heatmaps
from barlow_report.stages.strips import along_conditions
from barlow_report.visuals.thumbnails import encode_heatmap

FEATURES = np.array([[0.0, 5.0], [1.0, 9.0], [2.0, 1.0], [2.0, 6.0], [3.0, 2.0], [4.0, 8.0], [9.0, 9.0]])
FAILS = np.array([True, False, True, False, True, False, True])
MEMBERS = np.arange(6)  # the last image is of another group


def _along(*conditions: tuple[int, str, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [(7, i, *condition) for i, condition in enumerate(conditions)]
    return along_conditions(
        FEATURES,
        FAILS,
        rules=pd.DataFrame({"rule_id": [7, 8], "group_id": [3, 3], "is_failure_mode": [True, False]}),
        conditions=pd.DataFrame(rows, columns=["rule_id", "position", "feature_id", "branch", "threshold"]),
        members=lambda group_id: MEMBERS if group_id == 3 else np.zeros(0, dtype=np.int64),
        n_images=2,
        n_successes=9,
        seed=0,
    )


def _sides(strips: pd.DataFrame, position: int, threshold: float) -> list[tuple[int, int]]:
    found = strips[strips["position"] == position]
    sides = (found[found["high"] <= threshold], found[found["high"] > threshold])
    return [(int(side["n_images"].sum()), int(side["n_failures"].sum())) for side in sides]


def _ids(images: pd.DataFrame, position: int, place: str) -> list[int]:
    found = images[(images["position"] == position) & (images["place"] == place)]
    chosen: list[int] = found["image_id"].tolist()
    return chosen


def test_the_strip_of_a_condition_counts_the_images_of_the_group_on_both_sides() -> None:
    strips, images = _along((0, "le", 2.0))
    assert set(strips["rule_id"]) == {7}
    assert _sides(strips, 0, 2.0) == [(4, 2), (2, 1)]
    assert _ids(images, 0, "below") == [2, 3]
    assert _ids(images, 0, "above") == [4, 5]
    assert _ids(images, 0, "other_side") == [5]  # a success with more than 2


def test_the_strip_of_a_later_condition_counts_those_that_meet_the_ones_before_it() -> None:
    strips, images = _along((0, "gt", 0.5), (1, "le", 7.0))
    assert _sides(strips, 0, 0.5) == [(1, 1), (5, 2)]
    assert _sides(strips, 1, 7.0) == [(3, 2), (2, 0)]
    assert _ids(images, 0, "other_side") == []
    assert sorted(_ids(images, 1, "other_side")) == [1, 5]


def test_a_map_that_two_groups_share_gets_the_scale_of_each_row(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", info={})
    own = run.add_media(encode_heatmap(np.array([[0.0, 1.0]])))

    def tile(group_id: int, rank: int, low: float, high: float) -> dict[str, Any]:
        return {"group_id": group_id, "feature_id": 1, "rank": rank, "map": own, "map_low": low, "map_high": high}

    none = {"group_id": 2, "feature_id": 1, "rank": 1, "map": None, "map_low": None, "map_high": None}
    rows = [tile(0, 1, 0.0, 4.0), tile(0, 2, 1.0, 2.0), tile(1, 1, 1.0, 2.0), none]
    scaled = scale_heatmaps(run, pd.DataFrame(rows))
    assert scaled["heatmap_low"].tolist()[:3] == [0, 0, 0]
    assert scaled["heatmap_high"].tolist()[:3] == [4, 4, 2]
    assert scaled.loc[3, ["heatmap", "heatmap_low", "heatmap_high"]].isna().all()

    def levels(name: str) -> list[int]:
        with Image.open(io.BytesIO(run.read_media(name))) as picture:
            return list(picture.convert("L").tobytes())

    assert [levels(name) for name in scaled["heatmap"][:3]] == [[0, 255], [64, 128], [128, 255]]


def test_groups_have_distributions_of_their_own_images() -> None:
    found = histograms_of_groups(FEATURES, FAILS, [(3, 0), (3, 1), (4, 1)], lambda group: MEMBERS[: 6 - (group == 4)])
    counts = found.groupby(["group_id", "feature_id"])[["n_images", "n_failures"]].sum()
    assert counts.loc[(3, 0)].tolist() == [6, 3]
    assert counts.loc[(4, 1)].tolist() == [5, 3]
    ends = found.groupby(["group_id", "feature_id"]).agg({"low": "min", "high": "max"})
    assert ends.loc[(3, 0)].tolist() == [0.0, 4.0]  # the image of the other group has 9


def test_images_along_the_distribution_are_of_groups_with_a_failure_mode_or_else_of_one() -> None:
    rules = pd.DataFrame(
        {"rule_id": [0, 1, 2, 3], "group_id": [3, 4, 4, 5], "is_failure_mode": [True, True, False, False]}
    )
    conditions = pd.DataFrame({"rule_id": [0, 1, 2, 3], "feature_id": [0, 0, 1, 1]})
    found = quantiles_of_groups(FEATURES, rules, conditions, lambda group: MEMBERS if group == 3 else np.array([2, 6]))
    assert set(zip(found["group_id"], found["feature_id"], strict=True)) == {(3, 0), (4, 0), (4, 1)}
    assert set(found.loc[found["group_id"] == 4, "image_id"]) == {2, 6}
    lowest = found[(found["group_id"] == 3) & (found["quantile"] == 0)]
    assert lowest["image_id"].tolist() == [0, 1]
    assert quantiles_of_groups(FEATURES, rules[:0], conditions[:0], lambda _: MEMBERS).empty
