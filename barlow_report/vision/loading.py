"""From the model section of a configuration to a model that gives logits, features and feature maps."""

from dataclasses import dataclass

import torch
from torch import nn

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.files import digest_file
from barlow_report.vision.factories import build_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.output_shapes import select_output
from barlow_report.vision.preprocessing import combine
from barlow_report.vision.tensors import hash_weights
from barlow_report.vision.weights import load_weights, refuse_unmade
from barlow_report.vision.wrapping import wrap_model

__all__ = ["AssembledModel", "assemble_model", "load_model"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AssembledModel:
    """A network with its weights, before anybody has run it.

    Attributes:
        module: In training mode, on the processor.
        name: Of its source, without folders.
        preprocessing: Of the configuration, completed by what the weights say.
        sha256: Of the file of weights or of the program, or of the state dict where there is no file.
        source_sha256: Of the text of its factory, or of its library's version and its name.
    """

    module: nn.Module
    name: str
    preprocessing: PreprocessingConfig
    sha256: str
    source_sha256: str


def assemble_model(spec: ModelConfig, *, role: str) -> AssembledModel:
    """Build a model and load its weights.

    Args:
        spec: The model section of a configuration.
        role: Names it in errors, such as "inspected_model".

    Raises:
        ModelError: It cannot be built or downloaded, its weights do not fit, or were made for other inputs.
    """
    built = build_model(spec, role=role)
    refuse_unmade(built.module, where=f"{role}: {built.name}")
    told = {}
    if spec.weights is not None:
        told = load_weights(
            built.module,
            spec.weights,
            entry=spec.weights_entry,
            allow_unsafe=bool(spec.allow_unsafe_weights),
            where=role,
        )
    if spec.output_key is not None:
        select_output(built.module, spec.output_key, where=f"{role}: {built.name}")
    file = spec.weights or spec.program or spec.onnx
    return AssembledModel(
        module=built.module,
        name=built.name,
        preprocessing=combine(spec.preprocessing, source=built.preprocessing, file=told, where=role),
        sha256=digest_file(file) if file is not None else hash_weights(built.module),
        source_sha256=built.source_sha256,
    )


def load_model(
    spec: ModelConfig,
    *,
    device: torch.device,
    role: str,
    image_size: tuple[int, int] | None = None,
    needs_features: bool = True,
) -> LoadedModel:
    """Build a model, load its weights, and find its features.

    Args:
        spec: The model section of a configuration.
        device: Where it will run.
        role: Names it in errors, such as "inspected_model".
        image_size: Height and width of the input, for models that accept one size only and whose preprocessing
            leaves the size to the images.
        needs_features: Whether it is an error not to find the features; a model that only predicts may hide them.

    Raises:
        ModelError: It cannot be built, its weights do not fit, it does not run on RGB images or returns no logits
            per class, or its features are not found.
    """
    assembled = assemble_model(spec, role=role)
    return wrap_model(
        assembled.module,
        preprocessing=assembled.preprocessing,
        device=device,
        role=role,
        name=assembled.name,
        sha256=assembled.sha256,
        source_sha256=assembled.source_sha256,
        feature_module=spec.feature_module,
        map_module=spec.map_module,
        image_size=image_size,
        needs_features=needs_features,
        allow_varying=spec.allow_varying,
    )
