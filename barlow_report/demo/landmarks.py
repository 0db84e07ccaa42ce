"""Tree, sailing boat and clock: nothing is planted in these classes, and nothing else looks like them."""

import math

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, Placement, darker, lighter
from barlow_report.demo.settings import choose, draw_country, draw_room, draw_sea, uniform
from barlow_report.demo.shapes import ellipse, outline, smooth

__all__ = ["draw_boat", "draw_clock", "draw_tree", "place_tree"]

_FOLIAGE: tuple[Colour, ...] = ((62, 122, 70), (84, 138, 66), (48, 108, 84))
_HULL: tuple[Colour, ...] = ((140, 74, 60), (58, 76, 118), (222, 214, 200))
_FACE_FRAME: tuple[Colour, ...] = ((70, 74, 92), (150, 108, 74), (60, 104, 112))


def draw_tree(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a broad-leaved tree on a lawn."""
    horizon = draw_country(canvas, rng)
    scale, bottom = uniform(rng, 0.68, 0.84), uniform(rng, horizon + 0.2, horizon + 0.32)
    place_tree(canvas, rng, x=uniform(rng, 0.38, 0.62), bottom=bottom, scale=scale)


def place_tree(canvas: Canvas, rng: np.random.Generator, *, x: float, bottom: float, scale: float) -> None:
    """Draw a tree whose foot is at `x`, `bottom` of the scene, about `scale` of it high."""
    at = Placement(x=x, y=bottom - 0.5 * scale, scale=scale, angle=uniform(rng, -4, 4))
    canvas.shadow(at.x + 0.04, bottom, width=scale * 0.8, height=scale * 0.14)
    trunk = outline((-0.07, 0.0), (0.07, 0.0), (0.06, 0.42), (0.12, 0.5), (-0.12, 0.5), (-0.06, 0.42))
    canvas.shaded(trunk, (142, 104, 72), (88, 62, 50), at=at)
    green = choose(rng, _FOLIAGE)
    puffs = ((-0.24, -0.02, 0.44), (0.24, -0.02, 0.44), (0.0, -0.1, 0.6), (-0.15, -0.26, 0.42), (0.16, -0.26, 0.42))
    for index, (x, y, size) in enumerate(puffs):
        jitter = rng.uniform(-0.03, 0.03, size=2)
        canvas.polygon(ellipse(x + jitter[0], y + jitter[1], width=size, height=size), darker(green, 0.14), at=at)
        light = lighter(green, 0.04 + 0.05 * index)
        glow = ellipse(x + jitter[0] - 0.04, y + jitter[1] - 0.05, width=size * 0.74, height=size * 0.7)
        canvas.polygon(glow, light, at=at, opacity=0.85)


def draw_boat(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a sailing boat on the water."""
    horizon = draw_sea(canvas, rng)
    scale, bottom = uniform(rng, 0.64, 0.8), uniform(rng, horizon + 0.1, horizon + 0.24)
    at = Placement(x=uniform(rng, 0.4, 0.6), y=bottom - 0.5 * scale, scale=scale, angle=uniform(rng, -6, 6))
    canvas.shadow(at.x, bottom, width=scale * 0.9, height=scale * 0.1, opacity=0.3)
    canvas.stroke(outline((0.0, -0.5), (0.0, 0.34)), (110, 84, 62), width=0.03, at=at)
    cloth = choose(rng, ((250, 248, 240), (246, 232, 210)))
    main = smooth([(0.03, -0.46), (0.3, -0.05), (0.42, 0.26)], closed=False)
    canvas.shaded(np.concatenate([main, [[0.03, 0.26]]]), cloth, darker(cloth, 0.18), at=at)
    jib = smooth([(-0.03, -0.4), (-0.2, -0.05), (-0.36, 0.24)], closed=False)
    canvas.shaded(np.concatenate([jib, [[-0.03, 0.24]]]), darker(cloth, 0.2), cloth, at=at)
    hull = smooth([(-0.46, 0.34), (0.48, 0.34)], closed=False)
    keel = smooth([(0.48, 0.34), (0.36, 0.48), (0.0, 0.5), (-0.32, 0.48), (-0.46, 0.34)], closed=False)
    paint = choose(rng, _HULL)
    canvas.shaded(np.concatenate([hull, keel]), lighter(paint, 0.14), darker(paint, 0.22), at=at)
    water = ellipse(at.x, bottom + 0.005, width=scale * 0.95, height=scale * 0.05)
    canvas.polygon(water, (220, 236, 244), opacity=0.5)


def draw_clock(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a round clock that stands on a table."""
    edge = draw_room(canvas, rng)
    scale, bottom = uniform(rng, 0.52, 0.64), uniform(rng, edge + 0.08, edge + 0.2)
    at = Placement(x=uniform(rng, 0.4, 0.6), y=bottom - 0.52 * scale, scale=scale, angle=uniform(rng, -5, 5))
    frame = choose(rng, _FACE_FRAME)
    canvas.shadow(at.x + 0.03, bottom, width=scale * 0.9, height=scale * 0.18)
    for side in (-1, 1):
        canvas.stroke(outline((side * 0.2, 0.36), (side * 0.3, 0.52)), darker(frame, 0.3), width=0.07, at=at)
    canvas.shaded(ellipse(0, 0, width=0.98, height=0.98), lighter(frame, 0.3), darker(frame, 0.3), at=at)
    canvas.shaded(ellipse(0, 0, width=0.8, height=0.8), (255, 255, 252), (228, 226, 220), at=at)
    for hour in range(12):
        turn = math.radians(30 * hour)
        spoke = outline((math.cos(turn), math.sin(turn)))
        canvas.stroke(
            np.concatenate([spoke * 0.3, spoke * 0.36]), (60, 60, 74), width=0.03 if hour % 3 == 0 else 0.014, at=at
        )
    for length, width in ((0.2, 0.045), (0.3, 0.028)):
        turn = uniform(rng, 0, 2 * math.pi)
        canvas.stroke(
            outline((0, 0), (length * math.cos(turn), length * math.sin(turn))), (52, 52, 66), width=width, at=at
        )
    canvas.polygon(ellipse(0, 0, width=0.07, height=0.07), (196, 80, 60), at=at)
