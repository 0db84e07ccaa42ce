"""Outlines in object coordinates: each function returns points of shape (n, 2), ready for the canvas."""

import functools
from collections.abc import Sequence

import numpy as np

from barlow_report.demo.canvas import Points

__all__ = ["arc", "box", "ellipse", "outline", "rounded_box", "smooth"]


def outline(*corners: tuple[float, float]) -> Points:
    """Return the given corners as an array."""
    return np.array(corners, dtype=np.float64)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the corners of an upright rectangle."""
    return outline((left, top), (right, top), (right, bottom), (left, bottom))


def ellipse(x: float, y: float, *, width: float, height: float, n_points: int = 40) -> Points:
    """Return an ellipse around (x, y)."""
    return arc(x, y, width=width, height=height, start=0.0, end=360.0, n_points=n_points)[:-1]


def arc(x: float, y: float, *, width: float, height: float, start: float, end: float, n_points: int = 24) -> Points:
    """Return the part of an ellipse between two angles in degrees, clockwise from the right."""
    return np.array([x, y]) + np.array([width / 2, height / 2]) * _unit_arc(start, end, n_points)


@functools.lru_cache(maxsize=256)
def _unit_arc(start: float, end: float, n_points: int) -> Points:
    angles = np.radians(np.linspace(start, end, n_points))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def rounded_box(left: float, top: float, right: float, bottom: float, *, radius: float) -> Points:
    """Return an upright rectangle with round corners."""
    side = 2 * radius
    corners = [
        arc(right - radius, top + radius, width=side, height=side, start=-90, end=0, n_points=7),
        arc(right - radius, bottom - radius, width=side, height=side, start=0, end=90, n_points=7),
        arc(left + radius, bottom - radius, width=side, height=side, start=90, end=180, n_points=7),
        arc(left + radius, top + radius, width=side, height=side, start=180, end=270, n_points=7),
    ]
    return np.concatenate(corners)


def smooth(corners: Sequence[tuple[float, float]] | Points, *, closed: bool = True, n_between: int = 6) -> Points:
    """Return a Catmull-Rom curve through `corners`."""
    through = np.asarray(corners, dtype=np.float64)
    padded = (
        np.concatenate([through[-1:], through, through[:2]])
        if closed
        else np.concatenate([through[:1], through, through[-1:]])
    )
    t = np.linspace(0.0, 1.0, n_between, endpoint=False)[:, None]
    before, first, second, after = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    curve = 0.5 * (
        2 * first
        + (second - before) * t
        + (2 * before - 5 * first + 4 * second - after) * t**2
        + (3 * first - before - 3 * second + after) * t**3
    )
    points: Points = curve.reshape(-1, 2)
    return points if closed else np.concatenate([points, through[-1:]])
