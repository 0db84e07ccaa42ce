"""A run folder in a store: whatever stops when, the store holds a run that resumes and says nothing that is not so."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest

from barlow_report.errors import ConfigError, OutputError, RunFolderError
from barlow_report.files import atomic_write
from barlow_report.run_folder import Run
from barlow_report.storage.addresses import address_of, shown, with_addresses
from barlow_report.storage.commands import on_this_machine
from barlow_report.storage.mirror import Mirror, mirrored

ADDRESS = "memory://runs/mine"


pytestmark = pytest.mark.usefixtures("memory")


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def _names(memory: Any) -> set[str]:
    return {name.removeprefix("/runs/mine/") for name in memory.find("/runs/mine")}


def _skipped(reason: str) -> pd.DataFrame:
    return pd.DataFrame({"path": ["a.png"], "reason": [reason]})


def _work(folder: Path, fingerprint: str) -> None:
    """A stage with two pieces of unfinished work and a table, as stages are."""
    run = Run.create(folder, info={"name": "mine"})
    if run.is_done("extract", fingerprint=fingerprint):
        return
    work = run.begin("extract", fingerprint=fingerprint)
    for i in range(2):
        if not (work / f"{i}.json").exists():
            atomic_write(work / f"{i}.json", fingerprint)
    run.write_table("skipped", _skipped(fingerprint))
    run.finish("extract", fingerprint=fingerprint)


def test_what_is_written_is_in_the_store_with_the_list_last(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[str] = []
    put_file = type(memory).put_file

    def noted(system: Any, local: str, remote: str, **options: Any) -> None:
        put.append(remote.removeprefix("/runs/mine/"))
        put_file(system, local, remote, **options)

    monkeypatch.setattr(type(memory), "put_file", noted)
    with mirrored(ADDRESS, is_written=True) as folder:
        _work(folder, "one")
        assert "run.writer.json" in _names(memory)
    assert _names(memory) == {"run.json", "skipped.parquet"}  # the claim is given back, finished work deleted
    assert {"work/extract/0.json", "work/extract/1.json"} <= set(put)
    assert put[-1] == "run.json"
    assert put.index("skipped.parquet") < len(put) - 1
    assert Run.open(Path(ADDRESS)).read_table("skipped")["reason"].tolist() == ["one"]


@pytest.mark.parametrize("n_operations", range(1, 26))
def test_wherever_it_stops_another_machine_goes_on(
    memory: Any, n_operations: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The second stage is stopped before the n-th change of the store; another machine looks, and does the third."""
    with mirrored(ADDRESS, is_written=True) as folder:
        _work(folder, "one")
    left = [n_operations]
    for name in ("put_file", "pipe_file", "rm_file", "_rm"):
        if (original := getattr(type(memory), name, None)) is None:
            continue

        def stopped(system: Any, *args: Any, _original: Any = original, **options: Any) -> Any:
            left[0] -= 1
            if left[0] <= 0:
                raise ConnectionError("the machine is gone")
            return _original(system, *args, **options)

        monkeypatch.setattr(type(memory), name, stopped)
    try:
        with mirrored(ADDRESS, is_written=True) as folder:
            _work(folder, "two")
        is_finished = True
    except (OutputError, ConnectionError):
        is_finished = False
    monkeypatch.undo()
    monkeypatch.setenv("BARLOW_REPORT_CACHE", str(tmp_path / "other"))
    memory.store.pop("/runs/mine/run.writer.json", None)  # whose time is up
    with mirrored(ADDRESS, is_written=False) as folder:
        run = Run.open(folder)
        done = [mark for mark in ("one", "two") if run.is_done("extract", fingerprint=mark)]
        assert not is_finished or done == ["two"]
        for mark in done:  # a mark in the store speaks of what is there
            assert run.read_table("skipped")["reason"].tolist() == [mark]
    for mark in ("two", "one"):
        with mirrored(ADDRESS, is_written=True) as folder:
            _work(folder, mark)
        assert Run.open(Path(ADDRESS)).read_table("skipped")["reason"].tolist() == [mark]


def test_unfinished_work_is_there_for_another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with mirrored(ADDRESS, is_written=True) as folder:
        run = Run.create(folder, info={"name": "mine"})
        atomic_write(run.begin("extract", fingerprint="one") / "0.json", "half")
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setenv("BARLOW_REPORT_CACHE", str(tmp_path / "other"))
    with mirrored(ADDRESS, is_written=True) as folder:
        work = Run.open(folder).begin("extract", fingerprint="one")
        assert (work / "0.json").read_text() == "half"


def test_a_copy_is_brought_in_line_and_only_what_changed_is_fetched(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mirrored(ADDRESS, is_written=True) as folder:
        _work(folder, "one")
    got: list[str] = []
    get_file = type(memory).get_file

    def noted(system: Any, remote: str, *args: Any, **options: Any) -> None:
        got.append(remote)
        get_file(system, remote, *args, **options)

    monkeypatch.setattr(type(memory), "get_file", noted)
    with mirrored(ADDRESS, is_written=False):
        assert got == []
    (folder / "skipped.parquet").write_bytes(b"changed behind our back")
    (folder / "of-nobody.txt").write_text("x")
    with mirrored(ADDRESS, is_written=False):
        assert got == ["/runs/mine/skipped.parquet"]
    assert not (folder / "of-nobody.txt").exists()
    memory.pipe_file("/runs/mine/run.json", memory.cat_file("/runs/mine/run.json"))
    with mirrored(ADDRESS, is_written=False):
        assert got[1:] == ["/runs/mine/run.json"]


def test_one_machine_writes_and_a_claim_that_is_not_renewed_is_void(memory: Any) -> None:
    with (
        mirrored(ADDRESS, is_written=True),
        pytest.raises(RunFolderError, match=r"another process is writing .* void \d+ seconds from now"),
        mirrored(ADDRESS, is_written=True),
    ):
        pass
    place = "/runs/mine/run.writer.json"
    for claim in ({"claim": "old", "renewed": 1.0}, ["nonsense"], "{"):
        memory.pipe_file(place, (claim if isinstance(claim, str) else json.dumps(claim)).encode())
        with mirrored(ADDRESS, is_written=True):
            assert json.loads(memory.cat_file(place))["claim"] != "old"


def test_a_reader_waits_for_a_writer_who_is_at_it(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with mirrored(ADDRESS, is_written=True) as folder:
        _work(folder, "one")
    pull, n_pulls = Mirror._pull, []

    def disturbed(mirror: Mirror, objects: Any) -> None:
        pull(mirror, objects)
        n_pulls.append(1)
        if len(n_pulls) < n_disturbed:
            memory.pipe_file("/runs/mine/run.json", memory.cat_file("/runs/mine/run.json"))

    monkeypatch.setattr(Mirror, "_pull", disturbed)
    n_disturbed = 2
    assert Run.open(Path(ADDRESS)).is_finished("extract")
    assert len(n_pulls) == 2
    n_disturbed = 99
    with pytest.raises(RunFolderError, match="is being written to"):
        Run.open(Path(ADDRESS))


def test_names_of_objects_lead_nowhere_else(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with mirrored(ADDRESS, is_written=True) as folder:
        _work(folder, "one")
    found = dict(memory.find("/runs/mine", detail=True))
    found["/runs/mine/../../../evil"] = {"name": "evil", "size": 1, "type": "file"}
    monkeypatch.setattr(type(memory), "find", lambda *_, **__: found)
    with pytest.raises(RunFolderError, match="no path below it"):
        Run.open(Path(ADDRESS))


def test_what_is_an_address_and_what_is_a_path(tmp_path: Path) -> None:
    assert address_of(Path("s3://bucket/a/b/")) == "s3://bucket/a/b"
    assert address_of(Path("S3://bucket/A")) == "s3://bucket/A"
    assert address_of("hf://datasets/name/x.parquet") == "hf://datasets/name/x.parquet"
    for path in (tmp_path, Path("c:/x"), Path("file:///tmp/x"), Path("a/b:c/d"), Path("x"), Path("./s3:/x")):
        assert (address_of(path) is None) == (str(path) != "s3:/x"), path
    with pytest.raises(ConfigError, match=r"^s3://…@…: holds a user or a password") as caught:
        address_of(Path("s3://key:secret@bucket/x"))
    assert "secret" not in str(caught.value)


def test_messages_name_the_address_and_not_the_copy() -> None:
    with mirrored(ADDRESS, is_written=True) as folder:
        _work(folder, "one")
    assert shown(folder / "skipped.parquet") == "memory://runs/mine/skipped.parquet"
    assert with_addresses(f"{folder}/run.json: damaged") == "memory://runs/mine/run.json: damaged"
    with pytest.raises(RunFolderError) as caught:
        Run.open(Path("memory://nothing/here"))
    assert with_addresses(str(caught.value)).startswith("memory://nothing/here: no run.json found")


def test_an_address_where_only_a_path_can_be_is_refused() -> None:
    with (
        pytest.raises(OutputError, match=r"memory://x/y: is an address; --markdown takes a path of this machine"),
        on_this_machine({"markdown": Path("memory://x/y")}),
    ):
        pass
    with on_this_machine({"run": Path("runs/mine"), "n": 3}) as local:
        assert local == {"run": Path("runs/mine"), "n": 3}


def test_of_several_runs_the_last_is_written_to(memory: Any) -> None:
    other = "memory://runs/other"
    for address in (ADDRESS, other):
        with mirrored(address, is_written=True) as folder:
            _work(folder, "one")
    with on_this_machine({"runs": [Path(ADDRESS), Path(other)]}) as local:
        assert [Run.open(folder).is_finished("extract") for folder in local["runs"]] == [True, True]
        assert not memory.exists("/runs/mine/run.writer.json")
        assert memory.exists("/runs/other/run.writer.json")


def test_a_process_that_was_forked_off_puts_nothing(memory: Any) -> None:
    with mirrored(ADDRESS, is_written=True) as folder:
        mirror = Mirror(ADDRESS)
        mirror._pid = os.getpid() + 1
        atomic_write(folder / "work" / "x.json", "x")
        mirror.written(folder / "run.json")
        assert not memory.exists("/runs/mine/run.json")
