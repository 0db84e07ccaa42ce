"""Models of libraries without their published weights, to see how fast they are before anything is downloaded."""

import torch

from barlow_report.config import ModelConfig
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import combine
from barlow_report.vision.published import build_timm, build_torchvision
from barlow_report.vision.wrapping import wrap_model

__all__ = ["load_for_timing"]


def load_for_timing(
    spec: ModelConfig, *, device: torch.device, role: str, image_size: tuple[int, int] | None = None
) -> LoadedModel | None:
    """Load a model, or one like it with random weights where its own would be downloaded.

    Args:
        spec: The model section of a configuration.
        device: Where it will run.
        role: Names it in errors.
        image_size: See `load_model`.

    Returns:
        The model; None where nothing of it may be on this machine, a name on a hub.

    Raises:
        ModelError: It cannot be used; see `load_model`.
    """
    if not spec.is_downloaded:
        return load_model(spec, device=device, role=role, image_size=image_size, needs_features=False)
    if spec.torchvision is not None:
        build, name = build_torchvision, spec.torchvision
    elif spec.timm is not None:
        build, name = build_timm, spec.timm
    else:
        return None
    built = build(name, spec.arguments, pretrained=spec.pretrained, download=False, where=role)
    return wrap_model(
        built.module,
        preprocessing=combine(spec.preprocessing, source=built.preprocessing, file={}, where=role),
        device=device,
        role=role,
        name=built.name,
        sha256="",
        source_sha256="",
        feature_module=spec.feature_module,
        map_module=spec.map_module,
        image_size=image_size,
        needs_features=False,
        allow_varying=spec.allow_varying,
    )
