"""Building the model that a configuration names: a Python function, a model of a library, or a program."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from barlow_report.config import ModelConfig
from barlow_report.errors import ModelError
from barlow_report.files import digest_file, digest_text
from barlow_report.own_code import is_library
from barlow_report.vision.onnx_models import build_onnx
from barlow_report.vision.programs import load_program
from barlow_report.vision.published import build_timm, build_torchvision
from barlow_report.vision.transformers_models import build_transformers

__all__ = ["BuiltModel", "build_model", "call_factory"]


@dataclass(frozen=True, kw_only=True)
class BuiltModel:
    """A model as its source returns it.

    Attributes:
        module: Without the configured weights, in training mode, on the device its source chose.
        name: Of the function or of the torchvision model, without folders.
        source_sha256: Of the text of the function's file, of a library's version and the model's name, or of the
            program's file.
        preprocessing: Keys of `PreprocessingConfig` that belong to its published weights; empty without them.
    """

    module: nn.Module
    name: str
    source_sha256: str
    preprocessing: Mapping[str, Any] = field(default_factory=dict)


def build_model(spec: ModelConfig, *, role: str) -> BuiltModel:
    """Build the model that `spec` names, with its arguments.

    Args:
        spec: Names the source; its file of weights is not read here.
        role: Names the model in errors, such as "inspected_model".

    Raises:
        ModelError: The source cannot be found, fails, or gives no module; published weights cannot be downloaded.
    """
    if spec.program is not None:
        return _build_program(spec.program, role, allow_unsafe=bool(spec.allow_unsafe_weights))
    if spec.onnx is not None:
        module = build_onnx(spec.onnx, spec.arguments, where=role)
        return BuiltModel(module=module, name=spec.onnx.name, source_sha256=digest_file(spec.onnx))
    if spec.transformers is not None:
        published = build_transformers(spec.transformers, spec.arguments, where=role)
        return BuiltModel(
            module=published.module,
            name=published.name,
            source_sha256=digest_text(published.version),
            preprocessing=published.preprocessing,
        )
    if spec.torchvision is not None or spec.timm is not None:
        build, name = (
            (build_torchvision, spec.torchvision) if spec.torchvision is not None else (build_timm, spec.timm or "")
        )
        # With a file of weights nothing is downloaded: the name says only which preprocessing belongs to it.
        published = build(name, spec.arguments, pretrained=spec.pretrained, download=spec.weights is None, where=role)
        return BuiltModel(
            module=published.module,
            name=published.name,
            source_sha256=digest_text(published.version),
            preprocessing=published.preprocessing,
        )
    built, name, source_sha256 = call_factory(spec.factory or "", spec.arguments, role=role)
    if not isinstance(built, nn.Module):
        raise ModelError(f"{role}: {name} returned {type(built).__name__}, expected a torch.nn.Module.")
    if isinstance(built, torch.jit.ScriptModule):
        raise ModelError(
            f"{role}: {name} returned TorchScript, whose inner tensors cannot be watched. Return the model before "
            "torch.jit.script or torch.jit.trace, or save it with torch.jit.save and name the file as 'program'."
        )
    return BuiltModel(module=built, name=name, source_sha256=source_sha256)


def call_factory(factory: str, arguments: dict[str, Any], *, role: str) -> tuple[Any, str, str]:
    """Call a function that a configuration names: package.module:function or path/to/file.py:function.

    Returns:
        What it returns; its name without folders; the SHA-256 of the text of its file.

    Raises:
        ModelError: It cannot be found, or fails.
    """
    source, _, function = factory.rpartition(":")
    if source.endswith(".py"):
        return _call_in_file(Path(source), function, arguments, role)
    try:
        module = importlib.import_module(source)
    except Exception as error:  # importing runs code that may raise anything
        raise ModelError(
            f"{role}: importing {source!r} failed ({_describe(error)}). Check 'factory'; a package must be installed, "
            "a file is given as 'path/to/file.py:function'."
        ) from error
    return _call(module, function, arguments, role, name=f"{source}:{function}")


def _build_program(path: Path, role: str, *, allow_unsafe: bool) -> BuiltModel:
    module = load_program(path, allow_unsafe=allow_unsafe, where=role)
    return BuiltModel(module=module, name=path.name, source_sha256=digest_file(path))


def _call_in_file(path: Path, function: str, arguments: dict[str, Any], role: str) -> tuple[Any, str, str]:
    if not path.is_file():
        raise ModelError(f"{role}: found no file {path}; correct 'factory' (path/to/file.py:function).")
    # A name of its own, so that neither installed packages nor another model's file of that name are hit.
    unique = f"barlow_report_factory_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{role}: {path} cannot be imported as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    with _importing_beside(path.resolve().parent):
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # importing runs code that may raise anything
            del sys.modules[unique]
            raise ModelError(f"{role}: importing {path} failed: {_describe(error)}.") from error
        return _call(module, function, arguments, role, name=f"{path.stem}:{function}")


@contextmanager
def _importing_beside(folder: Path) -> Iterator[None]:
    """Let a file import its neighbours, and leave no trace of that: two models may have a `layers.py` each."""
    path, modules, no_bytecode = list(sys.path), set(sys.modules), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # somebody else's folder
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = no_bytecode
        new = [name for name in set(sys.modules) - modules if name.partition(".")[0] not in modules]
        for name in [name for name in new if _lies_below(sys.modules[name], folder)]:
            del sys.modules[name]


def _lies_below(module: ModuleType, folder: Path) -> bool:
    """Whether `module` is somebody's own code in `folder`, a package without a file of its own too."""
    files = [file for file in (getattr(module, "__file__", None), *getattr(module, "__path__", [])) if file]
    return any(folder in Path(file).parents and not is_library(file) for file in files)


def _call(
    module: ModuleType, function: str, arguments: dict[str, Any], role: str, *, name: str
) -> tuple[Any, str, str]:
    factory = getattr(module, function, None)
    if not callable(factory):
        public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ModelError(f"{role}: {name}: there is no function {function!r}; found {', '.join(public) or 'none'}.")
    try:
        built = factory(**arguments)
    except Exception as error:  # somebody else's code
        raise ModelError(f"{role}: calling {name} with 'arguments' {arguments} failed: {_describe(error)}.") from error
    return built, name, _hash_source(module)


def _hash_source(module: ModuleType) -> str:
    """SHA-256 of the file that defines the factory; of the module's name where it has none."""
    file = getattr(module, "__file__", None)
    source = Path(file).read_bytes() if file else module.__name__.encode()
    return hashlib.sha256(source).hexdigest()


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
