"""Charts for the overview and the evaluation, drawn by matplotlib as SVG in the site's colours, light and dark.

Drawn on bare `Figure` objects, without pyplot and its global state. Text stays text (the
reader's own sans-serif font draws it), identifiers come from a fixed salt and no date is written, so the same
numbers give the same bytes.

Each cloud of points is one path of zero-length strokes whose caps are the dots. As elements of their own, the points
of 2,000 groups would take ten times the room.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

__all__ = ["Chart", "error_rate_by_class", "gain_by_base_rate", "tree_gain"]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart as SVG text on a light and on a dark page, with a sentence for who cannot see it."""

    light: str
    dark: str
    alt: str


@dataclass(frozen=True)
class _Theme:
    text: str
    grid: str
    first: str
    second: str


# The two hues are told apart by people with any of the common colour vision deficiencies (Okabe and Ito).
_LIGHT = _Theme(text="#3b3f46", grid="#d9dce1", first="#0072b2", second="#d55e00")
_DARK = _Theme(text="#c9ced6", grid="#3d4350", first="#56b4e9", second="#e69f00")
_N_CLASSES_SHOWN = 25
_MANY_POINTS = 300  # from here on they are smaller, and one sees through them
_LONG_DECIMALS = re.compile(r"(?<=\d)(\.\d\d)\d+")
_DOT = re.compile(r"M (\S+) (\S+) \nL \1 \2 \n")


def error_rate_by_class(table: pd.DataFrame) -> Chart:
    """Draw a bar per class: the share of its images that are misclassified.

    Args:
        table: Columns name, n_images, n_failures; at least one class with images.
    """
    rates = table[table["n_images"] > 0].assign(rate=lambda t: t["n_failures"] / t["n_images"])
    rates = rates.sort_values(["rate", "name"], ascending=[False, True])
    shown = rates.head(_N_CLASSES_SHOWN).iloc[::-1]
    overall = rates["n_failures"].sum() / rates["n_images"].sum()

    def draw(axes: Axes, theme: _Theme) -> None:
        positions = range(len(shown))
        axes.barh(positions, shown["rate"] * 100, height=0.68, color=theme.first)
        axes.set_yticks(positions, [_short(name) for name in shown["name"]])
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
    return _chart(draw, alt=alt, height=0.9 + 0.24 * len(shown))


def tree_gain(groups: pd.DataFrame) -> Chart:
    """Draw how much the trees explain beyond the base error rate, where they were fitted and on held-out images.

    Args:
        groups: Rows of table `groups` with status `fitted`; at least one.
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
        f"{_mean_gains(points)}"
    )
    return _chart(lambda axes, theme: _draw_gains(axes, theme, points), alt=alt, height=3.4)


def gain_by_base_rate(points: pd.DataFrame, *, depth: int, grouping: str) -> Chart:
    """Draw ALER − BER against BER of one grouping's trees of one depth, fitted and held out.

    Args:
        points: One row per tree of the grouping, of any depth, so that the charts of all depths have the same axes;
            columns depth, n_leaves, base_error_rate, gain, n_images_held_out, base_error_rate_held_out and
            gain_held_out, the last two without a value where nothing was held out. At least one row of `depth`.
        depth: Of the trees to draw.
        grouping: In words, for the sentence that stands for the chart.
    """
    shown = points[points["depth"] == depth]
    chance = _expected_by_chance(shown)
    alt = (
        f"Tree gain (average leaf error rate minus base error rate) against the base error rate. Grouping: "
        f"{grouping}; {len(shown)} tree{'s' * (len(shown) != 1)} of depth {depth}. {_mean_gains(shown)}"
        + ("" if np.isnan(chance) else f" By chance alone held-out images would give {chance:.3f} on average.")
    )
    rates = points[["base_error_rate", "base_error_rate_held_out"]].to_numpy(dtype=np.float64)
    gains = points[["gain", "gain_held_out"]].to_numpy(dtype=np.float64)

    def draw(axes: Axes, theme: _Theme) -> None:
        _draw_gains(axes, theme, shown, chance=chance)
        axes.set_xlim(*_limits(rates))
        axes.set_ylim(*_limits(gains))

    return _chart(draw, alt=alt, height=3.8)


def _limits(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis in % that holds 0 and all values, with some room."""
    low, high = min(0.0, float(np.nanmin(values))), max(0.01, float(np.nanmax(values)))
    room = 0.05 * (high - low)
    return (low - room) * 100, (high + room) * 100


def _draw_gains(axes: Axes, theme: _Theme, points: pd.DataFrame, *, chance: float = np.nan) -> None:
    tested = points.dropna(subset=["base_error_rate_held_out", "gain_held_out"])
    size, strength = (3.2, 0.5) if len(points) + len(tested) > _MANY_POINTS else (5.0, 0.85)
    clouds = [
        (points["base_error_rate"], points["gain"], "round", "o", theme.first, "fitted images"),
        (
            tested["base_error_rate_held_out"],
            tested["gain_held_out"],
            "projecting",
            "s",
            theme.second,
            "held-out images",
        ),
    ]
    handles = []
    for x, y, cap, marker, colour, label in clouds:
        if len(x):
            dots = [np.column_stack([v * 100, v * 100, np.full(len(v), np.nan)]).ravel() for v in (x, y)]
            axes.plot(*dots, color=colour, alpha=strength, linewidth=size, solid_capstyle=cap)
            handles.append(Line2D([], [], linestyle="", marker=marker, markersize=5, color=colour, label=label))
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


def _mean_gains(points: pd.DataFrame) -> str:
    held_out = points["gain_held_out"].dropna()
    return f"Mean on fitted images: {points['gain'].mean():.3f}" + (
        f", on held-out images: {held_out.mean():.3f}." if len(held_out) else "."
    )


def _short(name: str, *, max_length: int = 28) -> str:
    """Return a name that leaves room for the bars."""
    return name if len(name) <= max_length else name[: max_length - 1] + "…"


def _chart(draw: Callable[[Axes, _Theme], None], *, alt: str, height: float) -> Chart:
    return Chart(light=_svg(draw, _LIGHT, height), dark=_svg(draw, _DARK, height), alt=alt)


def _svg(draw: Callable[[Axes, _Theme], None], theme: _Theme, height: float) -> str:
    with mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "barlow-report",
            "font.family": "sans-serif",
            "font.size": 10,
            "text.parse_math": False,  # a class name with a $ in it is a name, not a formula
            "path.simplify": False,  # a stroke without length is a dot, not superfluous
        }
    ):
        figure = Figure(figsize=(6.4, height), layout="constrained")
        axes = figure.add_subplot()
        draw(axes, theme)
        axes.set_axisbelow(True)
        axes.tick_params(colors=theme.text, length=0)
        axes.spines[:].set_visible(False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _DOT.sub(r"M\1 \2h0", _shorten_paths(buffer.getvalue().decode()))


def _shorten_paths(svg: str) -> str:
    """Drop the decimals of coordinates that nobody sees; text is left alone."""
    return re.sub(r' d="[^"]*"', lambda path: _LONG_DECIMALS.sub(r"\1", path[0]), svg)
