"""A first configuration as YAML, with what was found out as comments."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml

from barlow_report.config import load_config, whole_config
from barlow_report.config.json_schema import HEADER, editor_schema
from barlow_report.errors import OutputError
from barlow_report.files import atomic_write, output_errors
from barlow_report.storage import is_address
from barlow_report.visible import visible

__all__ = ["Starter", "starter_yaml", "write_starter"]

_WIDTH = 118


@dataclass(frozen=True, kw_only=True)
class Starter:
    """What goes into the file.

    Attributes:
        name: Of the run.
        data: The section `data`; paths are relative to the working directory, as those of the models.
        inspected_model: None where the data hold predictions.
        feature_model: None where the inspected model's own features are used.
        remarks: Lines of comment for each section, by its key.
        device: Where models run, if not the default.
    """

    name: str
    data: Mapping[str, Any]
    inspected_model: Mapping[str, Any] | None
    feature_model: Mapping[str, Any] | None
    remarks: Mapping[str, Sequence[str]]
    device: str = "auto"


def starter_yaml(starter: Starter, *, folder: Path, schema: str) -> str:
    """Return the text of the configuration.

    Args:
        starter: What goes into it.
        folder: Where it will lie: paths below it are written relative to it, others in full.
        schema: Where an editor finds the JSON schema of the configuration.
    """
    lines = [HEADER.format(schema), "# Written by barlow-report init.", yaml.safe_dump({"name": starter.name}).strip()]
    if starter.device != "auto":
        lines.append(f"device: {starter.device}")
    for key in ("data", "inspected_model", "feature_model"):
        section = getattr(starter, key)
        lines += [line for text in starter.remarks.get(key, ()) for line in _comment(text)]
        if section is not None:
            values = {key: _with_paths(section, folder.resolve())}
            lines += yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=_WIDTH).splitlines()
    if starter.data.get("images") == "none":
        lines += [*_comment(_PATHS_SHOWN), "site: {show_paths: true}"]
    return "\n".join(lines) + "\n"


def write_starter(path: Path, starter: Starter, *, overwrite: bool = False) -> None:
    """Write the configuration, beside it the schema for editors, and check that it can be read again.

    Raises:
        OutputError: There is such a file already, or it cannot be written.
        ConfigError: The configuration is not valid; the file is left for somebody to mend.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already. Give another name, or --overwrite.")
    schema = path.with_name(f"{path.stem}.schema.json")
    title = "A configuration of barlow-report"
    with output_errors(path):
        atomic_write(
            schema, json.dumps(editor_schema(whole_config(), title=title), indent=1, ensure_ascii=False) + "\n"
        )
        atomic_write(path, starter_yaml(starter, folder=path.parent, schema=schema.name))
    load_config(path)


def _comment(text: str) -> list[str]:
    return wrap(visible(text), _WIDTH, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)


_PATHS_SHOWN = "Without pictures a path is all that tells an image: leave this out where nobody may read the paths."
_PATHS = {"folder", "manifest", "image_root", "files", "shards", "class_file", "weights", "program", "onnx"}


def _with_paths(section: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The section with each path as it is called from `folder`."""
    changed: dict[str, Any] = {}
    for key, value in section.items():
        if isinstance(value, Mapping):
            changed[key] = value if key in ("arguments", "preprocessing") else _with_paths(value, folder)
        elif key in _PATHS or (key == "transformers" and Path(value).is_dir()):
            changed[key] = _called(value, folder)
        elif key == "factory" and value.rpartition(":")[0].endswith(".py"):
            file, _, function = value.rpartition(":")
            changed[key] = f"{_called(file, folder)}:{function}"
        else:
            changed[key] = value
    return changed


def _called(value: str, folder: Path) -> str:
    if is_address(value):
        return value
    path = Path.cwd() / Path(value).expanduser()
    resolved = path.parent.resolve() / path.name
    if resolved.is_relative_to(folder):
        return resolved.relative_to(folder).as_posix()
    return str(resolved)
