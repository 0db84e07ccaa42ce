"""A report inside of a notebook."""

import html
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from barlow_report.run_folder import Run

__all__ = ["ShownReport", "show"]


@dataclass(frozen=True)
class ShownReport:
    """One HTML file without scripts or requests, which a notebook shows in a frame of its own.

    Attributes:
        page: The text of the file.
        height: Of the frame in pixels.
    """

    page: str
    height: int

    def __repr__(self) -> str:
        return f"ShownReport of {len(self.page):,} characters; a notebook shows it"

    def _repr_html_(self) -> str:
        """A frame that may neither run scripts nor reach the notebook."""
        source = html.escape(self.page, quote=True)
        return f'<iframe sandbox srcdoc="{source}" style="width:100%;height:{self.height}px;border:0"></iframe>'


def show(run: "Path | str | Run", *, height: int = 800) -> ShownReport:
    """Return a run's overview, failure modes and method for a notebook to show.

    Args:
        run: The run folder, or what `Run.open` gives.
        height: Of the frame in pixels.

    Raises:
        RunFolderError: The run is missing or not complete.
    """
    from barlow_report.pipeline import build_site

    folder = Path(run) if isinstance(run, Path | str) else run.folder
    with tempfile.TemporaryDirectory() as scratch:
        page = build_site(folder, site=Path(scratch) / "report.html", profile="single")
        return ShownReport(page=page.read_text(encoding="utf-8"), height=height)
