"""The pictures of a run: thumbnails as the feature model frames the images, heatmaps and feature attacks."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config, ModelConfig, PreprocessingConfig
from barlow_report.engine import LocalEngine, current_engine
from barlow_report.errors import ConfigError
from barlow_report.progress import Advance
from barlow_report.run_folder import Run
from barlow_report.stages.photos import Photos, read_photo
from barlow_report.stages.thumbnail_work import ThumbnailWork
from barlow_report.vision.datasets import open_source
from barlow_report.vision.reading import UnreadableImage
from barlow_report.visuals.thumbnails import encode_attack

if TYPE_CHECKING:
    from barlow_report.vision.bands import Content
    from barlow_report.vision.sources.source import ImageSource

__all__ = ["N_TRIED", "Photos", "Pictures", "feature_model_config", "input_size", "sees_grey"]

N_TRIED = 20
"""Images at most that are looked at for their size."""

_N_TOGETHER = 32
"""Thumbnails that a worker makes at a time."""

_FEWEST_PARTS = 8
"""With fewer than so many times as many, others are not asked."""

_MAX_PIXELS = 512 * 512


def feature_model_config(config: Config) -> ModelConfig:
    """Return the section of the model that gives the features."""
    model = config.feature_model or config.inspected_model
    if model is None:
        raise ConfigError("feature_model: missing, and no other model gives features. Add the section.")
    return model


def input_size(model: ModelConfig, source: "ImageSource", paths: Sequence[str]) -> tuple[int, int] | None:
    """Return height and width of what `model` gets, as the first readable image has them.

    A model whose preprocessing leaves the size to the images is then looked into at the size that it will see. None
    where that is not known, or so large that looking would take long.
    """
    from barlow_report.vision.preprocessing import seen_size

    if model.factory is None:  # the weights of the others say how images are resized
        return None
    for path in paths[:N_TRIED]:
        try:
            height, width = seen_size(source.read(path).image.size, model.preprocessing)
        except UnreadableImage:
            continue
        return (height, width) if height * width <= _MAX_PIXELS else None
    return None


def _resolved_preprocessing(config: Config, run: Run) -> PreprocessingConfig:
    """The preprocessing that the features were computed with: the weights may have said some of it.

    Where features are given, images are shown whole.
    """
    noted = run.info.get("models", {}).get("feature", {}).get("preprocessing")
    if noted is not None:
        return PreprocessingConfig.model_validate(noted)
    return feature_model_config(config).preprocessing if config.data.asks_models else PreprocessingConfig()


def sees_grey(model: Mapping[str, Any] | None) -> bool:
    """Whether a model of run.json takes one channel; `model` is None where the predictions were given."""
    return model is not None and len(model.get("preprocessing", {}).get("mean", ())) == 1


class Pictures:
    """Makes and stores pictures; a thumbnail is made once however often it is asked for."""

    def __init__(self, config: Config, run: Run, *, photos: Photos | None = None) -> None:
        self._add, self._folder = run.add_media, run.folder
        self.photos = photos or _analysed(config, run)
        self._preprocessing = _resolved_preprocessing(config, run)
        models = run.info.get("models", {})  # without a model that sees colours they would mislead
        self._in_grey = all(sees_grey(models.get(role)) for role in ("inspected", "feature"))
        self._max_side, self._bands = config.visuals.thumbnail_size, config.data.bands
        self._names: dict[int, str] = {}
        self._enlarged: set[tuple[int, int]] = set()
        self._n_workers = config.extraction.n_workers
        self._pool = ThreadPoolExecutor(self._n_workers or os.cpu_count() or 1)

    def read_all(self, image_ids: Sequence[int]) -> "list[Content]":
        """Decode several images at once; see `read`."""
        return list(self._pool.map(self.read, image_ids))

    def input_size(self, model: ModelConfig) -> tuple[int, int] | None:
        """See the function of this name."""
        return input_size(model, self.photos.source, self.photos.paths)

    def thumbnails(self, image_ids: Sequence[int], *, advance: Advance) -> list[str]:
        """Return the names of the images' thumbnails below media/.

        Raises:
            DataError: An image cannot be read any more.
        """
        missing = sorted(set(image_ids) - self._names.keys())
        parts = [missing[i : i + _N_TOGETHER] for i in range(0, len(missing), _N_TOGETHER)]
        engine = current_engine() if len(parts) >= _FEWEST_PARTS else LocalEngine()
        work = ThumbnailWork(
            source=self.photos.source,
            preprocessing=self._preprocessing,
            is_grey=self._in_grey,
            max_side=self._max_side,
            folder=self._folder,
            n_workers=self._n_workers,
        )
        with engine.team(work, n_units=len(parts)) as team:
            found = team.map([self.photos.some(part) for part in parts], advance=advance)
            for part, thumbnails in zip(parts, found, strict=True):
                for image_id, thumbnail in zip(part, thumbnails, strict=True):
                    self._names[image_id] = thumbnail.name
                    if thumbnail.enlarged_from is not None:
                        self._enlarged.add(thumbnail.enlarged_from)
        return [self._names[i] for i in image_ids]

    @property
    def enlarged_from(self) -> list[list[int]]:
        """Width and height of the smallest and the largest image that has been enlarged; of all where they agree."""
        sizes = sorted(self._enlarged, key=lambda size: (max(size), size))
        return [list(size) for size in dict.fromkeys((*sizes[:1], *sizes[-1:]))]

    def store(self, pixels: npt.NDArray[np.floating]) -> str:
        """Store a changed image, (H, W, C) in [0, 1], and return its name below media/."""
        from barlow_report.vision.bands import as_shown

        shown = as_shown(pixels, self._bands, self._preprocessing.bands)
        return self._add(encode_attack(shown, max_side=self._max_side))

    def read(self, image_id: int) -> "Content":
        """Decode an image.

        Raises:
            DataError: It cannot be read any more, or is another one than it was.
        """
        return read_photo(self.photos.source, self.photos.photo(image_id)).content


def _analysed(config: Config, run: Run) -> Photos:
    """The images of the run."""
    digests = dict(enumerate(run.read_table("contents")["digest"])) if run.has_table("contents") else {}
    return Photos(open_source(config.data), run.read_table("images")["path"].tolist(), digests)
