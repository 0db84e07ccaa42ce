"""From the models of a configuration, among them families by pattern and files of names, to single named models."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from barlow_report.config.models import ModelConfig
from barlow_report.errors import ConfigError
from barlow_report.lenses.error_types.files import read_lines
from barlow_report.lenses.models.config import NAMES_SUFFIX, ComparedModelConfig
from barlow_report.storage import address_of, is_address, local_file, shown
from barlow_report.telling_names import says_something

__all__ = ["SourceModel", "list_models", "models_of"]

_SOURCES = ("torchvision", "timm", "transformers", "factory", "program", "onnx")
_FILES = ("weights", "program", "onnx")
_WILD = frozenset("*?[")


@dataclass(frozen=True, kw_only=True)
class SourceModel:
    """One model of a configuration; `family` is what it says, None where that is left to the library."""

    name: str
    family: str | None
    spec: ModelConfig


def list_models(entries: Sequence[ComparedModelConfig]) -> list[SourceModel]:
    """Return all models that the entries stand for, each with a name of its own, in their order.

    A model that two entries stand for is listed once: the first one counts.

    Raises:
        ConfigError: A pattern fits nothing, or one name is given to several models.
        DataError: A file of names cannot be read.
        ModelError: A library whose models a pattern looks for is not installed.
    """
    given = Counter(entry.name for entry in entries if entry.name is not None)
    if repeated := [name for name, n in given.items() if n > 1]:
        raise ConfigError(
            f"comparison.models: {given[repeated[0]]} entries are called {repeated[0]!r}. Give each a name of its own."
        )
    found: dict[str, SourceModel] = {}
    for position, entry in enumerate(entries, 1):
        for model in models_of(entry, where=f"comparison.models: entry {position}"):
            found.setdefault(model.spec.model_dump_json(), model)
    return _with_own_names(list(found.values()))


def models_of(entry: ComparedModelConfig, *, where: str) -> list[SourceModel]:
    """Return the models that an entry stands for.

    Args:
        entry: One of `comparison.models`.
        where: Its place in the configuration, for messages.

    Raises:
        ConfigError: A pattern fits nothing, all are excluded, or one name is given to several.
        DataError: A file of names cannot be read.
        ModelError: A library whose models a pattern looks for is not installed.
    """
    source = next(name for name in _SOURCES if getattr(entry, name) is not None)
    changes: list[dict[str, object]] = [{}]
    if source in ("torchvision", "timm", "transformers"):
        changes = [{source: name} for name in _library_names(source, entry, where=where)]
    for key in _FILES:
        path = getattr(entry, key)
        if path is not None and _WILD & set(str(path)):
            files = _files(path, where=f"{where}: {key}")
            changes = [{**change, key: file} for change in changes for file in files]
    specs = [entry.spec(**change) for change in changes]
    models = [SourceModel(name=_name(spec, source), family=entry.family, spec=spec) for spec in specs]
    kept = [model for model in models if not any(fnmatchcase(model.name, pattern) for pattern in entry.exclude)]
    if not kept:
        raise ConfigError(f"{where}: 'exclude' leaves none of its {len(models)} models. Leave some in.")
    if entry.name is None:
        return kept
    if len(kept) > 1:
        raise ConfigError(f"{where}: stands for {len(kept)} models, and 'name' is of one. Leave 'name' out.")
    return [replace(kept[0], name=entry.name)]


def _library_names(source: str, entry: ComparedModelConfig, *, where: str) -> Iterator[str]:
    """Yield the names that an entry gives, with those that its patterns fit."""
    value = str(getattr(entry, source))
    is_file = value.endswith(NAMES_SUFFIX)
    lines = read_lines(local_file(Path(value)), what="names of models") if is_file else [value]
    for line in lines:
        if source == "transformers" or not (line == "all" or _WILD & set(line)):
            yield line
            continue
        names = _fitting(source, line, entry, where=where)
        if not names:
            raise ConfigError(f"{where}: {source} has no model that fits {line!r}. Correct the pattern.")
        yield from names


def _fitting(source: str, pattern: str, entry: ComparedModelConfig, *, where: str) -> list[str]:
    from barlow_report.vision.model_names import timm_models, torchvision_models

    if source == "torchvision":
        return torchvision_models(pattern)
    return timm_models(pattern, pretrained=entry.is_published or entry.pretrained is True, where=where)


def _files(pattern: Path, *, where: str) -> list[Path]:
    if (address := address_of(pattern)) is not None:  # not fetched yet
        from barlow_report.storage.fetching import names_matching

        return [Path(name) for name in names_matching(address)]
    if pattern.is_file():  # called like a pattern
        return [pattern]
    files = sorted(path for path in Path(pattern.anchor).glob(str(pattern)[len(pattern.anchor) :]) if path.is_file())
    if not files:
        raise ConfigError(f"{where}: no file fits {pattern}. Correct the pattern.")
    return files


def _name(spec: ModelConfig, source: str) -> str:
    """What a model is called where nobody says: after its weights, which make the difference, or after its source.

    Names that everybody gives, such as `model.safetensors` and `make`, tell nothing: then the next one is taken.
    """
    if spec.weights is not None and says_something(spec.weights.stem):
        return spec.weights.stem
    value = getattr(spec, source)
    if isinstance(value, Path):
        return value.stem
    if source == "factory":
        file, _, function = str(value).rpartition(":")
        place = Path(file).stem if file.endswith(".py") else file
        if says_something(function) or not says_something(place.rpartition(".")[2]):
            return f"{place}:{function}"
        return place.rpartition(".")[2]
    if source == "transformers":
        return Path(value).name if Path(value).is_absolute() else str(value)
    return f"{value}.{spec.pretrained}" if isinstance(spec.pretrained, str) else str(value)


def _with_own_names(models: list[SourceModel]) -> list[SourceModel]:
    """Tell models with one name apart: by the folders of their files, or by numbers."""
    names = Counter(model.name for model in models)
    named = [replace(m, name=_with_folder(m)) if names[m.name] > 1 else m for m in models]
    return list(_numbered(named))


def _with_folder(model: SourceModel) -> str:
    path = next((path for key in _FILES if (path := getattr(model.spec, key)) is not None), None)
    if path is None:
        return model.name
    place = shown(path)
    folder = (Path(place) if is_address(place) else path).parent.name
    if path.stem == model.name:
        return f"{folder}/{model.name}"
    return model.name if says_something(path.stem) else f"{model.name} ({folder})"


def _numbered(models: Iterable[SourceModel]) -> Iterator[SourceModel]:
    taken: set[str] = set()
    for model in models:
        name = next(
            name
            for i in range(1, len(taken) + 2)
            if (name := model.name if i == 1 else f"{model.name} ({i})") not in taken
        )
        taken.add(name)
        yield replace(model, name=name)
