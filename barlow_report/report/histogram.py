"""The histogram of a feature as a drawing, with the thresholds of the rules that use it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from barlow_report.formatting import counted, rounded, threshold
from barlow_report.report.picture_records import HistogramBin

__all__ = ["Apart", "Bar", "HistogramDrawing", "Mark", "draw_histogram"]

_WIDTH, _HEIGHT = 640, 170
_TOP, _BOTTOM, _SIDE = 24, 22, 2
_LABEL_WIDTH = 60
_APART_WIDTH, _APART_GAP = 14, 12
_CUT = 1.15
"""How much taller than the highest other bar one that stands apart may be; a taller one is cut."""


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
class Apart:
    """The images with exactly the lowest activation, whose bar stands before the others and does not scale them.

    Attributes:
        bar: At the left end.
        value: Their activation.
        images: How many they are, in words.
        is_cut: The bar would be taller than the drawing.
    """

    bar: Bar
    value: str
    images: str
    is_cut: bool


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One threshold: a line with its value; `anchor` keeps the text inside the drawing, empty: there is no room."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class HistogramDrawing:
    """Bars, thresholds and the ends of the axes; `n_highest` is of the highest bar that does not stand apart."""

    width: int
    height: int
    top: int
    floor: int
    bars: tuple[Bar, ...]
    apart: Apart | None
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
    bins: Sequence[HistogramBin],
    *,
    thresholds: Iterable[tuple[float, float]],
    width: int = _WIDTH,
    height: int = _HEIGHT,
) -> HistogramDrawing | None:
    """Lay out the histogram.

    Args:
        bins: From the lowest to the highest, the first one apart where it has a single value.
        thresholds: Where each is and what is printed of it; those outside of the range are left out, and of several
            that are printed alike one is drawn.
        width: In pixels.
        height: In pixels.

    Returns:
        None without bins.
    """
    if not bins:
        return None
    is_apart = len(bins) > 1 and bins[0].low == bins[0].high
    lowest, bins = bins[0], bins[1:] if is_apart else bins
    low, high = bins[0].low, bins[-1].high
    span = (high - low) or 1.0
    highest = max(b.n_images for b in bins) or 1
    floor = height - _BOTTOM
    left = _SIDE + (_APART_WIDTH + _APART_GAP if is_apart else 0)

    def across(value: float) -> float:
        return round(left + (value - low) / span * (width - _SIDE - left), 1)

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
            title=f"{rounded(b.low)} to {rounded(b.high)}: {_images(b)}",
        )
        for b in bins
    )
    places = {printed: across(max(exact, low)) for exact, printed in thresholds if lowest.low <= exact <= high}
    inside = sorted((x, printed) for printed, x in places.items())
    marks = tuple(
        Mark(x=x, label=threshold(printed), anchor=_anchor(x, [other for other, _ in inside if other > x], width=width))
        for x, printed in inside
    )
    return HistogramDrawing(
        width=width,
        height=height,
        top=_TOP,
        floor=floor,
        bars=bars,
        apart=_apart(lowest, highest=highest, floor=floor) if is_apart else None,
        marks=marks,
        low=rounded(lowest.low),
        high=rounded(high),
        n_highest=highest,
    )


def _apart(lowest: HistogramBin, *, highest: int, floor: int) -> Apart:
    """The bar of the lowest activation, on the scale of the others as long as there is room."""
    room = floor - _TOP
    is_cut = lowest.n_images > _CUT * highest
    height = room * min(lowest.n_images / highest, _CUT)
    failures = height * lowest.n_failures / lowest.n_images
    value = rounded(lowest.low)
    return Apart(
        bar=Bar(
            x=_SIDE,
            width=_APART_WIDTH,
            y=round(floor - height, 1),
            height=round(height, 1),
            failures_y=round(floor - failures, 1),
            failures_height=round(failures, 1),
            title=f"exactly {value}: {_images(lowest)}",
        ),
        value=value,
        images=_images(lowest),
        is_cut=is_cut,
    )


def _images(b: HistogramBin) -> str:
    return f"{counted(b.n_images, 'image')}, {counted(b.n_failures, 'failure')}"
