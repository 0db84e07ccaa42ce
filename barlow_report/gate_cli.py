"""The command `barlow-report gate`: a verdict on a release, for people and for a CI."""

from pathlib import Path
from typing import Annotated

import typer

from barlow_report.cli_errors import DebugOption, reports_errors

__all__ = ["gate"]

_INIT = Path("policy.yaml")


@reports_errors
def gate(
    new: Annotated[Path | None, typer.Argument(metavar="NEW", help="The run to be judged.", show_default=False)] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy, a YAML file.", metavar="FILE", show_default=False)
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="The run of the release before.", metavar="OLD", show_default=False)
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the verdict for a summary or a comment.", metavar="FILE")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write it for programs.", metavar="FILE")] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write it as the results of tests, as CIs show them.", metavar="FILE")
    ] = None,
    init: Annotated[bool, typer.Option("--init", help="Write a policy to start from, and judge nothing.")] = False,
    debug: DebugOption = False,
) -> None:
    """Hold the run NEW to a policy: exit code 0 where it passes, 3 where it fails or where that cannot be told."""
    outputs = {"--markdown": markdown, "--json": json, "--junit": junit}
    if init:
        _refuse({"NEW": new, "--baseline": baseline, **outputs})
        _start(policy or _INIT)
        return
    for name, value in (("NEW", new), ("--policy", policy)):
        if value is None:
            raise typer.BadParameter("missing; barlow-report gate --init writes a policy", param_hint=name)
    _refuse_twice({"--policy": policy, **outputs})
    if new is not None and policy is not None:
        _judge(new, policy=policy, baseline=baseline, outputs=outputs)


def _judge(new: Path, *, policy: Path, baseline: Path | None, outputs: dict[str, Path | None]) -> None:
    from barlow_report.files import atomic_write
    from barlow_report.lenses.gate.junit import junit_xml
    from barlow_report.lenses.gate.machine import gate_json
    from barlow_report.lenses.gate.markdown import markdown_summary
    from barlow_report.lenses.gate.stage import judge_run
    from barlow_report.lenses.gate.terminal import terminal_table

    verdict = judge_run(new, policy=policy, baseline=baseline)
    typer.echo(terminal_table(verdict), nl=False)
    for write, path in zip((markdown_summary, gate_json, junit_xml), outputs.values(), strict=True):
        if path is not None:
            atomic_write(path, write(verdict))
    raise typer.Exit(verdict.exit_code)


def _start(path: Path) -> None:
    from barlow_report.lenses.gate.policy import write_starter

    write_starter(path)
    typer.echo("Read this file and change it to what your releases must hold:", err=True)
    typer.echo(str(path.resolve()))


def _refuse(given: dict[str, Path | None]) -> None:
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter("does not go with --init", param_hint=name)


def _refuse_twice(files: dict[str, Path | None]) -> None:
    """Refuse to write one file over another one of the same command."""
    seen: dict[Path, str] = {}
    for name, path in files.items():
        if path is not None and (other := seen.setdefault(path.resolve(), name)) != name:
            raise typer.BadParameter(f"is the file of {other} as well", param_hint=name)
