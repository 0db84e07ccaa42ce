"""Encoded pictures: what is kept, what is left out, and what they weigh."""

import io

import numpy as np
import pytest
from PIL import Image

from barlow_report.visuals.thumbnails import encode_attack, encode_heatmap, encode_thumbnail, is_enlarged


def _decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def _photo(width: int, height: int) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 4, width), np.linspace(0, 3, height))
    pixels = np.stack([np.sin(x) ** 2, np.cos(y) ** 2, np.sin(x * y) ** 2], axis=-1)
    return Image.fromarray((pixels * 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((800, 400), (224, 112)),
        ((100, 80), (100, 80)),
        ((1, 3000), (1, 224)),
        ((32, 16), (128, 64)),
        ((1, 50), (3, 128)),
    ],
)
def test_large_thumbnails_are_reduced_and_small_ones_enlarged(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert _decode(encode_thumbnail(_photo(*size), max_side=224)).size == expected
    assert is_enlarged(size, max_side=224) == (max(expected) > max(size))


def test_thumbnails_carry_no_metadata() -> None:
    image = _photo(100, 100)
    exif = Image.Exif()
    exif[0x010E] = "where it was taken"
    image.info |= {"exif": exif.tobytes(), "icc_profile": b"a profile", "xmp": b"who took it"}
    data = encode_thumbnail(image, max_side=224)
    assert _decode(data).info.keys().isdisjoint({"exif", "icc_profile", "xmp"})
    assert b"where it was taken" not in data
    assert b"who took it" not in data


def test_the_original_is_left_as_it_was() -> None:
    image = _photo(400, 400)
    encode_thumbnail(image, max_side=100)
    assert image.size == (400, 400)


def test_small_images_are_enlarged_smoothly_and_not_in_blocks() -> None:
    image = Image.fromarray(np.repeat(np.linspace(0, 255, 32, dtype=np.uint8)[None], 32, axis=0)).convert("RGB")
    row = np.asarray(_decode(encode_thumbnail(image, max_side=224)))[64, 8:-8, 0].astype(int)
    assert len(set(row.tolist())) > 64  # four steps for each of the pixels there were
    assert np.abs(np.diff(row)).max() < 255 / 31  # of one pixel to the next


def test_images_are_enlarged_no_further_than_thumbnails_may_be_large() -> None:
    assert np.array_equal(
        np.asarray(_decode(encode_thumbnail(_photo(32, 32), max_side=32))), np.asarray(_photo(32, 32))
    )
    assert _decode(encode_thumbnail(_photo(32, 32), max_side=50)).size == (50, 50)


def test_photographs_stay_below_their_budget() -> None:
    assert len(encode_thumbnail(_photo(640, 480), max_side=224)) <= 12_000


def test_attacks_keep_their_pixels() -> None:
    pixels = np.random.default_rng(0).uniform(0, 1, (32, 32, 3)).astype(np.float32)
    decoded = np.asarray(_decode(encode_attack(pixels, max_side=32))) / 255
    assert np.abs(decoded - pixels).max() <= 0.5 / 255 + 1e-6


def test_heatmaps_keep_their_levels_in_little_space() -> None:
    y, x = np.mgrid[0:56, 0:56]
    heatmap = np.exp(-((x - 20) ** 2 + (y - 30) ** 2) / 200).astype(np.float32)
    data = encode_heatmap(heatmap)
    decoded = np.asarray(_decode(data).convert("L")) / 255
    assert np.abs(decoded - heatmap).max() <= 0.5 / 255 + 1e-6
    assert len(data) <= 2_000


def test_values_outside_of_the_range_are_clipped() -> None:
    assert _decode(encode_heatmap(np.array([[-1.0, 2.0]]))).convert("L").tobytes() == b"\x00\xff"


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert encode_thumbnail(_photo(300, 300), max_side=224) == encode_thumbnail(_photo(300, 300), max_side=224)
