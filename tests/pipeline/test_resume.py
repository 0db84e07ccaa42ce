"""A run that is killed goes on, and ends with the same bytes as one that was left alone."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from barlow_report.files import PARTIAL
from barlow_report.run_folder import Run
from barlow_report.tables import all_tables
from tests.pipeline.toy import write_task

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from barlow_report.cli import main; main()"]


def _arguments(config: Path, name: str) -> list[str]:
    """Everything but the site."""
    return [*COMMAND, "visualize", str(config), "--run", str(config.parent / name)]


def _with_site(config: Path, name: str) -> list[str]:
    site = config.parent / f"{name}-site"
    return [*COMMAND, "run", str(config), "--run", str(config.parent / name), "--site", str(site)]


def _results(folder: Path) -> dict[str, bytes]:
    """Everything a run leaves behind but run.json, which says when, and with what on this machine."""
    kept = [*(f"{name}.parquet" for name in all_tables()), "features.npy"]
    files = {name: (folder / name).read_bytes() for name in kept if (folder / name).exists()}
    return files | {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("media/*/*")}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {
        "extraction": {"batch_size": 2, "shard_size": 4, "n_workers": 1},
        "visuals": {"n_images": 6, "n_attacked": 6, "attack": {"n_steps": 60, "batch_size": 2}},
    }
    return write_task(tmp_path_factory.mktemp("task"), n_per_class=60, settings=settings)


@pytest.fixture(scope="module")
def undisturbed(task: Path) -> dict[str, bytes]:
    subprocess.run(_arguments(task, "undisturbed"), check=True, capture_output=True)
    results = _results(task.parent / "undisturbed")
    assert len(results) > len(all_tables())
    return results


def kill_when(arguments: list[str], sign: Path, *, n: int, how: signal.Signals) -> None:
    """Start a run, and send it a signal when `n` files below `sign` are complete; other tests use it too."""
    process = subprocess.Popen(
        arguments,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # a shell's background jobs, such as these tests may be, ignore an interrupt, and so would their children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while sum(1 for p in sign.glob("**/*") if p.is_file() and p.suffix != PARTIAL) < n:
        assert process.poll() is None, f"the run ended before {sign.name} was seen"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(how)
    assert process.wait(timeout=60) != 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize(("stage", "n"), [("extract", 3), ("visualize", 1)])
def test_a_run_killed_in_a_stage_ends_with_the_same_bytes(
    task: Path, undisturbed: dict[str, bytes], stage: str, n: int, how: signal.Signals
) -> None:
    name = f"{stage}-{how.name}"
    work = task.parent / name / "work" / stage
    kill_when(_arguments(task, name), work, n=n, how=how)
    finished = [p.name for p in work.iterdir()]
    assert finished, "what was finished is kept"
    assert not Run.open(task.parent / name).is_finished(stage)

    subprocess.run(_arguments(task, name), check=True, capture_output=True)
    assert _results(task.parent / name) == undisturbed


def test_a_run_killed_while_the_site_is_built_ends_with_the_same_site(
    task: Path, undisturbed: dict[str, bytes]
) -> None:
    name = "site-killed"
    shutil.copytree(task.parent / "undisturbed", task.parent / name)
    arguments = _with_site(task, name)
    subprocess.run(arguments, check=True, capture_output=True)
    site = task.parent / f"{name}-site"
    before = {p.relative_to(site): p.read_bytes() for p in site.rglob("*") if p.is_file()}

    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if b"Building the site" in line:
            break
    time.sleep(0.5)
    process.kill()
    process.wait()
    process.stderr.close()

    subprocess.run(arguments, check=True, capture_output=True)
    assert _results(task.parent / name) == undisturbed
    after = {p.relative_to(site): p.read_bytes() for p in site.rglob("*") if p.is_file()}
    assert after == before
    assert not list(task.parent.glob(f"{name}-site*.partial*"))


def test_a_second_run_does_nothing_again(task: Path, undisturbed: dict[str, bytes]) -> None:
    folder = task.parent / "undisturbed"
    times = {p: p.stat().st_mtime_ns for p in folder.rglob("*.parquet")}
    subprocess.run(_arguments(task, "undisturbed"), check=True, capture_output=True)
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.parquet")} == times
    assert _results(folder) == undisturbed
