"""The folder of several runs, one for each output of a multi-label model, and the file that lists them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from barlow_report.errors import RunFolderError
from barlow_report.files import output_errors
from barlow_report.seals import read_sealed_json, write_sealed_json

__all__ = ["is_of_each_output", "prepare_outputs", "read_outputs", "some_outputs"]

_NAME = "run.outputs.json"
_N_NAMED = 3


def is_of_each_output(folder: Path) -> bool:
    """Whether `folder` holds a run for each output."""
    return (folder / _NAME).is_file()


def read_outputs(folder: Path) -> dict[str, Any]:
    """Return what is known of the outputs whose runs are in `folder`.

    Raises:
        DamagedFileError: The file is damaged.
    """
    return read_sealed_json(folder / _NAME, advice="Run barlow-report run with the configuration: it is written again.")


def some_outputs(folder: Path) -> str:
    """Name a few of the folders with a run of one output, for messages."""
    found = [str(folder / output["slug"]) for output in read_outputs(folder)["outputs"]]
    return ", ".join(found[:_N_NAMED]) + (", …" if len(found) > _N_NAMED else "")


def prepare_outputs(folder: Path, content: Mapping[str, Any]) -> None:
    """Make `folder` one for a run of each output, and note what is known of the outputs.

    Raises:
        RunFolderError: It holds something else.
        OutputError: It cannot be written.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not is_of_each_output(folder) and any(folder.iterdir()):
            raise RunFolderError(
                f"{folder}: holds other files than runs for each output, perhaps a run for one label per image. Give "
                "an empty or new folder, or change the run's name."
            )
    write_sealed_json(folder / _NAME, content, indent=2)
