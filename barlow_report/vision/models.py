"""A model that is ready to run: images to logits, features and feature maps.

A loaded model takes images in [0, 1] and normalises them itself, so that an attack's limits are those of pixels.
It is in evaluation mode and none of its weights needs a gradient: gradients flow to the images only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.feature_places import NO_FEATURES
from barlow_report.vision.maps import read_map
from barlow_report.vision.probing import Place, record
from barlow_report.vision.taps import Program

if TYPE_CHECKING:
    from barlow_report.config import PreprocessingConfig

__all__ = ["N_PROBED", "LoadedModel", "check_gradients"]

N_PROBED = 2
"""Images that a model is tried on when it is loaded."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptOutputs:
    """Which outputs of a network are left, see `kept_outputs`.

    Attributes:
        index: (n_outputs,) places among all outputs, on the network's device.
        n_all: Outputs of the network.
        whole: What those that are left are brought to add up to; None: nothing.
        are_logarithms: Their exponentials are brought to add up to 1.
    """

    index: torch.Tensor
    n_all: int
    whole: float | None
    are_logarithms: bool = False

    def of(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the kept ones (B, n_outputs) of all outputs (B, n_all)."""
        kept = outputs.index_select(1, self.index)
        if self.are_logarithms:
            return kept - kept.logsumexp(dim=1, keepdim=True).clamp_min(torch.finfo(kept.dtype).min)
        if self.whole is None:
            return kept
        return kept * (self.whole / kept.sum(dim=1, keepdim=True).clamp_min(torch.finfo(kept.dtype).tiny))


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A classifier that is ready to run.

    Attributes:
        name: Of its factory or torchvision model, without folders.
        role: What it is for, as errors call it.
        module: The network, without normalisation, on `device`.
        device: Where `module` is; inputs are moved there.
        preprocessing: From image files to inputs; mean and std are applied by this object.
        n_outputs: Usually the classes that it tells apart; 1: one number per image.
        n_features: D, the length of the feature vector.
        sha256: Of the file of weights, or of the state dict where there is no file.
        source_sha256: Of the text of its factory.
        feature_place: Where the features are; the output where they were not found and not needed.
        map_place: Where the map is that they are pooled from; None without one.
        ends_in_linear: The outputs are those of a linear layer, so that they are logits whatever their values.
        has_gradients: Gradients flow from the features to the images.
        n_per_call: Images that the network takes at a time, if it takes no other number.
        fewest_per_call: Images that it takes at a time at least; more than one where it fails on a single image.
        allow_varying: See `ModelConfig`.
        probed_size: Height and width of images that it is known to run on.
        kept_outputs: Which of the network's outputs are left; None: all.
    """

    name: str
    role: str
    module: nn.Module
    device: torch.device
    preprocessing: "PreprocessingConfig"
    n_outputs: int
    n_features: int
    sha256: str
    source_sha256: str
    feature_place: Place
    map_place: Place | None
    ends_in_linear: bool
    has_gradients: bool = True
    n_per_call: int | None = None
    fewest_per_call: int = 1
    allow_varying: Literal["random", "batch"] | None = None
    probed_size: tuple[int, int]
    kept_outputs: KeptOutputs | None = None
    _mean: torch.Tensor = field(repr=False)
    _std: torch.Tensor = field(repr=False)

    @property
    def n_channels(self) -> int:
        """C: three colours, one of brightness, or bands."""
        return len(self.preprocessing.mean)

    @property
    def has_features(self) -> bool:
        """Whether `features` works; always so unless the model was loaded for its predictions alone."""
        return self.feature_place != NO_FEATURES

    @property
    def n_network_outputs(self) -> int:
        """Outputs of the network itself, of which some may be left out."""
        return self.n_outputs if self.kept_outputs is None else self.kept_outputs.n_all

    @property
    def has_maps(self) -> bool:
        """Whether `features` returns maps, so that heatmaps can be drawn."""
        return self.map_place is not None

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network gives, (B, n_outputs), float32, for images (B, C, H, W) in [0, 1]."""
        parts = [self._table(self.module(part), part)[:n] for part, n in self._parts(images)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def features(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return outputs (B, n_outputs), features (B, D) and maps (B, D, h, w) of images (B, C, H, W) in [0, 1].

        All are float32; gradients flow from each to the images. The maps are None where `has_maps` is false.

        Raises:
            ModelError: The features were not found, and not needed when the model was loaded.
        """
        if not self.has_features:
            raise ModelError(f"{self.role}: {self.name} was loaded for its predictions; its features were not found.")
        parts = [self._features(part, n) for part, n in self._parts(images)]
        if len(parts) == 1:
            return parts[0]
        outputs, features, maps = zip(*parts, strict=True)
        return torch.cat(outputs), torch.cat(features), torch.cat(maps) if self.has_maps else None

    def _features(self, part: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        places = [self.feature_place, *([self.map_place] if self.map_place else [])]
        with record(self.module, places) as found:
            output = self.module(part)
        maps = None
        if self.map_place is not None:
            maps = read_map(found[self.map_place], self.map_place, size=(part.shape[2], part.shape[3]))[:n]
        return self._table(output, part)[:n], found[self.feature_place].flatten(1).float()[:n], maps

    def _parts(self, images: torch.Tensor) -> Iterator[tuple[torch.Tensor, int]]:
        """Yield normalised images as the network takes them, and how many of each part are wanted."""
        images = self._normalised(images)
        n_per_call = self.n_per_call or max(len(images), self.fewest_per_call)
        if len(images) == n_per_call:
            yield images, n_per_call
            return
        for start in range(0, len(images), n_per_call):
            part = images[start : start + n_per_call]
            missing = n_per_call - len(part)
            yield torch.cat([part, part[-1:].expand(missing, -1, -1, -1)]) if missing else part, len(part)

    def _table(self, output: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Outputs (B, n_outputs), float32; a convolution leaves further dimensions of length 1, others none at all."""
        is_flat, n_outputs = self.n_outputs == 1 and output.shape == (len(images),), self.n_network_outputs
        if not is_flat and output.shape[:2] != (len(images), n_outputs):
            raise ModelError(
                f"{self.role}: {self.name} returns shape {tuple(output.shape)} for {len(images)} images, expected "
                f"({len(images)}, {n_outputs}) as for {N_PROBED} images. It must treat batches of all sizes alike."
            )
        table = (output[:, None] if is_flat else output.flatten(1)).float()
        return table if self.kept_outputs is None else self.kept_outputs.of(table)

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        return (images.to(self.device) - self._mean) / self._std


def check_gradients(model: LoadedModel) -> None:
    """Raise a ModelError unless gradients flow from the features of `model` to its images: attacks need them."""
    if model.has_gradients:
        return
    advice = (
        "Export the model with gradients (not under torch.no_grad, not quantised), or give it by 'factory' and "
        "'weights'."
        if isinstance(model.module, Program)
        else "Take @torch.no_grad, @torch.inference_mode, .detach() and .data out of its forward; the pass over the "
        "images computes no gradients anyway."
    )
    raise ModelError(
        f"{model.role}: no gradients flow from the features of {model.name} to the images, and the feature attack "
        f"needs them. {advice}"
    )
