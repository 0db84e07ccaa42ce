"""The computed parts of a triptych: what one feature does on one image, for a batch of such pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from barlow_report.config import AttackConfig
from barlow_report.vision.attack import attack_features
from barlow_report.vision.heatmaps import heatmap, resize_heatmap
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import to_tensor

__all__ = ["TileArrays", "compute_tiles"]

HEATMAP_SIZE = 56


@dataclass(frozen=True, kw_only=True)
class TileArrays:
    """One row per (feature, image) pair.

    Attributes:
        activations: Of the feature on the image, float64, shape (n,).
        attacked_activations: Of the feature after the attack, float64, shape (n,).
        heatmaps: In [0, 1], float32, shape (n, 56, 56); None where the model has no feature map.
        attacks: The attacked images, float32 in [0, 1], shape (n, H, W, 3).
    """

    activations: npt.NDArray[np.float64]
    attacked_activations: npt.NDArray[np.float64]
    heatmaps: npt.NDArray[np.float32] | None
    attacks: npt.NDArray[np.float32]


def compute_tiles(
    model: LoadedModel, images: Sequence[Image.Image], *, feature_ids: Sequence[int], settings: AttackConfig
) -> TileArrays:
    """Compute heatmap and feature attack of each pair `(feature_ids[i], images[i])` as one batch.

    Args:
        model: The feature model.
        images: RGB images as they were decoded, one per pair.
        feature_ids: Indices in the model's representation, one per pair.
        settings: The feature attack.
    """
    batch = torch.stack([to_tensor(image, model.preprocessing) for image in images])
    result = attack_features(model, batch, np.asarray(feature_ids), settings=settings)
    return TileArrays(
        activations=_as_numpy(result.activation).astype(np.float64),
        attacked_activations=_as_numpy(result.attacked_activation).astype(np.float64),
        heatmaps=_heatmaps(model, batch, feature_ids),
        attacks=_as_numpy(result.images).transpose(0, 2, 3, 1),
    )


def _heatmaps(model: LoadedModel, batch: torch.Tensor, feature_ids: Sequence[int]) -> npt.NDArray[np.float32] | None:
    with torch.inference_mode():
        maps = model.features(batch)[2]
    if maps is None:
        return None
    channels = maps[torch.arange(len(batch)), torch.as_tensor(feature_ids)]
    return np.stack([resize_heatmap(heatmap(_as_numpy(channel)), HEATMAP_SIZE) for channel in channels])


def _as_numpy(values: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = values.detach().float().cpu().numpy()
    return array
