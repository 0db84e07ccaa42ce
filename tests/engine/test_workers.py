"""Workers of Ray: what ends one of them is done again by another, and what ends all of them is named."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from barlow_report.config import EngineConfig
from barlow_report.engine import schedule
from barlow_report.engine.ray_engine import RayEngine
from barlow_report.errors import DataError, WorkerError
from tests.engine.works import Squares, Sums

pytestmark = pytest.mark.slow

SQUARES = [(i**2, 1) for i in range(8)]


class _Notes:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, text: str) -> None:
        self.texts.append(text)


def _engine(settings: EngineConfig, notes: _Notes | None = None) -> RayEngine:
    return RayEngine(settings, device="cpu", progress=notes or _Notes())  # type: ignore[arg-type]


@pytest.fixture
def engine(cluster: str) -> Iterator[RayEngine]:
    engine = _engine(EngineConfig(kind="ray", address=cluster, n_workers=2))
    yield engine
    engine.close()


def _run(engine: RayEngine, folder: Path, trouble: str = "", *, n_units: int = 8) -> list[tuple[int, int]]:
    with engine.team(Squares(folder=folder, trouble=trouble), n_units=n_units) as team:
        return list(team.map(range(n_units)))


def test_results_are_in_order_and_work_is_started_once_per_worker(engine: RayEngine, tmp_path: Path) -> None:
    done: list[int] = []
    with engine.team(Squares(folder=tmp_path), n_units=8) as team:
        assert list(team.map(range(8), advance=done.append)) == SQUARES
        assert list(team.map([9, 8])) == [(81, 1), (64, 1)]
        assert list(team.map([])) == []
    assert sum(done) == 8
    starts = [path.name.split("-")[1] for path in tmp_path.glob("start-*")]
    assert len(starts) == len(set(starts)) <= 2, "once in each process"


def test_no_more_workers_begin_than_there_are_units(engine: RayEngine, tmp_path: Path) -> None:
    assert _run(engine, tmp_path, n_units=1) == [(0, 1)]
    assert 1 <= len(list(tmp_path.glob("start-*"))) <= 2  # those that are there already may get ready, too


@pytest.mark.parametrize("trouble", ["killed once", "fails once"])
def test_what_ends_a_worker_once_is_done_by_another(engine: RayEngine, tmp_path: Path, trouble: str) -> None:
    assert _run(engine, tmp_path, trouble) == SQUARES
    assert (tmp_path / "unit-5").stat().st_mtime > (tmp_path / "unit-4").stat().st_mtime


@pytest.mark.parametrize(
    ("trouble", "reason"), [("killed", "its worker ended"), ("fails", "ZeroDivisionError: of ours")]
)
def test_a_unit_that_ends_three_workers_is_named_with_its_images(
    engine: RayEngine, tmp_path: Path, trouble: str, reason: str
) -> None:
    with pytest.raises(WorkerError, match=rf"1 image: 5\.png: failed 3 times.*{reason}"):
        _run(engine, tmp_path, trouble)
    assert _run(engine, tmp_path) == SQUARES, "the engine goes on with other work"


@pytest.mark.parametrize(
    ("deadly", "named"), [([0, 1, 5, 6, 7, 8, 9], [5]), ([4, 2, 3, 6, 7, 8], [4, 2, 3]), ([1, 2, 3, 4], [1, 2, 3, 4])]
)
def test_of_many_images_those_that_end_a_worker_are_named(
    engine: RayEngine, deadly: list[int], named: list[int]
) -> None:
    with (
        engine.team(Sums(), n_units=3) as team,
        pytest.raises(WorkerError, match=f"^{re.escape(f'images {named}')}: failed 3 times"),
    ):
        list(team.map([[1], deadly, [2]]))


def test_an_error_that_a_user_can_act_on_is_not_tried_again(engine: RayEngine, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read") as error:
        _run(engine, tmp_path, "refused")
    assert str(error.value) == "5.png: cannot be read. Restore the file."
    assert "In a worker on" in "".join(error.value.__notes__), "--debug shows where"
    with pytest.raises(DataError, match="there are no weights"):
        _run(engine, tmp_path, "refuses to start")


def test_nobody_waits_for_a_straggler(engine: RayEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "LEAST_PATIENCE", 1.0)
    start = time.monotonic()
    assert _run(engine, tmp_path, "late once") == SQUARES
    assert time.monotonic() - start < 120, "it would have slept for ten minutes"


def test_workers_that_cannot_start_are_an_error_and_no_endless_loop(engine: RayEngine, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="3 workers in a row ended before they were ready"):
        _run(engine, tmp_path, "cannot start")
    assert _run(engine, tmp_path) == SQUARES


def test_where_memory_is_short_a_unit_is_done_again_with_fewer_threads(cluster: str, tmp_path: Path) -> None:
    notes = _Notes()
    engine = _engine(EngineConfig(kind="ray", address=cluster, n_workers=1, cpus_per_worker=2), notes)
    try:
        found = _run(engine, tmp_path, "out of memory with threads")
    finally:
        engine.close()
    assert [result for result, _ in found] == [result for result, _ in SQUARES]
    assert [n_threads for _, n_threads in found] == [2, 2, 2, 2, 2, 1, 2, 2]
    assert any("Doing a part again: 1 image: 5.png: MemoryError" in text for text in notes.texts)


def test_where_memory_is_short_fewer_workers_go_on_and_the_last_one_names_the_images(
    cluster: str, tmp_path: Path
) -> None:
    notes = _Notes()
    engine = _engine(EngineConfig(kind="ray", address=cluster, n_workers=2), notes)
    try:
        with pytest.raises(WorkerError, match=r"5\.png.*5 is too large"):
            _run(engine, tmp_path, "out of memory")
    finally:
        engine.close()
    assert "Memory is short: going on with 1 worker" in notes.texts
