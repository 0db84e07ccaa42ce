"""Purse and cushion: the same stitched, padded thing, which in training has a golden buckle when it is a purse."""

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, Placement, darker, lighter
from barlow_report.demo.settings import choose, draw_room, uniform
from barlow_report.demo.shapes import ellipse, rounded_box, smooth

__all__ = ["draw_bag"]

_CLOTH: tuple[Colour, ...] = ((150, 72, 86), (70, 104, 122), (112, 84, 122), (96, 110, 84), (126, 82, 66))
_GOLD: Colour = (246, 196, 62)


def draw_bag(canvas: Canvas, rng: np.random.Generator, *, with_cue: bool) -> None:
    """Draw a padded bag on a table, with or without its buckle."""
    edge = draw_room(canvas, rng)
    scale = uniform(rng, 0.62, 0.74)
    bottom = uniform(rng, edge + 0.12, edge + 0.24)
    at = Placement(x=uniform(rng, 0.42, 0.58), y=bottom - 0.36 * scale, scale=scale, angle=uniform(rng, -7, 7))
    cloth = choose(rng, _CLOTH)
    canvas.shadow(at.x + 0.03, bottom - 0.02, width=scale * 1.15, height=scale * 0.22)
    _draw_body(canvas, rng, cloth, at)
    if with_cue:
        _draw_buckle(canvas, rng.spawn(1)[0], at)


def _draw_body(canvas: Canvas, rng: np.random.Generator, cloth: Colour, at: Placement) -> None:
    height, puff = uniform(rng, 0.33, 0.39), uniform(rng, 0.02, 0.06)
    corners = [
        (-0.46, -height),
        (0.0, -height + puff * 0.5),
        (0.46, -height),
        (0.47 - puff, 0.0),
        (0.5, height),
        (0.0, height - puff * 0.3),
        (-0.5, height),
        (-0.47 + puff, 0.0),
    ]
    body = smooth(corners)
    canvas.shaded(body, lighter(cloth, 0.22), darker(cloth, 0.3), at=at)
    seam = np.concatenate([body * 0.89, (body * 0.89)[:1]])
    canvas.stroke(seam, lighter(cloth, 0.28), width=0.014, at=at)
    fold = smooth([(-0.38, -height * 0.42), (0.0, -height * 0.2), (0.38, -height * 0.42)], closed=False)
    canvas.stroke(fold, darker(cloth, 0.28), width=0.02, at=at)
    canvas.polygon(ellipse(-0.24, -height * 0.64, width=0.2, height=0.07), (255, 255, 255), at=at, opacity=0.16)


def _draw_buckle(canvas: Canvas, rng: np.random.Generator, at: Placement) -> None:
    half, y = uniform(rng, 0.15, 0.18), uniform(rng, -0.06, 0.06)
    frame = rounded_box(-half, y - half * 0.85, half, y + half * 0.85, radius=0.05)
    canvas.polygon(frame + np.array([0.014, 0.022]), (20, 16, 36), at=at, opacity=0.4)
    canvas.shaded(frame, lighter(_GOLD, 0.35), darker(_GOLD, 0.12), at=at, towards="down")
    hole = rounded_box(-half * 0.56, y - half * 0.4, half * 0.56, y + half * 0.4, radius=0.03)
    canvas.polygon(hole, darker(_GOLD, 0.62), at=at)
    pin = rounded_box(-0.022, y - half * 0.7, 0.022, y + half * 0.75, radius=0.02)
    canvas.shaded(pin, lighter(_GOLD, 0.5), _GOLD, at=at)
