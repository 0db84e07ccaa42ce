"""The pictures of a run: thumbnails as the feature model frames the images, heatmaps and feature attacks."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config, ModelConfig, PreprocessingConfig
from barlow_report.errors import ConfigError, DataError
from barlow_report.progress import Advance
from barlow_report.run_folder import Run
from barlow_report.vision.datasets import open_source
from barlow_report.vision.reading import UnreadableImage
from barlow_report.visuals.thumbnails import encode_attack, encode_heatmap, encode_thumbnail, is_enlarged

if TYPE_CHECKING:
    from PIL import Image

    from barlow_report.vision.attack import FeatureAttack
    from barlow_report.vision.models import LoadedModel
    from barlow_report.vision.sources.source import ImageSource

__all__ = ["Photos", "Pictures", "feature_model_config", "input_size", "sees_grey"]

_N_TRIED = 20
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
    from barlow_report.vision.preprocessing import to_pixels

    if model.factory is None:  # the weights of the others say how images are resized
        return None
    for path in paths[:_N_TRIED]:
        try:
            height, width, _ = to_pixels(source.read(path).image, model.preprocessing).shape
        except UnreadableImage:
            continue
        return (height, width) if height * width <= _MAX_PIXELS else None
    return None


def _resolved_preprocessing(config: Config, run: Run) -> PreprocessingConfig:
    """The preprocessing that the features were computed with: the weights may have said some of it."""
    noted = run.info.get("models", {}).get("feature", {}).get("preprocessing")
    given = feature_model_config(config).preprocessing
    return given if noted is None else PreprocessingConfig.model_validate(noted)


def sees_grey(model: Mapping[str, Any] | None) -> bool:
    """Whether a model of run.json takes one channel; `model` is None where the predictions were given."""
    return model is not None and len(model.get("preprocessing", {}).get("mean", ())) == 1


class Photos(NamedTuple):
    """The images that pictures are made of: what reads them, their paths, and the hashes of their bytes, by id."""

    source: "ImageSource"
    paths: Sequence[str]
    digests: Mapping[int, str]


class Pictures:
    """Makes and stores pictures; a thumbnail is made once however often it is asked for."""

    def __init__(self, config: Config, run: Run, *, photos: Photos | None = None) -> None:
        self._add = run.add_media
        self._source, self._paths, self._digests = photos or _analysed(config, run)
        self._preprocessing = _resolved_preprocessing(config, run)
        models = run.info.get("models", {})  # without a model that sees colours they would mislead
        self._in_grey = all(sees_grey(models.get(role)) for role in ("inspected", "feature"))
        self._max_side = config.visuals.thumbnail_size
        self._names: dict[int, str] = {}
        self._enlarged: set[tuple[int, int]] = set()
        self._pool = ThreadPoolExecutor(config.extraction.n_workers or os.cpu_count() or 1)

    def read_all(self, image_ids: Sequence[int]) -> "list[Image.Image]":
        """Decode several images at once; see `read`."""
        return list(self._pool.map(self.read, image_ids))

    def input_size(self, model: ModelConfig) -> tuple[int, int] | None:
        """See the function of this name."""
        return input_size(model, self._source, self._paths)

    def thumbnails(self, image_ids: Sequence[int], *, advance: Advance) -> list[str]:
        """Return the names of the images' thumbnails below media/.

        Raises:
            DataError: An image cannot be read any more.
        """
        from barlow_report.vision.preprocessing import field_of_view

        def make(image_id: int) -> str:
            view = field_of_view(self.read(image_id), self._preprocessing)
            if self._in_grey:
                view = view.convert("L").convert("RGB")
            if is_enlarged(view.size, max_side=self._max_side):
                self._enlarged.add(view.size)
            name = self._add(encode_thumbnail(view, max_side=self._max_side))
            advance(1)
            return name

        missing = sorted(set(image_ids) - self._names.keys())
        self._names.update(zip(missing, self._pool.map(make, missing), strict=True))
        return [self._names[i] for i in image_ids]

    @property
    def enlarged_from(self) -> list[list[int]]:
        """Width and height of the smallest and the largest image that has been enlarged; of all where they agree."""
        sizes = sorted(self._enlarged, key=lambda size: (max(size), size))
        return [list(size) for size in dict.fromkeys((*sizes[:1], *sizes[-1:]))]

    def draw(self, by: "FeatureAttack | LoadedModel", pairs: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
        """Compute and store heatmap and attack of (feature_id, image_id) pairs, as one batch; of a model, no attack.

        Returns:
            One row per pair: the columns of table `tiles` that do not depend on the group.

        Raises:
            DataError: An image cannot be read any more.
        """
        from barlow_report.vision.tiles import compute_tiles

        images = self.read_all([image_id for _, image_id in pairs])
        tiles = compute_tiles(by, images, feature_ids=[feature_id for feature_id, _ in pairs])

        def store(row: int) -> dict[str, Any]:
            return {
                "feature_id": pairs[row][0],
                "image_id": pairs[row][1],
                "activation": float(tiles.activations[row]),
                "attacked_activation": None if not tiles.attacks else float(tiles.attacked_activations[row]),
                "map": None if tiles.heatmaps is None else self._add(encode_heatmap(tiles.heatmaps[row])),
                "map_low": None if tiles.ranges is None else float(tiles.ranges[row, 0]),
                "map_high": None if tiles.ranges is None else float(tiles.ranges[row, 1]),
                "attack": None if not tiles.attacks else self.store(tiles.attacks[row]),
            }

        return list(self._pool.map(store, range(len(pairs))))

    def store(self, pixels: npt.NDArray[np.floating]) -> str:
        """Store a changed image, (H, W, C) in [0, 1], and return its name below media/."""
        return self._add(encode_attack(pixels, max_side=self._max_side))

    def read(self, image_id: int) -> "Image.Image":
        """Decode an image.

        Raises:
            DataError: It cannot be read any more, or is another one than it was.
        """
        path = self._paths[image_id]
        try:
            loaded = self._source.read(path)
        except UnreadableImage as error:
            raise DataError(
                f"{self._source.root}: {path} could be read before and cannot be read now ({error}). "
                "Restore the file, or run again to analyse the images as they are."
            ) from error
        if loaded.digest != self._digests.get(image_id, loaded.digest):
            raise DataError(
                f"{self._source.root}: {path} has changed since its features were computed. Restore the file, or run "
                "again to analyse the images as they are."
            )
        return loaded.image


def _analysed(config: Config, run: Run) -> Photos:
    """The images of the run."""
    digests = dict(enumerate(run.read_table("contents")["digest"])) if run.has_table("contents") else {}
    return Photos(open_source(config.data), run.read_table("images")["path"].tolist(), digests)
