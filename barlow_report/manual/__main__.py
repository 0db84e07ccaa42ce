"""Build the manual: `python -m barlow_report.manual [FOLDER] [--gallery]`, by default into site/manual."""

import argparse
import sys
from pathlib import Path

from barlow_report.errors import BarlowReportError
from barlow_report.manual.build import build_manual
from barlow_report.manual.gallery import compute_reports
from barlow_report.terminal import terminal_progress


def main(arguments: list[str]) -> int:
    """Build the manual, say where it is, and return the exit code of the process."""
    asked = _parser().parse_args(arguments)
    try:
        with terminal_progress() as progress:
            reports = compute_reports(Path("runs"), progress=progress) if asked.gallery else {}
            index = build_manual(asked.folder, reports=reports, progress=progress)
    except BarlowReportError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stderr.write("Open the manual in a browser:\n")
    sys.stdout.write(f"{index.resolve()}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m barlow_report.manual", description="Build the manual as a site.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("site", "manual"), metavar="FOLDER", help="default: site/manual"
    )
    parser.add_argument(
        "--gallery",
        action="store_true",
        help="with the reports of the gallery, whole: those that are not in the folder runs are computed first, which "
        "takes minutes",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
