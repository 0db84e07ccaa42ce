"""Charts for the overview and the evaluation."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from barlow_report.chart import Chart
from barlow_report.visuals.drawing import Theme, draw_chart, legend_dot, plot_cloud, shorten

__all__ = ["error_rate_by_class", "gain_by_base_rate", "tree_gain"]

_N_CLASSES_SHOWN = 25
_PARTS = ("fitted images", "held-out images")
_MANY_POINTS = 300  # from here on they are smaller, and one sees through them


def error_rate_by_class(table: pd.DataFrame) -> Chart:
    """Draw a bar per class: the share of its images that are misclassified.

    Args:
        table: Columns name, n_images, n_failures; at least one class with images.
    """
    rates = table[table["n_images"] > 0].assign(rate=lambda t: t["n_failures"] / t["n_images"])
    rates = rates.sort_values(["rate", "name"], ascending=[False, True])
    shown = rates.head(_N_CLASSES_SHOWN).iloc[::-1]
    overall = rates["n_failures"].sum() / rates["n_images"].sum()

    def draw(axes: Axes, theme: Theme) -> None:
        positions = range(len(shown))
        axes.barh(positions, shown["rate"] * 100, height=0.68, color=theme.first)
        axes.set_yticks(positions, [shorten(name) for name in shown["name"]])
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.axvline(overall * 100, color=theme.second, linewidth=1.4)
        axes.set_xlim(0, max(5.0, min(100.0, shown["rate"].max() * 112)))
        axes.set_xlabel("error rate in % (line: all classes together)", color=theme.text)
        axes.grid(axis="x", color=theme.grid, linewidth=0.8)

    worst = rates.iloc[0]
    alt = (
        f"Error rate by class. Highest: {worst['name']}, {worst['rate']:.0%}. All classes together: {overall:.0%}."
        + (f" The {len(shown)} classes with the highest rates are shown." if len(rates) > len(shown) else "")
    )
    return draw_chart(draw, alt=alt, height=0.9 + 0.24 * len(shown))


def tree_gain(groups: pd.DataFrame, *, parts: tuple[str, str] = _PARTS) -> Chart:
    """Draw how much the trees explain beyond the base error rate, where they were fitted and in evidence.

    Args:
        groups: Rows of table `groups` with status `fitted`; at least one.
        parts: What the numbers are of: those of the fit, and those in evidence.
    """
    points = pd.DataFrame(
        {
            "base_error_rate": groups["base_error_rate"],
            "gain": groups["average_leaf_error_rate"] - groups["base_error_rate"],
            "base_error_rate_held_out": groups["base_error_rate_held_out"],
            "gain_held_out": groups["average_leaf_error_rate_held_out"] - groups["base_error_rate_held_out"],
        }
    )
    alt = (
        "Tree gain (average leaf error rate minus base error rate) of each group against its base error rate. "
        f"{_mean_gains(points, parts)}"
    )
    return draw_chart(lambda axes, theme: _draw_gains(axes, theme, points, parts), alt=alt, height=3.4)


def gain_by_base_rate(
    points: pd.DataFrame, *, depth: int, grouping: str, parts: tuple[str, str] = _PARTS, is_split: bool = True
) -> Chart:
    """Draw ALER − BER against BER of one grouping's trees of one depth, where they were fitted and in evidence.

    Args:
        points: One row per tree of the grouping, of any depth, so that the charts of all depths have the same axes;
            columns depth, n_leaves, base_error_rate, gain, n_images_held_out, base_error_rate_held_out and
            gain_held_out, the last two without a value where nothing was tested. At least one row of `depth`.
        depth: Of the trees to draw.
        grouping: In words, for the sentence that stands for the chart.
        parts: As for `tree_gain`.
        is_split: Evidence is of images that the trees were not fitted on: then what chance gives there is known.
    """
    shown = points[points["depth"] == depth]
    chance = _expected_by_chance(shown) if is_split else float("nan")
    alt = (
        f"Tree gain (average leaf error rate minus base error rate) against the base error rate. Grouping: "
        f"{grouping}; {len(shown)} tree{'s' * (len(shown) != 1)} of depth {depth}. {_mean_gains(shown, parts)}"
        + ("" if np.isnan(chance) else f" By chance alone {parts[1]} would give {chance:.3f} on average.")
    )
    rates = points[["base_error_rate", "base_error_rate_held_out"]].to_numpy(dtype=np.float64)
    gains = points[["gain", "gain_held_out"]].to_numpy(dtype=np.float64)

    def draw(axes: Axes, theme: Theme) -> None:
        _draw_gains(axes, theme, shown, parts, chance=chance)
        axes.set_xlim(*_limits(rates))
        axes.set_ylim(*_limits(gains))

    return draw_chart(draw, alt=alt, height=3.8)


def _limits(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis in % that holds 0 and all values, with some room."""
    low, high = min(0.0, float(np.nanmin(values))), max(0.01, float(np.nanmax(values)))
    room = 0.05 * (high - low)
    return (low - room) * 100, (high + room) * 100


def _draw_gains(
    axes: Axes, theme: Theme, points: pd.DataFrame, parts: tuple[str, str], *, chance: float = np.nan
) -> None:
    tested = points.dropna(subset=["base_error_rate_held_out", "gain_held_out"])
    size, strength = (3.2, 0.5) if len(points) + len(tested) > _MANY_POINTS else (5.0, 0.85)
    clouds = [
        (points["base_error_rate"], points["gain"], "round", "o", theme.first, parts[0]),
        (
            tested["base_error_rate_held_out"],
            tested["gain_held_out"],
            "projecting",
            "s",
            theme.second,
            parts[1],
        ),
    ]
    handles = []
    for x, y, cap, marker, colour, label in clouds:
        if len(x):
            plot_cloud(axes, x * 100, y * 100, colour=colour, size=size, cap=cap, alpha=strength)
            handles.append(legend_dot(label, colour=colour, marker=marker))
    if not np.isnan(chance):
        line: dict[str, Any] = {"color": theme.second, "linewidth": 1.2, "linestyle": (0, (2, 2))}
        axes.axhline(chance * 100, **line)
        handles.append(Line2D([], [], label="held-out, by chance", **line))
    axes.axhline(0, color=theme.text, linewidth=0.8)
    axes.set_xlabel("base error rate of the group in %", color=theme.text)
    axes.set_ylabel("ALER − BER in points", color=theme.text)
    axes.grid(color=theme.grid, linewidth=0.8)
    axes.legend(
        handles=handles,
        frameon=False,
        labelcolor=theme.text,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
        fontsize=9,
    )


def _expected_by_chance(points: pd.DataFrame) -> float:
    """The mean gain to expect on held-out images if the leaves had nothing to do with failing; NaN without any.

    The number of failures in a leaf is then hypergeometric. The mean of k² / n, summed over the leaves and divided by
    the failures, exceeds the base error rate by (1 − BER) (leaves − 1) / (images − 1).
    """
    tested = points[points["gain_held_out"].notna() & (points["n_images_held_out"] > 1)]
    expected = (1 - tested["base_error_rate_held_out"]) * (tested["n_leaves"] - 1) / (tested["n_images_held_out"] - 1)
    return float(expected.mean())


def _mean_gains(points: pd.DataFrame, parts: tuple[str, str]) -> str:
    held_out = points["gain_held_out"].dropna()
    return f"Mean, {parts[0]}: {points['gain'].mean():.3f}" + (
        f"; {parts[1]}: {held_out.mean():.3f}." if len(held_out) else "."
    )
