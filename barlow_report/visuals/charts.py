"""Charts of the overview and of the evaluation."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from barlow_report.chart import Chart
from barlow_report.formatting import number, percent
from barlow_report.visuals.drawing import Theme, draw_chart, draw_charts, legend_dot, plot_cloud

__all__ = ["gain_by_base_rate", "reliability_curve"]

_PARTS = ("fitted images", "held-out images")
_MANY_POINTS = 300  # from here on they are smaller, and one sees through them


def reliability_curve(bins: pd.DataFrame, *, n_images: int) -> Chart:
    """Draw how often predictions are right against how sure the model is, and below it how many images are how sure.

    Args:
        bins: A row for each bin of confidences with images, the least sure one first; columns low, high, confidence
            (mean), accuracy, accuracy_low, accuracy_high (its interval), each 0 to 1, and n_images.
        n_images: Images in all bins.
    """

    def curve(axes: Axes, theme: Theme) -> None:
        x, y = bins["confidence"] * 100, bins["accuracy"] * 100
        (ideal,) = axes.plot([0, 100], [0, 100], color=theme.text, linewidth=1, linestyle=(0, (4, 3)))
        axes.vlines(x, bins["accuracy_low"] * 100, bins["accuracy_high"] * 100, color=theme.first, linewidth=1.6)
        axes.plot(x, y, color=theme.first, linewidth=1.2)
        plot_cloud(axes, x, y, colour=theme.first, size=6)
        axes.set_xlim(0, 101)
        axes.set_ylim(0, 102)
        axes.set_ylabel("right in %", color=theme.text)
        axes.grid(color=theme.grid, linewidth=0.8)
        axes.legend(
            handles=[legend_dot("images of one bin, with interval", colour=theme.first), ideal],
            labels=["images of one bin, with interval", "as often right as sure"],
            frameon=False,
            labelcolor=theme.text,
            loc="lower right",
            fontsize=9,
        )

    def numbers(axes: Axes, theme: Theme) -> None:
        width = (bins["high"] - bins["low"]) * 100
        axes.bar(
            bins["low"] * 100, bins["n_images"] / n_images * 100, width=width * 0.92, align="edge", color=theme.bar
        )
        axes.set_xlim(0, 101)
        axes.set_xlabel("confidence in %", color=theme.text)
        axes.set_ylabel("images in %", color=theme.text)
        axes.grid(axis="y", color=theme.grid, linewidth=0.8)
        axes.locator_params(axis="y", nbins=3)

    points = "; ".join(
        f"{percent(row.confidence, decimals=0)} sure, {percent(row.accuracy, decimals=0, is_rest=True)} right"
        for row in bins.itertuples()
    )
    alt = f"How often predictions are right against how sure the model is, in bins of the confidence. {points}."
    return draw_charts([curve, numbers], alt=alt, height=3.6, n_columns=1, heights=(3, 1))


def gain_by_base_rate(points: pd.DataFrame, *, depth: int, grouping: str, parts: tuple[str, str] = _PARTS) -> Chart:
    """Draw ALER − BER against BER of one grouping's trees of one depth, where they were fitted and in evidence.

    Args:
        points: One row per tree of the grouping, of any depth, so that the charts of all depths have the same axes;
            columns depth, base_error_rate, gain, and of images that a tree was not fitted to
            base_error_rate_held_out, gain_held_out and gain_by_chance, without a value where there are none. At least
            one row of `depth`.
        depth: Of the trees to draw.
        grouping: In words, for the sentence that stands for the chart.
        parts: What the numbers are of: those of the fit, and those in evidence.
    """
    by_depth = dict(tuple(points.groupby("depth")))
    chances = {key: float(trees["gain_by_chance"].mean()) for key, trees in by_depth.items()}
    shown, chance = by_depth[depth], chances[depth]
    alt = (
        f"Tree gain (average leaf error rate minus base error rate) against the base error rate. Grouping: "
        f"{grouping}; {len(shown)} tree{'s' * (len(shown) != 1)} of depth {depth}. {_mean_gains(shown, parts)}"
        + ("" if np.isnan(chance) else f" By chance alone {parts[1]} would give {chance:.3f} on average.")
    )
    rates = points[["base_error_rate", "base_error_rate_held_out"]].to_numpy(dtype=np.float64)
    gains = np.append(points[["gain", "gain_held_out"]].to_numpy(dtype=np.float64), list(chances.values()))

    def draw(axes: Axes, theme: Theme) -> None:
        _draw_gains(axes, theme, shown, parts, chance=chance)
        axes.set_xlim(*_limits(rates))
        axes.set_ylim(*_limits(gains))

    return draw_chart(draw, alt=alt, height=3.0)


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
    axes.axhline(0, color=theme.text, linewidth=0.8)
    if not np.isnan(chance):
        _mark_chance(axes, theme, chance * 100)
    axes.set_xlabel("base error rate of the group in %", color=theme.text)
    axes.set_ylabel("ALER − BER in points", color=theme.text)
    axes.grid(color=theme.grid, linewidth=0.8)
    axes.legend(
        handles=handles,
        frameon=False,
        labelcolor=theme.text,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=2,
        fontsize=9,
    )


def _mark_chance(axes: Axes, theme: Theme, points: float) -> None:
    """Draw the level of chance as a dotted line that ends in a mark with its number, which lines near 0 need."""
    beside = axes.get_yaxis_transform()  # x from the left edge to the right one, y in points
    axes.axhline(points, color=theme.second, linewidth=1.2, linestyle=(0, (2, 2)))
    axes.plot([1.015], [points], transform=beside, color=theme.second, marker="<", linestyle="", clip_on=False)
    words = f"chance\n{number(points, decimals=1)}"
    axes.text(1.035, points, words, transform=beside, color=theme.text, fontsize=9, va="center", linespacing=1.1)


def _mean_gains(points: pd.DataFrame, parts: tuple[str, str]) -> str:
    held_out = points["gain_held_out"].dropna()
    return f"Mean, {parts[0]}: {points['gain'].mean():.3f}" + (
        f"; {parts[1]}: {held_out.mean():.3f}." if len(held_out) else "."
    )
