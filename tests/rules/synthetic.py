"""Features, labels and predictions with a planted cause of failure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Data:
    features: npt.NDArray[np.floating]
    labels: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]


def draw(
    *,
    n_images: int = 900,
    n_features: int = 30,
    n_classes: int = 4,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float32,
) -> Data:
    """Draw rectified features; where feature 7 is high, the next class is predicted more often."""
    random = np.random.default_rng(seed)
    features = np.maximum(0, random.standard_normal((n_images, n_features))).astype(dtype)
    features[:, 3] = 0  # a dead channel
    features[:, 5] = np.round(features[:, 5], 1)  # many equal values
    labels = random.integers(0, n_classes, n_images)
    fails = random.random(n_images) < np.where(features[:, 7] > 0.8, 0.7, 0.1)
    predictions = np.where(fails, (labels + 1) % n_classes, labels)
    return Data(features=features, labels=labels, predictions=predictions)
