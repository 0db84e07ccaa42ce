"""Forgetting somebody: in the run folder, in a collector's database and in the files beside it."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from barlow_report.annotations.answers import parse_answer
from barlow_report.annotations.collector.store import Store
from barlow_report.annotations.folder import AnnotationsFolder
from barlow_report.commands.forget import forget
from barlow_report.commands.merge import MergeSettings, MergeSummary, merge_files
from barlow_report.errors import DataError
from barlow_report.run_folder import Run
from tests.annotations.people import answer, batch_items, finished_run, record, write_lines

TABLES = ("annotations", "feature_names", "name_variants", "study_figures")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run(tmp_path_factory.mktemp("forgetting") / "run")


@pytest.fixture
def run(made: Run, tmp_path: Path) -> Run:
    """The same run with nothing merged yet, in a folder that a test may change."""
    return Run(Path(shutil.copytree(made.folder, tmp_path / "run")))


def _merge(run: Run, *files: Path) -> MergeSummary:
    return merge_files(run, list(files), settings=MergeSettings())


def _bytes(database: Path) -> bytes:
    """Of the database and of the files beside it."""
    return b"".join(path.read_bytes() for path in sorted(database.parent.glob(f"{database.name}*")))


def test_somebody_who_is_forgotten_is_gone_everywhere_and_does_not_come_back(run: Run, tmp_path: Path) -> None:
    item = batch_items(run)[0]
    file = write_lines(
        tmp_path / "a.jsonl",
        [
            answer("ada", item=item, short="unmistakable words"),
            answer("bob", item=item),
            answer("ada", fields={"report_id": "ff"}),
            '{"annotator": "ada", "unmistakable": ',
        ],
    )
    _merge(run, file)
    (run.folder / "annotations" / "records.jsonl.partial").write_text("unmistakable")  # of a command that was killed
    (run.folder / "feature_names.parquet.partial").write_text("unmistakable")
    assert forget(run.folder, "ada", database=None).startswith("3 records deleted")
    for path in run.folder.rglob("*"):
        if path.is_file() and path.suffix not in (".webp", ".npy"):
            assert b"unmistakable" not in path.read_bytes(), path
            assert b'"ada"' not in path.read_bytes(), path
    assert run.read_table("annotations")["annotator"].tolist() == ["bob"]
    again = _merge(run, file)
    assert again.n_applied == 1
    assert [p.kind for p in again.problems].count("forgotten") == 2


def test_copies_that_are_not_reached_are_named(run: Run, tmp_path: Path) -> None:
    item = batch_items(run)[0]
    _merge(run, write_lines(tmp_path / "a.jsonl", [answer("ada", item=item), answer("adam", item=item)]))
    backup = run.folder / "annotations" / "backup" / "records.jsonl~"
    backup.parent.mkdir()
    backup.write_text((run.folder / "annotations" / "records.jsonl").read_text())
    (run.folder / "adam.jsonl").write_text('{"annotator": "adam"}')
    words = forget(run.folder, "ada", database=None)
    assert str(backup) in words
    assert "adam.jsonl" not in words
    assert "databases of collectors" in words


def test_a_person_is_forgotten_even_where_names_cannot_be_made_anew(run: Run, tmp_path: Path) -> None:
    item = batch_items(run)[0]
    _merge(run, write_lines(tmp_path / "a.jsonl", [answer("ada", item=item), answer("bob", item=item)]))
    run.update_info(annotations={"embedding": "vectors:/no/longer/there.txt", "min_seconds": 5.0})
    with pytest.raises(DataError, match=r"1 record deleted from .* could not be made again"):
        forget(run.folder, "ada", database=None)
    assert not any(run.has_table(name) for name in TABLES)
    assert [p.answer.annotator for p in AnnotationsFolder(run.folder / "annotations").stored()] == ["bob"]
    assert _merge(run).n_people == 1


def test_somebody_is_forgotten_by_the_id_of_a_platform(run: Run, tmp_path: Path) -> None:
    item, database = batch_items(run)[0], tmp_path / "answers.sqlite"
    with Store(database) as store:
        who, _ = store.enrol("prolific", "5f0123456789", n_parts=1)
        store.add(parse_answer(answer(who.name, item=item, short="unmistakable words")))
    _merge(run, database)
    with pytest.raises(DataError, match="give --database"):
        forget(run.folder, "prolific:5f0123456789", database=None)
    with pytest.raises(DataError, match=r"There are records of prolific:5f0123456789"):
        forget(run.folder, "prolific:5F0123456789", database=database)
    words = forget(run.folder, "prolific:5f0123456789", database=database)
    assert words.startswith("1 record deleted")
    assert ", 1 from" in words
    assert len(run.read_table("annotations")) == 0
    assert b"unmistakable" not in _bytes(database)
    assert forget(run.folder, "prolific:5f0123456789", database=database).startswith("0 records deleted")


@pytest.mark.parametrize("name", ["Bob", "bob ", "bobby", "b\u043eb"])
def test_a_pseudonym_that_nobody_has_is_an_error_that_names_close_ones(run: Run, tmp_path: Path, name: str) -> None:
    item, database = batch_items(run)[0], tmp_path / "answers.sqlite"
    _merge(run, write_lines(tmp_path / "a.jsonl", [answer("bob", item=item)]))
    with Store(database) as store:
        store.add(record("bob", item=(0, 1)))
        store.invite("robert")
    before = {path: path.read_bytes() for path in (run.folder / "annotations").iterdir()}
    for place in (None, database):
        with pytest.raises(DataError, match=r"nothing was deleted\. Close pseudonyms are 'bob'"):
            forget(run.folder, name, database=place)
    assert {path: path.read_bytes() for path in (run.folder / "annotations").iterdir()} == before
    with Store(database) as store:
        assert store.names() == ["bob", "robert"]


def test_to_be_known_in_one_place_is_enough(run: Run, tmp_path: Path) -> None:
    database = tmp_path / "answers.sqlite"
    with Store(database) as store:
        store.invite("bob")
    _merge(run, write_lines(tmp_path / "a.jsonl", [answer("ada", item=batch_items(run)[0])]))
    assert forget(run.folder, "ada", database=database).startswith("1 record deleted")
    assert forget(run.folder, "bob", database=database).startswith("0 records deleted")
    with Store(database) as store:
        assert store.names() == []


def test_somebody_of_two_exports_of_label_studio_is_forgotten_in_both(run: Run, tmp_path: Path) -> None:
    info, item = run.info, batch_items(run)[0]
    data = {"report_id": info["run_id"], "feature_model": info["models"]["feature"]["sha256"]}
    data |= {"group_id": item[0], "feature_id": item[1]}

    def export(name: str, **users: int) -> Path:
        annotations = [
            {"id": 100 * user + len(name), "completed_by": user, "unique_id": who, "lead_time": 30 + len(who),
             "result": [{"from_name": "short", "value": {"text": [f"words of {who}"]}}]}
            for who, user in users.items()
        ]  # fmt: skip
        path = tmp_path / name
        path.write_text(json.dumps([{"id": 1, "data": data, "annotations": annotations}]))
        return path

    files = [export("here.json", ada=1, robert=2), export("there.json", ada=2, robert=1)]
    assert _merge(run, *files).n_people == 2
    with pytest.raises(DataError, match="several people have that number"):
        forget(run.folder, "label-studio:1", database=None)
    table = run.read_table("annotations").set_index("short")
    assert forget(run.folder, table.loc["words of ada", "annotator"], database=None).startswith("2 records")
    assert b"words of ada" not in (run.folder / "annotations" / "records.jsonl").read_bytes()
    for again in (files, files[1:], files[:1]):
        assert _merge(run, *again).n_people == 1
        assert run.read_table("annotations")["short"].tolist() == ["words of robert"]


def test_words_that_a_reader_keeps_in_the_log_are_not_called_forgotten(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barlow_report.commands.forget._WAIT_SECONDS", 0.1)
    item, database = batch_items(run)[0], tmp_path / "answers.sqlite"
    with Store(database) as store:
        store.add(record("ada", item=item, short="unmistakable words"))
        store.add(record("bob", item=item))
        _merge(run, database)
        with closing(sqlite3.connect(database, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM records").fetchall()
            with pytest.raises(DataError, match=r"1 record deleted from .*still in the file.*Stop the collector"):
                forget(run.folder, "ada", database=database)
            assert b"unmistakable" in _bytes(database)
        assert run.read_table("annotations")["annotator"].tolist() == ["bob"]
        forget(run.folder, "ada", database=database)  # the same command again
        assert b"unmistakable" not in _bytes(database)
        assert store.names() == ["bob"]


def test_free_pages_of_an_old_database_are_cleaned_too(tmp_path: Path) -> None:
    database = tmp_path / "answers.sqlite"
    with Store(database) as store:
        store.add(record("ada", short="unmistakable words"))
        store.add(record("bob", item=(0, 1)))
    with closing(sqlite3.connect(database)) as other:  # which does not overwrite what it deletes
        other.execute("PRAGMA secure_delete = OFF")
        other.execute("DELETE FROM records WHERE annotator = 'ada'")
        other.commit()
    assert b"unmistakable" in _bytes(database)
    with Store(database) as store:
        assert store.forget("ada") == 0
    assert b"unmistakable" not in _bytes(database)
