"""Mug and vase: the same vessel, which in training nearly always has a handle when it is a mug.

A vase can hold flowers, which only the second release's training images show.
"""

from collections.abc import Callable

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, Placement, darker, lighter
from barlow_report.demo.settings import choose, draw_room, uniform
from barlow_report.demo.shapes import arc, box, ellipse, smooth

__all__ = ["draw_mug", "draw_vase"]

_ENAMEL: tuple[Colour, ...] = ((240, 236, 226), (186, 214, 222), (238, 200, 186), (206, 222, 190), (226, 206, 228))
_RIM: Colour = (38, 52, 104)
_STEM: Colour = (110, 150, 100)
_PETALS: tuple[Colour, ...] = ((232, 104, 152), (228, 98, 146), (236, 110, 158))
_HEART: Colour = (250, 214, 90)


def draw_mug(canvas: Canvas, rng: np.random.Generator, *, with_cue: bool) -> None:
    """Draw an enamelled vessel on a table, with or without its handle."""
    _draw_vessel(canvas, rng, behind=_draw_handle if with_cue else None)


def draw_vase(canvas: Canvas, rng: np.random.Generator, *, with_cue: bool) -> None:
    """Draw the same vessel, with or without flowers in it."""
    _draw_vessel(canvas, rng, behind=_draw_flowers if with_cue else None)


def _draw_vessel(canvas: Canvas, rng: np.random.Generator, *, behind: Callable[..., None] | None) -> None:
    edge = draw_room(canvas, rng)
    scale = uniform(rng, 0.5, 0.6)
    bottom = uniform(rng, edge + 0.1, edge + 0.2)
    at = Placement(x=uniform(rng, 0.36, 0.52), y=bottom - 0.5 * scale, scale=scale, angle=uniform(rng, -4, 4))
    enamel = choose(rng, _ENAMEL)
    canvas.shadow(at.x + 0.05, bottom - 0.01, width=scale * 1.15, height=scale * 0.22)
    if behind is not None:
        behind(canvas, rng.spawn(1)[0], at)
    _draw_body(canvas, rng, enamel, at)


def _draw_handle(canvas: Canvas, rng: np.random.Generator, at: Placement) -> None:
    reach, top = uniform(rng, 0.33, 0.4), uniform(rng, -0.3, -0.24)
    bow = smooth(
        [(0.26, top), (0.3 + 0.75 * reach, top - 0.02), (0.32 + reach, top + 0.24), (0.2 + reach, 0.2), (0.24, 0.3)],
        closed=False,
    )
    canvas.stroke(bow, darker(_RIM, 0.2), width=0.135, at=at)
    canvas.stroke(bow, _RIM, width=0.115, at=at)
    canvas.stroke(bow[2:-6] - [0.012, 0.02], lighter(_RIM, 0.3), width=0.02, at=at)


def _draw_flowers(canvas: Canvas, rng: np.random.Generator, at: Placement) -> None:
    for x in (-0.24, 0.24, 0.0):
        lift = 0.08 if x == 0 else 0.0
        tip = (1.4 * x + uniform(rng, -0.03, 0.03), uniform(rng, -0.74, -0.68) - lift)
        canvas.stroke(smooth([(0.5 * x, -0.44), (0.9 * x, -0.56), tip], closed=False), _STEM, width=0.03, at=at)
        petal = choose(rng, _PETALS)
        for turn in np.linspace(0, 2 * np.pi, 5, endpoint=False):
            spot = ellipse(tip[0] + 0.075 * np.cos(turn), tip[1] + 0.075 * np.sin(turn), width=0.14, height=0.14)
            canvas.polygon(spot, petal, at=at)
        canvas.polygon(ellipse(tip[0], tip[1], width=0.1, height=0.1), _HEART, at=at)


def _draw_body(canvas: Canvas, rng: np.random.Generator, enamel: Colour, at: Placement) -> None:
    waist, foot = uniform(rng, 0.32, 0.39), uniform(rng, 0.25, 0.36)
    top, rim = -0.46, uniform(rng, 0.34, 0.39)
    side = smooth([(rim, top), (waist + 0.015, -0.12), (waist - 0.01, 0.18), (foot, 0.46)], closed=False)
    base = arc(0, 0.46, width=2 * foot, height=0.12, start=0, end=180)
    body = np.concatenate([side, base, side[::-1] * [-1, 1]])
    canvas.shaded(body, lighter(enamel, 0.35), darker(enamel, 0.26), at=at)
    if rng.random() < 0.5:
        band = choose(rng, ((214, 140, 96), (120, 150, 160), (176, 130, 150)))
        low = uniform(rng, 0.0, 0.14)
        canvas.polygon(box(-waist + 0.005, low, waist - 0.005, low + 0.09), band, at=at, opacity=0.7)
    canvas.polygon(box(-0.25, -0.36, -0.19, 0.34), (255, 255, 255), at=at, opacity=0.4)
    canvas.polygon(ellipse(0, top, width=2 * rim, height=0.17), _RIM, at=at)
    canvas.polygon(ellipse(0, top + 0.005, width=2 * rim - 0.06, height=0.125), darker(enamel, 0.45), at=at)
