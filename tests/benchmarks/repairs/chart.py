"""The chart of the measured repair: how much of the gap each choice closes with how many further images."""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tests.benchmarks.repairs.results import KS, ks_of
from tests.benchmarks.repairs.tables import TITLES, closed

__all__ = ["draw_chart"]

# As in visuals/charts.py, on a white card that is read on a dark page as well
_GRID, _TEXT, _MUTED = "#d9dce1", "#23272f", "#5b616b"
_LINES = {
    "collect": ("as collect ranks them", "#0072b2", "o", "-"),
    "rules": ("by rules", "#009e73", "s", "-"),
    "directions": ("by directions", "#cc79a7", "D", "-"),
    "lowest_confidence": ("lowest confidence", "#d55e00", "^", "--"),
    "random": ("random", "#5b616b", "x", "--"),
}
_SHIFT = 0.07
_SCALE = 2


def draw_chart(results: dict[str, list[dict[str, Any]]]) -> bytes:
    """Draw a panel for each kind of data, as WebP.

    Args:
        results: As repair.json has them.
    """
    kinds = [name for name in TITLES if name in results and ks_of(results[name]) == KS]
    figure = Figure(figsize=(3.6 * len(kinds) + 0.2, 3.9), dpi=100 * _SCALE, facecolor="white", layout="constrained")
    panels = figure.subplots(1, len(kinds), sharey=False, squeeze=False)[0]
    for axes, name in zip(panels, kinds, strict=True):
        _draw_panel(axes, results[name])
        axes.set_title(TITLES[name], loc="left", fontsize=11, fontweight="bold", color=_TEXT)
    panels[0].set_ylabel("share of the gap closed, in %", color=_MUTED)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, labelcolor=_TEXT, fontsize=9
    )
    buffer, drawn = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").save(buffer, format="WEBP", quality=90, method=6)
    return buffer.getvalue()


def _draw_panel(axes: Axes, splits: Sequence[dict[str, Any]]) -> None:
    """Lines over k, at equal distances because each k is twice the one before; bars are intervals."""
    places = range(len(KS))
    axes.axhline(0, color=_MUTED, linewidth=1)
    for position, (choice, (label, colour, marker, style)) in enumerate(_LINES.items()):
        found = [closed(splits, choice, k) for k in KS]
        values = [100 * share.value for share in found]
        ends = [[100 * (s.value - s.low) for s in found], [100 * (s.high - s.value) for s in found]]
        xs = [place + _SHIFT * (position - (len(_LINES) - 1) / 2) for place in places]
        axes.errorbar(
            xs,
            values,
            yerr=ends,
            label=label,
            color=colour,
            marker=marker,
            linestyle=style,
            markersize=5,
            linewidth=1.6,
            elinewidth=1.0,
        )
    axes.set_xticks(list(places), [str(k) for k in KS])
    axes.set_xlabel("further images", color=_MUTED)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_MUTED, length=0)
    axes.spines[:].set_visible(False)
