"""Embeddings whose failure directions are known."""

import numpy as np

__all__ = ["planted_classes"]


def planted_classes(
    *, n_classes: int = 3, n_per_class: int = 200, n_dimensions: int = 16, seed: int = 0, strength: float = 3.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return embeddings, labels, predictions and who is held out; class c fails where dimension c is low.

    Dimensions have different scales and centres, so that whitening matters.
    """
    rng = np.random.default_rng(seed)
    n = n_classes * n_per_class
    plain = rng.normal(size=(n, n_dimensions))
    labels = np.repeat(np.arange(n_classes), n_per_class)
    cue = plain[np.arange(n), labels]
    fails = strength * cue + rng.logistic(size=n) < -1.5
    predictions = np.where(fails, (labels + 1) % n_classes, labels)
    embeddings = plain * rng.uniform(0.5, 20, n_dimensions) + rng.normal(size=n_dimensions) * 10
    return embeddings.astype(np.float32), labels, predictions, rng.random(n) < 0.3
