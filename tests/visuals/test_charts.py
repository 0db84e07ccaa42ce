"""Charts: valid, repeatable SVG that holds what it says."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from barlow_report.lenses.models.charts import error_types_by_accuracy, modes_by_model
from barlow_report.visuals.charts import gain_by_base_rate, reliability_curve

SVG = "{http://www.w3.org/2000/svg}"
ROUND = re.compile(r"M\S+ \S+a(\S+) \1 0 1 0 \S+ 0 \1 \1 0 1 0-\S+ 0")
SQUARE = re.compile(r"M\S+ \S+h(\S+)v\1h-\1z")
DIAMOND = re.compile(r"M\S+ \S+l(\S+) \1 \1-\1-\1-\1z")


def _curve(n_bins: int = 15) -> pd.DataFrame:
    middle = (np.arange(n_bins) + 0.5) / n_bins
    return pd.DataFrame(
        {
            "low": middle - 0.5 / n_bins,
            "high": middle + 0.5 / n_bins,
            "confidence": middle,
            "accuracy": middle**2,
            "accuracy_low": middle**2 * 0.9,
            "accuracy_high": middle**2 * 0.9 + 0.1,
            "n_images": np.arange(n_bins) + 1,
        }
    )


def test_the_reliability_curve_has_a_dot_and_an_interval_for_each_bin_and_says_its_numbers() -> None:
    chart = reliability_curve(_curve(), n_images=120)
    assert _dots(chart.light) == _dots(chart.dark) == [15]
    assert chart.light != chart.dark
    assert "3\u202f% sure, <\u202f1\u202f% right" in chart.alt
    assert "97\u202f% sure, 93\u202f% right." in chart.alt
    assert _dots(reliability_curve(_curve(1), n_images=1).light) == [1]


def _charts() -> dict[str, str]:
    types = pd.DataFrame(
        {
            "model_id": [0, 1, 0, 1],
            "family": [None] * 4,
            "accuracy": [0.8, 0.9] * 2,
            "share": [0.3, 0.2, 0.7, 0.8],
            "error_type": list("aabb"),
        }
    )
    holds = np.array([[True, False], [True, True]])
    modes = modes_by_model(holds, ~holds, modes=["cat", "dog"], models=["one", "two"], accuracies=[0.8, 0.9])
    return {
        "gain": gain_by_base_rate(_trees(40), depth=1, grouping="by label").light,
        "reliability": reliability_curve(_curve(), n_images=120).light,
        "error types": error_types_by_accuracy(types, titles={"a": "A", "b": "B"}).light,
        "modes": modes.light,
    }


@pytest.mark.parametrize("name", ["gain", "reliability", "error types", "modes"])
def test_every_mark_of_a_chart_is_a_shape_with_an_area_or_a_line_with_a_length(name: str) -> None:
    """Strokes without length, whose caps are dots on a screen, are not drawn when a page is printed to PDF."""
    tree = ElementTree.fromstring(_charts()[name])  # noqa: S314 - our own text
    paths = [path for path in tree.iter(f"{SVG}path") if path.get("d")]
    assert sum(len(_marks(path.get("d", ""))) for path in paths) >= 3
    for path in paths:
        for piece in filter(None, re.split(r"(?=M)", path.get("d", ""))):
            points = re.findall(r"-?\d+(?:\.\d+)?", piece)
            assert len(set(zip(points[::2], points[1::2], strict=False))) > 1, piece
            assert "h0" not in piece
    for use in tree.iter(f"{SVG}use"):
        assert "fill: none" not in use.get("style", "")


def _types_of(families: list[str | None]) -> pd.DataFrame:
    n = len(families)
    accuracies = [0.5 + 0.4 * place / n for place in range(n)]
    columns = {"model_id": range(n), "family": families, "accuracy": accuracies, "share": 0.5}
    return pd.DataFrame(columns).assign(error_type="a")


def test_families_of_models_have_a_look_each_and_the_smallest_ones_and_those_without_share_one() -> None:
    families = [None, *"bbbb", *"ccc", *"aa", None, *"defghijkl"]
    chart = error_types_by_accuracy(_types_of(families), titles={"a": "A"})
    # others first, so that families lie above them: 9 − 4 small ones and one without; then by size and name; then ours
    assert _dots(chart.light) == _dots(chart.dark) == [6, 4, 3, 2, 1, 1, 1, 1, 1]
    for scheme in (chart.light, chart.dark):
        assert len(set(re.findall(r"fill: (#\w+)", scheme))) >= 9
    for label in ("this report's model", "b", "c", "a", "d", "g", "other models"):
        assert f">{label}<" in chart.light
    assert ">h<" not in chart.light
    assert chart.alt.endswith("Families by colour and shape: b (4), c (3), a (2), d (1), e (1), f (1), g (1).")


def test_models_without_families_are_told_from_the_inspected_one_alone() -> None:
    chart = error_types_by_accuracy(_types_of([None] * 4), titles={"a": "A"})
    assert _dots(chart.light) == [3, 1]
    assert ">other models<" in chart.light
    assert "Families" not in chart.alt
    assert _dots(error_types_by_accuracy(_types_of([None]), titles={"a": "A"}).light) == [1]


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
            "gain_by_chance": 0.004 if held_out else np.nan,
        }
    )


def _dots(svg: str) -> list[int]:
    """The number of dots in each cloud."""
    ElementTree.fromstring(svg)  # noqa: S314 - our own text
    clouds = [len(_marks(path)) for path in re.findall(r' d="([^"]*)"', svg)]
    return [n for n in clouds if n]


def _marks(path: str) -> list[str]:
    """The circles, squares or diamonds of a path, each by its size."""
    return ROUND.findall(path) or SQUARE.findall(path) or DIAMOND.findall(path)


def test_each_tree_is_a_dot_for_the_fitted_and_one_for_the_held_out_images() -> None:
    chart = gain_by_base_rate(_trees(40), depth=1, grouping="by label")
    assert _dots(chart.light) == _dots(chart.dark) == [40, 40]
    assert chart.light != chart.dark
    assert ">fitted images<" in chart.light
    assert ">held-out images<" in chart.light


def test_a_chart_of_trees_without_held_out_images_shows_and_names_none() -> None:
    chart = gain_by_base_rate(_trees(1, held_out=False), depth=1, grouping="by label")
    assert _dots(chart.light) == [1]
    assert "held-out" not in chart.light
    assert "held-out" not in chart.alt
    assert "1 tree of depth 1." in chart.alt


def test_the_level_of_chance_is_marked_beside_the_dots_with_its_number() -> None:
    points = _trees(40).assign(gain_by_chance=[0.001, 0.003] * 20)
    svg = gain_by_base_rate(points, depth=1, grouping="by label").light
    words = re.findall(r'translate\((\S+) \S+\)">(chance|0\.2)</text>', svg)  # 0.002, in points
    assert [word for _, word in words] == ["chance", "0.2"]
    assert float(words[0][0]) > max(float(x) for x in re.findall(r"M(\d+\.\d) ", svg))
    assert ">chance<" not in gain_by_base_rate(_trees(40, held_out=False), depth=1, grouping="x").light


def test_the_words_for_a_chart_say_what_it_shows() -> None:
    points = pd.DataFrame(
        {
            "depth": [3, 3, 3, 1],
            "base_error_rate": [0.2, 0.3, 0.4, 0.2],
            "gain": [0.1, 0.2, 0.3, 9.0],
            "base_error_rate_held_out": [0.2, 0.3, np.nan, 0.2],
            "gain_held_out": [0.05, 0.01, np.nan, 9.0],
            "gain_by_chance": [0.008, 0.004, np.nan, 0.7],
        }
    )
    chart = gain_by_base_rate(points, depth=3, grouping="column <b>")
    assert chart.alt == (
        "Tree gain (average leaf error rate minus base error rate) against the base error rate. Grouping: column <b>; "
        "3 trees of depth 3. Mean, fitted images: 0.200; held-out images: 0.030. "
        "By chance alone held-out images would give 0.006 on average."
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
    assert len(chart.light) < 175_000
    assert chart == gain_by_base_rate(points, depth=1, grouping="by label")


def test_trees_without_any_gain_have_an_axis_all_the_same() -> None:
    points = pd.DataFrame(
        {"depth": 1, "base_error_rate": [0.5], "gain": 0.0, "base_error_rate_held_out": 0.0, "gain_held_out": 0.0}
    ).assign(gain_by_chance=np.nan)
    assert _dots(gain_by_base_rate(points, depth=1, grouping="by label").light) == [1, 1]
