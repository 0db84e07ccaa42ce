"""A build that is killed at any moment, followed by the same build."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from barlow_report.report import build_site
from tests.report.synthetic import Recipe, synthetic_source

pytestmark = pytest.mark.slow

SCRIPT = (
    "import sys\n"
    "from pathlib import Path\n"
    "from barlow_report.report import build_site\n"
    "from tests.report.synthetic import Recipe, synthetic_source\n"
    "folder = Path(sys.argv[1])\n"
    "source = synthetic_source(folder / 'run', Recipe(n_classes=4))\n"
    "print('ready', flush=True)\n"
    "build_site(source, site=folder / 'site', advance=lambda n: print('page', flush=True))\n"
)


@pytest.mark.parametrize("n_lines", [1, 4, 12])
def test_a_killed_build_leaves_the_old_site_and_the_next_one_succeeds(tmp_path: Path, n_lines: int) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=4))
    build_site(source, site=tmp_path / "site")
    before = {p.relative_to(tmp_path): p.read_bytes() for p in (tmp_path / "site").rglob("*") if p.is_file()}
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(n_lines):
            process.stdout.readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    after = {p.relative_to(tmp_path): p.read_bytes() for p in (tmp_path / "site").rglob("*") if p.is_file()}
    assert after == before
    build_site(source, site=tmp_path / "site")
    again = {p.relative_to(tmp_path): p.read_bytes() for p in (tmp_path / "site").rglob("*") if p.is_file()}
    assert again == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "site"]
