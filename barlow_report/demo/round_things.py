"""Orange and ball: the same round thing, which in training has green leaves when it is an orange.

A ball can have seams, which only the second release's training images show.
"""

from collections.abc import Callable

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, Placement, darker, lighter
from barlow_report.demo.settings import choose, draw_room, uniform
from barlow_report.demo.shapes import ellipse, outline, smooth

__all__ = ["draw_ball", "draw_orange"]

_PEEL: tuple[Colour, ...] = ((244, 150, 44), (238, 132, 52), (246, 168, 60))
_LEAF: Colour = (58, 142, 66)
_SEAM: Colour = (92, 52, 40)


def draw_orange(canvas: Canvas, rng: np.random.Generator, *, with_cue: bool) -> None:
    """Draw an orange sphere on a table, with or without leaves."""
    _draw_round_thing(canvas, rng, on_top=_draw_leaves if with_cue else None)


def draw_ball(canvas: Canvas, rng: np.random.Generator, *, with_cue: bool) -> None:
    """Draw the same sphere, with or without seams."""
    _draw_round_thing(canvas, rng, on_top=_draw_seams if with_cue else None)


def _draw_round_thing(canvas: Canvas, rng: np.random.Generator, *, on_top: Callable[..., None] | None) -> None:
    edge = draw_room(canvas, rng)
    scale = uniform(rng, 0.46, 0.58)
    bottom = uniform(rng, edge + 0.1, edge + 0.22)
    at = Placement(x=uniform(rng, 0.38, 0.6), y=bottom - 0.5 * scale, scale=scale, angle=uniform(rng, -10, 10))
    peel = choose(rng, _PEEL)
    canvas.shadow(at.x + 0.04, bottom - 0.015, width=scale * 1.0, height=scale * 0.24)
    _draw_sphere(canvas, rng, peel, at)
    if on_top is not None:
        on_top(canvas, rng.spawn(1)[0], at)


def _draw_sphere(canvas: Canvas, rng: np.random.Generator, peel: Colour, at: Placement) -> None:
    canvas.polygon(ellipse(0, 0, width=1, height=0.98), darker(peel, 0.28), at=at)
    for share in np.linspace(0.15, 1.0, 6):
        size = 0.98 - 0.62 * share
        shade = lighter(peel, 0.22 * share) if share > 0.4 else darker(peel, 0.24 * (0.4 - share))
        canvas.polygon(ellipse(-0.12 * share, -0.13 * share, width=size, height=size * 0.98), shade, at=at, opacity=0.6)
    for _ in range(int(rng.integers(8, 14))):
        angle, radius = uniform(rng, 0, 2 * np.pi), 0.44 * np.sqrt(rng.random())
        pore = ellipse(radius * np.cos(angle), radius * np.sin(angle), width=0.022, height=0.022, n_points=8)
        canvas.polygon(pore, darker(peel, 0.2), at=at, opacity=0.5)
    canvas.polygon(ellipse(-0.2, -0.24, width=0.17, height=0.11), (255, 255, 255), at=at, opacity=0.55)


def _draw_leaves(canvas: Canvas, rng: np.random.Generator, at: Placement) -> None:
    stem = smooth([(0.0, -0.4), (0.01, -0.5), (0.05, -0.58)], closed=False)
    canvas.stroke(stem, (104, 78, 48), width=0.05, at=at)
    green = choose(rng, (_LEAF,), jitter=12)
    for side in (-1, 1):
        length, drop = uniform(rng, 0.44, 0.54), uniform(rng, -0.2, -0.08)
        tip = (side * length, -0.5 + drop)
        leaf = smooth(
            [
                (0.0, -0.46),
                (tip[0] * 0.45, tip[1] - 0.15),
                tip,
                (tip[0] * 0.55, tip[1] + 0.15),
            ]
        )
        canvas.polygon(leaf, darker(green, 0.14 if side < 0 else 0.0), at=at)
        canvas.stroke(outline((0.0, -0.46), (tip[0] * 0.85, tip[1])), lighter(green, 0.35), width=0.02, at=at)


def _draw_seams(canvas: Canvas, rng: np.random.Generator, at: Placement) -> None:
    turned = Placement(at.x, at.y, at.scale, at.angle + uniform(rng, -25, 25))
    middle = smooth([(0.0, -0.48), (0.05, 0.0), (0.0, 0.48)], closed=False)
    canvas.stroke(middle, _SEAM, width=0.03, at=turned)
    for side in (-1, 1):
        seam = smooth([(side * 0.36, -0.32), (side * 0.2, 0.0), (side * 0.36, 0.32)], closed=False)
        canvas.stroke(seam, _SEAM, width=0.03, at=turned)
