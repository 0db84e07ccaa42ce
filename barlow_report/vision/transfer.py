"""Changes of one model's input, brought to another model's: both look at the same image, perhaps cut otherwise.

A move is found in the feature model's input. Where the inspected model resizes and crops alike, it gets the very same
pixels. Otherwise the change alone is carried over: scaled to the other input's resolution, laid where it belongs, and
added to what the inspected model sees of the image; what it sees beyond the feature model's crop stays as it is.
"""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from barlow_report.vision.preprocessing import view_box

if TYPE_CHECKING:
    from barlow_report.config import PreprocessingConfig

__all__ = ["transfer_change"]


def transfer_change(
    change: torch.Tensor,
    *,
    image_size: tuple[int, int],
    source: "PreprocessingConfig",
    target: "PreprocessingConfig",
    size: tuple[int, int],
) -> torch.Tensor:
    """Carry changes of one image from one model's input to another's.

    Args:
        change: (B, C, h, w), pixels in [0, 1], of the input that `source` makes of the image.
        image_size: Width and height of the image as it was decoded.
        source: Preprocessing of the input that was changed.
        target: Preprocessing of the other input.
        size: Height and width of the other input.

    Returns:
        (B, C, *size); zero where the other input shows what the first does not.
    """
    x0, y0, x1, y1 = view_box(image_size, source)
    u0, v0, u1, v1 = view_box(image_size, target)
    # pixels of the target per pixel of the source, down and across
    shrink = [
        (size[0] / (v1 - v0)) / (change.shape[2] / (y1 - y0)),
        (size[1] / (u1 - u0)) / (change.shape[3] / (x1 - x0)),
    ]
    if min(shrink) < 1:  # averaged first: a point in between would miss most of the change
        smaller = [max(round(side * min(factor, 1)), 1) for side, factor in zip(change.shape[2:], shrink, strict=True)]
        change = F.interpolate(change, size=smaller, mode="bilinear", align_corners=False, antialias=True)
    rows = (torch.arange(size[0], device=change.device) + 0.5) / size[0] * (v1 - v0) + v0
    columns = (torch.arange(size[1], device=change.device) + 0.5) / size[1] * (u1 - u0) + u0
    y, x = torch.meshgrid((rows - y0) / (y1 - y0) * 2 - 1, (columns - x0) / (x1 - x0) * 2 - 1, indexing="ij")
    grid = torch.stack([x, y], dim=-1).to(change.dtype).expand(len(change), -1, -1, -1)
    inside = ((grid.abs() <= 1).all(dim=-1)).unsqueeze(1)
    found = F.grid_sample(change, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found * inside
