"""One picture per item: the three rows of a triptych with their letters, for tools that show a single image."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from barlow_report.seals import read_named

__all__ = ["compose_triptych"]

_SIDE, _GAP, _MARGIN, _LABEL = 176, 8, 16, 26
_INK, _PAPER = (24, 33, 47), (255, 255, 255)
_ROWS = (
    "A  Most activating images",
    "B  Heatmaps: where the feature responds",
    "C  Feature attack: changed to respond more",
)
# Thirteen stops of matplotlib's inferno, as on the site's pages.
_INFERNO = (
    (0, 0, 3), (18, 10, 48), (51, 10, 94), (87, 15, 110), (120, 28, 110), (153, 41, 102), (189, 56, 84),
    (217, 77, 61), (237, 105, 38), (250, 143, 8), (252, 181, 26), (245, 222, 82), (252, 255, 163),
)  # fmt: skip
_OPACITY = 0.6
_CLEAR = ((0, 0.25, 0.5, 0.75, 1), (0, 0.5, 0.75, 0.9, 1))
"""Share of the opacity by the response: where it is weak, the photograph is seen, as on the site's pages."""


def compose_triptych(media: Path, tiles: Sequence[tuple[str, str | None, str | None]]) -> bytes:
    """Draw a triptych and return it as WebP.

    Args:
        media: The folder of pictures.
        tiles: Thumbnail, heatmap (None without a feature map) and attack (None without one) of each image, names
            below `media`. Where no image was attacked, the triptych has two rows; where some were, the place of the
            others is empty.

    Raises:
        DamagedFileError: A picture is missing or damaged.
    """
    width = 2 * _MARGIN + len(tiles) * (_SIDE + _GAP) - _GAP
    labels = _ROWS if any(attack for _, _, attack in tiles) else _ROWS[:-1]
    height = 2 * _MARGIN + len(labels) * (_LABEL + _SIDE + _GAP)
    sheet = Image.new("RGB", (max(width, 420), height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for row, label in enumerate(labels):
        top = _MARGIN + row * (_LABEL + _SIDE + _GAP)
        draw.text((_MARGIN, top), label, fill=_INK, font=font)
        for column, names in enumerate(tiles):
            left = _MARGIN + column * (_SIDE + _GAP)
            sheet.paste(_cell(media, names, row), (left, top + _LABEL))
    data = io.BytesIO()
    sheet.save(data, "WEBP", quality=88, method=4)
    return data.getvalue()


def _cell(media: Path, names: tuple[str, str | None, str | None], row: int) -> Image.Image:
    thumbnail, heatmap, attack = names
    if row == 2 and attack is None:
        return Image.new("RGB", (_SIDE, _SIDE), _PAPER)
    picture = _fitted(_open(media, attack if row == 2 and attack is not None else thumbnail))
    if row != 1 or heatmap is None:
        return picture
    grey = np.asarray(_open(media, heatmap).convert("L").resize(picture.size, Image.Resampling.BILINEAR)) / 255.0
    stops = np.linspace(0, 1, len(_INFERNO))
    colours = np.stack([np.interp(grey, stops, [c[i] for c in _INFERNO]) for i in range(3)], axis=-1)
    opacity = _OPACITY * np.interp(grey, *_CLEAR)[..., None]
    mixed = (1 - opacity) * np.asarray(picture, dtype=float) + opacity * colours
    return Image.fromarray(np.clip(mixed.round(), 0, 255).astype(np.uint8))


def _fitted(picture: Image.Image) -> Image.Image:
    """Scale so that the whole image fits a square cell; what it leaves is paper."""
    scale = _SIDE / max(picture.size)
    size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _open(media: Path, name: str) -> Image.Image:
    with Image.open(io.BytesIO(read_named(media / name))) as picture:
        picture.load()
        return picture
