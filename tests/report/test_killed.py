"""A build that is killed at any moment, followed by the same build."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from barlow_report.report import build_site
from tests.report.conftest import Built
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


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A small site beside its run; each test leaves it as it was."""
    folder = tmp_path_factory.mktemp("killed")
    source = synthetic_source(folder / "run", Recipe(n_classes=4))
    build_site(source, site=folder / "site")
    return Built(source, folder / "site")


def _content(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("n_lines", [1, 4, 12])
def test_a_killed_build_leaves_the_old_site_and_the_next_one_succeeds(built: Built, n_lines: int) -> None:
    folder, before = built.site.parent, _content(built.site)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(n_lines):
            process.stdout.readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert _content(built.site) == before
    build_site(built.source, site=built.site)
    assert _content(built.site) == before
    assert sorted(path.name for path in folder.iterdir()) == ["run", "site"]
