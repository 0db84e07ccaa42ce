"""From a channel of a feature map to a heatmap."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

__all__ = ["STORED_SIZE", "heatmap", "map_range", "resize_heatmap"]

STORED_SIZE = 56
"""Side of stored heatmaps in pixels: several times the map of usual networks, and small in a page of hundreds."""


def heatmap(channel: npt.ArrayLike | torch.Tensor) -> npt.NDArray[np.float32]:
    """Scale one channel (h, w) of a feature map to [0, 1] by its smallest and largest value; float32.

    A channel without differences, such as a dead one, has nothing to show and gives zeros. Values that are not
    finite count as the smallest.
    """
    values = _as_array(channel)
    finite = np.isfinite(values)
    low, high = map_range(values)
    # Halves, so that the difference of two huge values is still a number.
    span = high / 2 - low / 2
    if span == 0:
        return np.zeros(values.shape, dtype=np.float32)
    scaled: npt.NDArray[np.float64] = (np.where(finite, values, low) / 2 - low / 2) / span
    return scaled.clip(0, 1).astype(np.float32)


def map_range(channel: npt.ArrayLike | torch.Tensor) -> tuple[float, float]:
    """Return the smallest and the largest finite value of a channel (h, w) of a feature map; 0 and 0 without any."""
    values = _as_array(channel)
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _as_array(channel: npt.ArrayLike | torch.Tensor) -> npt.NDArray[np.float64]:
    return np.asarray(channel.detach().cpu() if isinstance(channel, torch.Tensor) else channel, dtype=np.float64)


def resize_heatmap(values: npt.NDArray[np.float32], size: int = STORED_SIZE) -> npt.NDArray[np.float32]:
    """Resize a heatmap (h, w) to (size, size), bilinear; float32 in [0, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[None, None]
    resized = F.interpolate(tensor, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
    array: npt.NDArray[np.float32] = resized[0, 0].clamp(0, 1).numpy()
    return array
