"""How charts are drawn: matplotlib's SVG in the site's colours, once for a light and once for a dark page.

Drawn on bare `Figure` objects, without pyplot and its global state. Text stays text (the reader's own sans-serif font
draws it), identifiers come from a fixed salt and no date is written, so the same numbers give the same bytes.

Each cloud of points is one path of filled circles or squares. As elements of their own, the points of 2,000 groups
would take four times the room; as strokes without length, whose caps are the dots, they vanish when a page is printed.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from barlow_report.chart import Chart

__all__ = ["Theme", "draw_chart", "draw_charts", "legend_dot", "plot_cloud", "shorten"]

_LONG_DECIMALS = re.compile(r"(?<=\d)(\.\d\d)\d+")
_DOT = re.compile(r"M (\S+) (\S+) \nL \1 \2 \n")
_CLOUD = re.compile(
    r' d="((?:M (\S+) (\S+) \nL \2 \3 \n)+)"([^>]*) style="fill: none; stroke: (#\w+);'
    r'(?: stroke-opacity: ([\d.]+);)? stroke-width: ([\d.]+)(?:; stroke-linecap: (round|square))?"'
)
_WIDTH = 4.8  # inches of 72 pixels: the width of a phone, so that text is never smaller than it is drawn


@dataclass(frozen=True)
class Theme:
    """The colours of a page."""

    text: str
    grid: str
    first: str
    second: str
    bar: str
    kinds: tuple[str, ...]
    rest: str


# The two hues are told apart by people with any of the common colour vision deficiencies (Okabe and Ito). Those of
# kinds have at least 3 : 1 to the page, and their points have different shapes besides.
_LIGHT = Theme(
    text="#3b3f46",
    grid="#d9dce1",
    first="#0072b2",
    second="#d55e00",
    bar="#b9c6d6",
    kinds=("#0072b2", "#d55e00", "#00805a", "#a8447f", "#7a6200", "#1d8299", "#5c3fa8"),
    rest="#7d828b",
)
_DARK = Theme(
    text="#c9ced6",
    grid="#3d4350",
    first="#56b4e9",
    second="#e69f00",
    bar="#4b5d78",
    kinds=("#56b4e9", "#e69f00", "#35c993", "#f093c4", "#f0e442", "#74d9e0", "#b59dff"),
    rest="#8b919c",
)


def draw_chart(draw: Callable[[Axes, Theme], None], *, alt: str, height: float) -> Chart:
    """Draw one pair of axes.

    Args:
        draw: Draws on the axes.
        alt: The sentence that stands for the chart.
        height: In inches; the width is always the same.
    """
    return draw_charts([draw], alt=alt, height=height, n_columns=1)


def draw_charts(
    draws: Sequence[Callable[[Axes, Theme], None]],
    *,
    alt: str,
    height: float,
    n_columns: int,
    heights: Sequence[float] | None = None,
) -> Chart:
    """Draw several pairs of axes in rows of `n_columns`; `heights` are those of the rows. See `draw_chart`."""
    light, dark = (_svg(draws, theme, height, n_columns, heights) for theme in (_LIGHT, _DARK))
    return Chart(light=light, dark=dark, alt=alt)


def plot_cloud(
    axes: Axes, x: npt.ArrayLike, y: npt.ArrayLike, *, colour: str, size: float, cap: str = "round", alpha: float = 1.0
) -> None:
    """Draw points as one path: round or, with the cap `projecting`, square, or, with `butt`, diamonds."""
    columns = (np.asarray(values, dtype=np.float64) for values in (x, y))
    dots = [np.column_stack([v, v, np.full(len(v), np.nan)]).ravel() for v in columns]
    axes.plot(*dots, color=colour, alpha=alpha, linewidth=size, solid_capstyle=cap)


def legend_dot(label: str, *, colour: str, marker: str = "o") -> Line2D:
    """An entry of a legend for a cloud."""
    return Line2D([], [], linestyle="", marker=marker, markersize=5, color=colour, label=label)


def shorten(name: str, *, max_length: int = 28) -> str:
    """Return a name that leaves room for what is drawn beside it."""
    return name if len(name) <= max_length else name[: max_length - 1] + "…"


def _svg(
    draws: Sequence[Callable[[Axes, Theme], None]],
    theme: Theme,
    height: float,
    n_columns: int,
    heights: Sequence[float] | None,
) -> str:
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
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        cells = figure.add_gridspec(-(-len(draws) // n_columns), n_columns, height_ratios=heights)
        for place, draw in enumerate(draws):
            axes = figure.add_subplot(cells[divmod(place, n_columns)])
            draw(axes, theme)
            axes.set_axisbelow(True)
            axes.tick_params(colors=theme.text, length=0)
            axes.spines[:].set_visible(False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _CLOUD.sub(_filled, _shorten_paths(buffer.getvalue().decode()))


def _filled(cloud: re.Match[str]) -> str:
    """Turn the strokes without length of a cloud into circles, squares or diamonds of the strokes' width."""
    dots, _, _, between, colour, opacity, width, cap = cloud.groups()
    size, half = f"{float(width):g}", f"{float(width) / 2:g}"
    if cap == "round":
        shape, up = f"a{half} {half} 0 1 0 {size} 0 {half} {half} 0 1 0-{size} 0", 0.0
    elif cap == "square":
        shape, up = f"h{size}v{size}h-{size}z", float(width) / 2
    else:
        shape, up = f"l{half} {half} {half}-{half}-{half}-{half}z", 0.0
    corners = ((float(x) - float(width) / 2, float(y) - up) for x, y in _DOT.findall(dots))
    path = "".join(f"M{x:.1f} {y:.1f}{shape}" for x, y in corners)
    faint = f"; fill-opacity: {opacity}" if opacity else ""
    return f' d="{path}"{between} style="fill: {colour}{faint}"'


def _shorten_paths(svg: str) -> str:
    """Drop the decimals of coordinates that nobody sees; text is left alone."""
    return re.sub(r' d="[^"]*"', lambda path: _LONG_DECIMALS.sub(r"\1", path[0]), svg)
