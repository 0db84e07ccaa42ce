"""Trying what a first configuration would say: the images are listed, and the model runs on some of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.config import Config, ModelConfig, PreprocessingConfig, whole_config
from barlow_report.errors import ConfigError, DataError
from barlow_report.formatting import counted
from barlow_report.stages.class_order import better_order
from barlow_report.stages.copies import with_copies_of_models
from barlow_report.stages.model_names import shown_name
from barlow_report.stages.pass_work import load_inspected, load_models
from barlow_report.vision.class_search import NEVER_LABELS
from barlow_report.vision.datasets import ImageList, list_images
from barlow_report.vision.manifest import require_some_images
from barlow_report.vision.reading import UnreadableImage

__all__ = ["DataFound", "Trial", "as_config", "look_at_data", "spread", "try_model"]

N_TRIED = 48
"""Images that a model is tried on: enough to tell a model that works from one that guesses."""

_Tried = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
_NOTHING: _Tried = (np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, kw_only=True)
class DataFound:
    """What lies behind a section `data`.

    Attributes:
        section: The section.
        images: As the pass would list them.
        sizes: Width and height of some of the images; none where they are not here.
    """

    section: dict[str, Any]
    images: ImageList
    sizes: tuple[tuple[int, int], ...]

    @property
    def has_predictions(self) -> bool:
        """Whether they say what was predicted, so that no model has to run for that."""
        return self.images.predictions is not None

    @property
    def n_classes(self) -> int:
        """Classes, in the order of the model's outputs."""
        return len(self.images.class_names)

    @property
    def words(self) -> str:
        """One line on it."""
        names, n = self.images.class_names, len(self.images.paths)
        shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
        sizes = Counter(self.images.labels.tolist())
        least = min(range(len(names)), key=lambda class_id: (sizes[class_id], class_id))
        text = (
            f"{counted(n, 'image')} of {counted(len(names), 'class')} ({shown}), fewest {names[least]} ({sizes[least]})"
        )
        if self.images.predictions is not None:
            n_fail = int((self.images.predictions != self.images.labels).sum())
            text += f"; with predictions, {counted(n_fail, 'failure')}"
        if NEVER_LABELS in self.images.assumptions:
            text += f". Note: {self.images.assumptions[NEVER_LABELS].rstrip('.')}"
        if not self.images.skipped:
            return text
        path, reason = self.images.skipped[0]
        return f"{text}; {counted(len(self.images.skipped), 'file')} passed over, such as {path}: {reason}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What became of a model that was run on some of the images.

    Attributes:
        name: Of the model, as pages call it.
        n_outputs: Of the model.
        n_features: Length of its feature vector; 0 where it gives none.
        preprocessing: That images went through.
        labels: class_id of the images that it was run on; none where its outputs cannot be compared with the labels.
        predictions: class_id that it predicted for each.
        assumptions: Sentences on what was taken for granted.
    """

    name: str
    n_outputs: int
    n_features: int
    preprocessing: PreprocessingConfig
    labels: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]
    assumptions: tuple[str, ...]

    @property
    def n_tried(self) -> int:
        """Images it was run on, where its outputs can be compared with the labels."""
        return len(self.labels)

    @property
    def n_right(self) -> int:
        """Images whose label it predicted."""
        return int((self.predictions == self.labels).sum())

    def better_order(self, class_names: Sequence[str]) -> str | None:
        """A sentence on another order of the classes with which far more would be right; None where there is none."""
        return better_order(self.labels, self.predictions, class_names=class_names) if self.n_tried else None

    def share_right(self, class_names: Sequence[str]) -> float:
        """Share of the images that are right, 0 to 1; that of another order of the classes where it is far better."""
        from barlow_report.vision.class_order import find_better_order

        if not self.n_tried:
            return 0.0
        found = find_better_order(self.labels, self.predictions, class_names)
        return self.n_right / self.n_tried if found is None else found.better

    @property
    def is_told(self) -> bool:
        """Whether a configuration, a file of weights or a processor says how images are prepared, at least in part."""
        said = self.preprocessing
        return bool(said.resize or said.crop or any(said.mean) or any(value != 1 for value in said.std))

    def is_chance(self, n_classes: int) -> bool:
        """Whether a model that guesses would often be right as often: within two standard deviations."""
        p = 1 / n_classes
        return self.n_tried > 0 and self.n_right <= self.n_tried * p + 2 * (self.n_tried * p * (1 - p)) ** 0.5


def as_config(sections: Mapping[str, Any], *, folder: Path) -> Config:
    """Check sections as a configuration in `folder` would be.

    Raises:
        ConfigError: Something is not as it should be.
    """
    from pydantic import ValidationError

    try:
        return whole_config().model_validate({"name": "trial", **sections}, context={"folder": folder.resolve()})
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise ConfigError(
            f"{where}: {problem['msg'].removeprefix('Value error, ')}" if where else problem["msg"]
        ) from error


def look_at_data(section: Mapping[str, Any]) -> DataFound:
    """List the images of a section `data`, whose paths are relative to the working directory, and open some.

    Raises:
        ConfigError: The section is not as it should be.
        DataError: The images cannot be listed, or none of them can be read.
    """
    # The models are not known yet: any name stands for them.
    has_images = section.get("images") != "none"
    models = {"inspected_model": {"torchvision": "resnet18"}} if has_images else {}
    config = as_config({"data": dict(section), **models}, folder=Path.cwd())
    images = list_images(config.data)
    if not images.paths:
        raise DataError(f"{images.root}: holds no images.")
    if not has_images:
        if images.predictions is None:
            raise DataError(f"{config.data.manifest}: found no column prediction. Without images nothing else says it.")
        return DataFound(section=dict(section), images=images, sizes=())
    if config.data.manifest is not None:
        has_predictions = images.predictions is not None
        require_some_images(images.paths, root=images.root, path=config.data.manifest, has_predictions=has_predictions)
    sizes, reason = [], ""
    for position in spread(len(images.paths), 16):
        try:
            sizes.append(images.source.read(images.paths[position]).image.size)
        except UnreadableImage as error:
            reason = f"{images.paths[position]}: {error}"
    if not sizes:
        raise DataError(f"{images.root}: none of the images that were tried can be read, such as {reason}.")
    return DataFound(section=dict(section), images=images, sizes=tuple(sizes))


def try_model(data: DataFound, section: Mapping[str, Any], *, role: str, device: str = "auto") -> Trial:
    """Load a model and run it on some of the images.

    Args:
        data: The images.
        section: The section of the model, with paths relative to the working directory.
        role: inspected_model or feature_model: of the latter, outputs need not fit the classes.
        device: Where it runs.

    Raises:
        BarlowReportError: What the pass over the images would raise.
    """
    of_features = role == "feature_model"
    models = {role: dict(section)}
    is_of_predictions = "onnx" in section and not of_features
    if is_of_predictions:  # any name stands for the model that gives the features; it is not loaded
        models["feature_model"] = {"torchvision": "resnet18"}
    if of_features and not data.has_predictions:
        models = {"inspected_model": models[role]}
    config = as_config(
        {"device": device, "data": data.section, "visuals": {"attack": "none"}, **models}, folder=Path.cwd()
    )
    config = with_copies_of_models(config)
    if of_features:
        return _of_features(config, data)
    if is_of_predictions:
        model, assumptions = load_inspected(config, data.images)
        tried = _predictions(config, data.images, model, None) if model.n_outputs > 1 else _NOTHING
        return _trial(config.inspected_model, model, None, tried, assumptions)
    inspected, feature, noted = load_models(config, data.images)
    model = inspected or feature
    tried = _predictions(config, data.images, model, feature) if model.n_outputs > 1 else _NOTHING
    return _trial(config.inspected_model, model, feature, tried, noted["assumptions"])


def _of_features(config: Config, data: DataFound) -> Trial:
    from barlow_report.vision.channels import require_channels
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.loading import load_model

    spec = config.feature_model or config.inspected_model
    if spec is None:
        raise ConfigError("feature_model: missing.")  # unreachable: it was just put there
    size = data.sizes[0][::-1] if len(set(data.sizes)) == 1 else None
    model = load_model(spec, device=choose_device(config.device), role="feature_model", image_size=size)
    require_channels(model.preprocessing, config.data.bands, is_shown=True, where=model.role)
    is_classifier = model.n_outputs == data.n_classes and model.n_outputs > 1
    tried = _predictions(config, data.images, model, model) if is_classifier else _NOTHING
    return _trial(spec, model, model, tried, {})


def _trial(spec: ModelConfig | None, model: Any, feature: Any, tried: _Tried, assumptions: Mapping[str, str]) -> Trial:
    return Trial(
        name=shown_name(spec, model.name),
        n_outputs=model.n_outputs,
        n_features=0 if feature is None else feature.n_features,
        preprocessing=model.preprocessing,
        labels=tried[0],
        predictions=tried[1],
        assumptions=tuple(assumptions.values()),
    )


def _predictions(config: Config, images: ImageList, model: Any, feature: Any) -> _Tried:
    """Labels and predictions of the images that could be read of those that were tried."""
    from barlow_report.vision.extraction import extract_shard

    chosen = spread(len(images.paths), N_TRIED)
    result = extract_shard(
        [images.paths[i] for i in chosen],
        source=images.source,
        feature_model=feature,
        inspected_model=model,
        batch_size=config.extraction.batch_size or 16,
        n_workers=config.extraction.n_workers,
    )
    if result.predictions is None:
        return _NOTHING
    return images.labels[np.array(chosen)][result.kept], result.predictions


def spread(n: int, n_wanted: int) -> list[int]:
    """Return positions spread evenly over `n`, so that sorted data give images of many classes."""
    return sorted({int(i) for i in np.linspace(0, n - 1, min(n, n_wanted))})
