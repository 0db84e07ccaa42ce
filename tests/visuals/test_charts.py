"""Charts: valid, repeatable SVG that holds what it says."""

import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from barlow_report.visuals.charts import error_rate_by_class, gain_by_base_rate, tree_gain

HOSTILE = ["dog", "$x_1$", "</text><script>alert(1)</script>", "c" * 300, ""]


def _classes(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "n_images": 100, "n_failures": range(10, 10 + len(names))})


def test_bars_name_every_class_as_text() -> None:
    chart = error_rate_by_class(_classes(HOSTILE))
    for svg in (chart.light, chart.dark):
        texts = [t.text or "" for t in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
        assert {"dog", "$x_1$"} <= set(texts)
        assert any(t.startswith("</text><script>") for t in texts)
        assert max(map(len, texts)) < 60
        assert "<script" not in svg
    assert chart.light != chart.dark


def test_only_the_worst_of_many_classes_are_drawn_and_it_is_said() -> None:
    chart = error_rate_by_class(_classes([f"class {i}" for i in range(80)]))
    assert ">class 79<" in chart.light
    assert ">class 10<" not in chart.light
    assert "The 25 classes with the highest rates are shown." in chart.alt
    assert "Highest: class 79, 89%." in chart.alt


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert error_rate_by_class(_classes(HOSTILE)) == error_rate_by_class(_classes(HOSTILE))


@pytest.mark.parametrize("held_out", [0.3, float("nan")])
def test_tree_gain_works_with_and_without_held_out_images(held_out: float) -> None:
    groups = pd.DataFrame(
        {
            "base_error_rate": [0.2, 0.4],
            "average_leaf_error_rate": [0.5, 0.5],
            "base_error_rate_held_out": held_out,
            "average_leaf_error_rate_held_out": held_out + 0.1,
        }
    )
    chart = tree_gain(groups)
    assert "Mean, fitted images: 0.200" in chart.alt
    assert ("held-out images: 0.100" in chart.alt) == (held_out == held_out)
    ElementTree.fromstring(chart.dark)  # noqa: S314 - our own text


def _trees(n: int, *, depths: tuple[int, ...] = (1,), held_out: bool = True) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = n * len(depths)
    base = random.uniform(0.1, 0.5, rows)
    return pd.DataFrame(
        {
            "depth": np.repeat(depths, n),
            "base_error_rate": base,
            "gain": random.exponential(0.05, rows),
            "base_error_rate_held_out": base if held_out else np.nan,
            "gain_held_out": random.normal(0.01, 0.03, rows) if held_out else np.nan,
            "n_leaves": 2,
            "n_images_held_out": 200 if held_out else 0,
        }
    )


def _dots(svg: str) -> list[int]:
    """The number of dots in each cloud."""
    ElementTree.fromstring(svg)  # noqa: S314 - our own text
    clouds = [len(re.findall(r"M\S+ \S+h0", path)) for path in re.findall(r' d="([^"]*)"', svg)]
    return [n for n in clouds if n]


def test_each_tree_is_a_dot_for_the_fitted_and_one_for_the_held_out_images() -> None:
    chart = gain_by_base_rate(_trees(40), depth=1, grouping="by label")
    assert _dots(chart.light) == _dots(chart.dark) == [40, 40]
    assert chart.light != chart.dark
    assert ">fitted images<" in chart.light
    assert ">held-out images<" in chart.light
    assert ">held-out, by chance<" in chart.light


def test_a_chart_of_trees_without_held_out_images_shows_and_names_none() -> None:
    chart = gain_by_base_rate(_trees(1, held_out=False), depth=1, grouping="by label")
    assert _dots(chart.light) == [1]
    assert "held-out" not in chart.light
    assert "held-out" not in chart.alt
    assert "1 tree of depth 1." in chart.alt


def test_the_words_for_a_chart_say_what_it_shows() -> None:
    points = pd.DataFrame(
        {
            "depth": [3, 3, 3, 1],
            "base_error_rate": [0.2, 0.3, 0.4, 0.2],
            "gain": [0.1, 0.2, 0.3, 9.0],
            "base_error_rate_held_out": [0.2, 0.3, np.nan, 0.2],
            "gain_held_out": [0.05, 0.01, np.nan, 9.0],
            "n_leaves": [2, 3, 4, 8],
            "n_images_held_out": [101, 351, 0, 9],
        }
    )
    chart = gain_by_base_rate(points, depth=3, grouping="column <b>")
    assert chart.alt == (
        "Tree gain (average leaf error rate minus base error rate) against the base error rate. Grouping: column <b>; "
        "3 trees of depth 3. Mean, fitted images: 0.200; held-out images: 0.030. "
        "By chance alone held-out images would give 0.006 on average."  # (0.8 / 100 + 0.7 * 2 / 350) / 2
    )
    assert _dots(chart.light) == [3, 2]


def test_charts_of_several_depths_have_the_same_axes() -> None:
    points = _trees(20, depths=(1, 3))
    points.loc[points["depth"] == 3, "gain"] += 1.0
    ticks = [
        sorted(set(re.findall(r">(\d+)<", gain_by_base_rate(points, depth=depth, grouping="x").light)))
        for depth in (1, 3)
    ]
    assert ticks[0] == ticks[1]
    assert "100" in ticks[0]


def test_two_thousand_groups_stay_small_and_the_same_numbers_give_the_same_bytes() -> None:
    points = _trees(2000)
    chart = gain_by_base_rate(points, depth=1, grouping="by label")
    assert _dots(chart.light) == [2000, 2000]
    assert len(chart.light) < 90_000
    assert chart == gain_by_base_rate(points, depth=1, grouping="by label")


def test_trees_without_any_gain_have_an_axis_all_the_same() -> None:
    points = pd.DataFrame(
        {"depth": 1, "base_error_rate": [0.5], "gain": 0.0, "base_error_rate_held_out": 0.0, "gain_held_out": 0.0}
    ).assign(n_leaves=2, n_images_held_out=1)
    assert _dots(gain_by_base_rate(points, depth=1, grouping="by label").light) == [1, 1]


def test_the_gain_by_chance_is_the_mean_over_all_ways_to_place_the_failures() -> None:
    n_images, n_failures, leaves = 7, 3, (range(2), range(2, 4), range(4, 7))
    gains = [
        sum(len(set(leaf) & set(failures)) ** 2 / len(leaf) for leaf in leaves) / n_failures - n_failures / n_images
        for failures in itertools.combinations(range(n_images), n_failures)
    ]
    assert min(gains) >= 0
    points = pd.DataFrame(
        {
            "depth": [2],
            "n_leaves": len(leaves),
            "base_error_rate": 0.2,
            "gain": 0.1,
            "n_images_held_out": n_images,
            "base_error_rate_held_out": n_failures / n_images,
            "gain_held_out": 0.1,
        }
    )
    alt = gain_by_base_rate(points, depth=2, grouping="by label").alt
    assert f"would give {np.mean(gains):.3f} on average" in alt
