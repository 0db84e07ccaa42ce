"""The collector: serves a site to a team, and answers a submission only after it is on the disk.

It needs the extra `serve` (FastAPI and uvicorn); nothing of it is imported before it is asked for.
"""

from collections.abc import Callable

from barlow_report.annotations.collector.settings import CollectorSettings
from barlow_report.errors import DataError

__all__ = ["CollectorSettings", "run_collector"]


def run_collector(settings: CollectorSettings, *, announce: Callable[[str], None]) -> None:
    """Serve until the process is told to stop; `announce` gets a line when it is ready.

    Raises:
        DataError: The extra is not installed, the folder is no site with a form, the database lies in it or cannot be
            opened, or the port is taken.
    """
    try:
        from barlow_report.annotations.collector.server import serve
    except ImportError as error:
        raise DataError(
            f"annotations serve: {error.name} is not installed. Install the extra: pip install 'barlow-report[serve]'."
        ) from error
    serve(settings, announce=announce)
