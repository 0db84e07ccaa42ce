"""The computed parts of a triptych: what one feature does on one image, for a batch of such pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.vision.attack import FeatureAttack
from barlow_report.vision.bands import Content
from barlow_report.vision.heatmaps import STORED_SIZE, heatmap, map_range, resize_heatmap
from barlow_report.vision.memory import MemoryLimit, within_memory
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import to_tensor

__all__ = ["TileArrays", "compute_tiles"]

Found = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]
"""Outputs, features and maps of images, as `LoadedModel.features` returns them."""


@dataclass(frozen=True, kw_only=True)
class TileArrays:
    """One row per (feature, image) pair.

    Attributes:
        activations: Of the feature on the image, float64, shape (n,).
        attacked_activations: Of the feature after the attack, or on the image without one, float64, shape (n,).
        heatmaps: In [0, 1], float32, shape (n, 56, 56), each from its lowest to its highest value; None where the
            model has no feature map.
        ranges: These lowest and highest values, in units of the map that the feature is pooled from, float64, shape
            (n, 2); None without a feature map.
        attacks: The attacked images, float32 in [0, 1], n of shape (H, W, C); empty without an attack.
    """

    activations: npt.NDArray[np.float64]
    attacked_activations: npt.NDArray[np.float64]
    heatmaps: npt.NDArray[np.float32] | None
    ranges: npt.NDArray[np.float64] | None
    attacks: list[npt.NDArray[np.float32]]


def compute_tiles(
    by: FeatureAttack | LoadedModel, images: Sequence[Content], *, feature_ids: Sequence[int]
) -> TileArrays:
    """Compute heatmap and feature attack of each pair `(feature_ids[i], images[i])` as one batch.

    Args:
        by: The feature attack, with the feature model; or the model alone, for tiles without an attack.
        images: As they were decoded, one per pair.
        feature_ids: Indices in the model's representation, one per pair.
    """
    model = by if isinstance(by, LoadedModel) else by.model
    ids = np.asarray(feature_ids, dtype=np.int64)
    inputs = [to_tensor(image, model.preprocessing) for image in images]
    activations, attacked = np.zeros(len(ids)), np.zeros(len(ids))
    heatmaps = np.zeros((len(ids), STORED_SIZE, STORED_SIZE), dtype=np.float32) if model.has_maps else None
    ranges = np.zeros((len(ids), 2)) if model.has_maps else None
    attacks: list[npt.NDArray[np.float32]] = []
    if not isinstance(by, LoadedModel):
        attacks = [np.zeros(0, dtype=np.float32)] * len(ids)
    # Without a crop in the preprocessing images may differ in size, and only equal sizes make a batch.
    for size in sorted({tuple(tensor.shape) for tensor in inputs}):
        rows = [row for row, tensor in enumerate(inputs) if tuple(tensor.shape) == size]
        batch = torch.stack([inputs[row] for row in rows])
        if isinstance(by, LoadedModel):
            activations[rows] = attacked[rows] = _activations(model, batch, ids[rows])
        else:
            result = by.run(batch, ids[rows])
            activations[rows] = _as_numpy(result.activation)
            attacked[rows] = _as_numpy(result.attacked_activation)
            for row, pixels in zip(rows, _as_numpy(result.images).transpose(0, 2, 3, 1), strict=True):
                attacks[row] = pixels
        if heatmaps is not None and ranges is not None:
            channels = _channels(model, batch, ids[rows])
            heatmaps[rows] = np.stack([resize_heatmap(heatmap(channel)) for channel in channels])
            ranges[rows] = [map_range(channel) for channel in channels]
    return TileArrays(
        activations=activations, attacked_activations=attacked, heatmaps=heatmaps, ranges=ranges, attacks=attacks
    )


def _activations(
    model: LoadedModel, batch: torch.Tensor, feature_ids: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """The feature of each image, shape (B,)."""
    return _in_parts(model, batch, feature_ids, lambda found, rows: found[1][torch.arange(len(rows)), rows])


def _channels(model: LoadedModel, batch: torch.Tensor, feature_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """The map of each image's feature, shape (B, h, w)."""

    def of_each(found: Found, rows: torch.Tensor) -> torch.Tensor:
        if found[2] is None:
            raise ValueError(f"{model.role}: the model has no feature map")
        return found[2][torch.arange(len(rows)), rows]

    return _in_parts(model, batch, feature_ids, of_each)


def _in_parts(
    model: LoadedModel,
    batch: torch.Tensor,
    feature_ids: npt.NDArray[np.int64],
    of_each: Callable[[Found, torch.Tensor], torch.Tensor],
) -> npt.NDArray[np.float32]:
    """What `of_each` takes from outputs, features and maps, of as many images at once as memory holds."""
    ids = torch.as_tensor(feature_ids, device=model.device)

    def compute(n_images: int) -> npt.NDArray[np.float32]:
        found = []
        for images, rows in zip(torch.split(batch, n_images), torch.split(ids, n_images), strict=True):
            with torch.inference_mode():
                found.append(_as_numpy(of_each(model.features(images.to(model.device)), rows)))
        return np.concatenate(found)

    return within_memory(compute, len(batch), limit=MemoryLimit(), what=f"heatmaps on {model.device}")


def _as_numpy(values: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = values.detach().float().cpu().numpy()
    return array
