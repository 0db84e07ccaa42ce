"""The command `barlow-report serve`: a preview of a run's site on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from barlow_report.cli_errors import DebugOption, reports_errors

__all__ = ["serve"]

_SECONDS_BETWEEN_LOOKS = 1.0


@reports_errors
def serve(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    site: Annotated[Path | None, typer.Option("--site", help="Folder of the site.", show_default="site/<name>")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0: any free one.", show_default="8736, or any free one"),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    debug: DebugOption = False,
) -> None:
    """Build RUN's site and show it on this machine; both again whenever the run changes. Ctrl-C ends it."""
    import threading
    import time

    from barlow_report.pipeline import build_site, site_folder
    from barlow_report.preview import PreviewServer, Watcher
    from barlow_report.terminal import terminal_progress

    folder = site or site_folder(run)

    def build() -> None:
        with terminal_progress() as progress:
            build_site(run, site=folder, progress=progress)

    watcher = Watcher(run, folder, build=build, say=lambda line: typer.echo(line, err=True))
    with PreviewServer(folder, port=port, version=watcher.version) as server, _ended_in_order():
        watcher.build()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        try:
            typer.echo("Open this address in a browser of this machine; Ctrl-C ends it:", err=True)
            typer.echo(server.address)
            if open_:
                typer.launch(server.address)
            while True:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
                watcher.look()
        except KeyboardInterrupt:
            typer.echo("\nEnded.", err=True)
        finally:
            server.shutdown()


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Have SIGTERM end the command as Ctrl-C does, until the block ends."""
    import signal

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
