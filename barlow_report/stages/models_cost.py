"""How long models beside the inspected one take: each is loaded and asked about some images, of many models some."""

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from barlow_report.config import Config
from barlow_report.errors import BarlowReportError
from barlow_report.stages.measuring import seconds_each, timed
from barlow_report.stages.model_answers import AskedModel
from barlow_report.stages.model_loader import role_of
from barlow_report.stages.pictures import input_size
from barlow_report.stages.prospect import Prospect

if TYPE_CHECKING:
    from barlow_report.vision.models import LoadedModel
    from barlow_report.vision.sources.source import ImageSource

__all__ = ["ModelsCost", "measure_models"]

_SECONDS = 6.0
"""How long models are timed altogether; two are timed whatever they take."""
_N_LEAST, _N_MODELS = 2, 8
_SECONDS_EACH = 0.6
"""How long a model is asked."""
_N_FIRST, _N_MOST = 8, 96
_N_LOADED = 2
"""How often the run loads a model: to try it, and to ask it."""


@dataclass(frozen=True, kw_only=True)
class ModelsCost:
    """What some models take.

    Attributes:
        n_timed: How many were timed.
        loading: Seconds to load and to try a model, on average.
        asking: Seconds for each image, on average, without decoding it.
        decoding: Seconds to decode an image.
        unusable: What was said of models that cannot be used.
    """

    n_timed: int
    loading: float
    asking: float
    decoding: float
    unusable: tuple[str, ...]


def measure_models(config: Config, models: Sequence[AskedModel], prospect: Prospect) -> ModelsCost:
    """Time some models, spread over their list; see `ModelsCost`. Nothing is downloaded."""
    from barlow_report.vision.kept_pixels import KeptImages

    n = min(len(models), _N_MODELS)
    chosen = [models[i] for i in np.unique(np.linspace(0, len(models) - 1, n).astype(np.int64))]
    paths = [prospect.images.paths[i] for i in np.unique(np.linspace(0, prospect.n_images - 1, _N_MOST).astype(int))]
    source = KeptImages(prospect.images.source, paths)
    found: list[tuple[float, float, float]] = []
    unusable: list[str] = []
    start = time.perf_counter()
    for model in chosen:
        if len(found) >= _N_LEAST and time.perf_counter() - start > _SECONDS:
            break
        try:
            times = _time_one(config, model, prospect, source, paths)
        except BarlowReportError as error:
            unusable.append(f"{model.name} ({str(error).removeprefix(f'{role_of(model)}: ')})")
        except Exception as error:  # whatever a library or somebody's code raises
            unusable.append(f"{model.name} ({type(error).__name__}: {error})")
        else:
            found += [] if times is None else [times]
        gc.collect()  # networks that hold themselves would stay in memory beside the next one
    loading, asking, decoding = np.mean(found, axis=0).tolist() if found else (0.0, 0.0, 0.0)
    return ModelsCost(n_timed=len(found), loading=loading, asking=asking, decoding=decoding, unusable=tuple(unusable))


def _time_one(
    config: Config, model: AskedModel, prospect: Prospect, source: "ImageSource", paths: Sequence[str]
) -> tuple[float, float, float] | None:
    """Seconds to load a model, to ask it about an image, and to decode one; None for one that is not here."""
    from barlow_report.vision.acceleration import accelerate
    from barlow_report.vision.architectures import load_for_timing
    from barlow_report.vision.devices import choose_device

    found: list[LoadedModel | None] = []
    size = input_size(model.spec, source, paths)
    device = choose_device(config.device)
    role = role_of(model)
    loading = timed(lambda: found.append(load_for_timing(model.spec, device=device, role=role, image_size=size)))
    plain = found.pop()
    if plain is None:
        return None
    trying = timed(lambda: _try(config, plain, prospect, source, paths))
    settings = config.extraction
    fast = accelerate(plain, precision=settings.precision, channels_last=settings.channels_last)
    decoding, asking = _ask(config, fast, prospect, paths)
    return _N_LOADED * loading + trying, asking, decoding


def _try(config: Config, model: "LoadedModel", prospect: Prospect, source: "ImageSource", paths: Sequence[str]) -> None:
    """Try a model as a run does before it is asked."""
    from barlow_report.vision.sampling import N_IMAGES
    from barlow_report.vision.trial import try_models

    few = list(paths[:N_IMAGES])
    try_models(
        few,
        prospect.images.labels[: len(few)],
        source=source,
        feature_model=None,
        inspected_model=model,
        batch_size=config.extraction.batch_size,
    )


def _ask(config: Config, model: "LoadedModel", prospect: Prospect, paths: Sequence[str]) -> tuple[float, float]:
    """Seconds to decode an image, and to ask the model about one that is decoded."""
    from barlow_report.vision.decoding import Decoder
    from barlow_report.vision.kept_pixels import KeptPixels
    from barlow_report.vision.predicting import predict_shards
    from barlow_report.vision.preprocessing import geometry

    decoder = Decoder(source=prospect.images.source, geometries=(geometry(model.preprocessing),))
    keep = KeptPixels().keep

    def ask(n: int) -> None:
        found = predict_shards(
            [paths[:n]],
            decoder=decoder,
            models=(model,),
            keep=keep,
            batch_size=config.extraction.batch_size,
            n_workers=config.extraction.n_workers,
        )
        for shard in found:
            for answer in shard.answers:
                if isinstance(answer, Exception):
                    raise answer

    n = min(_N_FIRST, len(paths))
    with_decoding = timed(lambda: ask(n)) / n
    first = timed(lambda: ask(n)) / n
    each = (
        seconds_each(ask, n_first=n, n_most=len(paths), seconds=_SECONDS_EACH) if first * n < _SECONDS_EACH else first
    )
    return max(with_decoding - first, 0.0), min(each, first)
