"""Building the site again when its run has changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from barlow_report.errors import BarlowReportError
from barlow_report.files import SITE_MARKER

__all__ = ["Watcher"]

_State = tuple[tuple[str, int, int], ...]
_WATCHED = ("*.json", "*.parquet", "annotations/batch.json", "*/run.json", "*/*.parquet", "*/annotations/batch.json")
"""Files of a run, or of the runs of several outputs, that its pages are made from. A stage that has finished notes it
in run.json; pictures come with the tables that name them; names that people gave, with the tables of a merge."""


class Watcher:
    """Builds a site whenever its run has changed and is complete.

    Args:
        run: The run folder.
        site: The folder of the site.
        build: Builds the site.
        say: Called with a line for each build and for each reason why there is none.
    """

    def __init__(self, run: Path, site: Path, *, build: Callable[[], Any], say: Callable[[str], None]) -> None:
        self._run = run
        self._site = site
        self._build = build
        self._say = say
        self._built: _State | None = None
        self._seen: _State | None = None
        self._problem = ""

    def version(self) -> str:
        """Return something that is another one after each build, by whomever; "" while there is no site."""
        try:
            found = (self._site / SITE_MARKER).stat()
        except OSError:
            return ""
        return f"{found.st_mtime_ns:x}-{found.st_ino:x}-{found.st_size:x}"

    def look(self) -> bool:
        """Build the site if the run has changed since the last build and not since the last look; say whether.

        A run that is being computed changes all the time, and cannot be shown; the site before stays until it can.
        """
        now = self._state()
        is_settled = now == self._seen
        self._seen = now
        if now == self._built or not is_settled:
            return False
        try:
            self._build()
        except BarlowReportError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                self._say(f"Not built: {error}")
            return False
        self._built, self._problem = now, ""
        self._say("Built again; open pages are shown again")
        return True

    def build(self) -> None:
        """Build the site now.

        Raises:
            BarlowReportError: It cannot be built.
        """
        self._built = self._seen = self._state()
        self._build()

    def _state(self) -> _State:
        found = []
        for path in sorted({path for pattern in _WATCHED for path in self._run.glob(pattern)}):
            try:
                state = path.stat()
            except OSError:  # deleted in this moment
                continue
            found.append((path.relative_to(self._run).as_posix(), state.st_mtime_ns, state.st_size))
        return tuple(found)
