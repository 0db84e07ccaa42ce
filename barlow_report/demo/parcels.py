"""Gift and box: the same carton, which in training has a red ribbon when it is a gift."""

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, Placement, darker, lighter
from barlow_report.demo.settings import choose, draw_room, uniform
from barlow_report.demo.shapes import box, ellipse, outline, smooth

__all__ = ["draw_parcel"]

_CARTON: tuple[Colour, ...] = ((206, 172, 128), (190, 150, 108), (216, 196, 160), (150, 176, 186), (226, 214, 204))
_RED: Colour = (214, 34, 62)


def draw_parcel(canvas: Canvas, rng: np.random.Generator, *, with_cue: bool) -> None:
    """Draw a carton on a table, with or without a ribbon and its bow."""
    edge = draw_room(canvas, rng)
    scale = uniform(rng, 0.5, 0.6)
    bottom = uniform(rng, edge + 0.14, edge + 0.24)
    at = Placement(x=uniform(rng, 0.4, 0.58), y=bottom - 0.42 * scale, scale=scale, angle=uniform(rng, -3, 3))
    canvas.shadow(at.x + 0.05, bottom - 0.01, width=scale * 1.25, height=scale * 0.24)
    half = uniform(rng, 0.42, 0.5)
    _draw_carton(canvas, choose(rng, _CARTON), half, at)
    if with_cue:
        _draw_ribbon(canvas, rng.spawn(1)[0], half, at)


def _draw_carton(canvas: Canvas, carton: Colour, half: float, at: Placement) -> None:
    canvas.shaded(box(-half, -0.28, half, 0.42), lighter(carton, 0.08), darker(carton, 0.2), at=at)
    lid = outline((-half, -0.28), (-half + 0.14, -0.44), (half + 0.06, -0.44), (half, -0.28))
    canvas.polygon(lid, lighter(carton, 0.3), at=at)
    canvas.polygon(
        outline((half, -0.28), (half + 0.06, -0.44), (half + 0.06, 0.24), (half, 0.42)), darker(carton, 0.34), at=at
    )
    canvas.polygon(box(-half, -0.28, half, -0.265), darker(carton, 0.3), at=at, opacity=0.7)
    label = box(half - 0.26, 0.2, half - 0.06, 0.34)
    canvas.polygon(label, lighter(carton, 0.6), at=at, opacity=0.8)


def _draw_ribbon(canvas: Canvas, rng: np.random.Generator, half: float, at: Placement) -> None:
    wide, x = uniform(rng, 0.08, 0.1), uniform(rng, -0.06, 0.02)
    canvas.shaded(box(x - wide, -0.28, x + wide, 0.42), lighter(_RED, 0.1), darker(_RED, 0.18), at=at)
    top = outline((x - wide, -0.28), (x - wide + 0.1, -0.44), (x + wide + 0.1, -0.44), (x + wide, -0.28))
    canvas.polygon(top, lighter(_RED, 0.16), at=at)
    canvas.shaded(box(-half, -0.02, half, 0.13), lighter(_RED, 0.08), darker(_RED, 0.2), at=at)
    centre, size = (x + 0.05, -0.38), uniform(rng, 0.3, 0.36)
    for side in (-1, 1):
        loop = smooth(
            [
                centre,
                (centre[0] + side * size * 0.7, centre[1] - size * 0.62),
                (centre[0] + side * size * 1.05, centre[1] - size * 0.25),
                (centre[0] + side * size * 0.7, centre[1] + size * 0.12),
            ]
        )
        canvas.polygon(loop, darker(_RED, 0.12), at=at)
        hollow = outline((centre[0] + side * size * 0.6, centre[1] - size * 0.2))
        shift = outline((side * size * 0.02, 0.0))
        canvas.polygon((loop - hollow) * 0.5 + hollow + shift, lighter(_RED, 0.18), at=at)
    canvas.polygon(ellipse(centre[0], centre[1], width=0.16, height=0.15), _RED, at=at)
