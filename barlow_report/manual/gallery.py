"""The reports of the gallery: computed as its page says, and put as sites into the built manual.

Runs lie in the folder `runs` of the working directory, where the page's own commands put them, so that whoever has
followed the page has them already. A run that is up to date is not computed again.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError, SiteError
from barlow_report.files import atomic_write, output_errors
from barlow_report.formatting import count, counted
from barlow_report.progress import Progress
from barlow_report.report.datatable import Link
from barlow_report.run_folder import Run
from barlow_report.stages.site import write_site

__all__ = ["FOLDER", "NAMES", "PAGE", "compute_reports", "with_reports", "write_reports"]

PAGE = "gallery.md"
FOLDER = "reports"
"""Where the sites are, from the manual's first page."""

_ROOT = Path(__file__).resolve().parents[2]
_ABOVE = Link("Gallery", "../../gallery.html")
_MARK = re.compile(r"^<!-- report: ([a-z0-9]+) -->\n", flags=re.MULTILINE)
_PICTURE = re.compile(r"^(!\[[^]]*\]\([^)]+\))$", flags=re.MULTILINE)
_BLOCK = re.compile(r"^```(python|yaml)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


class _MissingError(Exception):
    """What a report needs is not on this machine."""


@dataclass(frozen=True)
class Entry:
    """A site of the gallery.

    Attributes:
        path: Its front page, from the manual's first page.
        words: Its size.
    """

    path: str
    words: str


def compute_reports(runs: Path, *, progress: Progress) -> dict[str, Run]:
    """Compute what is missing of the gallery's runs, and return them by name.

    A report whose images are not on this machine is left out, and a message says what it needs.

    Args:
        runs: The folder that gets a run folder for each, and the images and tables that are made for it.
        progress: Where to report to.

    Raises:
        BarlowReportError: A run cannot be computed; what was finished is kept.
    """
    found = {}
    for name, compute in _REPORTS.items():
        progress.message(f"Gallery: {name}")
        try:
            found[name] = compute(runs / name, progress)
        except _MissingError as why:
            progress.message(f"Left out of the gallery: {name}. {why}")
    return found


def write_reports(runs: Mapping[str, Run], folder: Path, *, progress: Progress) -> dict[str, Entry]:
    """Write the sites of runs as they will stand in the manual, and return where they are.

    Args:
        runs: By name.
        folder: Gets a folder `reports` with them, which is then moved into the manual.
        progress: Where to report to.

    Raises:
        BarlowReportError: A run is not complete, or its site cannot be written.
    """
    found = {}
    for name, run in runs.items():
        site = folder / FOLDER / name
        run.require("visualize")
        with run.locked():
            write_site(run, site=site, above=_ABOVE, progress=progress)
        (site / ".gitignore").unlink()  # the manual has its own
        files = [path for path in site.rglob("*") if path.is_file()]
        n_pages = sum(path.suffix == ".html" for path in files)
        megabytes = max(1, round(sum(path.stat().st_size for path in files) / 1e6))
        found[name] = Entry(f"{FOLDER}/{name}/index.html", f"{counted(n_pages, 'page')}, {count(megabytes)} MB")
    return found


def with_reports(text: str, entries: Mapping[str, Entry]) -> str:
    """Return the gallery's page with links to the sites that are there, from each entry and its picture.

    Args:
        text: The page's Markdown. A comment `<!-- report: NAME -->` says where an entry's link goes; the picture that
            follows becomes one, too.
        entries: The sites by name. Of others the page says that they are not there, and where there is none, nothing.

    Raises:
        SiteError: The page has no place for a site.
    """
    if missing := entries.keys() - set(_MARK.findall(text)):
        raise SiteError(f"{PAGE}: expected a line <!-- report: {min(missing)} -->, found none.")
    first, *rest = _MARK.split(text)
    return first + "".join(
        _linked(part, entries.get(name), is_empty=not entries) for name, part in zip(rest[::2], rest[1::2], strict=True)
    )


def _linked(part: str, entry: Entry | None, *, is_empty: bool) -> str:
    """What stands behind the comment of one entry, up to the next."""
    if is_empty:
        return part
    if entry is None:
        words = "This manual was built without this report. What makes it stands below."
        return f'<p class="report-there">{words}</p>\n{part}'
    path = escape(entry.path)
    there = f'<p class="report-there"><a href="{path}">Open the report</a> <span>{escape(entry.words)}</span></p>\n'
    return there + _PICTURE.sub(lambda found: f"[{found[1]}]({entry.path})", part, count=1)


# --- Each of them -----------------------------------------------------------------------------------------


def _demo(folder: Path, progress: Progress) -> Run:
    return pipeline.compute_demo(folder=folder, progress=progress)


def _cifar10(folder: Path, progress: Progress) -> Run:
    config = load_config(_ROOT / "configs" / "cifar10.yaml")
    images = config.data.folder
    if images is None or not images.is_dir():
        raise _MissingError(f"{images} is not there. Set CIFAR10 to the folder that configs/cifar10.yaml describes.")
    return pipeline.compute(config, folder=folder, progress=progress)


def _digits(folder: Path, progress: Progress) -> Run:
    """Run the code of the page's last entry, unless it has been run, and then its configuration."""
    made = folder.with_name(f"{folder.name}-data")
    script, code = made / "digits.py", "\n".join(_code_of("digits", "python"))
    if not script.is_file() or script.read_text(encoding="utf-8") != code:
        with output_errors(made):
            made.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(  # noqa: S603 - the page's own
            [sys.executable, "-c", code], cwd=made, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SiteError(f"{PAGE}: the code of the entry digits failed: {done.stderr.strip()[-500:]}")
        atomic_write(script, code)
    (config,) = _code_of("digits", "yaml")
    atomic_write(made / "digits.yaml", config)
    return pipeline.compute(load_config(made / "digits.yaml"), folder=folder, progress=progress)


def _code_of(name: str, language: str) -> Iterator[str]:
    """Yield the blocks of one language in the section of an entry."""
    text = Path(__file__).with_name(PAGE).read_text(encoding="utf-8")
    sections = [part for part in re.split(r"^## ", text, flags=re.MULTILINE) if f"<!-- report: {name} -->" in part]
    if len(sections) != 1:
        raise ConfigError(f"{PAGE}: expected one section with <!-- report: {name} -->, found {len(sections)}.")
    yield from (code for found, code in _BLOCK.findall(sections[0]) if found == language)


_REPORTS: Mapping[str, Callable[[Path, Progress], Run]] = {"demo": _demo, "cifar10": _cifar10, "digits": _digits}

NAMES = tuple(_REPORTS)
"""The reports, in the order of the page."""
