"""The dose-response chart: how many images fail along the way, drawn as an inline SVG without script."""

from collections.abc import Sequence
from dataclasses import dataclass

from barlow_report.formatting import percent, ratio
from barlow_report.lenses.causes.records import Dose
from barlow_report.report.records import Share

__all__ = ["DoseDrawing", "DosePoint", "draw_doses"]

WIDTH, HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 12, 34
_SHIFT = 4  # of the two series against each other, so that their intervals can be told apart


@dataclass(frozen=True, kw_only=True)
class DosePoint:
    """A point with its interval, in pixels; `words` says it in numbers."""

    x: float
    y: float
    low: float
    high: float
    words: str


@dataclass(frozen=True, kw_only=True)
class DoseDrawing:
    """Two series of points, the lines through them, and the axes."""

    width: int
    height: int
    moved: tuple[DosePoint, ...]
    control: tuple[DosePoint, ...]
    moved_line: str
    control_line: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    left: int
    right: int
    bottom: int


def draw_doses(doses: Sequence[Dose]) -> DoseDrawing | None:
    """Place the points of a dose-response chart; None without any."""
    if not doses:
        return None
    moved = tuple(_point(d.dose, d.moved, -_SHIFT / 2) for d in doses)
    control = tuple(_point(d.dose, d.control, _SHIFT / 2) for d in doses)
    return DoseDrawing(
        width=WIDTH,
        height=HEIGHT,
        moved=moved,
        control=control,
        moved_line=_line(moved),
        control_line=_line(control),
        x_ticks=tuple((_x(d.dose), percent(d.dose, decimals=0)) for d in doses),
        y_ticks=tuple((_y(value), percent(value, decimals=0)) for value in (0.0, 0.25, 0.5, 0.75, 1.0)),
        left=_LEFT,
        right=WIDTH - _RIGHT,
        bottom=HEIGHT - _BOTTOM,
    )


def _x(dose: float) -> float:
    return round(_LEFT + 10 + dose * (WIDTH - _LEFT - _RIGHT - 20), 1)


def _y(rate: float) -> float:
    return round(HEIGHT - _BOTTOM - rate * (HEIGHT - _TOP - _BOTTOM), 1)


def _point(dose: float, share: Share, shift: float) -> DosePoint:
    value, low, high = share.value or 0.0, share.low or 0.0, share.high if share.high is not None else 1.0
    rate = f"{percent(share.value, decimals=0)} fail ({ratio(share.k, share.n)})"
    words = f"after {percent(dose, decimals=0)} of the change: {rate}"
    return DosePoint(x=_x(dose) + shift, y=_y(value), low=_y(low), high=_y(high), words=words)


def _line(points: Sequence[DosePoint]) -> str:
    return " ".join(f"{point.x},{point.y}" for point in points)
