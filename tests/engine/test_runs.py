"""Whole runs by workers of Ray: the bytes of a local run, whoever is killed when."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import Config, EngineConfig, load_config
from barlow_report.errors import WorkerError
from barlow_report.progress import Advance, SilentProgress
from barlow_report.seals import write_sealed_json
from tests.engine.conftest import workers
from tests.pipeline.toy import write_task

pytestmark = pytest.mark.slow

STAGES = ("Extracting features", "Explaining failures", "Attacking features", "Drawing thumbnails")
LENSES = ("Testing causes", "Finding directions")
COMMAND = [sys.executable, "-c", "from barlow_report.cli import main; main()", "visualize"]


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything in a run folder but the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.lock"
    }


@pytest.fixture(scope="module", autouse=True)
def _one_time() -> Iterator[None]:
    """All runs say that they were made at the same time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "86400")
        yield


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a task whose stages have many units."""
    settings = {
        "extraction": {"batch_size": 2, "shard_size": 4},
        "rules": {"confused_pairs": 1, "unions": {"both": ["red", "blue"]}},
        "visuals": {"n_images": 40, "n_attacked": 40, "n_gallery": 40, "attack": {"n_steps": 40, "batch_size": 2}},
        "causes": {"n_controls": 2, "n_images": 10},
        "directions": {},
    }
    return write_task(tmp_path_factory.mktemp("task"), n_per_class=200, settings=settings)


@pytest.fixture(scope="module")
def local(task: Path) -> dict[str, bytes]:
    """What a local run leaves behind."""
    pipeline.compute(load_config(task), folder=task.parent / "local")
    files = files_of(task.parent / "local")
    assert any(name.endswith(".webp") for name in files)
    return files


def on_cluster(cluster: str, task: Path) -> Config:
    engine = EngineConfig(kind="ray", address=cluster, n_workers=2)
    return load_config(task).model_copy(update={"engine": engine})


class Watching(SilentProgress):
    """A progress that does something in the middle of each piece of work."""

    def __init__(self, do: Callable[[str], None]) -> None:
        self._do = do
        self.seen: list[str] = []

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:  # noqa: ARG002
        """Call `do` after the first unit."""

        def advance(_: int) -> None:
            if description not in self.seen:
                self.seen.append(description)
                self._do(description)

        yield advance


def test_a_run_by_ray_has_the_bytes_of_a_local_one(
    cluster: str, task: Path, local: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def note(path: Path, values: dict[str, object]) -> None:
        written.append(path.name)
        write_sealed_json(path, values)

    monkeypatch.setattr("barlow_report.stages.image_pass.write_sealed_json", note)
    pipeline.compute(on_cluster(cluster, task), folder=task.parent / "ray")
    assert written == ["models.json"], "what all share is written once, by the caller"
    assert files_of(task.parent / "ray") == local


def test_a_worker_is_killed_in_every_stage_and_the_bytes_are_the_same(
    cluster: str, task: Path, local: dict[str, bytes]
) -> None:
    killed: list[int] = []

    def kill_one(_: str) -> None:
        for pid in workers()[-1:]:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    progress = Watching(kill_one)
    pipeline.compute(on_cluster(cluster, task), folder=task.parent / "killed", progress=progress)
    assert {*STAGES, *LENSES} <= set(progress.seen)
    assert len(set(killed)) == len(killed) >= len(STAGES) + len(LENSES)
    assert files_of(task.parent / "killed") == local


def test_workers_are_killed_at_any_moment_and_the_bytes_are_the_same(
    cluster: str, task: Path, local: dict[str, bytes]
) -> None:
    ended, n_killed, moments = threading.Event(), 0, random.Random(3)  # noqa: S311 - moments, no secrets

    def kill_now_and_then() -> None:
        nonlocal n_killed
        while n_killed < 6 and not ended.wait(moments.uniform(0.5, 6.0)):
            for pid in workers()[:1]:
                os.kill(pid, signal.SIGKILL)
                n_killed += 1

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        # a unit that is hit three times ends the run; what was finished is kept, so the same call goes on
        for _ in range(20):
            try:
                pipeline.compute(on_cluster(cluster, task), folder=task.parent / "hunted")
                break
            except WorkerError:
                continue
    finally:
        ended.set()
        killer.join()
    assert n_killed >= 3
    assert files_of(task.parent / "hunted") == local


def start(task: Path, name: str, engine: dict[str, object]) -> subprocess.Popen[str]:
    """Begin a run of a task in a process of its own, in the folder `name` beside it."""
    settings = yaml.safe_load(task.read_text())
    config = task.with_name(f"{name}.yaml")
    config.write_text(yaml.safe_dump({**settings, "engine": engine}))
    arguments = [*COMMAND, str(config), "--run", str(task.parent / name)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_at(process: subprocess.Popen[str], text: str, *, after: float = 0.3) -> None:
    """Kill a run when it says that it has come to a piece of work, and has done some of it."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(text):
            time.sleep(after)
            process.kill()
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_run_whose_caller_is_killed_in_every_stage_goes_on_and_the_bytes_are_the_same(
    cluster: str, task: Path, local: dict[str, bytes]
) -> None:
    engine: dict[str, object] = {"kind": "ray", "address": cluster, "n_workers": 2}
    for stage in (*STAGES, *LENSES):
        kill_at(start(task, "called", engine), stage, after=0.3 if stage in STAGES else 0.0)
    process = start(task, "called", engine)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert output.strip() == str(task.parent / "called"), "nothing of Ray comes between"
    assert files_of(task.parent / "called") == local


def test_a_run_that_has_started_ray_itself_is_killed_and_goes_on(task: Path, local: dict[str, bytes]) -> None:
    engine: dict[str, object] = {"kind": "ray", "n_workers": 2}
    kill_at(start(task, "alone", engine), STAGES[0])
    process = start(task, "alone", engine)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert output.strip() == str(task.parent / "alone")
    assert files_of(task.parent / "alone") == local


def test_an_interrupt_ends_a_run_by_ray_with_the_usual_words(cluster: str, task: Path) -> None:
    process = start(task, "interrupted", {"kind": "ray", "address": cluster, "n_workers": 2})
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(STAGES[0]):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in errors


def test_an_image_that_ends_every_worker_is_named(cluster: str, tmp_path: Path) -> None:
    task = write_task(tmp_path, n_per_class=8, settings={"extraction": {"batch_size": 2, "shard_size": 4}})
    network = tmp_path / "network.py"
    # as a decoder or a library in compiled code would: 24 × 24 pixels that are all the same
    deadly = "if bool((x.amax(dim=(1, 2, 3)) == x.amin(dim=(1, 2, 3))).any()) and x.shape[0] == 2:"
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    code = network.read_text().replace(
        "        if self.fail:", f"        {deadly}\n            {kill}\n        if self.fail:"
    )
    network.write_text(code)
    from PIL import Image

    Image.new("RGB", (24, 24), (90, 90, 90)).save(tmp_path / "images" / "red" / "0005.png")
    with pytest.raises(WorkerError, match=r": 2 images: red/0004\.png, red/0005\.png: failed 3 times"):
        pipeline.compute(on_cluster(cluster, task), folder=tmp_path / "run", until="extract")


def test_an_error_of_a_stage_is_the_same_as_in_a_local_run(cluster: str, tmp_path: Path) -> None:
    task = write_task(tmp_path, n_per_class=20, settings={"inspected_model": {"factory": "network.py:broken"}})
    messages = []
    for config, name in ((load_config(task), "local"), (on_cluster(cluster, task), "ray")):
        with pytest.raises(Exception, match="NaN or infinite values") as error:
            pipeline.compute(config, folder=tmp_path / name)
        messages.append((type(error.value), str(error.value)))
    assert messages[0] == messages[1]
