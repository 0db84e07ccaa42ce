"""How many channels a model takes: three colours, or one of brightness; and what that makes of its preprocessing.

Nobody has to say it: the model is run on random images, with three channels first unless its mean or standard deviation
is one number. One number is for all channels; three different ones for a model of one channel are an error, because
nothing says which brightness they mean.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.taps import Program

if TYPE_CHECKING:
    from barlow_report.config import PreprocessingConfig

__all__ = [
    "LUMA",
    "as_channels",
    "channel_choices",
    "explain_refusal",
    "fitting_channels",
    "for_channels",
    "normalisation",
    "random_images",
    "settled",
]

LUMA = (0.299, 0.587, 0.114)
"""Red's, green's and blue's part of the brightness, by ITU-R 601 as Pillow has it."""

_DEFAULTS = {"mean": 0.0, "std": 1.0}


def channel_choices(preprocessing: "PreprocessingConfig") -> tuple[int, ...]:
    """Return the numbers of channels to try, the likeliest first."""
    lengths = {len(values) for key, values in _given(preprocessing).items() if values is not None}
    return (1, 3) if lengths == {1} else (3, 1)


def for_channels(preprocessing: "PreprocessingConfig", n_channels: int) -> "PreprocessingConfig":
    """Return the preprocessing with `n_channels` means and standard deviations; three for one become their average."""
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
        ModelError: It has three different means or standard deviations for one channel.
    """
    found = for_channels(preprocessing, n_channels)
    for key, values in _given(preprocessing).items():
        if values is not None and len(set(values)) > 1 and n_channels == 1:
            raise ModelError(
                f"{where}: the model takes one channel, images in grey, and preprocessing.{key} has three numbers, "
                f"{list(values)}. Give the one number that it was trained with, such as "
                f"'{key}: {getattr(found, key)[0]:.4g}' if that is their average."
            )
    return found


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
        ModelError: It runs neither on images in colour nor in grey, or see `settled`.
    """
    was_training = module.training
    first: Exception | None = None
    try:
        for n_channels in channel_choices(preprocessing):
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


def as_channels(images: torch.Tensor, n_channels: int) -> torch.Tensor:
    """Turn images, or changes of images, (B, C, H, W) to grey or to three equal colours: (B, n_channels, H, W)."""
    if images.shape[1] == n_channels:
        return images
    if n_channels == 1:
        return (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return images.expand(-1, n_channels, -1, -1)


def explain_refusal(
    module: nn.Module,
    preprocessing: "PreprocessingConfig",
    n_images: int,
    size: tuple[int, int],
    error: Exception | None,
    *,
    where: str,
) -> str:
    """Say that a model runs neither on images in colour nor in grey, and why that may be; `error` is of the first."""
    shape = (n_images, channel_choices(preprocessing)[0], *size)
    n_taken = _first_channels(module)
    if n_taken not in (None, 1, 3):
        return (
            f"{where}: the model takes images of {n_taken} channels. Images are read as three, red, green and blue, or "
            "one, their brightness. Let the factory return a model that makes its channels of these, or analyse "
            "features of your own with barlow_report.explain_failures."
        )
    return (
        f"{where}: the model does not run on images {shape}, nor with {4 - shape[1]} channel"
        f"{'s' if shape[1] == 1 else ''}: {type(error).__name__}: {error}. Set 'preprocessing: crop' (or resize: "
        "[h, w]) to the size it was made for; it must take three channels (RGB) or one (grey)."
    )


def _first_channels(module: nn.Module) -> int | None:
    """What an exported program says, or the first convolution takes; None where neither is there."""
    if isinstance(module, Program) and module.n_channels is not None:
        return module.n_channels
    convolutions: Sequence[nn.Conv2d] = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    return convolutions[0].in_channels if convolutions else None


def _given(preprocessing: "PreprocessingConfig") -> dict[str, tuple[float, ...] | None]:
    """Mean and standard deviation, None where they are the defaults, which fit any number of channels."""
    pairs = zip(_DEFAULTS.items(), _both(preprocessing), strict=True)
    return {key: None if set(values) == {default} else values for (key, default), values in pairs}


def _both(preprocessing: "PreprocessingConfig") -> tuple[tuple[float, ...], tuple[float, ...]]:
    return preprocessing.mean, preprocessing.std
