"""Two charts, drawn as inline SVG without script: slopes from one run to the next, and rates over releases.

Every mark has words that say it in numbers. Slopes are drawn in a panel for each state, so that no colour has to be
told from another, and labels find room beside them.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from barlow_report.formatting import count, interval, percent, ratio
from barlow_report.lenses.changes.page_words import STATE_WORDS, group_words, mode_conditions, mode_words, rates_words
from barlow_report.lenses.changes.records import ChangeView, ModeChange
from barlow_report.lenses.changes.release_records import Release, ReleaseMode
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Share
from barlow_report.visuals.drawing import shorten

__all__ = [
    "ReleaseDrawing",
    "ReleasePoint",
    "Slope",
    "SlopePanel",
    "axis_end",
    "draw_accuracy",
    "draw_releases",
    "draw_slopes",
    "right_share",
]

SLOPE_WIDTH = 340
_LEFT, _OLD, _NEW = 40, 54, 146
_TOP, _BOTTOM = 14, 30
_LABEL = 13  # pixels from one label to the next
_LEAST_TALL = 9  # labels
_MOST_SLOPES = 14  # labels that a panel has room for
_LETTERS = 30
_FEATURE = re.compile(r"\bfeature (\d+)")

WIDTH, HEIGHT = 240, 120
_SIDE, _FLOOR, _CEILING = 40, 18, 8
_TICK_LETTERS = 15


@dataclass(frozen=True, kw_only=True)
class Slope:
    """A failure mode, from its rate in the earlier run to that in this one, in pixels; `words` says it in numbers."""

    old_y: float
    new_y: float
    label: str
    label_y: float
    words: str


@dataclass(frozen=True, kw_only=True)
class SlopePanel:
    """The failure modes of one state, those with the largest changes; `n_more` have no rates or no room."""

    state: str
    title: str
    slopes: tuple[Slope, ...]
    n_more: int
    ticks: tuple[tuple[float, str], ...]
    height: int
    width: int = SLOPE_WIDTH
    left: int = _LEFT
    old_x: int = _OLD
    new_x: int = _NEW


@dataclass(frozen=True, kw_only=True)
class ReleasePoint:
    """A rate in one release with its interval, in pixels; a filled one is verified there."""

    x: float
    y: float
    low: float
    high: float
    is_filled: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class ReleaseDrawing:
    """A rate over releases: its points, lines through those that follow each other, and the axes."""

    points: tuple[ReleasePoint, ...]
    lines: tuple[str, ...]
    x_ticks: tuple[tuple[float, str, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _SIDE
    right: int = WIDTH - 6
    bottom: int = HEIGHT - _FLOOR


def draw_slopes(site: Site, changes: ChangeView) -> tuple[SlopePanel, ...]:
    """Draw what became of the failure modes that were compared, a panel for each state."""
    by_state: dict[str, list[ModeChange]] = {state: [] for state in STATE_WORDS}
    for mode in changes.modes:
        if mode.change.rate_old is not None and mode.change.rate_new is not None:
            by_state[mode.change.state].append(mode)
    counts = Counter(mode.change.state for mode in changes.modes)
    shown = {state: modes[:_MOST_SLOPES] for state, modes in by_state.items()}
    modes = [mode for found in shown.values() for mode in found]
    scale = _Scale(
        top=axis_end([r.value for m in modes for r in (m.change.rate_old, m.change.rate_new) if r]),
        height=_TOP + _BOTTOM + _LABEL * max(_LEAST_TALL, *(len(found) for found in shown.values())),
    )
    return tuple(
        SlopePanel(
            state=state,
            title=f"{STATE_WORDS[state].capitalize()} ({count(counts[state])})",
            slopes=_slopes(site, shown[state], scale),
            n_more=counts[state] - len(shown[state]),
            ticks=tuple((scale.y(value), percent(value, decimals=0)) for value in _ticks(scale.top)),
            height=scale.height,
        )
        for state, found in by_state.items()
        if found
    )


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """The vertical axis that all panels have, from 0 to `top`."""

    top: float
    height: int

    def y(self, rate: float) -> float:
        return round(self.height - _BOTTOM - min(rate, self.top) / self.top * (self.height - _TOP - _BOTTOM), 1)


def _slopes(site: Site, modes: Sequence[ModeChange], scale: _Scale) -> tuple[Slope, ...]:
    rates = [(m.change.rate_old, m.change.rate_new) for m in modes]
    ends = [(scale.y(old.value), scale.y(new.value)) for old, new in rates if old and new]
    places = _spread([new for _, new in ends], floor=scale.height - _BOTTOM)
    return tuple(
        Slope(
            old_y=old_y,
            new_y=new_y,
            label=shorten(_brief(site, mode), max_length=_LETTERS),
            label_y=label_y,
            words=f"{mode_words(site, mode)}: {rates_words(mode.change)}",
        )
        for mode, (old_y, new_y), label_y in zip(modes, ends, places, strict=True)
    )


def _brief(site: Site, mode: ModeChange) -> str:
    """A failure mode in a few letters: dog without f22, taken for dog with f3."""
    return _FEATURE.sub(r"f\1", f"{group_words(mode)} {mode_conditions(site, mode)}").rstrip()


def _spread(places: Sequence[float], *, floor: float) -> list[float]:
    """Move labels apart, each near to its place, in their order, above `floor`."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    found = [places[i] for i in order]
    for i in range(1, len(found)):
        found[i] = max(found[i], found[i - 1] + _LABEL)
    below = found[-1] - floor if found else 0.0
    if below > 0:
        found[-1] -= below
        for i in range(len(found) - 2, -1, -1):
            found[i] = min(found[i], found[i + 1] - _LABEL)
    spread = [0.0] * len(places)
    for place, i in enumerate(order):
        spread[i] = round(found[place], 1)
    return spread


def axis_end(rates: Sequence[float]) -> float:
    """The upper end of an axis: a multiple of 20 %."""
    highest = max(rates, default=0.0)
    return min(1.0, max(0.2, -(-round(highest * 1000) // 200) / 5))


def _ticks(top: float) -> list[float]:
    step = 0.2 if top > 0.4 else 0.1
    return [round(i * step, 1) for i in range(round(top / step) + 1)]


def draw_releases(releases: Sequence[Release], points: Sequence[ReleaseMode], *, top: float) -> ReleaseDrawing:
    """Draw how often the images of a failure mode fail in each release; `top` is the upper end of the axis."""
    places = {release.release: i for i, release in enumerate(releases)}
    drawn: list[tuple[int, ReleasePoint]] = []
    for point in points:
        if point.rate is None or point.release not in places:
            continue
        place, rate = places[point.release], point.rate
        said = f"{percent(rate.value)} fail ({interval(rate.low, rate.high)})"
        drawn.append(
            (
                place,
                ReleasePoint(
                    x=_x(place, len(releases)),
                    y=_y(rate.value, 0.0, top),
                    low=_y(rate.low, 0.0, top),
                    high=_y(rate.high, 0.0, top),
                    is_filled=point.is_verified,
                    words=f"{releases[place].name}: {said}{'' if point.is_verified else ', not verified there'}",
                ),
            )
        )
    return _drawing(releases, drawn, bottom=0.0, top=top)


def draw_accuracy(releases: Sequence[Release]) -> ReleaseDrawing:
    """Draw the accuracy of each release, on an axis of its own."""
    shares = [right_share(release.failures) for release in releases]
    low = min((share.low if share.low is not None else share.value or 0.0) for share in shares)
    bottom = max(0.0, int(low * 10) / 10)
    drawn = [
        (
            place,
            ReleasePoint(
                x=_x(place, len(releases)),
                y=_y(share.value, bottom, 1.0),
                low=_y(share.low if share.low is not None else share.value, bottom, 1.0),
                high=_y(share.high if share.high is not None else share.value, bottom, 1.0),
                is_filled=True,
                words=f"{release.name}: {percent(share.value, is_rest=True)} right ({ratio(share.k, share.n)})",
            ),
        )
        for place, (release, share) in enumerate(zip(releases, shares, strict=True))
        if share.value is not None
    ]
    return _drawing(releases, drawn, bottom=bottom, top=1.0)


def right_share(failures: Share) -> Share:
    """Return the share of images that are right from the share that fail, with its interval."""
    k = None if failures.k is None or failures.n is None else failures.n - failures.k
    low, high = (None if end is None else 1 - end for end in (failures.high, failures.low))
    return Share(k, failures.n, low, high)


def _drawing(
    releases: Sequence[Release], drawn: Sequence[tuple[int, ReleasePoint]], *, bottom: float, top: float
) -> ReleaseDrawing:
    lines: list[list[str]] = []
    before = -2
    for place, point in drawn:
        if place != before + 1:  # a release without a rate leaves a gap
            lines.append([])
        lines[-1].append(f"{point.x},{point.y}")
        before = place
    n = len(releases)
    return ReleaseDrawing(
        points=tuple(point for _, point in drawn),
        lines=tuple(" ".join(line) for line in lines if len(line) > 1),
        x_ticks=(
            (_x(0, n) - 8, _last_letters(releases[0].name), "start"),
            (_x(n - 1, n) + 8, _last_letters(releases[-1].name), "end"),
        ),
        y_ticks=tuple(
            (_y(value, bottom, top), percent(value, decimals=0)) for value in (bottom, (bottom + top) / 2, top)
        ),
    )


def _last_letters(name: str) -> str:
    """Shorten the name of a release from its beginning: names of one series differ at the end."""
    return name if len(name) <= _TICK_LETTERS else f"…{name[1 - _TICK_LETTERS :]}"


def _x(place: int, n: int) -> float:
    inside = WIDTH - _SIDE - 6 - 20
    return round(_SIDE + 10 + place / (n - 1) * inside, 1)


def _y(rate: float | None, bottom: float, top: float) -> float:
    share = ((rate or 0.0) - bottom) / (top - bottom)
    return round(HEIGHT - _FLOOR - min(max(share, 0.0), 1.0) * (HEIGHT - _FLOOR - _CEILING), 1)
