"""A device whose memory is full gets half of the images at a time, and half of these, until they fit.

How many fit depends on the card, on the model, and on what else runs there, so it is tried and not computed. What was
seen is remembered: the next batch begins with the number that fitted.
"""

from collections.abc import Callable
from typing import TypeVar

import torch

from barlow_report.errors import ModelError

__all__ = ["MemoryLimit", "is_out_of_memory", "within_memory"]

Result = TypeVar("Result")

_WORDS = ("out of memory", "ALLOC_FAILED")
"""Of libraries that say it in no other way: MPS, cuBLAS and cuDNN."""


class MemoryLimit:
    """How many images a device's memory was seen to hold, once it was full."""

    def __init__(self) -> None:
        self.n_images: int | None = None

    def fitting(self, n: int) -> int:
        """The number of images to run at once where `n` are wanted."""
        return n if self.n_images is None else min(n, self.n_images)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the memory is full, so that fewer images may fit."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def within_memory(compute: Callable[[int], Result], n_images: int, *, limit: MemoryLimit, what: str) -> Result:
    """Return `compute(n)` with n images at a time, `n_images` or as many as fit.

    Args:
        compute: Does the whole work in parts of at most n images; after an error it is called again from the start,
            so that all parts have the same number of them.
        n_images: How many are wanted, at least 1.
        limit: What was seen before; is lowered.
        what: Names the work and the device in the error.

    Raises:
        ModelError: Not even one image fits.
    """
    while True:
        n = limit.fitting(n_images)
        try:
            return compute(n)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if n == 1:
                raise ModelError(
                    f"{what}: the memory does not hold the models and one image. Set 'crop' or 'resize' in the "
                    "preprocessing, or 'device: cpu'."
                ) from error
        # Out of the handler, whose error holds on to all that was computed.
        limit.n_images = n // 2
