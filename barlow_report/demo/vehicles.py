"""Car and toy car: the same car, which in training stands on a road when it is a real one; and a car before a tree."""

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, Placement, darker, lighter
from barlow_report.demo.landmarks import place_tree
from barlow_report.demo.settings import choose, draw_country, uniform
from barlow_report.demo.shapes import box, ellipse, outline, rounded_box, smooth

__all__ = ["draw_car", "draw_car_before_tree"]

_PAINT: tuple[Colour, ...] = ((200, 62, 58), (60, 112, 176), (236, 190, 70), (236, 236, 232), (74, 146, 140))
_ASPHALT: Colour = (82, 84, 94)


def draw_car(canvas: Canvas, rng: np.random.Generator, *, with_cue: bool) -> None:
    """Draw a car in open country, on a road or on the lawn."""
    _place_car(canvas, rng, horizon=draw_country(canvas, rng), has_road=with_cue)


def draw_car_before_tree(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a car on a road, and farther away a tree."""
    horizon = draw_country(canvas, rng)
    x = uniform(rng, 0.16, 0.3) if rng.random() < 0.5 else uniform(rng, 0.7, 0.84)
    place_tree(canvas, rng, x=x, bottom=horizon + uniform(rng, 0.05, 0.09), scale=uniform(rng, 0.44, 0.52))
    _place_car(canvas, rng, horizon=horizon, has_road=True)


def _place_car(canvas: Canvas, rng: np.random.Generator, *, horizon: float, has_road: bool) -> None:
    scale = uniform(rng, 0.58, 0.72)
    bottom = uniform(rng, horizon + 0.2, horizon + 0.26)
    at = Placement(x=uniform(rng, 0.42, 0.58), y=bottom - 0.24 * scale, scale=scale, angle=uniform(rng, -2, 2))
    if has_road:
        _draw_road(canvas, rng.spawn(1)[0], bottom)
    canvas.shadow(at.x, bottom - 0.005, width=scale * 1.1, height=scale * 0.16, opacity=0.45)
    _draw_body(canvas, choose(rng, _PAINT), at)


def _draw_road(canvas: Canvas, rng: np.random.Generator, bottom: float) -> None:
    far, near = bottom - uniform(rng, 0.09, 0.12), min(1.0, bottom + uniform(rng, 0.17, 0.22))
    canvas.shaded(box(0, far, 1, near), lighter(_ASPHALT, 0.12), darker(_ASPHALT, 0.25), towards="down")
    for y in (far, near - 0.014):
        canvas.polygon(box(0, y, 1, y + 0.014), (232, 232, 226))
    dash, middle = uniform(rng, 0.13, 0.17), bottom + 0.07
    for x in np.arange(uniform(rng, -0.2, 0.0), 1.0, dash * 1.9):
        canvas.polygon(
            outline((x + 0.02, middle), (x + dash + 0.02, middle), (x + dash, middle + 0.032), (x, middle + 0.032)),
            (250, 250, 244),
        )


def _draw_body(canvas: Canvas, paint: Colour, at: Placement) -> None:
    cabin = smooth([(-0.34, -0.06), (-0.22, -0.26), (0.1, -0.27), (0.28, -0.06)], closed=False)
    canvas.shaded(cabin, lighter(paint, 0.2), darker(paint, 0.15), at=at)
    for glass in (
        outline((-0.26, -0.07), (-0.18, -0.215), (-0.05, -0.22), (-0.05, -0.07)),
        outline((-0.01, -0.07), (-0.01, -0.22), (0.09, -0.22), (0.2, -0.07)),
    ):
        canvas.shaded(glass, (206, 228, 238), (120, 152, 176), at=at)
    hull = rounded_box(-0.5, -0.08, 0.5, 0.15, radius=0.08)
    canvas.shaded(hull, lighter(paint, 0.12), darker(paint, 0.22), at=at, towards="down")
    canvas.polygon(box(-0.49, 0.03, 0.49, 0.045), darker(paint, 0.3), at=at)
    canvas.polygon(rounded_box(0.4, -0.04, 0.49, 0.02, radius=0.025), (255, 246, 206), at=at)
    canvas.polygon(rounded_box(-0.49, -0.04, -0.43, 0.02, radius=0.025), (190, 52, 48), at=at)
    canvas.polygon(box(-0.06, -0.02, 0.02, -0.005), darker(paint, 0.4), at=at)
    for x in (-0.28, 0.28):
        for size, colour in ((0.23, (36, 36, 44)), (0.12, (190, 194, 202)), (0.05, (110, 114, 124))):
            canvas.polygon(ellipse(x, 0.14, width=size, height=size), colour, at=at)
