"""Files of several bands: every value arrives, nothing is guessed, and what cannot be read says why."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import torch
from PIL import Image
from pydantic import ValidationError
from torchvision.transforms import functional as transforms

from barlow_report.config import PreprocessingConfig
from barlow_report.config.bands import BandsConfig
from barlow_report.config.data import DataConfig
from barlow_report.errors import ModelError
from barlow_report.vision import band_files
from barlow_report.vision.bands import BandImage, as_shown
from barlow_report.vision.channels import as_channels, require_channels, require_common_bands
from barlow_report.vision.images import DecodedImage, Decoding, UnreadableImage, decode
from barlow_report.vision.inference import to_inputs
from barlow_report.vision.preprocessing import geometry, seen_size, to_pixels, to_tensor
from barlow_report.vision.remarks import Remarks
from tests.vision.toys import AnyChannels, noise_image, wrap

RANGE = [0, 10_000]
GREY = PreprocessingConfig(mean=(0.0,), std=(1.0,))


def _values(n_bands: int, *, dtype: str = "uint16", size: tuple[int, int] = (6, 9)) -> npt.NDArray[Any]:
    rng = np.random.default_rng(n_bands)
    top = 255 if dtype == "uint8" else 10_000
    return rng.integers(0, top + 1, (*size, n_bands)).astype(dtype)


def _tiff(values: npt.NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, metadata=None, **options)
    return buffer.getvalue()


def _npy(values: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _png(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def _decode(data: bytes, **settings: Any) -> DecodedImage:
    bands = BandsConfig.model_validate({"shown": [1], "range": RANGE, **settings})
    return decode(data, Decoding(style="torchvision", bands=bands))


def _found(data: bytes, **settings: Any) -> npt.NDArray[np.float32]:
    content = _decode(data, **settings).content
    assert isinstance(content, BandImage)
    return content.pixels


def _contiguous(n_bands: int) -> dict[str, Any]:
    return {"planarconfig": "contig"} if n_bands > 1 else {}


def _as_one(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """As tifffile takes them for one page."""
    return values if values.shape[2] > 1 else values[:, :, 0]


def _pages(values: npt.NDArray[Any], *, reduced: bool = False) -> bytes:
    """One page for each band, perhaps with a reduced copy and a mask as geographic software writes them."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for band in np.moveaxis(values, 2, 0):
            writer.write(band, metadata=None, photometric="minisblack")
        if reduced:
            writer.write(values[::2, ::2, 0], metadata=None, subfiletype=1)
            writer.write(values[::3, ::3, 0], metadata=None, subfiletype=1)
    if reduced:
        buffer.seek(0)
        with tifffile.TiffFile(buffer) as written:
            last: Any = written.pages[-1]
            last.tags["NewSubfileType"].overwrite(4)  # a mask, which tifffile does not write
    return buffer.getvalue()


@pytest.mark.parametrize("n_bands", [1, 2, 3, 4, 5, 13])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_every_value_of_a_tiff_arrives_whatever_its_layout(n_bands: int, dtype: str) -> None:
    values = _values(n_bands, dtype=dtype)
    expected = (values / 10_000).astype(np.float32)
    options: dict[str, Any] = {"photometric": "minisblack"}
    contents = [
        _tiff(_as_one(values), **_contiguous(n_bands), **options),
        _tiff(_as_one(values), **_contiguous(n_bands), byteorder=">", compression="zlib", **options),
        _pages(values, reduced=True),
    ]
    if n_bands > 1:
        contents.append(_tiff(np.moveaxis(values, 2, 0), planarconfig="separate", **options))
        contents.append(_tiff(values, planarconfig="contig", tile=(16, 16), bigtiff=True, **options))
    for content in contents:
        assert np.array_equal(_found(content), expected)


@pytest.mark.parametrize(("compression", "predictor"), [("lzw", True), ("zstd", True), ("deflate", False)])
def test_compressed_tiffs_as_geographic_software_writes_them(compression: str, predictor: bool) -> None:
    values = _values(4, size=(40, 33))
    content = _tiff(
        values, photometric="minisblack", planarconfig="contig", compression=compression, predictor=predictor
    )
    assert np.array_equal(_found(content), (values / 10_000).astype(np.float32))


def test_an_array_that_tifffile_wrote_row_by_row_needs_its_layout() -> None:
    values = _values(13)
    expected = (values / 10_000).astype(np.float32)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="minisblack")  # six pages of 9 × 13
    with pytest.raises(
        UnreadableImage, match=r"an array of shape \(6, 9, 13\) in 6 pages.*say it in data\.bands\.layout"
    ):
        _decode(buffer.getvalue())
    assert np.array_equal(_found(buffer.getvalue(), layout="channels_last"), expected)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.moveaxis(values, 2, 0), photometric="minisblack")
    assert np.array_equal(_found(buffer.getvalue(), layout="channels_first"), expected)
    for array, axes in ((values, "YXC"), (np.moveaxis(values, 2, 0), "CYX")):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, array, photometric="minisblack", metadata={"axes": axes})
        assert np.array_equal(_found(buffer.getvalue()), expected)


def test_arrays_are_read_in_both_layouts_and_without_pickles() -> None:
    values = _values(5)
    expected = (values / 10_000).astype(np.float32)
    assert np.array_equal(_found(_npy(values)), expected)
    assert np.array_equal(_found(_npy(np.moveaxis(values, 2, 0)), layout="channels_first"), expected)
    assert np.array_equal(_found(_npy(values[:, :, 0])), expected[:, :, :1])
    buffer = io.BytesIO()
    np.save(buffer, np.array([[["code"]]], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableImage, match="allow_pickle"):
        _decode(buffer.getvalue())


@pytest.mark.parametrize(
    ("mode", "n_bands"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4), ("P", 3), ("1", 1), ("I;16", 1)]
)
def test_other_files_have_the_bands_that_they_store(mode: str, n_bands: int) -> None:
    if mode == "I;16":
        values = _values(1)
        assert np.array_equal(_found(_png(Image.fromarray(values[:, :, 0]))), (values / 10_000).astype(np.float32))
        return
    image = (
        Image.fromarray(_values(4, dtype="uint8"), mode="RGBA").convert("RGB" if mode == "P" else "RGBA").convert(mode)
    )
    expected = np.asarray(image.convert({"P": "RGB", "1": "L"}.get(mode, mode)), dtype=np.float64)
    found = _found(_png(image), range=None)
    assert found.shape == (6, 9, n_bands)
    assert np.array_equal(found, (expected.reshape(found.shape) / 255).astype(np.float32))


def test_a_range_for_each_band_and_values_beyond_it_are_cut_and_counted() -> None:
    values = np.zeros((2, 2, 2), dtype=np.float32)
    values[..., 0], values[..., 1] = 5, 30
    plain = _decode(_npy(values), range=[[0, 10], [20, 40]])
    assert plain.bands is not None
    assert plain.bands.pixels[0, 0].tolist() == [0.5, 0.5]
    assert (plain.is_cut, Remarks.of(plain)) == (False, None)
    values[0, 0] = -9999, 41
    cut = _decode(_npy(values), range=[[0, 10], [20, 40]])
    assert cut.bands is not None
    assert cut.bands.pixels[0, 0].tolist() == [0.0, 1.0]
    remarks = Remarks.of(cut)
    assert remarks is not None
    total = Remarks.total([remarks, Remarks.from_list(remarks.as_list()), Remarks.from_list([1, 0, 0, 0, 7])])
    assert (total.n_cut, total.n_rotated, total.highest) == (2, 1, 7)
    assert total.assumptions("torchvision")["cut"] == (
        "2 images have values beyond the range of `data.bands`; they were taken for its ends."
    )


@pytest.mark.parametrize(
    ("content", "settings", "reason"),
    [
        (
            _tiff(_values(4), photometric="minisblack"),
            {"range": None},
            r"its values are uint16; say in data\.bands\.range",
        ),
        (_npy(np.full((2, 2, 1), np.nan, np.float32)), {}, "some values are not numbers"),
        (_npy(np.zeros((2, 2, 1), np.complex64)), {}, "its values are of type complex64"),
        (_npy(_values(2)), {"shown": [3, 2, 1]}, "it has 2 bands, and data.bands.shown names band 3"),
        (_npy(_values(2)), {"range": [[0, 1], [0, 1], [0, 1]]}, "it has 2 bands, and data.bands.range has pairs for 3"),
        (_npy(np.zeros((2, 2, 2, 2))), {}, r"an array of shape \(2, 2, 2, 2\)"),
        (_npy(np.zeros((0, 2, 2))), {}, r"an array of shape \(0, 2, 2\)"),
        (_npy(_values(3))[:200], {}, "broken image"),
        (_tiff(_values(4), photometric="minisblack")[:150], {}, "."),
        (b"II*\0" + b"\0" * 40, {}, "."),
        (b"nothing", {}, "not an image of a known format"),
        (
            _tiff(np.zeros((2, 6, 9, 4), np.uint8), photometric="minisblack", planarconfig="contig"),
            {},
            "a TIFF of 2 images",
        ),
        (_tiff(np.zeros((3, 6, 9), np.uint8), photometric="minisblack", volumetric=True, tile=(1, 16, 16)), {}, "axes"),
    ],
)
def test_what_cannot_be_read_for_certain_says_why(content: bytes, settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        _decode(content, **settings)


def test_sizes_are_limited_before_anything_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = _tiff(
        np.zeros((3000, 3000, 4), np.uint8), photometric="minisblack", planarconfig="contig", compression="zlib"
    )
    assert len(bomb) < 100_000
    monkeypatch.setattr(band_files, "MAX_VALUES", 10_000_000)
    monkeypatch.setattr(band_files, "_page_values", lambda _page: pytest.fail("unpacked"))
    with pytest.raises(UnreadableImage, match="3000 × 3000 pixels of 4 bands; at most 10000000 values are read"):
        _decode(bomb)


def test_a_tiff_that_names_other_files_is_read_alone() -> None:
    values = _values(3)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.moveaxis(values, 2, 0), ome=True, photometric="minisblack", metadata={"axes": "CYX"})
    content = buffer.getvalue().replace(b"<TiffData", b"<TiffDatx", 1)
    assert np.array_equal(_found(content), (values / 10_000).astype(np.float32))


def test_what_is_shown_is_stretched_to_its_own_range() -> None:
    values = np.zeros((1, 3, 4), dtype=np.uint16)
    values[0, :, 3] = 0, 1500, 3000
    values[0, :, 0] = 6000
    grey = _decode(_npy(values), shown=[4], shown_range=[0, 3000])
    assert np.asarray(grey.image).tolist() == [[[0] * 3, [128] * 3, [255] * 3]]
    colours = _decode(_npy(values), shown=[4, 2, 1], shown_range=[[0, 3000], [0, 1], [5000, 7000]])
    assert np.asarray(colours.image).tolist() == [[[0, 0, 128], [128, 0, 128], [255, 0, 128]]]
    assert np.asarray(_decode(_npy(values), shown=[1]).image)[0, 0].tolist() == [153] * 3  # 6,000 of 10,000


def test_an_attacked_input_is_shown_like_its_image() -> None:
    values = _values(5)
    bands = BandsConfig.model_validate({"shown": [4, 3, 2], "range": RANGE, "shown_range": [1000, 8000]})
    image = decode(_npy(values), Decoding(style="torchvision", bands=bands))
    for taken in (None, (2, 4, 5, 3)):
        config = PreprocessingConfig(mean=(0.0,) * (4 if taken else 5), std=(1.0,) * (4 if taken else 5), bands=taken)
        shown = as_shown(np.asarray(to_pixels(image.content, config), dtype=np.float32), bands, taken)
        assert np.array_equal(np.round(shown * 255).astype(np.uint8), np.asarray(image.image))
    pixels = np.random.default_rng(0).random((4, 4, 3), dtype=np.float32)
    assert np.array_equal(as_shown(pixels, None, None), pixels)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("resize", "crop"), [(None, None), (32, 24), ((20, 30), None), (16, 40), (70, 70)])
def test_bands_are_resized_and_cut_as_torchvision_does(interpolation: str, resize: Any, crop: int | None) -> None:
    values = _values(5, size=(40, 61))
    config = PreprocessingConfig.model_validate(
        {"resize": resize, "crop": crop, "interpolation": interpolation, "bands": [5, 1], "mean": [0.0, 0.0]}
    )
    expected = torch.from_numpy(values.astype(np.float32) / 10_000).permute(2, 0, 1)[[4, 0]]
    if resize is not None:
        mode = transforms.InterpolationMode(interpolation)
        expected = transforms.resize(expected, list(resize) if isinstance(resize, tuple) else [resize], mode).clip(0, 1)
    if crop is not None:
        expected = transforms.center_crop(expected, [crop])
    ours = to_tensor(_decode(_npy(values)).content, config)
    assert ours.shape == expected.shape == (2, *seen_size((61, 40), config))
    assert float((ours - expected).abs().max()) < 1e-4


def test_colours_read_as_bands_are_what_they_are_as_colours() -> None:
    image = noise_image(3, size=(61, 40))
    config = PreprocessingConfig(resize=32, crop=24)
    decoded = _decode(_png(image), range=None, shown=[1, 2, 3])
    assert np.array_equal(np.asarray(decoded.image), np.asarray(image))
    # bytes are rounded twice, after each of the two directions
    assert float((to_tensor(decoded.content, config) - to_tensor(image, config)).abs().max()) <= 1.01 / 255


def test_a_model_gets_the_bands_that_it_names_in_its_order() -> None:
    values = _values(5)
    content = _decode(_npy(values)).content
    config = PreprocessingConfig(bands=(5, 1), mean=(0.0,) * 2, std=(1.0,) * 2)
    with pytest.raises(
        UnreadableImage, match="it has 5 bands, and the model takes 1 channel, all bands; name its bands"
    ):
        to_pixels(content, PreprocessingConfig(mean=(0.0,), std=(1.0,)))
    found = to_pixels(content, config)
    assert found.dtype == np.float32
    assert np.array_equal(found, (values[:, :, [4, 0]] / 10_000).astype(np.float32))
    inputs = to_inputs(torch.from_numpy(found)[None])
    assert torch.equal(inputs, to_tensor(content, config)[None])
    with pytest.raises(UnreadableImage, match="it has 5 bands, and the model takes 2 channels, band 6"):
        to_pixels(content, PreprocessingConfig(bands=(5, 6), mean=(0.0, 0.0)))
    with pytest.raises(UnreadableImage, match="an image in colour, and the model takes 4 channels"):
        to_pixels(noise_image(0), PreprocessingConfig(mean=(0.0,) * 4))
    assert geometry(config) != geometry(config.model_copy(update={"bands": (1, 5)}))


def test_changes_reach_the_bands_that_both_models_take() -> None:
    change = torch.arange(3.0).view(1, 3, 1, 1).expand(2, 3, 4, 4) + 1
    first = PreprocessingConfig(bands=(4, 3, 2))
    second = PreprocessingConfig(mean=(0.0,) * 5, std=(1.0,) * 5)
    assert as_channels(change, first, second)[0, :, 0, 0].tolist() == [0, 3, 2, 1, 0]
    assert as_channels(change, first, PreprocessingConfig(bands=(2, 8), mean=(0.0, 0.0)))[0, :, 0, 0].tolist() == [3, 0]


def test_models_without_a_common_band_are_no_test_of_causes() -> None:
    colours, near_infrared = PreprocessingConfig(bands=(4, 3, 2)), PreprocessingConfig(bands=(8, 11), mean=(0.0, 0.0))
    every = PreprocessingConfig(mean=(0.0,) * 13, std=(1.0,) * 13)
    for source, target in ((colours, every), (every, near_infrared), (GREY, PreprocessingConfig())):
        require_common_bands(source, target, where="inspected_model")
    with pytest.raises(ModelError, match=r"takes the bands 8, 11, and images are changed in the bands 4, 3, 2"):
        require_common_bands(colours, near_infrared, where="inspected_model")


def test_a_model_must_see_what_is_shown() -> None:
    bands = BandsConfig.model_validate({"shown": [4, 3, 2]})
    near_infrared = PreprocessingConfig(bands=(8,), mean=(0.0,), std=(1.0,))
    require_channels(near_infrared, bands, is_shown=False, where="inspected_model")
    with pytest.raises(ModelError, match=r"feature_model: the model does not take band 4.*takes: 8\."):
        require_channels(near_infrared, bands, is_shown=True, where="feature_model")
    require_channels(PreprocessingConfig(mean=(0.0,) * 5, std=(1.0,) * 5), bands, is_shown=True, where="feature_model")


def test_a_model_is_run_with_as_many_channels_as_its_preprocessing_names_bands() -> None:
    model = wrap(AnyChannels(), preprocessing=PreprocessingConfig(bands=(2, 5, 1, 4), mean=(0.5,)))
    assert (model.n_channels, model.preprocessing.mean) == (4, (0.5,) * 4)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"shown": []}, "shown"),
        ({"shown": [1, 2]}, "expected one band, or three"),
        ({"shown": [0]}, "greater than or equal to 1"),
        ({"shown": [1], "range": [5, 5]}, "the smaller one first"),
        ({"shown": [1], "range": [0, 1, 2]}, "range"),
        ({"shown": [1], "shown_range": [[0, 1], [0, 2]]}, "'shown_range' has 2 pairs; expected one, or 1"),
        ({}, "shown"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        BandsConfig.model_validate(settings)


@pytest.mark.parametrize("other", [{"decode": "upright"}, {"pixel_range": [0, 4095]}])
def test_bands_are_beside_nothing_that_is_about_colours(other: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="bands are read as they are"):
        DataConfig.model_validate({"folder": "images", "bands": {"shown": [1]}, **other})
    with pytest.raises(ValidationError, match="expected one, or 2 as 'bands' has"):
        PreprocessingConfig.model_validate({"bands": [1, 2], "mean": [0.1, 0.2, 0.3]})
