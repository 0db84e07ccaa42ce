"""What pages call the models of a run: as the configuration says, or by what tells them from others.

Models of libraries have names. A function that makes a model often has none that says anything (`make_model`); then the
name is that of the file of weights, of the file or package of the function, or of the folder of the weights, whichever
says something first.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from barlow_report.config import Config, ModelConfig
from barlow_report.telling_names import says_something

__all__ = ["named_models", "shown_name"]

Infos = Mapping[str, Mapping[str, Any] | None]
"""What run.json says of the inspected and the feature model."""


def named_models(models: Infos, config: Config) -> dict[str, dict[str, Any] | None]:
    """Return what is known of the models with the names that the configuration gives them now.

    Args:
        models: With the key `name`, or with `source_name`, where a model has another name than its source.
        config: The configuration.
    """
    specs = {"inspected": config.inspected_model, "feature": config.feature_model or config.inspected_model}
    sources = {role: info.get("source_name", info["name"]) for role, info in models.items() if info is not None}
    names = {role: shown_name(specs[role], source) for role, source in sources.items()}
    if len(names) == 2 and len(set(names.values())) == 1 and config.feature_model is not None:
        names = {role: _with_weights(specs[role], name) for role, name in names.items()}
    found: dict[str, dict[str, Any] | None] = dict.fromkeys(models)
    for role, name in names.items():
        rest = {key: value for key, value in (models[role] or {}).items() if key not in ("name", "source_name")}
        known = {"name": name} if name == sources[role] else {"name": name, "source_name": sources[role]}
        found[role] = {**known, **rest}
    return found


def shown_name(spec: ModelConfig | None, source: str) -> str:
    """Return the name of a model; `source` is what its library calls it, or file and function."""
    if spec is None or (spec.name is None and spec.factory is None):
        return source
    if spec.name is not None:
        return spec.name
    place, _, function = source.rpartition(":")
    if says_something(function):
        return source
    words = [*([spec.weights.stem] if spec.weights else []), *reversed(place.split("."))]
    words += [spec.weights.parent.name] if spec.weights else []
    return next(filter(says_something, words), source)


def _with_weights(spec: ModelConfig | None, name: str) -> str:
    """A name with what its weights are called, for two models of one function."""
    if spec is None or spec.name is not None or spec.weights is None:
        return name
    path = Path(spec.weights)
    label = next(filter(says_something, (path.stem, path.parent.name)), None)
    return name if label in (None, name) else f"{name} ({label})"
