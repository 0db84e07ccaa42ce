"""What a stage depends on, as values that can be compared: which images, which models, which settings.

Nothing here builds a model or opens an image, so that finding out that a run is up to date takes seconds. What a
factory used when it made a model (`watching`) is noted with the run, and compared with what is there now.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from barlow_report.config import ModelConfig
from barlow_report.errors import ModelError
from barlow_report.files import digest_file, digest_text
from barlow_report.watching import Seen

__all__ = [
    "Bases",
    "contents",
    "factory_folders",
    "factory_identity",
    "images_identity",
    "loaded_now",
    "model_identity",
    "note_loaded",
]

Bases = Mapping[str, Path]
"""Folders by a word that stands for them, so that what is noted does not depend on where they are."""

Loaded = dict[str, dict[str, Any]]
"""What models were made from: by kind (files, folders, packages, variables) and name, a hash of each, None without."""


def model_identity(model: ModelConfig | None) -> dict[str, Any] | None:
    """Return everything that decides what `model` computes: source, weights and preprocessing.

    What its outputs are taken for (`output`, `positive`, `threshold`) is no part of it: no pass depends on that.

    Raises:
        ModelError: A file that the configuration names does not exist.
    """
    if model is None:
        return None
    settings = model.model_dump(
        mode="json",
        exclude={
            "name",
            "weights",
            "factory",
            "program",
            "allow_unsafe_weights",
            "preprocessing",
            "output",
            "positive",
            "threshold",
        },
    )
    library = next((name for name in ("torchvision", "timm") if getattr(model, name) is not None), None)
    return {
        **settings,
        # A key that is left out is completed by what the weights say, one that is given is not.
        "preprocessing": model.preprocessing.model_dump(mode="json", exclude_unset=True),
        "program": None if model.program is None else _digest(model.program, "program"),
        "weights": None if model.weights is None else _digest(model.weights, "weights"),
        "source": None if model.factory is None else factory_identity(model.factory),
        "library_version": None if library is None else _version(library),
    }


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None  # loading the model says that it is missing


def factory_identity(factory: str) -> list[str]:
    """Return the function's name and the hashes of the files that it may come from."""
    source, _, function = factory.rpartition(":")
    if source.endswith(".py"):
        _digest(Path(source), "factory")  # says what is wrong if it is not there
        return [function, *_neighbours(Path(source))]
    try:
        found = importlib.util.find_spec(source)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None or not Path(found.origin).is_file():
        return [function, source]  # loading the model says what is wrong with it
    return [function, *_neighbours(Path(found.origin))]


def factory_folders(factories: Mapping[str, str | None]) -> Bases:
    """Return the folder of each factory's file, or of its top-level package or module, by the same keys."""
    folders = {}
    for key, factory in factories.items():
        source = (factory or "").rpartition(":")[0]
        if source.endswith(".py"):
            folders[key] = Path(source).resolve().parent
        elif source:
            with suppress(ImportError, ValueError, IndexError):
                found = importlib.util.find_spec(source.partition(".")[0])
                places = [*(found.submodule_search_locations or ()), found.origin or ""] if found else []
                folders[key] = Path(places[0]).resolve().parent
    return folders


def note_loaded(seen: Seen, *, bases: Bases, known: Iterable[Path | None] = ()) -> Loaded:
    """Return what models were made from, as it is now, in a form that can be written as JSON.

    Args:
        seen: What was used.
        bases: Files below these folders are noted relative to them.
        known: Files whose content goes into the stage's fingerprint anyway.
    """
    ignored = {str(path.absolute()) for path in known if path is not None}
    return {
        "files": {_relative(file, bases): _file_digest(file) for file in sorted(seen.files - ignored)},
        "folders": {_relative(folder, bases): _folder_digest(folder) for folder in sorted(seen.folders)},
        "packages": {name: _package_digest(name) for name in _distributions_of(seen.packages)},
        "variables": {name: _text_digest(value) for name, value in sorted(seen.variables.items())},
    }


def loaded_now(noted: Mapping[str, Mapping[str, Any]], *, bases: Bases) -> Loaded:
    """Return the same as it is now: equal to `noted` as long as nothing has changed.

    Raises:
        ValueError: `noted` has no such form.
    """
    look: dict[str, Callable[[str], Any]] = {
        "files": lambda name: _file_digest(_resolve(name, bases)),
        "folders": lambda name: _folder_digest(_resolve(name, bases)),
        "packages": _package_digest,
        "variables": lambda name: _text_digest(os.environ.get(name)),
    }
    return {kind: {name: look[kind](name) for name in noted.get(kind, {})} for kind in look}


def contents(loaded: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Return what decides what a model computes, without the places where it lies."""
    by_place = [sorted(map(str, loaded.get(kind, {}).values())) for kind in ("files", "folders")]
    return [*by_place, *(sorted(loaded.get(kind, {}).items()) for kind in ("packages", "variables"))]


def _relative(path: str, bases: Bases) -> str:
    real = Path(path).resolve()
    for key, folder in bases.items():
        if real.is_relative_to(folder):
            return f"{key}:{real.relative_to(folder).as_posix()}"
    return f":{path}"


def _resolve(name: str, bases: Bases) -> str:
    key, _, path = name.partition(":")
    return str(bases[key] / path) if key in bases else path


def _file_digest(path: str) -> str | None:
    try:
        return digest_file(Path(path))
    except (OSError, ValueError):
        return None


def _folder_digest(path: str) -> str | None:
    """A hash of the names of the files in it; folders come and go, such as those of runs and of sites."""
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
    except (OSError, ValueError):
        return None
    return digest_text("\0".join(names))


def _distributions_of(modules: Iterable[str]) -> list[str]:
    """The names of the installed packages that the modules come from."""
    starts = tuple(f"\n{module}{end}" for module in modules for end in ("/", ".py,", "."))
    found = set()
    for distribution in importlib.metadata.distributions() if starts else ():
        record = "\n" + (distribution.read_text("RECORD") or "")
        if any(start in record for start in starts):
            found.add(distribution.name)
    return sorted(found)


def _package_digest(distribution: str) -> str | None:
    """The version of an installed package, and a hash of the list of its files with their hashes."""
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
    lines = (found.read_text("RECORD") or "").splitlines()
    files = sorted(line for line in lines if ".dist-info/" not in line and not line.endswith(",,"))
    return f"{found.version} {digest_text(chr(10).join(files))}"


def _text_digest(value: str | None) -> str | None:
    return None if value is None else digest_text(value)


def _neighbours(source: Path) -> list[str]:
    """The hashes of the Python files in a factory's folder: it may import any of them."""
    return [digest_file(path) for path in sorted(source.parent.glob("*.py"))]


def _digest(path: Path, key: str) -> str:
    try:
        return digest_file(path)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}). Give the path of an existing file under {key!r}."
        ) from error


def images_identity(paths: Sequence[str], *, states: Iterable[str], columns: Iterable[object]) -> str:
    """Return a hash of the images' names, sizes and modification times and of what is known about them.

    Args:
        paths: The images, in order.
        states: What changes when an image changes, one text per path.
        columns: Further values per image or per data set; hashed by their bytes or their text.
    """
    digest = hashlib.sha256()
    for path, state in zip(paths, states, strict=True):
        digest.update(f"{path}\0{state}\0".encode("utf-8", "surrogateescape"))
    for column in columns:
        digest.update(column.tobytes() if hasattr(column, "tobytes") else repr(column).encode())
    return digest.hexdigest()
