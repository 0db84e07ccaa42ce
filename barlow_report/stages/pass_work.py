"""The pass over the images as work for an engine: the models, once per worker, and a shard after the other.

Shards depend on nothing but their images and the models, so any worker can do any of them, and the same one may be
done twice at once: each is a file that appears as a whole, with the same bytes. The trial of the models is a unit of
its own, because what comes of it is noted once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config, DataConfig, ModelConfig
from barlow_report.engine import named_images
from barlow_report.errors import RunFolderError
from barlow_report.progress import Advance
from barlow_report.stages.loading import Noted, merge_noted, noting, specs_of
from barlow_report.stages.model_names import named_models
from barlow_report.stages.pictures import N_TRIED, feature_model_config, input_size
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.sampling import draw_sample
from barlow_report.vision.shards import save_shard, shard_path

if TYPE_CHECKING:
    from barlow_report.vision.decisions import Decision
    from barlow_report.vision.models import LoadedModel
    from barlow_report.vision.outputs import OutputKind

__all__ = ["PassWork", "ShardUnit", "Trial", "load_inspected", "load_models"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """The unit that is done once: try the models on a few images.

    Attributes:
        paths: Of the images.
        labels: Their classes, int64, shape (n_images,).
    """

    paths: Sequence[str]
    labels: npt.NDArray[np.int64]

    @classmethod
    def of(cls, images: ImageList) -> "Trial":
        """Choose the images."""
        sample = draw_sample(len(images.paths))
        return cls(paths=[images.paths[i] for i in sample], labels=images.labels[sample])


@dataclass(frozen=True, kw_only=True)
class ShardUnit:
    """The unit of the pass: some images, whose results are one file; without an index, they are not kept."""

    index: int | None
    paths: Sequence[str]


@dataclass(frozen=True, kw_only=True, eq=False)
class PassWork:
    """The pass, of units that are a `Trial` or a `ShardUnit`.

    A trial's result is what is known of the models, see `load_models`, with what they were made from under `loaded`. A
    shard has no result: its file is in the folder of the unfinished work.

    Attributes:
        config: The configuration.
        images: What is known of all images, without most of them; see `without_most`.
        work: Where the files of shards go.
    """

    config: Config
    images: ImageList
    work: Path

    @classmethod
    def of(cls, config: Config, images: ImageList, work: Path) -> "PassWork":
        """Prepare the pass; the list of all images is not sent to workers, which get those of their units."""
        known = images.predictions
        few = replace(
            images,
            paths=images.paths[:N_TRIED],
            labels=images.labels[:N_TRIED],
            predictions=None if known is None else known[:N_TRIED],
            confidences=None,
            skipped=[],
            attributes={},
        )
        return cls(config=config, images=few, work=work)

    def start(self, n_threads: int | None) -> "_PassWorker":
        """Load the models; see `Work`."""
        if not self.work.is_dir():
            raise RunFolderError(
                f"{self.work}: cannot be seen by a worker. Images, weights and the run folder must be at the same "
                "paths on all machines."
            )
        return _PassWorker(self, n_threads)

    def describe(self, unit: Trial | ShardUnit) -> str:
        """Name the images; see `Work`."""
        return f"{self.images.root}: {named_images(unit.paths)}"

    def halves(self, unit: Trial | ShardUnit) -> list[ShardUnit]:
        """See `Work`."""
        middle = (len(unit.paths) + 1) // 2
        parts = (unit.paths[:middle], unit.paths[middle:]) if len(unit.paths) > 1 else ()
        return [ShardUnit(index=None, paths=part) for part in parts]


class _PassWorker:
    def __init__(self, work: PassWork, n_threads: int | None) -> None:
        from barlow_report.vision import extraction  # what torch opens as it is imported has nothing to do with models

        self._work, self._n_threads, self._extraction = work, n_threads, extraction
        self._loaded = Noted()
        with noting(specs_of(work.config), self._loaded):
            self._plain: Models | None = _load(work.config, work.images)
        self._faster: Models | None = None

    def run(self, units: Iterable[Trial | ShardUnit], *, advance: Advance) -> Iterator[dict[str, Any] | None]:
        """Do a trial, or shards; see `Worker`."""
        units = list(units)
        shards = [unit for unit in units if isinstance(unit, ShardUnit)]
        for unit in units[: len(units) - len(shards)]:
            if isinstance(unit, Trial):
                yield self._try(unit)
        yield from self._extract(shards, advance)

    def _try(self, trial: Trial) -> dict[str, Any]:
        config, images, further = self._work.config, self._work.images, Noted()
        with noting(specs_of(config), further):  # somebody's model may open files when it runs
            plain = self._plain or _load(config, images)
            noted = _try(config, images, trial, plain)
            self._accelerate(plain)
        return noted | {"loaded": merge_noted(self._loaded, further)}

    def _accelerate(self, plain: "Models") -> "Models":
        self._faster, self._plain = _accelerated(self._work.config, plain), None
        return self._faster

    def _extract(self, shards: Sequence[ShardUnit], advance: Advance) -> Iterator[None]:
        config, images = self._work.config, self._work.images
        inspected, feature = self._faster or self._accelerate(self._plain or _load(config, images))
        settings = config.extraction
        results = self._extraction.extract_shards(
            [unit.paths for unit in shards],
            source=images.source,
            feature_model=feature,
            inspected_model=inspected,
            batch_size=settings.batch_size,
            n_workers=settings.n_workers or self._n_threads,
            feature_dtype=settings.feature_dtype,
            keeps_values=images.n_outputs is not None,
            advance=advance,
        )
        for unit, result in zip(shards, results, strict=True):
            if unit.index is not None:
                save_shard(result, shard_path(self._work.work, unit.index))
            yield None


Models = tuple["LoadedModel | None", "LoadedModel"]
"""The inspected model, if it is to run, and the feature model; perhaps one object."""


def load_models(config: Config, images: ImageList) -> "tuple[LoadedModel | None, LoadedModel, dict[str, Any]]":
    """Load the inspected model, if it is to run, and the feature model; return them and what they are."""
    plain = _load(config, images)
    noted = _try(config, images, Trial.of(images), plain)
    return *_accelerated(config, plain), noted


def load_inspected(config: Config, images: ImageList) -> "tuple[LoadedModel, dict[str, str]]":
    """Load the inspected model for its predictions alone; return it and what is assumed of it.

    Raises:
        ModelError: See `load_models`.
    """
    inspected = None if config.inspected_model is None else _load_inspected(config.inspected_model, config, images)
    if inspected is None:
        raise RuntimeError("without an inspected model there is none to load")
    return inspected, _assumptions(config, images, Trial.of(images), inspected, None)


def _load_inspected(spec: ModelConfig, config: Config, images: ImageList) -> "LoadedModel":
    from barlow_report.vision.channels import require_channels
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.kept_outputs import keep_outputs
    from barlow_report.vision.loading import load_model
    from barlow_report.vision.named_outputs import check_named_order
    from barlow_report.vision.output_counts import check_each_output, check_outputs

    inspected = load_model(
        spec,
        device=choose_device(config.device),
        role="inspected_model",
        image_size=input_size(spec, images.source, images.paths),
        needs_features=config.feature_model is None,
    )
    require_channels(inspected.preprocessing, config.data.bands, is_shown=False, where=inspected.role)
    if images.n_outputs is not None:
        check_each_output(inspected, images.n_outputs)
        return inspected
    n_classes = len(images.class_names) if images.subset is None else images.subset.n_all
    check_outputs(inspected, n_classes, setting=spec.output)
    data = config.data
    # further images have the classes of the analysed ones, whose order was looked at then
    if images.subset is None and isinstance(data, DataConfig) and not data.confirm_class_order:
        listed = next((f"data.{key}" for key in ("classes", "class_file", "class_order") if getattr(data, key)), "")
        check_named_order(
            inspected.module, images.class_names, where=f"inspected_model: {inspected.name}", instead_of=listed
        )
    return keep_outputs(inspected, images.subset)


def _load(config: Config, images: ImageList) -> "Models":
    """The models as they are, after checks that need no images."""
    from barlow_report.vision.channels import require_channels
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.loading import load_model
    from barlow_report.vision.models import check_gradients

    inspected = None
    if images.predictions is None and config.inspected_model is not None:
        inspected = _load_inspected(config.inspected_model, config, images)
    if inspected is not None and config.feature_model is None:
        feature = inspected
    else:
        spec = feature_model_config(config)
        size = input_size(spec, images.source, images.paths)
        feature = load_model(spec, device=choose_device(config.device), role="feature_model", image_size=size)
    require_channels(feature.preprocessing, config.data.bands, is_shown=True, where=feature.role)
    if config.visuals.attack != "none":
        check_gradients(feature)  # the pictures need them, and come only after hours of work
    return inspected, feature


def _try(config: Config, images: ImageList, trial: Trial, models: "Models") -> dict[str, Any]:
    """What is known of the models, and what is assumed of them after a trial."""
    inspected, feature = models
    assumptions = _assumptions(config, images, trial, inspected, feature)
    found = {
        "inspected": None if inspected is None else _model_info(inspected),
        "feature": {**_model_info(feature), "is_inspected": config.feature_model is None},
    }
    return {"device": str(feature.device), "models": named_models(found, config), "assumptions": assumptions}


def _assumptions(
    config: Config, images: ImageList, trial: Trial, inspected: "LoadedModel | None", feature: "LoadedModel | None"
) -> dict[str, str]:
    """What is assumed of the models after a trial."""
    from barlow_report.vision.trial import try_models

    return try_models(
        trial.paths,
        trial.labels,
        source=images.source,
        feature_model=feature,
        inspected_model=inspected,
        batch_size=config.extraction.batch_size,
        decisions=() if inspected is None else _decisions(config.inspected_model, inspected.n_outputs, images),
        are_exclusive=images.n_outputs is None,
    )


def _accelerated(config: Config, models: "Models") -> "Models":
    """The models as the pass runs them."""
    from barlow_report.vision.acceleration import accelerate

    inspected, feature = models
    settings = config.extraction
    faster = {
        model: accelerate(
            model, precision=settings.precision, channels_last=settings.channels_last, compiled=settings.compile
        )
        for model in (inspected, feature)
        if model is not None
    }
    return None if inspected is None else faster[inspected], faster[feature]


def _decisions(spec: ModelConfig | None, n_outputs: int, images: ImageList) -> "Sequence[Decision]":
    """What follows from the outputs; nothing is known before the pass where a threshold is to be chosen."""
    from barlow_report.vision.decisions import LARGEST, Decision, Positive

    if spec is None or (n_outputs > 1 and images.n_outputs is None):
        return (LARGEST,)
    columns = range(n_outputs) if images.column is None else (images.column,)
    threshold = spec.threshold
    asked = [threshold.get(images.class_names[c]) if isinstance(threshold, dict) else threshold for c in columns]
    given = [0.5 if one is None else one for one in asked if not isinstance(one, str)]
    if len(given) < len(asked):
        return ()
    kind: OutputKind = "probabilities" if spec.output == "probabilities" else "sigmoid_logits"
    pairs = zip(columns, given, strict=True)
    return tuple(Decision(kind=kind, positive=Positive(column=c, threshold=at)) for c, at in pairs)


def _model_info(model: "LoadedModel") -> dict[str, Any]:
    return {
        "name": model.name,
        "sha256": model.sha256,
        "n_outputs": model.n_outputs,
        "n_features": model.n_features,
        "has_maps": model.has_maps,
        "ends_in_linear": model.ends_in_linear,
        "preprocessing": model.preprocessing.model_dump(mode="json"),
    }
