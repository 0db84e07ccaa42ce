"""From a network that has its weights to a model that gives logits, features and feature maps.

Needs nothing but torch, so that it can run where the configuration's libraries are not installed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.channels import (
    channel_choices,
    explain_refusal,
    for_channels,
    normalisation,
    random_images,
    settled,
)
from barlow_report.vision.feature_places import NO_FEATURES, explicit_map, find_features
from barlow_report.vision.maps import find_map
from barlow_report.vision.models import N_PROBED, LoadedModel
from barlow_report.vision.onnx_models import OnnxModel
from barlow_report.vision.preprocessing import probe_size
from barlow_report.vision.probing import Probe, is_linear_output, run_probe
from barlow_report.vision.stated import size_advice, stated_size
from barlow_report.vision.taps import Program
from barlow_report.vision.tensors import hash_weights

if TYPE_CHECKING:
    from barlow_report.config import PreprocessingConfig

__all__ = ["wrap_model"]

# Sizes to try where the configuration leaves the size to the images: a model may be built for one size only.
PROBE_SIDES = (224, 32, 64, 96, 128, 28, 299, 384)


def wrap_model(
    module: nn.Module,
    *,
    preprocessing: "PreprocessingConfig",
    device: torch.device,
    role: str,
    name: str,
    sha256: str = "",
    source_sha256: str = "",
    feature_module: str | None = None,
    map_module: str | None = None,
    image_size: tuple[int, int] | None = None,
    needs_features: bool = True,
    allow_varying: Literal["random", "batch"] | None = None,
) -> LoadedModel:
    """Prepare a network that already has its weights; see `loading.load_model`. `module` is changed in place."""
    module = module.to(device=device, dtype=torch.float32).eval().requires_grad_(requires_grad=False)
    size, n_per_call = probe_size(preprocessing) or image_size, None
    if isinstance(module, OnnxModel):
        size = size or module.size  # where they differ it says so itself
    if isinstance(module, Program):
        size, n_per_call = _program_size(module, size, where=role), module.n_per_call
    preprocessing, probe = _probe(
        module, preprocessing, size=size, n_images=n_per_call or N_PROBED, device=device, where=role
    )
    mean, std = normalisation(preprocessing, device=device)
    if len(probe.output) == 1:
        n_per_call = 1
    feature_place, features = find_features(module, probe, feature_module, where=role, needed=needs_features)
    map_place = None
    if map_module is not None:
        map_place = explicit_map(module, probe, map_module, features, where=role)
    elif feature_place != NO_FEATURES:
        map_place = find_map(probe, features, before=feature_place.module)
    if isinstance(module, Program):
        module.keep({feature_place.module, map_place.module if map_place else ""})
    return LoadedModel(
        name=name,
        role=role,
        module=module,
        device=device,
        preprocessing=preprocessing,
        n_outputs=probe.output.shape[1],
        n_features=features.shape[1],
        sha256=sha256 or hash_weights(module),
        source_sha256=source_sha256,
        feature_place=feature_place,
        map_place=map_place,
        ends_in_linear=is_linear_output(module, probe),
        has_gradients=features.requires_grad,
        n_per_call=n_per_call,
        fewest_per_call=1 if n_per_call or _takes_one(module, mean, std, probe) else N_PROBED,
        allow_varying=allow_varying,
        probed_size=probe.size,
        _mean=mean,
        _std=std,
    )


def _program_size(program: Program, size: tuple[int, int] | None, *, where: str) -> tuple[int, int] | None:
    """The size that the program takes, which the preprocessing must give where it gives any."""
    if program.size is not None and size is not None and size != program.size:
        raise ModelError(
            f"{where}: the program was exported for images of {program.size[0]} × {program.size[1]} pixels, the "
            f"preprocessing gives {size[0]} × {size[1]}. Correct 'crop' or 'resize', or export it with dynamic_shapes."
        )
    return program.size or size


def _probe(
    module: nn.Module,
    preprocessing: "PreprocessingConfig",
    *,
    size: tuple[int, int] | None,
    n_images: int,
    device: torch.device,
    where: str,
) -> "tuple[PreprocessingConfig, Probe]":
    """Run the model on a few random images of the right size, or of the first usual size that works.

    Returns:
        The preprocessing for as many channels as the model takes, and what the run showed.

    Where it runs on none of them, one image is tried: some models take no more.
    """
    stated = stated_size(module)
    likely = [stated] if stated else []
    sizes: Sequence[tuple[int, int]] = [size] if size else [*likely, *((side, side) for side in PROBE_SIDES)]
    first: Exception | None = None
    for n_channels in channel_choices(preprocessing, module):
        normal = normalisation(for_channels(preprocessing, n_channels), device=device)
        for n in dict.fromkeys((n_images, 1)):
            for each in sizes:
                try:
                    probe = run_probe(module, random_images(n, each, *normal), where=where)
                except ModelError:
                    raise
                except Exception as error:  # somebody else's code
                    first = first or error
                else:
                    return settled(preprocessing, n_channels, where=where), probe
    refusal = explain_refusal(module, preprocessing, n_images, sizes[0], first, where=where)
    raise ModelError(refusal + (size_advice(module) if stated != sizes[0] else "")) from first


def _takes_one(module: nn.Module, mean: torch.Tensor, std: torch.Tensor, probe: Probe) -> bool:
    """Whether the model runs on a batch of one image: some drop the dimension of a length of 1."""
    try:
        with torch.no_grad():
            output = module(random_images(1, probe.size, mean, std))
    except Exception:  # somebody else's code
        return False
    return bool(output.shape[:1] == (1,) and output.numel() == probe.output.shape[1])
