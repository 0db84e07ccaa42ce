"""Decoding: every kind of image becomes RGB, every broken one a reason."""

import os
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from barlow_report.vision import images
from barlow_report.vision.images import UnreadableImage, decode_image, quiet_decoders, read_image
from tests.vision.toys import noise_image


def first_pixel(path: Path) -> tuple[int, ...]:
    image = read_image(path)
    assert image.mode == "RGB"
    assert image.info == {}
    pixel = image.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize(
    ("image", "suffix", "expected"),
    [
        (Image.new("L", (4, 3), 100), "png", (100, 100, 100)),
        (Image.new("1", (4, 3), 1), "png", (255, 255, 255)),
        (Image.new("LA", (4, 3), (0, 0)), "png", (255, 255, 255)),
        (Image.new("RGBA", (4, 3), (255, 0, 0, 255)), "png", (255, 0, 0)),
        (Image.new("RGBA", (4, 3), (255, 0, 0, 0)), "png", (255, 255, 255)),
        (Image.new("RGBA", (4, 3), (0, 0, 0, 51)), "png", (204, 204, 204)),
        (Image.new("RGB", (4, 3), (9, 8, 7)).quantize(4), "png", (9, 8, 7)),
        (Image.new("RGB", (4, 3), (9, 8, 7)).quantize(4), "gif", (9, 8, 7)),
        (Image.new("CMYK", (4, 3), (0, 255, 255, 0)), "tif", (255, 0, 0)),
        (Image.fromarray(np.full((3, 4), 65_535, np.uint16)), "png", (255, 255, 255)),
        (Image.fromarray(np.full((3, 4), 32_768, np.uint16)), "tif", (128, 128, 128)),
    ],
)
def test_every_colour_model_becomes_rgb(
    tmp_path: Path, image: Image.Image, suffix: str, expected: tuple[int, int, int]
) -> None:
    image.save(tmp_path / f"image.{suffix}")
    assert first_pixel(tmp_path / f"image.{suffix}") == expected


def test_a_transparent_palette_colour_is_seen_over_white(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 3), (9, 8, 7)).quantize(4)
    index = image.getpixel((0, 0))
    image.save(tmp_path / "image.png", transparency=index)
    assert first_pixel(tmp_path / "image.png") == (255, 255, 255)


def test_a_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), (200, 40, 40)).convert("CMYK").save(tmp_path / "image.jpg", quality=95)
    assert np.abs(np.subtract(first_pixel(tmp_path / "image.jpg"), (200, 40, 40))).max() < 6


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = Image.new("RGB", (32, 16), (255, 255, 255))
    upright.paste((255, 0, 0), (0, 0, 16, 16))  # red on the left
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"image.{suffix}", exif=exif)
    image = read_image(tmp_path / f"image.{suffix}")
    assert image.size == (32, 16)
    assert np.abs(np.asarray(image, dtype=int) - np.asarray(upright, dtype=int)).mean() < 8


def test_metadata_and_profiles_do_not_survive(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "image.png", icc_profile=b"x" * 200, pnginfo=None)
    assert read_image(tmp_path / "image.png").info == {}


def broken(folder: Path, kind: str) -> Path:
    path = folder / "image.jpg"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no image\n" * 20)
    elif kind == "truncated":
        noise_image(0, size=(64, 64)).save(path)
        path.write_bytes(path.read_bytes()[:-1500])
    elif kind == "truncated png":
        noise_image(0, size=(64, 64)).save(path, format="PNG")
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "broken png":
        noise_image(0, size=(64, 64)).save(path, format="PNG")
        content = bytearray(path.read_bytes())
        content[200:260] = bytes(60)
        path.write_bytes(content)
    elif kind == "folder":
        path.mkdir()
    elif kind == "broken link":
        path.symlink_to(folder / "nowhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "floating point":
        Image.new("F", (4, 4), 0.5).save(path, format="TIFF")
    elif kind == "32 bits":
        Image.new("I", (4, 4), 70_000).save(path, format="TIFF")
    elif kind == "postscript":
        Image.new("RGB", (4, 4)).save(path, format="EPS")
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "no such file"),
        ("empty", "the file is empty"),
        ("text", "not an image of a known format"),
        ("truncated", "truncated"),
        ("truncated png", "truncated"),
        ("broken png", "broken"),
        ("folder", "not a file"),
        ("broken link", "broken link"),
        ("pipe", "not a file"),
        ("floating point", "floating-point pixels"),
        ("32 bits", "32-bit pixels"),
        ("postscript", "not an image of a known format"),
    ],
)
def test_a_broken_image_gives_its_reason_without_its_path(tmp_path: Path, kind: str, reason: str) -> None:
    path = broken(tmp_path, kind)
    with pytest.raises(UnreadableImage, match=reason) as caught:
        read_image(path)
    assert caught.value.reason
    assert str(tmp_path) not in caught.value.reason


def test_a_name_that_cannot_exist_gives_a_reason(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="not a valid file name"):
        read_image(tmp_path / "a\0b.png")


@pytest.mark.parametrize("factor", [1.5, 4])
def test_an_image_too_large_is_refused_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.new("L", (int(1000 * factor), 1)).save(tmp_path / "image.png")
    with pytest.raises(UnreadableImage, match="pixels"):
        read_image(tmp_path / "image.png")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (2**31 - 1, 1), (1, 2**31 - 1), (0, 5)])
def test_a_decompression_bomb_is_refused_without_unpacking_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    unpacked: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", unpacked.append)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(10_000_000))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    assert len(content) < 20_000
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(UnreadableImage):
        read_image(tmp_path / "bomb.png")
    assert unpacked == []


def test_text_that_unpacks_to_any_size_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "image.png")
    content = (tmp_path / "image.png").read_bytes()
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000)))
    (tmp_path / "image.png").write_bytes(content[:33] + bomb + content[33:])
    with pytest.raises(UnreadableImage, match="broken image"):
        read_image(tmp_path / "image.png")


def test_decoders_warnings_never_leak_and_filters_are_restored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    Image.new("RGB", (8, 8)).save(tmp_path / "image.jpg", exif=exif)
    content = (tmp_path / "image.jpg").read_bytes()
    start = content.index(b"Exif\0\0") + 6
    (tmp_path / "image.jpg").write_bytes(content[: start + 4] + b"\xff\xff\xff\x7f" + content[start + 8 :])
    before = list(warnings.filters)
    read_image(tmp_path / "image.jpg")
    assert warnings.filters == before


def test_filters_are_restored_when_threads_leave_in_another_order() -> None:
    before = list(warnings.filters)
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with quiet_decoders():
            first_in.set()
            second_in.wait(5)
        first_out.set()

    def second() -> None:
        first_in.wait(5)
        with quiet_decoders():
            second_in.set()
            first_out.wait(5)

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert warnings.filters == before


def _tiff(n_channels: int, *, order: str = "<") -> bytes:
    """An uncompressed TIFF of 8 × 8 pixels, of 8 bits per channel."""
    values = np.zeros(64 * n_channels, dtype=np.uint8).tobytes()
    place = 8 + 2 + 12 * 9 + 4
    entries = [
        *((tag, 3, 1, value) for tag, value in ((256, 8), (257, 8))),
        (258, 3, n_channels, place if n_channels > 2 else 8),
        *((tag, 3, 1, value) for tag, value in ((259, 1), (262, 1))),
        (273, 4, 1, place + 2 * n_channels),
        *((tag, 3, 1, value) for tag, value in ((277, n_channels), (278, 8))),
        (279, 4, 1, len(values)),
    ]
    written = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, 9)
    for tag, kind, n, value in entries:
        is_short = kind == 3 and n == 1
        written += struct.pack(f"{order}HHI", tag, kind, n)
        written += struct.pack(f"{order}HH" if is_short else f"{order}I", *((value, 0) if is_short else (value,)))
    written += struct.pack(f"{order}I", 0) + struct.pack(f"{order}{n_channels}H", *[8] * n_channels) + values
    return written


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("n_channels", [2, 4, 13])
def test_a_tiff_of_many_channels_says_so_once(n_channels: int, order: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnreadableImage) as caught:
        decode_image(_tiff(n_channels, order=order))
    assert caught.value.reason == (
        f"a TIFF of {n_channels} channels; without data.bands images in colour (three) or grey (one) are read"
    )
    assert capsys.readouterr() == ("", "")
    assert decode_image(_tiff(1, order=order)).size == (8, 8)


def test_a_tiff_that_ends_in_its_own_directory_is_only_unreadable() -> None:
    with pytest.raises(UnreadableImage, match=r"not an image of a known format|broken"):
        decode_image(_tiff(4)[:60])
