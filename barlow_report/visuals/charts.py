"""Charts for the overview, drawn by matplotlib as SVG in the site's colours, light and dark.

Drawn on bare `Figure` objects, without pyplot and its global state. Text stays text (the
reader's own sans-serif font draws it), identifiers come from a fixed salt and no date is written, so the same
numbers give the same bytes.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["Chart", "error_rate_by_class", "tree_gain"]


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
    in_sample = groups["average_leaf_error_rate"] - groups["base_error_rate"]
    held_out = (groups["average_leaf_error_rate_held_out"] - groups["base_error_rate_held_out"]).dropna()

    def draw(axes: Axes, theme: _Theme) -> None:
        axes.scatter(
            groups["base_error_rate"] * 100,
            in_sample * 100,
            s=26,
            facecolors="none",
            edgecolors=theme.first,
            linewidths=1.2,
            label="fitted images",
        )
        axes.scatter(
            groups.loc[held_out.index, "base_error_rate_held_out"] * 100,
            held_out * 100,
            s=26,
            marker="s",
            color=theme.second,
            linewidths=0,
            label="held-out images",
        )
        axes.axhline(0, color=theme.text, linewidth=0.8)
        axes.set_xlabel("base error rate of the group in %", color=theme.text)
        axes.set_ylabel("ALER − BER in points", color=theme.text)
        axes.grid(color=theme.grid, linewidth=0.8)
        axes.legend(frameon=False, labelcolor=theme.text, loc="best", fontsize=9)

    alt = (
        "Tree gain (average leaf error rate minus base error rate) of each group against its base error rate. "
        f"Mean on fitted images: {in_sample.mean():.3f}"
        + (f", on held-out images: {held_out.mean():.3f}." if len(held_out) else ".")
    )
    return _chart(draw, alt=alt, height=3.4)


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
    return buffer.getvalue().decode()
