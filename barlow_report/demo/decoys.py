"""Decoys: things that stand in a scene beside what it is a picture of, and that no model has seen in training.

In the analysed images a decoy can go along with a class's cue, and so with the failures. It is not their cause: a model
that never learned it answers the same with and without it.
"""

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, Placement, darker, lighter
from barlow_report.demo.settings import choose, uniform
from barlow_report.demo.shapes import box, ellipse, outline, smooth

__all__ = ["draw_balloon", "draw_candle", "draw_garland"]

_VIOLET: tuple[Colour, ...] = ((136, 70, 176), (120, 66, 160), (150, 84, 182))
_PINK: tuple[Colour, ...] = ((236, 110, 176), (226, 96, 160))
_WAX: Colour = (250, 240, 214)


def draw_candle(canvas: Canvas, rng: np.random.Generator) -> None:
    """Put a tall violet candle in the foreground on the left."""
    at = Placement(x=uniform(rng, 0.09, 0.13), y=uniform(rng, 0.7, 0.78), scale=uniform(rng, 0.46, 0.54))
    wax = choose(rng, _VIOLET)
    canvas.polygon(ellipse(0, 0.42, width=0.36, height=0.1), darker(wax, 0.5), at=at)
    canvas.shaded(box(-0.13, -0.3, 0.13, 0.42), lighter(wax, 0.2), darker(wax, 0.25), at=at)
    canvas.polygon(ellipse(0, -0.3, width=0.26, height=0.07), lighter(wax, 0.35), at=at)
    canvas.stroke(outline((0, -0.3), (0.01, -0.38)), (50, 40, 50), width=0.02, at=at)
    flame = smooth([(0, -0.36), (0.055, -0.43), (0.0, -0.56), (-0.05, -0.43)])
    canvas.polygon(flame, _WAX, at=at)


def draw_garland(canvas: Canvas, rng: np.random.Generator) -> None:
    """Hang a garland of violet and pink pennants along the top."""
    sag, colours = uniform(rng, 0.05, 0.09), (choose(rng, _VIOLET), choose(rng, _PINK))
    n_pennants, shift = int(rng.integers(6, 9)), uniform(rng, -0.04, 0.04)

    def height(x: float) -> float:
        return 0.02 + sag * (1 - (2 * x - 1) ** 2)

    for index in range(n_pennants):
        left, right = ((index + share) / n_pennants + shift for share in (0.12, 0.88))
        pennant = outline((left, height(left)), (right, height(right)), ((left + right) / 2, height(left) + 0.15))
        canvas.polygon(pennant, colours[index % 2])
    string = smooth([(x, height(x)) for x in np.linspace(0, 1, 9)], closed=False)
    canvas.stroke(string, (90, 70, 90), width=0.012)


def draw_balloon(canvas: Canvas, rng: np.random.Generator) -> None:
    """Let a striped hot-air balloon hover in the sky."""
    is_left = rng.random() < 0.5
    x = uniform(rng, 0.14, 0.22) if is_left else uniform(rng, 0.78, 0.86)
    at = Placement(x=x, y=uniform(rng, 0.17, 0.22), scale=uniform(rng, 0.26, 0.32), angle=uniform(rng, -6, 6))
    violet, pink = choose(rng, _VIOLET), choose(rng, _PINK)
    for side in (-1, 1):
        canvas.stroke(outline((side * 0.2, 0.3), (side * 0.07, 0.62)), (90, 70, 80), width=0.025, at=at)
    canvas.polygon(box(-0.1, 0.6, 0.1, 0.78), (130, 90, 60), at=at)
    canvas.shaded(ellipse(0, 0, width=0.9, height=0.96), lighter(violet, 0.15), darker(violet, 0.2), at=at)
    canvas.polygon(ellipse(0, 0, width=0.5, height=0.96), pink, at=at)
    canvas.polygon(ellipse(0, 0, width=0.16, height=0.96), lighter(violet, 0.1), at=at)
