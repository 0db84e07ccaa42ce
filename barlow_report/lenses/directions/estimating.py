"""How long directions take: that of one class is fitted, and multiplied; an image-text model embeds some images."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config
from barlow_report.errors import DataError
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.stage import read_array
from barlow_report.stages.embedding_cost import embedding_cost
from barlow_report.stages.measuring import timed
from barlow_report.stages.prospect import Prospect, failures_like

__all__ = ["estimate_directions"]

_MOST_IMAGES, _MOST_DIMENSIONS = 1024, 1024
_N_CLASSES = 2
"""Classes that are timed together, as a run works on several."""
_PER_CLASS = 3
"""Rows of pictures for each class: hardest, middle and easiest."""


def estimate_directions(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the lens: embeddings where a model makes them, a fit for each class, and pictures."""
    settings: DirectionsConfig = config.needed_section("directions")
    embeddings = None
    n_dimensions = prospect.n_features
    if settings.clip is not None:
        embeddings = embedding_cost(config, settings.clip, prospect, role="directions.clip")
        n_dimensions = embeddings.n_dimensions
    elif settings.embeddings is not None:
        n_dimensions = _n_dimensions(settings.embeddings)
    sizes = np.bincount(prospect.images.labels[prospect.images.labels >= 0], minlength=1)
    sizes = np.minimum(sizes[sizes >= settings.min_images], settings.max_images)
    fitting = _fitting(settings, prospect, sizes, n_dimensions) if len(sizes) and n_dimensions else 0.0
    n_pictures = min(len(sizes), prospect.expected.n_trees) * _PER_CLASS * settings.n_images
    drawing, n_bytes = prospect.pictures(n_pictures)
    how = embeddings.words if embeddings else f"of {counted(int(n_dimensions), 'number')} for each image"
    return Estimate(
        words=f"a direction for each of {counted(len(sizes), 'class')} of enough images; {how}",
        seconds=fitting + drawing + (embeddings.seconds if embeddings else 0.0),
        n_bytes=n_bytes + (embeddings.n_bytes if embeddings else 0),
        n_pictures=n_pictures,
        figures={"n_classes": len(sizes), "n_dimensions": int(n_dimensions), "seconds_of_fits": fitting},
    )


def _n_dimensions(path: Path) -> int:
    """Numbers of each embedding in a file; how many there are is known after the pass."""
    found = read_array(path)
    if found.ndim != 2 or 0 in found.shape or found.dtype.kind not in "fiu":
        raise DataError(
            f"{path}: found type {found.dtype} of shape {found.shape}, expected real numbers of shape (n_images, "
            "n_dimensions). Give another file under directions.embeddings."
        )
    return int(found.shape[1])


def _fitting(settings: DirectionsConfig, prospect: Prospect, sizes: npt.NDArray[np.int64], n_dimensions: int) -> float:
    """Seconds of the fits: some of classes of usual size, by images and dimensions."""
    size = int(min(np.median(sizes), _MOST_IMAGES))
    width = min(n_dimensions, _MOST_DIMENSIONS)
    labels = np.repeat(np.arange(_N_CLASSES), size)
    random = np.random.default_rng(0)
    if n_dimensions == prospect.n_features:
        values = prospect.like_a_class(len(labels))[:, :width]
    else:
        values = random.normal(size=(len(labels), width)).astype(np.float32)
    fails = failures_like(values, labels, prospect.failing_share)
    predictions = np.where(fails, labels + 1, labels)

    def fit() -> None:
        from barlow_report.lenses.directions.scoring import find_directions  # scikit-learn takes a second

        find_directions(
            values,
            labels,
            predictions,
            is_held_out=random.random(len(labels)) < 0.3,
            n_classes=_N_CLASSES,
            settings=settings,
        )

    once = timed(fit)
    again = timed(fit) / len(labels)
    return max(once - again * len(labels), 0.0) + again * float(sizes.sum()) * n_dimensions / width
