"""The command line: with `cli_errors` and the other modules `*_cli` the only ones that print or exit.

Every command imports its work when it is called, so that `--help` answers at once. Progress and messages go to
standard error, as lines of JSON with --json; the last line on standard output is the path of what was made.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from barlow_report.annotations_cli import annotations_app
from barlow_report.card_cli import card
from barlow_report.changes_cli import compare, export_results
from barlow_report.check_cli import check
from barlow_report.cli_errors import DebugOption, JsonOption, reports_errors, show_path
from barlow_report.fiftyone_cli import export_fiftyone
from barlow_report.gate_cli import gate
from barlow_report.init_cli import init
from barlow_report.lenses import registry
from barlow_report.pool_cli import collect_files
from barlow_report.schema_cli import schema
from barlow_report.serve_cli import serve

__all__ = ["app", "main"]

app = typer.Typer(
    help="Explain when an image classifier fails, test every explanation, and write a static site about it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(annotations_app, name="annotations")
app.command()(compare)
app.command("export-results")(export_results)
app.command("export-fiftyone")(export_fiftyone)
app.command()(gate)
app.command()(init)
app.command()(serve)
app.command()(check)
app.command()(card)
app.command()(schema)
app.command("collect-files")(collect_files)

ConfigArgument = Annotated[
    Path,
    typer.Argument(help="The configuration: a YAML file. barlow-report schema explains every key."),
]
RunOption = Annotated[Path | None, typer.Option("--run", help="The run folder.", show_default="runs/<name>")]
SiteOption = Annotated[Path | None, typer.Option("--site", help="Folder of the site.", show_default="site/<name>")]


class Profile(StrEnum):
    """What pages are for."""

    standalone = "standalone"
    mkdocs = "mkdocs"
    techdocs = "techdocs"
    single = "single"


class Images(StrEnum):
    """How much of the photographs a site shows."""

    full = "full"
    blur = "blur"
    none = "none"


def _show_version(value: bool) -> None:
    if value:
        from barlow_report import __version__

        typer.echo(f"barlow-report {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options that come before a command; each has done its work when this is called."""


@app.command()
@reports_errors
def demo(
    release: Annotated[
        int, typer.Option(min=1, max=2, help="2: a second model on the same images, and what changed.")
    ] = 1,
    run: RunOption = None,
    site: SiteOption = None,
    json_lines: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Run the built-in example: draw images with planted failures, analyse them, and say where the site is."""
    from barlow_report.pipeline import run_demo
    from barlow_report.terminal import terminal_progress

    with terminal_progress() as progress:
        index = run_demo(release=release, folder=run, site=site, progress=progress)
    _show_site(index)


@app.command()
@reports_errors
def run(
    config: ConfigArgument,
    run: RunOption = None,
    site: SiteOption = None,
    json_lines: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Do everything that CONFIG asks for, skipping what is up to date."""
    from barlow_report import pipeline
    from barlow_report.config import load_config
    from barlow_report.terminal import terminal_progress

    loaded = load_config(config)
    with terminal_progress() as progress:
        index = pipeline.run(loaded, folder=run, site=site, progress=progress)
    _show_site(index)


def _stage_command(stage: str, summary: str, *, name: str = "") -> None:
    def command(
        config: ConfigArgument, run: RunOption = None, json_lines: JsonOption = False, debug: DebugOption = False
    ) -> None:
        from barlow_report import pipeline
        from barlow_report.config import load_config
        from barlow_report.terminal import terminal_progress

        loaded = load_config(config)
        with terminal_progress() as progress:
            folder = run or pipeline.default_run_folder(loaded)
            done = pipeline.compute_folder(loaded, folder=folder, until=stage, progress=progress)
        show_path(done)

    command.__name__ = name or stage
    command.__doc__ = summary
    app.command(name or stage)(reports_errors(command))


_stage_command("extract", "Compute the features and predictions of all images.")
_stage_command("explain", "Explain the failures: groups, trees, rules and their evidence. Extracts first if need be.")
_stage_command("visualize", "Draw triptychs and galleries. Extracts and explains first if need be.")
for _lens in registry.LENSES:
    if _lens.command:
        _stage_command(_lens.key, _lens.command, name=_lens.command_name)


@app.command()
@reports_errors
def site(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    site: Annotated[
        Path | None,
        typer.Option(
            "--site",
            help="Folder of the site; with --profile single, name of the file (*.html).",
            show_default="site/<name>, site/<name>.html",
        ),
    ] = None,
    profile: Annotated[
        Profile,
        typer.Option(
            help="standalone: a site of its own; single: one HTML file to send; mkdocs, techdocs: pages for a "
            "site of yours (needs --into)."
        ),
    ] = Profile.standalone,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="New folder among the documents of your site, such as docs/reports/NAME."),
    ] = None,
    images: Annotated[
        Images | None,
        typer.Option(help="Photographs on the site: as they are, blurred, or none.", show_default="as configured"),
    ] = None,
    zip_: Annotated[bool, typer.Option("--zip", help="Also pack the site as one zip file beside its folder.")] = False,
    json_lines: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Build the site from the run folder RUN; images and models are not needed."""
    from barlow_report import pipeline
    from barlow_report.terminal import terminal_progress

    is_for_host = profile in (Profile.mkdocs, Profile.techdocs)
    if not is_for_host and into is not None:
        raise typer.BadParameter("goes with --profile mkdocs or techdocs", param_hint="--into")
    if is_for_host and (into is None or site is not None or zip_):
        raise typer.BadParameter(
            f"--profile {profile.value} needs --into, and takes neither --site nor --zip", param_hint="--profile"
        )
    if profile is Profile.single and zip_:
        raise typer.BadParameter("--profile single is one file already: leave --zip out", param_hint="--zip")
    if profile is Profile.single and site is not None and site.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"found {site}, expected the name of a file that ends in .html", param_hint="--site")
    with terminal_progress() as progress:
        index = pipeline.build_site(
            run, site=into or site, profile=profile.value, images=images.value if images else None, progress=progress
        )
    if into is not None:
        if not json_lines:
            typer.echo("Add to mkdocs.yml:", err=True)
        typer.echo(pipeline.host_navigation(run, into=into))
        show_path(index)
    elif zip_:
        packed = pipeline.pack_site(run, index=index)
        show_path(packed, hint="Send this file; whoever gets it extracts it and opens OPEN-ME.html:")
    elif profile is Profile.single:
        show_path(index, hint="Send this file; it opens in any browser:")
    else:
        _show_site(index)


@app.command("train-robust")
@reports_errors
def train_robust(
    config: Annotated[
        Path,
        typer.Argument(
            help="The configuration of the training: a YAML file. The repository has configs/demo-train-robust.yaml."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder for the weights and metrics.", show_default="runs/<name>")
    ] = None,
    json_lines: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Train a feature model on your own images against an adversary, or without one for comparison."""
    from barlow_report import pipeline
    from barlow_report.config import parse_yaml_model
    from barlow_report.terminal import terminal_progress
    from barlow_report.training_config import TrainingConfig

    loaded = parse_yaml_model(config, TrainingConfig)
    with terminal_progress() as progress:
        weights = pipeline.train(loaded, folder=output, progress=progress)
    show_path(weights)


@app.command("convert-checkpoint")
@reports_errors
def convert_checkpoint(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A checkpoint of torch.save.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write (*.safetensors).")],
    entry: Annotated[
        str | None,
        typer.Option(
            help="Which weights to write where IN holds several sets, such as state_dict_ema.", metavar="NAME"
        ),
    ] = None,
    allow_unpickling: Annotated[
        bool,
        typer.Option(
            "--allow-unpickling",
            help="Read IN even if it holds more than weights. Such a file can run any code: only if you trust it.",
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
    debug: DebugOption = False,
) -> None:
    """Write the weights of the checkpoint IN, and the normalisation it holds, to the safetensors file OUT."""
    from barlow_report import pipeline
    from barlow_report.terminal import terminal_progress

    with terminal_progress() as progress:
        written = pipeline.convert_checkpoint(
            source, target, entry=entry, allow_unpickling=allow_unpickling, overwrite=overwrite, progress=progress
        )
    show_path(written)


@app.command("draw-scenes")
@reports_errors
def draw_scenes(
    folder: Annotated[Path, typer.Argument(help="Folder to draw into; each class gets a folder in it.")],
    n_per_class: Annotated[int, typer.Option(min=1, help="Images per class.")] = 400,
    cue_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of images that show the cue of their class.")
    ] = 0.97,
    release: Annotated[int, typer.Option(min=1, max=2, help="Release of the demo whose model learns from them.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed; another one gives other images.")] = 1000,
    json_lines: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Draw the demo's scenes into FOLDER, for training models on them."""
    from barlow_report import pipeline
    from barlow_report.terminal import terminal_progress

    with terminal_progress() as progress:
        pipeline.draw_for_training(
            folder, release=release, n_per_class=n_per_class, cue_rate=cue_rate, seed=seed, progress=progress
        )
    show_path(folder)


def _show_site(index: Path) -> None:
    show_path(index, hint="Open the report in a browser:")


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a path or name must never break the message about it
    app(prog_name="barlow-report")
