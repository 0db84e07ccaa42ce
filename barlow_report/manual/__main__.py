"""Build the manual: `python -m barlow_report.manual [FOLDER]`, by default into site/manual."""

import sys
from pathlib import Path

from barlow_report.errors import BarlowReportError
from barlow_report.manual.build import build_manual

_USAGE = "usage: python -m barlow_report.manual [FOLDER]\n"


def main(arguments: list[str]) -> int:
    """Build the manual, say where it is, and return the exit code of the process."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        sys.stderr.write(_USAGE)
        return 2
    try:
        index = build_manual(Path(*arguments or ["site", "manual"]))
    except BarlowReportError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stderr.write("Open the manual in a browser:\n")
    sys.stdout.write(f"{index.resolve()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
