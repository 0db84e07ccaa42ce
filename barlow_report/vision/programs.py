"""Whole models in one file: TorchScript archives and programs of torch.export.

Both formats can make torch run code from the file, while it is loaded and when the model runs. So the file is read as
data first, checked by `checked_script` or `checked_export`, written anew from what was checked, and only then given to
torch. What cannot be checked is refused, unless the configuration allows the file by its name.
"""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from barlow_report.errors import ModelError
from barlow_report.vision.exported import ExportedProgram
from barlow_report.vision.exported_files import MODEL, OLD_MODEL, checked_export
from barlow_report.vision.program_files import Refused, read_members, write_members
from barlow_report.vision.scripted import ScriptedProgram, load_script
from barlow_report.vision.scripted_files import checked_script
from barlow_report.vision.taps import Program

__all__ = ["load_program"]

_FORCE_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


def load_program(path: Path, *, allow_unsafe: bool = False, where: str) -> Program:
    """Read a TorchScript archive or a program of torch.export, to the processor's memory.

    Args:
        path: The file.
        allow_unsafe: Load it as it is, without looking at it; such a file can run any code.
        where: Names the model in errors.

    Raises:
        ModelError: The file is missing, of another format, of another version, or could do more than compute.
    """
    if not path.is_file():
        raise ModelError(f"{where}: found no file {path}; correct 'program'.")
    members = read_members(path, where=where)
    is_exported = MODEL in members or OLD_MODEL in members
    if not is_exported:
        _refuse_other_files(path, members, where=where)
    try:
        if allow_unsafe:
            source = io.BytesIO(path.read_bytes())
        else:
            source = write_members(checked_export(members) if is_exported else checked_script(members))
    except Refused as error:
        raise ModelError(
            f"{where}: the program {path} was not loaded, because {error}. If you trust the file, allow it: "
            f"'allow_unsafe_weights: {path.name}'. Or give the model by 'factory' and 'weights'."
        ) from error
    if is_exported:
        return _load_exported(path, source, allow_unsafe=allow_unsafe, where=where)
    return _load_scripted(path, source, where=where)


def _refuse_other_files(path: Path, members: Mapping[str, bytes], *, where: str) -> None:
    """Raise a ModelError unless the file is TorchScript."""
    if "constants.pkl" in members and any(name.startswith("code/") for name in members):
        return
    if "data.pkl" in members:
        raise ModelError(
            f"{where}: {path} holds weights of torch.save and no program. Give it as 'weights', with the model's "
            "'factory', 'torchvision' or 'timm'."
        )
    if any(name.startswith("data/aotinductor/") for name in members):
        raise ModelError(
            f"{where}: {path} holds compiled machine code of AOTInductor, which shows no inner tensors. Save the "
            "program itself: torch.export.save."
        )
    raise ModelError(
        f"{where}: {path} is neither TorchScript nor a program of torch.export; found {list(members)[:3]}."
    )


def _load_scripted(path: Path, source: io.BytesIO, *, where: str) -> Program:
    try:
        return ScriptedProgram(load_script(source))
    except Exception as error:  # compiled by another version, or broken
        raise ModelError(f"{where}: the TorchScript program {path} cannot be loaded: {_first_line(error)}.") from error


def _load_exported(path: Path, source: io.BytesIO, *, allow_unsafe: bool, where: str) -> Program:
    try:
        with _weights_only(not allow_unsafe):
            program = torch.export.load(source)
    except Exception as error:  # of another version, or broken
        raise ModelError(
            f"{where}: the program {path} cannot be loaded by torch {torch.__version__}: {_first_line(error)}. "
            "Programs are read by the version of torch that exported them and by later ones for some time: export it "
            "again."
        ) from error
    return ExportedProgram(program, where=f"{where}: {path}")


@contextmanager
def _weights_only(is_forced: bool) -> Iterator[None]:
    """Refuse unpickling in whatever torch.load is called inside, also where its caller asks for it."""
    if not is_forced:
        yield
        return
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
