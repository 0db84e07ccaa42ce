"""The histogram of a feature as a drawing, with the thresholds of the rules that use it."""

from collections.abc import Sequence
from dataclasses import dataclass

from barlow_report.formatting import counted, rounded, threshold
from barlow_report.report.picture_records import HistogramBin

__all__ = ["Bar", "HistogramDrawing", "Mark", "draw_histogram"]

_WIDTH, _HEIGHT = 640, 170
_TOP, _BOTTOM, _SIDE = 24, 22, 2
_LABEL_WIDTH = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bin: all images, and the failures among them in front."""

    x: float
    width: float
    y: float
    height: float
    failures_y: float
    failures_height: float
    title: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One threshold: a line with its value; `anchor` keeps the text inside the drawing, empty: there is no room."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class HistogramDrawing:
    """Bars, thresholds and the ends of the axes."""

    width: int
    height: int
    top: int
    floor: int
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    low: str
    high: str
    n_highest: int


def _anchor(x: float, right_of_it: Sequence[float], *, width: int) -> str:
    """On which side of its line a label stands: to the left where the edge or the next label is near."""
    is_crowded = bool(right_of_it) and min(right_of_it) - x < _LABEL_WIDTH
    if x > width * 0.8 or is_crowded:
        return "end" if x > _LABEL_WIDTH else ""
    return "start"


def draw_histogram(
    bins: Sequence[HistogramBin], *, thresholds: Sequence[float], width: int = _WIDTH, height: int = _HEIGHT
) -> HistogramDrawing | None:
    """Lay out the histogram; thresholds outside of its range are left out. None without bins."""
    if not bins:
        return None
    low, high = bins[0].low, bins[-1].high
    span = (high - low) or 1.0
    highest = max(b.n_images for b in bins) or 1
    floor = height - _BOTTOM

    def across(value: float) -> float:
        return round(_SIDE + (value - low) / span * (width - 2 * _SIDE), 1)

    def tall(n: int) -> float:
        return round(n / highest * (floor - _TOP), 1)

    bars = tuple(
        Bar(
            x=across(b.low),
            width=round(max(across(b.high) - across(b.low) - 1, 0.5), 1),
            y=round(floor - tall(b.n_images), 1),
            height=tall(b.n_images),
            failures_y=round(floor - tall(b.n_failures), 1),
            failures_height=tall(b.n_failures),
            title=f"{rounded(b.low)} to {rounded(b.high)}: {counted(b.n_images, 'image')}, "
            f"{counted(b.n_failures, 'failure')}",
        )
        for b in bins
    )
    inside = [value for value in sorted(set(thresholds)) if low <= value <= high]
    marks = tuple(
        Mark(
            x=across(v),
            label=threshold(v),
            anchor=_anchor(across(v), [across(w) for w in inside if w > v], width=width),
        )
        for v in inside
    )
    return HistogramDrawing(
        width=width,
        height=height,
        top=_TOP,
        floor=floor,
        bars=bars,
        marks=marks,
        low=rounded(low),
        high=rounded(high),
        n_highest=highest,
    )
