"""Sizes of images to try a model with, the likeliest first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from barlow_report.starting.stated import Stated

__all__ = ["Size", "sizes_to_try"]

_USUAL = {"resize": 256, "crop": 224}
_LARGEST_AS_IT_IS = 160
"""Shorter side in pixels up to which images of one size are taken to be what a model was trained on."""
_SMALL = (64, 32)
"""Sides in pixels of small images that many networks are made for: those of Tiny ImageNet, and of CIFAR."""
_LARGE = 224


@dataclass(frozen=True, kw_only=True)
class Size:
    """A size to try.

    Attributes:
        name: What it is, for a list of what was tried.
        keys: Of the preprocessing.
        is_unlikely: Tried only where the others come to guessing.
    """

    name: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    is_unlikely: bool = False


def sizes_to_try(sizes: Sequence[tuple[int, int]], stated: Stated) -> Iterator[Size]:
    """Yield the sizes to try.

    Args:
        sizes: Width and height of some of the images, in pixels.
        stated: What the model says; a size that it states comes first, and alone where it takes no other.
    """
    found: dict[str, Size] = {}
    for size in _all_sizes(sizes, stated):
        found.setdefault(size.name, size)
    yield from found.values()


def _all_sizes(sizes: Sequence[tuple[int, int]], stated: Stated) -> Iterator[Size]:
    are_alike, shorter = len(set(sizes)) == 1, min(map(min, sizes), default=0)
    is_stated_like_images = are_alike and stated.size == sizes[0][::-1]
    if stated.size is not None and not is_stated_like_images:
        yield from _as_stated(stated.size)
    if are_alike and (shorter <= _LARGEST_AS_IT_IS or is_stated_like_images):
        yield Size(name="images as they are")
        if stated.is_only_size:
            return
        for side in (*(side for side in _SMALL if side < shorter), _LARGE):
            yield _square(side)
        return
    if stated.is_only_size:
        return
    yield Size(name="resized to 256, 224 of it", keys=_USUAL)
    if are_alike:
        yield Size(name="images as they are")
    for side in _SMALL:
        yield _square(side, is_unlikely=True)


def _as_stated(size: tuple[int, int]) -> Iterator[Size]:
    height, width = size
    if height == width:
        yield _square(height)
    else:
        yield Size(name=f"resized to {height} × {width}", keys={"resize": [height, width]})


def _square(side: int, *, is_unlikely: bool = False) -> Size:
    """The middle square of an image, resized."""
    name = f"resized to {side} × {side}"
    return Size(name=name, keys={"resize": side, "crop": side}, is_unlikely=is_unlikely)
