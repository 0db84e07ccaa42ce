"""What the numbers in a file mean: by what the file says, never by how bright one image happens to be."""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets.folder import default_loader

from barlow_report.errors import DataError
from barlow_report.vision.images import Decoding, UnreadableImage, decode, decode_image, read_image
from barlow_report.vision.remarks import Remarks, require_full_depth
from barlow_report.vision.sources.folder import FolderSource

TORCHVISION = Decoding(style="torchvision")


def png(depth: int, colour: int, row: bytes, *, width: int = 1, chunks: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """A PNG of one row: colour 0 grey, 2 RGB, 4 grey with alpha, 6 RGBA."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
    others = b"".join(chunk(*given) for given in chunks)
    return b"\x89PNG\r\n\x1a\n" + header + others + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")


def tiff(bits: int, data: bytes, *, kind: int = 1, white: int = 1, highest: int | None = None) -> bytes:
    """A TIFF of one grey row: kind 1 unsigned, 2 signed, 3 floating point; white 0: small values are white."""
    tags = {256: 8 * len(data) // bits, 257: 1, 258: bits, 259: 1, 262: white, 273: 8, 277: 1, 278: 1, 279: len(data)}
    tags |= {339: kind} | ({} if highest is None else {281: highest})
    body = data + bytes(-len(data) % 4)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + struct.pack("<H", len(tags)) + entries + bytes(4)


def greys(data: bytes, decoding: Decoding | None = None) -> list[int]:
    image = decode_image(data, decoding) if decoding else decode_image(data)
    values = np.asarray(image)[0]
    assert (values == values[:, :1]).all()
    return [int(value) for value in values[:, 0]]


def big(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def little(*values: float, kind: str = "H") -> bytes:
    return struct.pack(f"<{len(values)}{kind}", *values)


RAMP_12 = (0, 1365, 2730, 4095)
RAMP_16 = (0, 21_845, 43_690, 65_535)
THIRDS = [0, 85, 170, 255]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png(16, 0, big(*RAMP_16), width=4), THIRDS),
        (png(16, 0, big(*RAMP_12), width=4, chunks=[(b"sBIT", b"\x0c")]), THIRDS),
        (png(16, 0, big(*(v << 4 | v >> 8 for v in RAMP_12)), width=4, chunks=[(b"sBIT", b"\x0c")]), THIRDS),
        (png(16, 0, big(0, 4080), width=2, chunks=[(b"sBIT", b"\x0c")]), [0, 16]),  # 12 bits where the format has them
        (png(2, 0, b"\x1b", width=4), THIRDS),
        (tiff(16, little(*RAMP_16)), THIRDS),
        (tiff(16, little(*RAMP_16), white=0), THIRDS[::-1]),
        (tiff(8, bytes([0, 85, 170, 255]), white=0), THIRDS[::-1]),
        (tiff(16, little(*RAMP_12), highest=4095), THIRDS),
        (tiff(16, little(*RAMP_12), highest=4095, white=0), THIRDS[::-1]),
        (tiff(16, little(0, 100, 4000), highest=4000), [0, 0, 16]),  # merely the brightest pixel
        (tiff(12, bytes([0x00, 0x0F, 0xFF])), [0, 255]),
        (tiff(32, little(0, 85, 170, 255, kind="I"), highest=255), THIRDS),
        (b"P5 4 1 4095\n" + big(*RAMP_12), THIRDS),
        (b"P5 4 1 15\n" + bytes([0, 5, 10, 15]), THIRDS),
        (b"P5 2 1 65535\n" + big(0, 32_768), [0, 128]),
    ],
)
def test_a_file_that_says_its_range_is_read_by_it(data: bytes, expected: list[int]) -> None:
    assert greys(data) == expected
    assert greys(data, Decoding(pixel_range=(0, 65_535))) == expected  # not overruled


@pytest.mark.parametrize(
    ("data", "pixel_range", "expected", "reason"),
    [
        (tiff(32, little(0, 85, 170, 255, kind="i"), kind=2), (0, 255), THIRDS, "32-bit pixels"),
        (tiff(32, little(0, 2**32 - 1, kind="I")), (0, 2**32 - 1), [0, 255], "32-bit pixels|signed"),
        (tiff(16, little(-1000, -500, 500, kind="h"), kind=2), (-1000, 0), [0, 128, 255], "signed pixels"),
        (tiff(8, little(-128, 127, kind="b"), kind=2), (-128, 127), [0, 255], "signed pixels"),
        (tiff(32, little(0, 0.2, 2, kind="f"), kind=3), (0, 1), [0, 51, 255], "floating-point pixels"),
        (tiff(32, little(0, 51, kind="f"), kind=3, white=0), (0, 255), [255, 204], "floating-point pixels"),
        (b"Pf 1 1 -1.0\n" + little(0.2, kind="f"), (0, 1), [51], "floating-point pixels"),
    ],
)
def test_a_file_that_does_not_say_its_range_is_read_by_the_configured_one_or_not_at_all(
    data: bytes, pixel_range: tuple[float, float], expected: list[int], reason: str
) -> None:
    with pytest.raises(
        UnreadableImage, match=f"({reason}) (pixels )?have no defined brightness; say in data.pixel_range"
    ):
        decode_image(data)
    assert greys(data, Decoding(pixel_range=pixel_range)) == expected


def test_pixels_that_are_no_numbers_are_a_reason() -> None:
    with pytest.raises(UnreadableImage, match="not numbers"):
        decode_image(tiff(32, little(0.0, float("nan"), kind="f"), kind=3), Decoding(pixel_range=(0, 1)))


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_that_may_be_fewer_are_read_in_full_unless_a_range_is_given(form: str) -> None:
    data = png(16, 0, big(*RAMP_12), width=4) if form == "png" else tiff(16, little(*RAMP_12))
    assert greys(data) == [0, 5, 11, 16]
    assert decode(data).highest == 4095
    assert greys(data, Decoding(pixel_range=(0, 4095))) == THIRDS
    assert decode(data, Decoding(pixel_range=(0, 4095))).highest is None


def test_colours_of_sixteen_bits_cannot_be_stretched_and_say_so() -> None:
    data = png(16, 2, big(40_000, 20_000, 65_535))
    assert decode_image(data).getpixel((0, 0)) == (156, 78, 255)
    assert decode(data).highest == 65_535
    with pytest.raises(UnreadableImage, match="16-bit colours are read as 8 bits"):
        decode_image(data, Decoding(pixel_range=(0, 4095)))


WHITE, GREY = (255, 255, 255), (156, 156, 156)


@pytest.mark.parametrize(
    ("data", "opaque"),
    [
        (png(16, 0, big(40_000), chunks=[(b"tRNS", big(40_000))]), GREY),
        (png(16, 2, big(40_000, 40_000, 40_000), chunks=[(b"tRNS", big(40_000, 40_000, 40_000))]), GREY),
        (png(16, 4, big(40_000, 0)), GREY),
        (png(16, 6, big(40_000, 40_000, 40_000, 0)), GREY),
        (png(8, 0, b"\x9c", chunks=[(b"tRNS", big(156))]), GREY),
        (png(8, 2, b"\x9c\x9c\x9c", chunks=[(b"tRNS", big(156, 156, 156))]), GREY),
        (png(4, 0, b"\x50", chunks=[(b"tRNS", big(5))]), (85, 85, 85)),
        (png(2, 0, b"\x40", chunks=[(b"tRNS", big(1))]), (85, 85, 85)),
        (png(1, 0, b"\x00", chunks=[(b"tRNS", big(0))]), (0, 0, 0)),
    ],
)
def test_what_is_transparent_is_seen_over_white_or_as_torchvision_reads_it(data: bytes, opaque: object) -> None:
    assert decode_image(data).getpixel((0, 0)) == WHITE
    assert decode_image(data, TORCHVISION).getpixel((0, 0)) == opaque
    assert decode(data).is_transparent
    assert decode(data, TORCHVISION).is_transparent


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_torchvision_s_way_gives_what_its_loader_gives(tmp_path: Path, form: str) -> None:
    left = Image.new("RGB", (16, 8), "red")
    left.paste("blue", (8, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures = [_encoded(left, form, exif=exif)]
    if form != "JPEG":
        faint = left.copy()
        faint.putalpha(Image.linear_gradient("L").resize((16, 8)))
        pictures.append(_encoded(faint, form))
    palette = left.quantize(2)
    if form == "PNG":
        pictures.append(_encoded(palette, form, transparency=0))
    for content in pictures:
        (tmp_path / "image").write_bytes(content)
        expected = np.asarray(default_loader(str(tmp_path / "image")))
        assert np.array_equal(np.asarray(read_image(tmp_path / "image", TORCHVISION)), expected)


def test_an_opaque_image_with_an_alpha_channel_is_nothing_special() -> None:
    data = _encoded(Image.new("RGBA", (4, 4), (1, 2, 3, 255)), "PNG")
    assert Remarks.of(decode(data)) is None
    assert decode_image(data).getpixel((0, 0)) == (1, 2, 3)


def test_only_a_profile_other_than_srgb_is_remarked() -> None:
    pixel = Image.new("RGB", (1, 1))
    assert decode(_encoded(pixel, "PNG", icc_profile=b"Display P3" * 20)).has_profile
    assert not decode(_encoded(pixel, "PNG", icc_profile=b"sRGB IEC61966-2.1" * 20)).has_profile
    assert not decode(_encoded(pixel, "PNG", icc_profile="sRGB".encode("utf-16-be") * 20)).has_profile


def test_remarks_add_up_and_say_what_was_done() -> None:
    one = Remarks(n_rotated=1, n_transparent=2, n_profiles=1, n_deep=1, highest=40_000)
    total = Remarks.total([one, Remarks(n_rotated=2, n_deep=1, highest=50_000)])
    assert Remarks.from_list(total.as_list()) == total
    said = total.assumptions("torchvision")
    assert said["decode"].startswith(
        "3 images with a rotation in EXIF and 2 images with transparency were read as torch"
    )
    assert "as a viewer shows them, rotated and over white" in total.assumptions("upright")["decode"]
    assert said["depth"] == "In 2 images of 16 bits, 0 is black and 65535 is white; their highest value is 50000."
    assert said.keys() == {"decode", "profiles", "depth"}
    assert Remarks.total([]).assumptions("upright") == {}


def test_a_data_set_that_leaves_its_upper_bits_empty_is_refused_as_a_whole(tmp_path: Path) -> None:
    names = [f"{i:03d}.png" for i in range(40)]
    for i, name in enumerate(names):
        (tmp_path / name).write_bytes(png(16, 0, big(100 * i)))
    source = FolderSource(tmp_path)
    with pytest.raises(DataError, match=r"40 images have 16 bits, and no value above 3900: .* \[0, 4095\] for 12 bits"):
        require_full_depth(source, names)
    require_full_depth(FolderSource(tmp_path, Decoding(pixel_range=(0, 4095))), names)
    (tmp_path / names[-1]).write_bytes(png(16, 0, big(60_000)))  # one bright image says that the others are dark
    require_full_depth(source, names)
    (tmp_path / names[-1]).write_bytes(b"no image")
    with pytest.raises(DataError, match="39 images have 16 bits"):
        require_full_depth(source, names)
