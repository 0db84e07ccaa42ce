"""Whole models in one file: TorchScript archives and programs of torch.export.

Nothing in these files is unpickled as Python, with one exception that is refused: a program of torch.export may hold
constants that need it. A program has no modules that hooks could watch. So the tensors inside of it are passed
through `Tap` modules, which do nothing: what finds the features and the map of an ordinary model, finds them here.
"""

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from barlow_report.errors import ModelError

__all__ = ["TAPS", "LinearTap", "Program", "Tap", "load_program"]

TAPS = "at"
"""Where the taps are: the value that the program calls `relu_3` is seen at the module `at.relu_3`."""

_FORCE_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


class Tap(nn.Module):
    """Shows a tensor to the hooks of its border and returns it."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Return `value`."""
        return value


class LinearTap(nn.Module):
    """Shows input and output of a linear operation, as an `nn.Linear` does."""

    def forward(self, _: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """Return `output`."""
        return output


class Program(nn.Module):
    """A program with taps; a model like any other.

    Attributes:
        size: Height and width that its input must have; None where they are free.
        n_per_call: Images that every call must have; None where their number is free.
    """

    size: tuple[int, int] | None = None
    n_per_call: int | None = None

    def keep(self, places: set[str]) -> None:
        """Show only the tensors at these modules from now on; the others cost memory."""


def load_program(path: Path, *, where: str) -> Program:
    """Read a TorchScript archive or a program of torch.export, to the processor's memory.

    Raises:
        ModelError: The file is missing, of another format, of another version, or needs unpickling.
    """
    if not path.is_file():
        raise ModelError(f"{where}: found no file {path}; correct 'program'.")
    names = _entries(path, where=where)
    if any(name.endswith("models/model.json") or name == "serialized_exported_program.json" for name in names):
        return _load_exported(path, names, where=where)
    if any(name.endswith("constants.pkl") for name in names) and any("/code/" in name for name in names):
        return _load_scripted(path, where=where)
    if any(name.endswith("data.pkl") for name in names):
        raise ModelError(
            f"{where}: {path} holds weights of torch.save and no program. Give it as 'weights', with the model's "
            "'factory', 'torchvision' or 'timm'."
        )
    raise ModelError(f"{where}: {path} is neither TorchScript nor a program of torch.export; found {names[:3]}.")


def _entries(path: Path, *, where: str) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{where}: {path} cannot be read ({error}). Expected TorchScript (torch.jit.save) or a program of "
            "torch.export.save."
        ) from error


def _load_scripted(path: Path, *, where: str) -> Program:
    from barlow_report.vision.scripted import ScriptedProgram, load_script

    try:
        return ScriptedProgram(load_script(path))
    except Exception as error:  # compiled by another version, or broken
        raise ModelError(f"{where}: the TorchScript program {path} cannot be loaded: {_first_line(error)}.") from error


def _load_exported(path: Path, names: list[str], *, where: str) -> Program:
    from barlow_report.vision.exported import ExportedProgram

    objects = [
        name for name in names if "/constants/" in name and Path(name).name.startswith(("opaque_obj", "custom_obj"))
    ]
    if objects:
        raise ModelError(
            f"{where}: the program {path} holds objects that need unpickling ({Path(objects[0]).name}), which could "
            "run any code. Export the model again without them, or give it by 'factory' and 'weights'."
        )
    try:
        with _weights_only():
            # From bytes, because the archive's reader keeps a mapped file open.
            program = torch.export.load(io.BytesIO(path.read_bytes()))
    except Exception as error:  # of another version, or broken
        raise ModelError(
            f"{where}: the program {path} cannot be loaded by torch {torch.__version__}: {_first_line(error)}. "
            "Programs are read by the version of torch that exported them and by later ones for some time: export it "
            "again."
        ) from error
    return ExportedProgram(program, where=f"{where}: {path}")


@contextmanager
def _weights_only() -> Iterator[None]:
    """Refuse unpickling in whatever torch.load is called inside, also where its caller asks for it."""
    before = os.environ.get(_FORCE_WEIGHTS_ONLY)
    os.environ[_FORCE_WEIGHTS_ONLY] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FORCE_WEIGHTS_ONLY]
        else:
            os.environ[_FORCE_WEIGHTS_ONLY] = before


def _first_line(error: BaseException) -> str:
    text: Any = str(error).strip() or type(error).__name__
    return f"{type(error).__name__}: {text.splitlines()[0][:200]}"
