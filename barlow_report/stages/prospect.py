"""What is known of a run before it: its images, its models, some images passed over, and what it may find.

This is what lenses estimate their work from (`Lens.estimate`). Nothing here writes into the run folder.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config, PreprocessingConfig
from barlow_report.errors import DataError
from barlow_report.stages.expected import ExpectedModes
from barlow_report.stages.measuring import slowness, timed
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.reading import UnreadableImage

if TYPE_CHECKING:
    from barlow_report.vision.decisions import Decision
    from barlow_report.vision.models import LoadedModel
    from barlow_report.vision.sources.source import LoadedImage

__all__ = ["Picture", "Prospect", "Sample", "failures_like", "measure_picture"]

_N_PICTURES = 24
_TOLD, _OTHERS = 0.5, 0.6
"""Error rate of made-up images on one side of a feature, at least, and that of the others as a share of the average."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Some images of the run, and what is known of them.

    Attributes:
        image_ids: Which, ascending, (n,).
        features: Of the feature model, (n, n_features).
        predictions: class_id of what the inspected model says, (n,); None where that is not known yet.
    """

    image_ids: npt.NDArray[np.int64]
    features: npt.NDArray[np.floating]
    predictions: npt.NDArray[np.int64] | None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What a thumbnail takes: seconds, with all threads at work, and bytes."""

    seconds: float
    n_bytes: float


@dataclass(kw_only=True, eq=False)
class Prospect:
    """What is known of a run before it.

    Attributes:
        images: The images; of a run on all outputs of a model, those of one output.
        expected: What it may find.
        sample: Some of the images; None where there are no features.
        n_features: Of the feature model, or given.
        seconds_each: Of the pass, for each image; 0 without one.
        inspected, feature: The models; None where none is run.
        decision: How the inspected model's outputs decide.
        picture: What a thumbnail takes; None without images.
        n_further: Images of a source beside the analysed one, by the key of its section.
        slowness: Of this machine now, against the one that constants were measured on: 2 where all takes twice as long.
        counted: What a lens before has counted already, so that none after it does: embeddings that both use.
    """

    images: ImageList
    expected: ExpectedModes
    sample: Sample | None
    n_features: int
    seconds_each: float = 0.0
    inspected: "LoadedModel | None" = None
    feature: "LoadedModel | None" = None
    decision: "Decision | None" = None
    picture: Picture | None = None
    n_further: dict[str, int] = field(default_factory=dict)
    slowness: float = field(default_factory=slowness)
    counted: set[object] = field(default_factory=set)

    @property
    def n_images(self) -> int:
        """Of the run."""
        return len(self.images.paths)

    @property
    def n_classes(self) -> int:
        """Of the run."""
        return len(self.images.class_names)

    @property
    def failing_share(self) -> float:
        """Of the images, about how many fail; neither none nor most."""
        return min(max(self.expected.n_failures / max(self.n_images, 1), 0.02), 0.5)

    def pictures(self, n: int) -> tuple[float, int]:
        """Seconds and bytes of so many thumbnails."""
        if self.picture is None:
            return 0.0, 0
        return n * self.picture.seconds, round(n * self.picture.n_bytes)

    def some_images(self, n: int) -> "list[LoadedImage]":
        """Decode some images, spread over all of them.

        Raises:
            DataError: None of those tried can be read.
        """
        found = [image for _, image in _readable(self.images, n)]
        if not found:
            raise DataError(f"{self.images.root}: none of the images that were tried can be read.")
        return found

    def like_a_class(self, n: int, *, seed: int = 0) -> npt.NDArray[np.float32]:
        """Features as a class of so many images has them: those of the sample, drawn again with a little noise."""
        random = np.random.default_rng(seed)
        if self.sample is None or not len(self.sample.features):
            return random.random((n, max(self.n_features, 1)), dtype=np.float32)
        known = np.asarray(self.sample.features, dtype=np.float32)
        drawn = known[random.integers(0, len(known), n)]
        noise = random.normal(size=drawn.shape).astype(np.float32) * (0.1 * known.std(axis=0))
        return np.asarray(np.where(drawn == 0, 0, drawn + noise), dtype=np.float32)


def _readable(images: ImageList, n: int) -> "Iterator[tuple[int, LoadedImage]]":
    """Yield at most `n` images that can be read, by image_id: of each part of the list the first that can be."""
    for part in np.array_split(np.arange(len(images.paths)), min(n, len(images.paths))):
        for image_id in part[:3].tolist():
            try:
                yield image_id, images.source.read(images.paths[image_id])
            except UnreadableImage:
                continue
            break


def measure_picture(config: Config, images: ImageList, preprocessing: PreprocessingConfig) -> Picture | None:
    """Time thumbnails of some images; None where none can be read."""
    from barlow_report.stages.thumbnail_work import thumbnail_of

    ids = [image_id for image_id, _ in _readable(images, _N_PICTURES)]
    if not ids:
        return None
    sizes: list[int] = []

    def draw(image_id: int) -> None:
        image = images.source.read(images.paths[image_id]).image
        view = thumbnail_of(image, preprocessing, is_grey=False, max_side=config.visuals.thumbnail_size)
        sizes.append(len(view))

    with ThreadPoolExecutor(config.extraction.n_workers or os.cpu_count() or 1) as pool:
        seconds = timed(lambda: list(pool.map(draw, ids)))
    return Picture(seconds=seconds / len(ids), n_bytes=sum(sizes) / len(sizes))


def failures_like(
    features: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], share: float
) -> npt.NDArray[np.bool_]:
    """Which made-up images fail: in every other group, many of those that have one feature.

    Args:
        features: Of the images, (n_images, n_features).
        labels: Their groups, (n_images,).
        share: Of the images that fail, 0 to 1.
    """
    random = np.random.default_rng(0)
    rates = np.full(len(labels), share)
    for group in np.unique(labels)[::2].tolist():
        own = np.flatnonzero(labels == group)
        values = features[own, group % features.shape[1]]
        told = values > np.quantile(values, 1 - share / 2)
        rates[own] = np.where(told, max(_TOLD, share), _OTHERS * share)
    return np.asarray(random.random(len(labels)) < rates)
