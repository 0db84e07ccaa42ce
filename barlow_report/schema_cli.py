"""The command `barlow-report schema`: the JSON schema of a configuration, for editors, and of what programs read."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from barlow_report.cli_errors import DebugOption, reports_errors, show_path

__all__ = ["Document", "schema", "schema_text"]


class Document(StrEnum):
    """What people write in YAML, and what commands write with --json."""

    report = "report"
    training = "training"
    policy = "policy"
    check = "check"
    progress = "progress"


@reports_errors
def schema(
    file: Annotated[
        Path | None, typer.Argument(help="The file to write, such as report.schema.json; default: print it.")
    ] = None,
    of: Annotated[
        Document,
        typer.Option(
            help="report: a configuration; training: one of train-robust; policy: one of a gate; check, progress: what "
            "check and other commands write with --json."
        ),
    ] = Document.report,
    debug: DebugOption = False,
) -> None:
    """Write a JSON schema: of a configuration, with which editors complete its keys and mark mistakes, or of --json.

    Write it beside the configuration, and name it in the configuration's first line:

    `# yaml-language-server: $schema=report.schema.json`
    """
    from barlow_report.files import atomic_write, output_errors

    text = schema_text(of)
    if file is None:
        typer.echo(text, nl=False)
        return
    with output_errors(file):
        atomic_write(file, text)
    show_path(file)


def schema_text(of: Document) -> str:
    """Return a JSON schema as the content of a file."""
    import json

    return json.dumps(_schema(of), indent=1, ensure_ascii=False) + "\n"


def _schema(of: Document) -> dict[str, Any]:
    import json

    from barlow_report.check_cli import SCHEMA as CHECK
    from barlow_report.config import whole_config
    from barlow_report.config.json_schema import editor_schema
    from barlow_report.lenses.gate.policy import Policy
    from barlow_report.progress_lines import SCHEMA as PROGRESS
    from barlow_report.training_config import TrainingConfig

    if of in (Document.check, Document.progress):
        file = CHECK if of is Document.check else PROGRESS
        return dict(json.loads(file.read_text(encoding="utf-8")))
    if of is Document.policy:
        return editor_schema(Policy, title="A policy of barlow-report gate", expands=False)
    if of is Document.training:
        return editor_schema(TrainingConfig, title="A configuration of barlow-report train-robust")
    return editor_schema(whole_config(), title="A configuration of barlow-report")
