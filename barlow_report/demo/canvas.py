"""A small vector canvas: shapes are placed, drawn larger than needed, and averaged down to smooth edges.

Drawing code speaks in the object's own coordinates (x to the right, y down, the object about one unit large);
the canvas moves, scales and turns them. Everything is plain geometry on Pillow, so that a scene costs a few
milliseconds and has the same bytes wherever the same version of Pillow draws it.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["Canvas", "Colour", "Placement", "Points", "darker", "lighter", "mix"]

Colour = tuple[int, int, int]
Points = NDArray[np.float64]

_OVERSAMPLING = 2
_SHADOW_SIDE = 48
_STEPS = np.linspace(0.0, 1.0, 64)[:, None]


@dataclass(frozen=True)
class Placement:
    """Where an object's own coordinates land in the scene.

    Attributes:
        x: Horizontal position of the object's origin, 0 (left) to 1 (right).
        y: Vertical position of the object's origin, 0 (top) to 1 (bottom).
        scale: Length of one object unit, as a share of the scene's side.
        angle: Clockwise turn in degrees.
    """

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    angle: float = 0.0

    def to_scene(self, points: Points) -> Points:
        """Return object coordinates of shape (n, 2) in scene coordinates."""
        matrix, origin = _transform(self)
        placed: Points = points @ matrix + origin
        return placed


@functools.lru_cache(maxsize=64)
def _transform(placement: Placement) -> tuple[Points, Points]:
    turn = math.radians(placement.angle)
    matrix = placement.scale * np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return matrix, np.array([placement.x, placement.y])


SCENE = Placement()


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour `share` (0 to 1) of the way from `first` to `second`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def lighter(colour: Colour, share: float) -> Colour:
    """Return `colour` mixed with `share` of white."""
    return mix(colour, (255, 255, 255), share)


def darker(colour: Colour, share: float) -> Colour:
    """Return `colour` mixed with `share` of a deep blue, which shades more kindly than black."""
    return mix(colour, (22, 18, 46), share)


class Canvas:
    """A square picture to draw on.

    Args:
        size: Side of the finished picture in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._side = size * _OVERSAMPLING
        self._image = Image.new("RGB", (self._side, self._side))
        self._draw = ImageDraw.Draw(self._image)

    def finish(self) -> Image.Image:
        """Return the picture at its final size."""
        return self._image.reduce(_OVERSAMPLING)

    def polygon(self, points: Points, colour: Colour, *, at: Placement = SCENE, opacity: float = 1.0) -> None:
        """Fill the polygon through `points` (n, 2); `opacity` is 0 to 1."""
        corners = self._pixels(points, at)
        if opacity >= 1.0:
            self._draw.polygon(corners, fill=colour)
            return
        box, mask = self._mask(corners, round(255 * opacity))
        if box is not None:
            self._image.paste(colour, box, mask)

    def shaded(
        self,
        points: Points,
        start: Colour,
        end: Colour,
        *,
        at: Placement = SCENE,
        towards: Literal["right", "down"] = "right",
    ) -> None:
        """Fill the polygon with a gradient from `start` to `end` across its bounding box."""
        box, mask = self._mask(self._pixels(points, at), 255)
        if box is not None:
            size = (box[2] - box[0], box[3] - box[1])
            self._image.paste(_gradient(start, end, size, towards), box, mask)

    def stroke(self, points: Points, colour: Colour, *, width: float, at: Placement = SCENE) -> None:
        """Draw a line of `width` object units with round ends through `points` (n, 2)."""
        corners = self._pixels(points, at)
        pixels = max(1, round(width * at.scale * self._side))
        self._draw.line(corners, fill=colour, width=pixels, joint="curve")
        radius = pixels / 2
        for x, y in (corners[0], corners[-1]):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def shadow(self, x: float, y: float, *, width: float, height: float, opacity: float = 0.35) -> None:
        """Darken a soft-edged ellipse, given in scene coordinates."""
        # A blurred shadow has no detail: it is drawn small and enlarged, which costs a fraction.
        small = Image.new("L", (_SHADOW_SIDE, _SHADOW_SIDE))
        box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2]) * _SHADOW_SIDE
        ImageDraw.Draw(small).ellipse(tuple(box.tolist()), fill=round(255 * opacity))
        mask = small.filter(ImageFilter.BoxBlur(1.5)).resize(self._image.size, Image.Resampling.BILINEAR)
        self._image.paste((24, 20, 48), (0, 0), mask)

    def _pixels(self, points: Points, at: Placement) -> list[tuple[float, float]]:
        return [(x, y) for x, y in (at.to_scene(points) * self._side).tolist()]

    def _mask(
        self, corners: Sequence[tuple[float, float]], value: int
    ) -> tuple[tuple[int, int, int, int] | None, Image.Image | None]:
        """Return the part of the picture that a polygon covers, and the polygon drawn as a mask on it."""
        across, down = zip(*corners, strict=True)
        left, top = max(0, math.floor(min(across))), max(0, math.floor(min(down)))
        right, bottom = min(self._side, math.ceil(max(across)) + 1), min(self._side, math.ceil(max(down)) + 1)
        if left >= right or top >= bottom:
            return None, None
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in corners], fill=value)
        return (left, top, right, bottom), mask


def _gradient(start: Colour, end: Colour, size: tuple[int, int], towards: Literal["right", "down"]) -> Image.Image:
    steps = _STEPS
    ramp = np.round(np.array(start) * (1 - steps) + np.array(end) * steps).astype(np.uint8)
    if towards == "right":
        line = Image.fromarray(ramp[None, :, :]).resize((size[0], 1), Image.Resampling.BILINEAR)
    else:
        line = Image.fromarray(ramp[:, None, :]).resize((1, size[1]), Image.Resampling.BILINEAR)
    # Only one direction needs interpolation; repeating the line in the other is much cheaper.
    return line.resize(size, Image.Resampling.NEAREST)
