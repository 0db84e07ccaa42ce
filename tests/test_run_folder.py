"""The run folder: marks, unfinished work, features, pictures, locks."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from barlow_report.errors import DamagedFileError, OutputError, RunFolderError
from barlow_report.files import atomic_file, atomic_write
from barlow_report.lenses.directions import Directions
from barlow_report.run_folder import Run, fingerprint, locking
from barlow_report.tables import empty_table


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", info={"name": "mine"})


def test_a_folder_with_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="not a run folder"):
        Run.create(tmp_path, info={})
    assert [f.name for f in tmp_path.iterdir()] == ["precious.txt"]


def test_a_folder_without_a_run_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no run\.json"):
        Run.open(tmp_path)


def test_a_run_is_opened_by_a_path_or_a_text(run: Run) -> None:
    assert Run.open(str(run.folder)).info == Run.open(run.folder).info
    assert Run.open(str(run.folder)).folder == run.folder


def test_a_run_of_another_format_is_refused(run: Run) -> None:
    (run.folder / "run.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(RunFolderError, match="found format 99"):
        Run.open(run.folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "{}"])
def test_a_damaged_run_json_is_refused(run: Run, text: str) -> None:
    (run.folder / "run.json").write_text(text)
    with pytest.raises(RunFolderError, match="cannot be read"):
        Run.open(run.folder)


def test_information_is_kept_and_brought_up_to_date(run: Run) -> None:
    run.update_info(device="cpu")
    again = Run.create(run.folder, info={"name": "mine", "seed": 3})
    assert again.info["device"] == "cpu"
    assert again.info["seed"] == 3


def test_a_finished_stage_is_done_for_the_same_inputs_only(run: Run) -> None:
    run.begin("extract", fingerprint="a")
    assert not run.is_done("extract", fingerprint="a")
    run.finish("extract", fingerprint="a")
    assert run.is_done("extract", fingerprint="a")
    assert not run.is_done("extract", fingerprint="b")
    assert not (run.folder / "work").exists()


def test_assumptions_are_kept_until_their_stage_is_done_with_other_inputs(run: Run) -> None:
    run.begin("extract", fingerprint="a")
    run.assume("extract", "range", "Grey values go up to 255.")
    run.assume("directions", "space", "Embeddings are given.")
    run.begin("extract", fingerprint="a")  # goes on with the same work
    assert run.info["assumptions"]["extract"] == {"range": "Grey values go up to 255."}
    run.assume("extract", "range", "Grey values go up to 4,095.")
    run.drop(Directions())
    assert run.info["assumptions"] == {"extract": {"range": "Grey values go up to 4,095."}}
    run.begin("extract", fingerprint="b")
    assert run.info["assumptions"] == {}


def test_redoing_a_stage_drops_the_marks_of_later_ones(run: Run) -> None:
    for stage in ("extract", "explain", "visualize"):
        run.begin(stage, fingerprint=stage)
        run.finish(stage, fingerprint=stage)
    run.begin("explain", fingerprint="other")
    assert run.is_finished("extract")
    assert not run.is_finished("explain")
    assert not run.is_finished("visualize")
    with pytest.raises(RunFolderError, match="'visualize' has not finished"):
        run.require("visualize")


def test_unfinished_work_is_kept_for_the_same_inputs_only(run: Run) -> None:
    work = run.begin("extract", fingerprint="a")
    (work / "shard").write_text("done")
    assert (run.begin("extract", fingerprint="a") / "shard").exists()
    assert not (run.begin("extract", fingerprint="b") / "shard").exists()


def test_fingerprints_tell_inputs_apart() -> None:
    assert fingerprint(a=1, b=2) == fingerprint(b=2, a=1)
    assert fingerprint(a=1) != fingerprint(a=2)
    assert fingerprint(a="1") != fingerprint(a=1)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_features_are_written_in_blocks_and_opened_without_reading(run: Run, dtype: str) -> None:
    expected = np.arange(12, dtype=dtype).reshape(4, 3)
    run.write_features([expected[:1], expected[1:]], shape=(4, 3), dtype=dtype)
    features = run.features()
    assert isinstance(features, np.memmap)
    assert features.dtype == dtype
    np.testing.assert_array_equal(features, expected)


def test_features_that_do_not_add_up_are_not_written(run: Run) -> None:
    with pytest.raises(RunFolderError, match="1 rows of features, expected 4"):
        run.write_features([np.zeros((1, 3))], shape=(4, 3), dtype="float32")
    with pytest.raises(RunFolderError, match=r"features\.npy: cannot be read"):
        run.features()


def test_a_table_is_asked_for_by_its_name(run: Run) -> None:
    run.write_table("groups", empty_table("groups"))
    assert run.table("groups").columns.tolist() == empty_table("groups").columns.tolist()
    with pytest.raises(RunFolderError, match=r"there is no table 'ruls'. Did you mean rules\b"):
        run.table("ruls")
    with pytest.raises(RunFolderError, match=r"there is no table 'xyzzy'. This run has .*groups"):
        run.read_table("xyzzy")
    with pytest.raises(DamagedFileError, match=r"rules\.parquet: not found. Run barlow-report run"):
        run.table("rules")


def test_equal_pictures_are_stored_once_and_unused_ones_deleted(run: Run) -> None:
    first, again, other = run.add_media(b"x"), run.add_media(b"x"), run.add_media(b"y")
    assert first == again != other
    run.delete_unused_media([other])
    assert [f"{p.parent.name}/{p.name}" for p in run.media.rglob("*.webp")] == [other]


def test_two_processes_cannot_write_to_one_run(run: Run) -> None:
    with run.locked(), pytest.raises(RunFolderError, match="another process is writing"), Run(run.folder).locked():
        pass
    with run.locked():
        pass


def test_who_comes_while_the_site_is_built_waits_for_it(run: Run) -> None:
    entered, waited = threading.Event(), []

    def come() -> None:
        entered.wait()
        with Run(run.folder).locked():
            waited.append(time.monotonic())

    with ThreadPoolExecutor() as pool:
        with run.locked(builds_site=True):
            second = pool.submit(come)
            entered.set()
            time.sleep(0.5)
            ended = time.monotonic()
        second.result(timeout=10)
    assert waited[0] >= ended
    with run.locked(), pytest.raises(RunFolderError, match="another process is writing"), Run(run.folder).locked():
        pass  # the file no longer says that the site is built


def test_who_waits_long_is_told_for_what(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "_PATIENCE", 0.2)
    told = pytest.raises(RunFolderError, match=r"preview of barlow-report serve\. Wait")
    with run.locked(builds_site=True), told, Run(run.folder).locked():
        pass


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "file"
    atomic_write(target, "old")

    def write_half() -> None:
        with atomic_file(target) as file:
            file.write(b"half of the new")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_errors_of_the_disk_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="part of the path is a file"):
        atomic_write(tmp_path / "file" / "below", "text")


def test_many_writers_of_one_file_leave_it_whole(tmp_path: Path) -> None:
    """The same picture is often drawn twice at once: images that are exact duplicates."""
    written = [bytes([n]) * 200_000 for n in range(16)]
    path = tmp_path / "new" / "picture.webp"
    for _ in range(10):
        with ThreadPoolExecutor(len(written)) as pool:
            list(pool.map(lambda data: atomic_write(path, data, durable=False), written))
        assert path.read_bytes() in written
        assert [f.name for f in path.parent.iterdir()] == [path.name]


def test_two_writers_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_file(path) as first, atomic_file(path) as second:
        first.write(b"first, and longer")
        second.write(b"second")
    assert path.read_bytes() == b"first, and longer"  # the last one to finish


def test_what_a_killed_writer_left_is_deleted_by_the_next_owner(run: Run) -> None:
    left = [run.folder / "splits.parquet.0123abcd.partial", run.folder / "annotations" / "records.jsonl.01.partial"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    with run.locked():
        assert not any(path.exists() for path in left)


def test_a_folder_that_is_no_run_keeps_its_files(tmp_path: Path) -> None:
    (tmp_path / "film.partial").write_bytes(b"mine")
    with Run(tmp_path).locked():
        pass
    assert (tmp_path / "film.partial").exists()
