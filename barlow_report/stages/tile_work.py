"""Heatmaps and feature attacks as work for an engine: the feature model once per worker, then chunks of pairs.

A finished chunk is one file in the folder of the unfinished work, and its pictures are in the run folder already: a run
that is stopped goes on with the pairs that are in none. The same chunk may be done twice at once, with the same bytes.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barlow_report.config import Config
from barlow_report.engine import current_engine, named_images
from barlow_report.progress import Advance
from barlow_report.run_folder import Run
from barlow_report.seals import write_sealed_json
from barlow_report.stages.photos import Photo, read_photo
from barlow_report.stages.pictures import feature_model_config, input_size
from barlow_report.visuals.thumbnails import encode_attack, encode_heatmap

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from barlow_report.vision.attack import FeatureAttack
    from barlow_report.vision.models import LoadedModel
    from barlow_report.vision.sources.source import ImageSource
    from barlow_report.vision.tiles import TileArrays

__all__ = ["RECORDS", "TileUnit", "TileWork", "pairs_at_once"]

RECORDS = "records"
"""The entry of a chunk's file that holds its rows."""

_N_PAIRS = 64
"""(feature, image) pairs of a chunk without feature attacks."""

_N_PAIRS_PER_THREAD = 32
"""And with them, for each thread of a worker: a full pass of small images."""


def pairs_at_once(config: Config, *, is_attacked: bool) -> int:
    """Return how many pairs a chunk has: as many as keep a worker busy. Results do not depend on it."""
    settings, engine = config.visuals.attack, current_engine()
    if settings == "none" or not is_attacked:
        return _N_PAIRS
    if engine.n_threads is not None:
        return settings.batch_size if engine.has_gpus else _N_PAIRS_PER_THREAD * engine.n_threads
    from barlow_report.vision.attack import pairs_for
    from barlow_report.vision.devices import choose_device

    return pairs_for(settings, choose_device(config.device))


@dataclass(frozen=True, kw_only=True)
class TileUnit:
    """A chunk: its (feature_id, image_id) pairs, their images by id, and whether the feature attack changes them."""

    pairs: Sequence[tuple[int, int]]
    photos: Mapping[int, Photo]
    is_attacked: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class TileWork:
    """Computes and stores heatmap and attack of each pair of a `TileUnit`.

    The result is one row per pair: the columns of table `tiles` that do not depend on the group.

    Attributes:
        config: The configuration.
        source: Reads the images.
        first_paths: Of some images, which tell the size of the model's input.
        folder: The run folder.
        work: Where the files of chunks go.
    """

    config: Config
    source: "ImageSource"
    first_paths: Sequence[str]
    folder: Path
    work: Path

    def start(self, n_threads: int | None) -> "_TileWorker":
        """Load the feature model; see `Work`."""
        return _TileWorker(self, self.config.extraction.n_workers or n_threads or os.cpu_count() or 1)

    def describe(self, unit: TileUnit) -> str:
        """Name the images; see `Work`."""
        return f"{self.source.root}: {named_images([photo.path for photo in unit.photos.values()])}"

    def halves(self, unit: TileUnit) -> list[TileUnit]:
        """See `Work`."""
        middle = (len(unit.pairs) + 1) // 2
        parts = (unit.pairs[:middle], unit.pairs[middle:]) if len(unit.pairs) > 1 else ()
        photos = unit.photos
        return [
            TileUnit(
                pairs=part,
                photos={image_id: photos[image_id] for _, image_id in part},
                is_attacked=unit.is_attacked,
            )
            for part in parts
        ]


class _TileWorker:
    def __init__(self, work: TileWork, n_threads: int) -> None:
        self._work, self._run = work, Run(work.folder)
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="tiles")
        self._by = _loaded(work)

    def run(self, units: Iterable[TileUnit], *, advance: Advance) -> Iterator[list[dict[str, Any]]]:
        """Draw chunks; see `Worker`."""
        for unit in units:
            rows = self._draw(unit)
            write_sealed_json(self._work.work / _file_name(unit), {RECORDS: rows})
            advance(len(rows))
            yield rows

    def _draw(self, unit: TileUnit) -> list[dict[str, Any]]:
        from barlow_report.vision.models import LoadedModel
        from barlow_report.vision.tiles import compute_tiles

        photos = [unit.photos[image_id] for _, image_id in unit.pairs]
        images = list(self._pool.map(lambda photo: read_photo(self._work.source, photo).content, photos))
        by = self._by if unit.is_attacked or isinstance(self._by, LoadedModel) else self._by.model
        tiles = compute_tiles(by, images, feature_ids=[feature_id for feature_id, _ in unit.pairs])
        return list(self._pool.map(lambda row: self._store(unit.pairs[row], tiles, row), range(len(unit.pairs))))

    def _store(self, pair: tuple[int, int], tiles: "TileArrays", row: int) -> dict[str, Any]:
        add = self._run.add_media
        return {
            "feature_id": pair[0],
            "image_id": pair[1],
            "activation": float(tiles.activations[row]),
            "attacked_activation": None if not tiles.attacks else float(tiles.attacked_activations[row]),
            "map": None if tiles.heatmaps is None else add(encode_heatmap(tiles.heatmaps[row])),
            "map_low": None if tiles.ranges is None else float(tiles.ranges[row, 0]),
            "map_high": None if tiles.ranges is None else float(tiles.ranges[row, 1]),
            "attack": None if not tiles.attacks else add(self._attacked(tiles.attacks[row])),
        }

    def _attacked(self, pixels: "npt.NDArray[np.float32]") -> bytes:
        from barlow_report.vision.bands import as_shown
        from barlow_report.vision.models import LoadedModel

        config = self._work.config
        model = self._by if isinstance(self._by, LoadedModel) else self._by.model
        shown = as_shown(pixels, config.data.bands, model.preprocessing.bands)
        return encode_attack(shown, max_side=config.visuals.thumbnail_size)


def _loaded(work: TileWork) -> "FeatureAttack | LoadedModel":
    """The attack on the feature model, or the model alone where none is asked for."""
    from barlow_report.vision.attack import FeatureAttack
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.loading import load_model

    spec = feature_model_config(work.config)
    size = input_size(spec, work.source, work.first_paths)
    device, settings = choose_device(work.config.device), work.config.visuals.attack
    model = load_model(spec, device=device, role="feature_model", image_size=size)
    return model if settings == "none" else FeatureAttack(model, settings)


def _file_name(unit: TileUnit) -> str:
    """Named by its first pair, which is in no other chunk that is missing."""
    return f"{unit.pairs[0][0]:06d}-{unit.pairs[0][1]:09d}.json"
