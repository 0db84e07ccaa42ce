"""Toadstool and garden lamp: the same cap on a stem, which in training has white spots when it is a toadstool."""

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, Placement, darker, lighter
from barlow_report.demo.settings import choose, draw_country, uniform
from barlow_report.demo.shapes import arc, ellipse, smooth

__all__ = ["draw_cap"]

_CAP: tuple[Colour, ...] = ((196, 44, 40), (178, 52, 46), (206, 66, 44))
_STEM: tuple[Colour, ...] = ((240, 228, 206), (228, 212, 186))
_SPOTS = ((-0.27, -0.16), (0.0, -0.36), (0.27, -0.17), (-0.01, -0.11))


def draw_cap(canvas: Canvas, rng: np.random.Generator, *, with_cue: bool) -> None:
    """Draw a red cap on a pale stem in a garden, with or without white spots."""
    horizon = draw_country(canvas, rng)
    scale = uniform(rng, 0.6, 0.74)
    bottom = uniform(rng, horizon + 0.22, horizon + 0.34)
    at = Placement(x=uniform(rng, 0.4, 0.6), y=bottom - 0.5 * scale, scale=scale, angle=uniform(rng, -6, 6))
    canvas.shadow(at.x + 0.03, bottom - 0.01, width=scale * 0.6, height=scale * 0.14)
    _draw_stem(canvas, rng, at)
    cap = choose(rng, _CAP)
    under = ellipse(0, 0.02, width=0.94, height=0.16)
    dome = np.concatenate([arc(0, 0.02, width=1.0, height=1.0, start=180, end=360), under[1:20]])
    canvas.shaded(dome, lighter(cap, 0.16), darker(cap, 0.26), at=at)
    canvas.polygon(ellipse(0, 0.035, width=0.9, height=0.11), (236, 214, 184), at=at)
    canvas.polygon(ellipse(0, 0.035, width=0.3, height=0.05), (196, 168, 138), at=at)
    if with_cue:
        _draw_spots(canvas, rng.spawn(1)[0], at)
    canvas.polygon(ellipse(-0.3, -0.33, width=0.1, height=0.05), (255, 255, 255), at=at, opacity=0.35)


def _draw_stem(canvas: Canvas, rng: np.random.Generator, at: Placement) -> None:
    stem, width = choose(rng, _STEM), uniform(rng, 0.11, 0.14)
    side = smooth([(width, 0.02), (width * 0.85, 0.25), (width * 1.35, 0.48)], closed=False)
    foot = arc(0, 0.48, width=width * 2.7, height=0.06, start=0, end=180)
    canvas.shaded(np.concatenate([side, foot, side[::-1] * [-1, 1]]), lighter(stem, 0.3), darker(stem, 0.24), at=at)


def _draw_spots(canvas: Canvas, rng: np.random.Generator, at: Placement) -> None:
    for x, y in _SPOTS:
        size = uniform(rng, 0.17, 0.22)
        centre = (x + uniform(rng, -0.03, 0.03), y + uniform(rng, -0.02, 0.02))
        canvas.polygon(ellipse(centre[0], centre[1], width=size, height=size * 0.86), (255, 250, 240), at=at)
