"""What a stage depends on, as values that can be compared: which images, which models, which settings.

Nothing here builds a model or opens an image, so that finding out that a run is up to date takes seconds.
"""

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from barlow_report.config import ModelConfig
from barlow_report.errors import ModelError
from barlow_report.files import digest_file

__all__ = ["factory_identity", "images_identity", "model_identity"]


def model_identity(model: ModelConfig | None) -> dict[str, Any] | None:
    """Return everything that decides what `model` computes: source, weights and preprocessing.

    Raises:
        ModelError: A file that the configuration names does not exist.
    """
    if model is None:
        return None
    settings = model.model_dump(
        mode="json", exclude={"weights", "factory", "program", "allow_unsafe_weights", "preprocessing"}
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
