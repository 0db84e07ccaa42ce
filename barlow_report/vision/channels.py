"""How many channels a model takes, three colours, one of brightness or bands, and what that makes of preprocessing.

Nobody has to say it: the model is run on random images, with three channels first unless its mean or standard deviation
is one number, and then with as many as its first convolution takes. Bands that the preprocessing names, and means of
another number, say it. One number is for all channels; several different ones of another number than the channels are
an error, because nothing says what they mean.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.bands import numbers_of

if TYPE_CHECKING:
    from barlow_report.config import PreprocessingConfig
    from barlow_report.config.bands import BandsConfig

__all__ = [
    "LUMA",
    "as_channels",
    "channel_choices",
    "explain_refusal",
    "fitting_channels",
    "for_channels",
    "normalisation",
    "random_images",
    "require_channels",
    "require_common_bands",
    "settled",
]

LUMA = (0.299, 0.587, 0.114)
"""Red's, green's and blue's part of the brightness, by ITU-R 601 as Pillow has it."""

_DEFAULTS = {"mean": 0.0, "std": 1.0}


def channel_choices(preprocessing: "PreprocessingConfig", module: nn.Module | None = None) -> tuple[int, ...]:
    """Return the numbers of channels to try, the likeliest first; `module` may say that it takes others."""
    if preprocessing.bands is not None:
        return (len(preprocessing.bands),)
    lengths = {len(values) for key, values in _given(preprocessing).items() if values is not None}
    if others := sorted(lengths - {1, 3}):
        return tuple(others)
    usual = (1, 3) if lengths == {1} else (3, 1)
    taken = None if module is None else _first_channels(module)
    return usual if taken is None or taken in usual else (*usual, taken)


def for_channels(preprocessing: "PreprocessingConfig", n_channels: int) -> "PreprocessingConfig":
    """Return the preprocessing with `n_channels` means and standard deviations; of another number, their average."""
    if len(preprocessing.mean) == len(preprocessing.std) == n_channels:
        return preprocessing
    changed = {}
    for key, values in _given(preprocessing).items():
        known = (_DEFAULTS[key],) if values is None else values
        changed[key] = known if len(known) == n_channels else (sum(known) / len(known),) * n_channels
    return preprocessing.model_copy(update=changed)


def settled(preprocessing: "PreprocessingConfig", n_channels: int, *, where: str) -> "PreprocessingConfig":
    """Return the preprocessing of a model that takes `n_channels`.

    Raises:
        ModelError: It has different means or standard deviations of another number.
    """
    found = for_channels(preprocessing, n_channels)
    for key, values in _given(preprocessing).items():
        if values is None or len(set(values)) == 1 or len(values) == n_channels:
            continue
        if n_channels == 1:
            raise ModelError(
                f"{where}: the model takes one channel, images in grey, and preprocessing.{key} has "
                f"{'three' if len(values) == 3 else len(values)} numbers, "
                f"{list(values)}. Give the one number that it was trained with, such as "
                f"'{key}: {getattr(found, key)[0]:.4g}' if that is their average."
            )
        raise ModelError(
            f"{where}: the model takes {n_channels} channels, and preprocessing.{key} has {len(values)} numbers, "
            f"{list(values)}. Give the {n_channels} that it was trained with, in the order of its channels, or one for "
            "all."
        )
    return found


def require_channels(
    preprocessing: "PreprocessingConfig", bands: "BandsConfig | None", *, is_shown: bool, where: str
) -> None:
    """Refuse a model that cannot take what images have, or that does not see what people see of them.

    Args:
        preprocessing: Of the model as it was loaded.
        bands: How files of several bands are read; None: images are in colour or grey.
        is_shown: Whether its input is shown: that of the feature model is.
        where: Names the model in errors.

    Raises:
        ModelError: It cannot.
    """
    n_channels = len(preprocessing.mean)
    if bands is None:
        if n_channels not in (1, 3):
            raise ModelError(
                f"{where}: the model takes images of {n_channels} channels, and images are read as three, red, green "
                "and blue, or one, their brightness. Say in data.bands how files of several bands are read."
            )
        return
    missing = [number for number in bands.shown if number not in numbers_of(preprocessing.bands, n_channels)]
    if is_shown and missing:
        raise ModelError(
            f"{where}: the model does not take band {missing[0]}, which data.bands.shown names. Show some of those it "
            f"takes: {', '.join(map(str, numbers_of(preprocessing.bands, n_channels)))}."
        )


def fitting_channels(
    module: nn.Module, preprocessing: "PreprocessingConfig", *, size: tuple[int, int], where: str
) -> "PreprocessingConfig":
    """Return the preprocessing for as many channels as a model takes, which is to be trained on images of a size.

    Args:
        module: The model, on the processor; nothing of it is changed.
        preprocessing: What is known of it.
        size: Height and width of its images.
        where: Names the model in errors.

    Raises:
        ModelError: It does not run on images of any likely number of channels, or see `settled`.
    """
    was_training = module.training
    first: Exception | None = None
    try:
        for n_channels in channel_choices(preprocessing, module):
            normal = normalisation(for_channels(preprocessing, n_channels), device=torch.device("cpu"))
            try:
                with torch.no_grad():
                    module.eval()(random_images(2, size, *normal))
            except Exception as error:  # somebody else's code
                first = first or error
            else:
                return settled(preprocessing, n_channels, where=where)
    finally:
        module.train(was_training)
    raise ModelError(explain_refusal(module, preprocessing, 2, size, first, where=where)) from first


def normalisation(preprocessing: "PreprocessingConfig", *, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation as tensors (1, C, 1, 1)."""
    mean, std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in _both(preprocessing))
    return mean, std


def random_images(n: int, size: tuple[int, int], mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Return normalised images (n, C, *size) of noise, the same in every process."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(n, mean.shape[1], *size, generator=generator).to(mean.device) - mean) / std


def as_channels(images: torch.Tensor, source: "PreprocessingConfig", target: "PreprocessingConfig") -> torch.Tensor:
    """Turn changes of images (B, C, H, W) of one model's input to another's channels.

    To grey, or to three equal colours; where either names bands, each band is that of the same number, and 0 where the
    first model does not take it.
    """
    n_channels = len(target.mean)
    if source.bands is not None or target.bands is not None:
        place = {number: i for i, number in enumerate(numbers_of(source.bands, images.shape[1]))}
        found = images.new_zeros(images.shape[0], n_channels, *images.shape[2:])
        for i, number in enumerate(numbers_of(target.bands, n_channels)):
            if number in place:
                found[:, i] = images[:, place[number]]
        return found
    if images.shape[1] == n_channels:
        return images
    if n_channels == 1:
        return (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return images.expand(-1, n_channels, -1, -1)


def require_common_bands(source: "PreprocessingConfig", target: "PreprocessingConfig", *, where: str) -> None:
    """Refuse a model that no change of another one's input can reach: that none has an effect would say nothing.

    Raises:
        ModelError: They take none of the same bands.
    """
    if source.bands is None and target.bands is None:
        return
    bands = [numbers_of(each.bands, len(each.mean)) for each in (source, target)]
    if set(bands[0]).isdisjoint(bands[1]):
        changed, own = (", ".join(map(str, numbers)) for numbers in bands)
        raise ModelError(
            f"{where}: the model takes the bands {own}, and images are changed in the bands {changed} of the feature "
            "model: no change reaches it, so causes cannot be tested. Leave 'causes' out, or give both models "
            "some of the same bands."
        )


def explain_refusal(
    module: nn.Module,
    preprocessing: "PreprocessingConfig",
    n_images: int,
    size: tuple[int, int],
    error: Exception | None,
    *,
    where: str,
) -> str:
    """Say that a model runs on no images that were tried, and why that may be; `error` is of the first."""
    choices = channel_choices(preprocessing, module)
    shape = (n_images, choices[0], *size)
    n_taken = _first_channels(module)
    if n_taken is not None and n_taken not in choices:
        return (
            f"{where}: the model takes images of {n_taken} channels, and its preprocessing is of {choices[0]}: "
            f"{type(error).__name__}: {error}. Correct 'bands', 'mean' and 'std'."
        )
    others = " or ".join(map(str, choices[1:]))
    nor = f", nor with {others} channel{'' if others == '1' else 's'}" if others else ""
    return (
        f"{where}: the model does not run on images {shape}{nor}: {type(error).__name__}: {str(error).rstrip('. ')}. "
        "Set 'preprocessing: crop' (or resize: [h, w]) to the size it was made for; of other channels than three (RGB) "
        "or one (grey), name its 'bands'."
    )


def _first_channels(module: nn.Module) -> int | None:
    """What an exported program or an ONNX model says, or the first convolution takes; None where none is there."""
    stated = getattr(module, "n_channels", None)
    if isinstance(stated, int):
        return stated
    convolutions: Sequence[nn.Conv2d] = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    return convolutions[0].in_channels if convolutions else None


def _given(preprocessing: "PreprocessingConfig") -> dict[str, tuple[float, ...] | None]:
    """Mean and standard deviation, None where they are the defaults, which fit any number of channels."""
    pairs = zip(_DEFAULTS.items(), _both(preprocessing), strict=True)
    return {key: None if set(values) == {default} else values for (key, default), values in pairs}


def _both(preprocessing: "PreprocessingConfig") -> tuple[tuple[float, ...], tuple[float, ...]]:
    return preprocessing.mean, preprocessing.std
