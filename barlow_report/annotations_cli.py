"""The commands `barlow-report annotations …`: what people are asked, and what becomes of their answers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from barlow_report.cli_errors import DebugOption, reports_errors

if TYPE_CHECKING:
    from barlow_report.commands.made import Made

__all__ = ["annotations_app"]

annotations_app = typer.Typer(
    help="Let people describe the features of a report, and bring the names back into it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RunArgument = Annotated[Path, typer.Argument(help="The run folder.", show_default=False)]


@annotations_app.command()
@reports_errors
def template(
    run: RunArgument,
    choice: Annotated[
        str,
        typer.Option(
            help="Which features: those of verified failure modes (verified), of failure_modes, of all rules "
            "(rules), or the most informative ones (informative)."
        ),
    ] = "verified",
    study: Annotated[
        bool,
        typer.Option(
            "--study", help="Take the published design instead: 60 classes, both groupings, ten features each."
        ),
    ] = False,
    grouping: Annotated[
        list[str] | None, typer.Option(help="Only groups of this grouping, such as label; repeatable.")
    ] = None,
    group: Annotated[list[str] | None, typer.Option(help="Only groups of this name; repeatable.")] = None,
    features_per_group: Annotated[int | None, typer.Option(min=1, help="Largest number of features per group.")] = None,
    max_items: Annotated[
        int | None, typer.Option(min=1, help="Largest number of items; an item is a feature in a group.")
    ] = None,
    people: Annotated[int, typer.Option(min=1, help="Number of people wanted for each item.")] = 5,
    part_size: Annotated[int, typer.Option(min=1, help="Number of items per sitting.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed; another one gives another order and sample.")] = 0,
    debug: DebugOption = False,
) -> None:
    """Choose what people are asked; the next build of the site shows it in its form."""
    from barlow_report.commands import template as command

    made = command.template(
        run,
        choice="study" if study else choice,
        groupings=grouping or [],
        groups=group or [],
        features_per_group=features_per_group,
        max_items=max_items,
        n_people=people,
        part_size=part_size,
        seed=seed,
    )
    _show(made)


@annotations_app.command()
@reports_errors
def merge(
    run: RunArgument,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files of answers: JSON Lines, a collector's database, JSON exports of Label Studio, CSV "
            "results of Mechanical Turk."
        ),
    ] = None,
    embedding: Annotated[
        str | None,
        typer.Option(help="How texts are compared: ngrams (by their letters), vectors:FILE or sentences:MODEL."),
    ] = None,
    min_seconds: Annotated[float | None, typer.Option(min=0, help="Flag answers that took fewer seconds.")] = None,
    belongs_to_this_report: Annotated[
        bool, typer.Option("--belongs-to-this-report", help="Accept files that do not say which report they are for.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Bring answers into RUN; list every record that is not applied, with its reason."""
    from barlow_report.commands import merge as command

    made = command.merge(
        run, files or [], embedding=embedding, min_seconds=min_seconds, is_vouched=belongs_to_this_report
    )
    _show(made)


@annotations_app.command()
@reports_errors
def summarize(run: RunArgument, debug: DebugOption = False) -> None:
    """Print how people answered, how well they agree, and the names."""
    from barlow_report.commands import summarize as command

    for line in command.summarize(run):
        typer.echo(line)


@annotations_app.command()
@reports_errors
def export(
    source: Annotated[Path, typer.Argument(help="The run folder; for jsonl also a collector's database.")],
    output: Annotated[Path, typer.Argument(help="New folder for the tasks, or file for the answers.")],
    to: Annotated[
        str, typer.Option(help="label-studio or potato: the questions; jsonl: the answers so far.")
    ] = "label-studio",
    image_url: Annotated[
        str, typer.Option(help="Address at which the exported folder images will be found; default: beside the tasks.")
    ] = "",
    debug: DebugOption = False,
) -> None:
    """Write the questions for another tool, or the answers as JSON Lines."""
    from barlow_report.commands import export as command

    typer.echo(str(command.export(source, output, to=to, image_url=image_url)))


@annotations_app.command()
@reports_errors
def forget(
    run: RunArgument,
    annotator: Annotated[
        str, typer.Argument(help="The person's pseudonym, or mturk:ID, prolific:ID or label-studio:ID.")
    ],
    database: Annotated[Path | None, typer.Option(help="Delete from this collector's database, too.")] = None,
    debug: DebugOption = False,
) -> None:
    """Delete one person's records everywhere in RUN; they cannot be merged again."""
    from barlow_report.commands import forget as command

    typer.echo(command.forget(run, annotator, database=database))


@annotations_app.command()
@reports_errors
def invite(
    database: Annotated[Path, typer.Argument(help="The collector's database; created if it does not exist.")],
    annotators: Annotated[list[str], typer.Argument(help="Pseudonyms, not names: letters, digits, dots, hyphens.")],
    debug: DebugOption = False,
) -> None:
    """Print a link with a new token for each annotator; it replaces an older one, and only its hash is kept."""
    from barlow_report.commands import collect as command

    for line in command.invite(database, annotators):
        typer.echo(line)


@annotations_app.command()
@reports_errors
def serve(
    site: Annotated[Path, typer.Option(help="Folder of the site.")],
    database: Annotated[Path, typer.Option(help="The collector's database; created if it does not exist.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = 8737,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Also answer under this name, such as study.example.org; repeatable.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(help="Address or network of your proxy, whose X-Forwarded-For is believed; repeatable."),
    ] = None,
    prolific_study: Annotated[
        str | None, typer.Option(help="Id of a Prolific study whose participants are taken.")
    ] = None,
    prolific_completion: Annotated[
        str | None,
        typer.Option(help="Completion link of the study, shown to a participant whose answers are all stored."),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Serve the site to a team and collect what they submit."""
    from barlow_report.commands import collect as command

    command.serve(
        site,
        database,
        host=host,
        port=port,
        allowed_hosts=allow_host or [],
        trusted_proxies=trusted_proxy or [],
        prolific_study=prolific_study,
        prolific_completion=prolific_completion,
        announce=lambda line: typer.echo(line, err=True),
    )


def _show(made: "Made") -> None:
    for line in made.lines:
        typer.echo(line, err=True)
    typer.echo(str(made.path))
