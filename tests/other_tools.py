"""Programs in an environment with other people's tools, which tests/install-fiftyone.sh makes."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

__all__ = ["said_by"]

ROOT = Path(__file__).resolve().parents[1]


def said_by(module: str, *arguments: Path | str, home: Path) -> dict[str, Any]:
    """Run a module of the tests with FiftyOne and mlcroissant, and return the JSON of its last line.

    Without such an environment the test is skipped: one of its packages looks for a database at its maker's when it is
    installed, which no test of ours should depend on. The script says when that fails.

    Args:
        module: Its name.
        arguments: For it.
        home: A folder for what the tools keep.
    """
    python = Path(os.environ.get("BARLOW_REPORT_FIFTYONE", ROOT / ".venv" / "fiftyone" / "bin" / "python"))
    if not python.is_file():
        reason = "FiftyOne not found; run tests/install-fiftyone.sh, or name a Python with it in BARLOW_REPORT_FIFTYONE"
        pytest.skip(reason)
    own = {"HOME": str(home), "FIFTYONE_DATABASE_DIR": str(home / "database"), "FIFTYONE_DO_NOT_TRACK": "true"}
    done = subprocess.run(
        [python, "-m", module, *arguments], cwd=ROOT, env=os.environ | own, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
