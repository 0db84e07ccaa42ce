"""Where the features of a model are, and the map that they are pooled from."""

import torch
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.maps import readings
from barlow_report.vision.probing import Place, Probe, describe_outputs, find_feature_module

__all__ = ["NO_FEATURES", "explicit_map", "find_features"]

NO_FEATURES = Place(module="", side="output")
"""Where the features of a model are that hides them."""


def find_features(
    module: nn.Module, probe: Probe, name: str | None, *, where: str, needed: bool
) -> tuple[Place, torch.Tensor]:
    """Return where the features are, at the input of the module `name` or found, and those of the probe, (B, D).

    Raises:
        ModelError: They are not where `name` says, or are not found and `needed`.
    """
    try:
        chosen = find_feature_module(module, probe, where=where) if name is None else name
    except ModelError:
        if needed:
            raise
        return NO_FEATURES, probe.output[:, :0]
    inputs = [(place, tensor) for place, tensor in probe.places if (place.module, place.side) == (chosen, "input")]
    if not inputs:
        raise ModelError(
            f"{where}: feature_module {chosen!r} is not a module that runs. Last outputs: "
            f"{describe_outputs(module, probe)}."
        )
    place, tensor = inputs[-1]
    features = tensor.flatten(1)
    if tensor.shape[0] != probe.output.shape[0] or features.shape[1] != tensor.shape[1]:
        raise ModelError(
            f"{where}: the input of feature_module {chosen!r} has shape {tuple(tensor.shape)}, expected one vector per "
            f"image, ({probe.output.shape[0]}, n_features). Last outputs: {describe_outputs(module, probe)}."
        )
    return place, features


def explicit_map(module: nn.Module, probe: Probe, name: str, features: torch.Tensor, *, where: str) -> Place:
    """Return where the map is that the module `name` gives.

    Raises:
        ModelError: It gives none that the features could be pooled from.
    """
    outputs = [(place, tensor) for place, tensor in probe.places if (place.module, place.side) == (name, "output")]
    wanted = f"(B, {features.shape[1]}, h, w), (B, h, w, {features.shape[1]}) or tokens (B, T, {features.shape[1]})"
    if not outputs:
        raise ModelError(
            f"{where}: map_module {name!r} is not a module that returns a tensor, expected {wanted}. Last outputs: "
            f"{describe_outputs(module, probe)}."
        )
    place, tensor = outputs[-1]
    found = next(readings(place, tensor, features, probe=probe), None)
    if found is None:
        raise ModelError(
            f"{where}: the output of map_module {name!r} has shape {tuple(tensor.shape)}, expected {wanted}. Last "
            f"outputs: {describe_outputs(module, probe)}."
        )
    return found
