"""Bring embeddings to a common scale: whiten each dimension, then make every embedding of length 1.

Mean and standard deviation are those of the images that are fitted on, of all classes together; the held-out images
have no part in them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError

__all__ = ["Whitening", "fit_whitening", "refuse_infinite"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_ROWS_AT_A_TIME = 8192


@dataclass(frozen=True, kw_only=True, eq=False)
class Whitening:
    """Mean and standard deviation of each dimension, both of shape (n_dimensions,); a constant one is divided by 1."""

    mean: Floats
    std: Floats

    def apply(self, embeddings: npt.ArrayLike) -> Floats:
        """Whiten embeddings (n, n_dimensions) and divide each by its length; one that is all 0 stays so."""
        whitened = (np.asarray(embeddings, dtype=np.float64) - self.mean) / self.std
        length = np.sqrt(np.einsum("ij,ij->i", whitened, whitened))[:, None]
        unit: Floats = whitened / np.where(length > 0, length, 1.0)
        return unit


def fit_whitening(embeddings: npt.NDArray[np.floating], image_ids: Integers) -> Whitening:
    """Compute mean and standard deviation over some images, in blocks of rows.

    Args:
        embeddings: Shape (n_images, n_dimensions), may be memory-mapped.
        image_ids: The rows to use, ascending; at least one.

    Raises:
        DataError: A value is not finite; the image is named.
    """
    total = np.zeros(embeddings.shape[1])
    for ids, block in _blocks(embeddings, image_ids):
        refuse_infinite(ids, block)
        total += block.sum(axis=0)
    mean = total / len(image_ids)
    squares = np.zeros(embeddings.shape[1])
    for _, block in _blocks(embeddings, image_ids):
        squares += np.square(block - mean).sum(axis=0)
    std = np.sqrt(squares / len(image_ids))
    # rounding leaves a constant dimension with a deviation that is not quite 0
    is_constant = std <= 10 * np.finfo(np.float64).eps * np.abs(mean)
    return Whitening(mean=mean, std=np.where(is_constant, 1.0, std))


def _blocks(embeddings: npt.NDArray[np.floating], image_ids: Integers) -> Iterator[tuple[Integers, Floats]]:
    for start in range(0, len(image_ids), _ROWS_AT_A_TIME):
        ids = image_ids[start : start + _ROWS_AT_A_TIME]
        yield ids, np.asarray(embeddings[ids], dtype=np.float64)


def refuse_infinite(ids: Integers, block: npt.NDArray[np.floating]) -> None:
    """Raise a DataError that names the first of the images whose embedding has a value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
    if len(bad):
        raise DataError(
            f"embeddings: image {ids[bad[0]]} has values that are not finite. Leave the image out, or repair the model "
            "that computed it."
        )
