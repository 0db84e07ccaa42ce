"""The results of a run in one file: what is written is read back, and no other file is believed."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from barlow_report.errors import OutputError, RunFolderError
from barlow_report.lenses.changes.comparing import compare_runs
from barlow_report.lenses.changes.exporting import export_results
from barlow_report.lenses.changes.limits import refuse_bomb
from barlow_report.lenses.changes.results import RunResults
from barlow_report.lenses.changes.sources import digest_results, open_results
from barlow_report.lenses.changes.tabulating import comparison_tables
from barlow_report.run_folder import Run
from tests.lenses.changes.runs import CAT, DOG, hand_run, save_run, wrong


@pytest.fixture
def run(tmp_path: Path) -> Run:
    modes = [("label", DOG), ("prediction", DOG)]
    return Run.open(save_run(hand_run(wrong(dogs=range(10)), modes=modes, name="old"), tmp_path / "run"))


@pytest.fixture
def export(run: Run, tmp_path: Path) -> Path:
    export_results(run, tmp_path / "old.zip")
    return tmp_path / "old.zip"


def test_a_comparison_with_the_file_says_what_one_with_the_folder_says(run: Run, export: Path) -> None:
    new = hand_run(wrong(dogs=range(30)), modes=[("label", CAT)], name="new")
    tables = [comparison_tables(compare_runs(open_results(path), new, delta=0.05)) for path in (run.folder, export)]
    for name, table in tables[0].items():
        pd.testing.assert_frame_equal(table, tables[1][name])


def test_the_same_run_gives_the_same_bytes_without_pictures_and_paths_of_this_computer(
    run: Run, tmp_path: Path
) -> None:
    files = [tmp_path / "a.zip", tmp_path / "b.zip"]
    run.update_info(config={**run.info["config"], "data": {"folder": "/home/somebody/images"}})
    for file in files:
        export_results(run, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    with zipfile.ZipFile(files[0]) as archive:
        assert "somebody" not in archive.read("results.json").decode()
        assert {Path(name).suffix for name in archive.namelist()} == {".json", ".parquet", ".npy"}


def test_features_that_no_failure_mode_uses_come_only_if_asked_for(run: Run, export: Path, tmp_path: Path) -> None:
    ids = np.arange(5)
    whole = tmp_path / "whole.zip"
    export_results(run, whole, all_features=True)
    assert open_results(export).activations(1, ids) is None
    for path, feature_id in ((export, 0), (whole, 0), (whole, 1)):
        np.testing.assert_array_equal(
            _known(open_results(path).activations(feature_id, ids)), run.features()[ids, feature_id]
        )


def test_an_export_is_replaced_and_another_file_is_not(run: Run, export: Path, tmp_path: Path) -> None:
    export_results(run, export)
    other = tmp_path / "thesis.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("thesis.txt", "all of it")
    with pytest.raises(OutputError, match="not an export"):
        export_results(run, other)
    assert zipfile.is_zipfile(other)


Entries = dict[str, bytes]


def _read(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: Path, entries: Entries) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def _known(values: np.ndarray | None) -> np.ndarray:
    assert values is not None
    return values


def _array(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _header_of_huge_array() -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 1)})
    return file.getvalue()


def _parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


def _stored(column: pa.Array) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"name": column}), file, compression="zstd", use_dictionary=True, store_schema=False)
    return file.getvalue()


def _repeated(word: str, *, n: int) -> bytes:
    """A column of `n` times the same word, which is in the file once."""
    return _stored(pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype=np.int32)), pa.array([word])))


def _zeros(n: int) -> bytes:
    return _stored(pa.array(["0" * n]))


def _fixed(value: bytes) -> bytes:
    return _stored(pa.array([value], type=pa.binary(len(value))))


def _with_json(entries: Entries, **values: object) -> Entries:
    header = {**json.loads(entries["results.json"]), **values}
    return {**entries, "results.json": json.dumps(header).encode()}


def _without(entries: Entries, name: str) -> Entries:
    return {key: data for key, data in entries.items() if key != name}


def _changed(entries: Entries, table: str, /, **columns: object) -> Entries:
    frame = pd.read_parquet(io.BytesIO(entries[f"{table}.parquet"]))
    return {**entries, f"{table}.parquet": _parquet(frame.assign(**columns))}


_HOSTILE: dict[str, tuple[Callable[[Entries], Entries], str]] = {
    "path traversal": (lambda e: {**e, "../../evil.py": b"import os"}, "'../../evil.py', which an export does not"),
    "absolute path": (lambda e: {**e, "/etc/passwd": b"root"}, "'/etc/passwd'"),
    "terminal codes in a name": (lambda e: {**e, "\x1b[2J.parquet": b""}, r"'\x1b[2J.parquet'"),
    "a bomb": (lambda e: {**e, "features.npy": bytes(10**8)}, "would unpack to"),
    "no tables": (lambda e: _without(e, "rules.parquet"), "lacks rules.parquet"),
    "empty": (lambda _: {}, "lacks classes.parquet"),
    "no JSON": (lambda e: {**e, "results.json": b"{"}, "is not valid JSON"),
    "deep JSON": (lambda e: {**e, "results.json": b"[" * 100_000}, "results.json"),
    "a list": (lambda e: {**e, "results.json": b"[]"}, "results.json"),
    "another version": (lambda e: _with_json(e, format=2), "found format 2, expected 1"),
    "hostile version": (lambda e: _with_json(e, format="\x1b[2J"), "another version"),
    "wrong types": (lambda e: _with_json(e, seed="zero"), "seed"),
    "unknown settings": (lambda e: _with_json(e, rules={"evidence": "magic"}), "configuration in it"),
    "features twice": (lambda e: _with_json(e, feature_ids=[0, 0]), "expected numbers of 2 features"),
    "no Parquet": (lambda e: {**e, "rules.parquet": b"PAR1" * 9}, "not a Parquet file"),
    "columns missing": (lambda e: {**e, "rules.parquet": _parquet(pd.DataFrame({"a": [1]}))}, "is missing"),
    "a row bomb": (lambda e: {**e, "splits.parquet": _parquet(pd.DataFrame({"a": np.zeros(10**6, "i8")}))}, "rows in"),
    "a long word repeated": (lambda e: {**e, "classes.parquet": _repeated("x" * 10_000, n=20_000)}, "bytes of text"),
    "far more bytes than it has": (lambda e: {**e, "classes.parquet": _zeros(2**27)}, "would unpack to"),
    "lists": (lambda e: {**e, "splits.parquet": _parquet(pd.DataFrame({"a": [[1, 2]]}))}, "lists or groups"),
    "numbers of any length": (lambda e: {**e, "splits.parquet": _fixed(b"x" * 1000)}, "type FIXED_LEN_BYTE_ARRAY"),
    "pickled objects": (lambda e: {**e, "features.npy": _array(np.array([{}], dtype=object))}, "features.npy"),
    "a huge array": (lambda e: {**e, "features.npy": _header_of_huge_array()}, "features.npy"),
    "text for numbers": (lambda e: {**e, "features.npy": b"not numbers"}, "is not an array"),
    "features of other images": (lambda e: {**e, "features.npy": _array(np.zeros((3, 1), "f4"))}, "of 3 images"),
    "labels that are no class": (lambda e: _changed(e, "images", label=7), "label that is no class"),
    "images that are missing": (lambda e: _changed(e, "contents", image_id=range(1, 161)), "0 to 159 in order"),
    "rules of no group": (lambda e: _changed(e, "rules", group_id=9), "group_id that is not in groups"),
    "modes without conditions": (
        lambda e: _changed(e, "conditions", rule_id=[0, 0], position=[0, 1]),
        "lacks a failure",
    ),
    "names of the same class": (lambda e: _changed(e, "classes", name="cat"), "same name"),
}


@pytest.mark.parametrize("case", _HOSTILE)
def test_a_file_that_is_no_export_is_refused_with_its_reason(export: Path, case: str) -> None:
    change, expected = _HOSTILE[case]
    _write(export, change(_read(export)))
    with pytest.raises(RunFolderError) as caught:
        open_results(export)
    message = str(caught.value)
    assert expected in message
    assert export.name in message
    assert "\x1b" not in message


def test_a_table_of_many_rows_that_a_run_has_is_read_and_one_that_is_far_larger_inside_is_not() -> None:
    words = pd.DataFrame({"image_id": np.arange(200_000), "split": "held_out"})
    refuse_bomb(_parquet(words), where="splits", advice="")
    data = _repeated("x" * 100_000, n=20_000)  # 2 GB
    assert len(data) < 2000
    with pytest.raises(RunFolderError, match="holds more than 67"):
        refuse_bomb(data, where="splits", advice="")


def test_entries_that_are_there_twice_are_refused(export: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(export, "a") as archive:
        archive.writestr("results.json", b"{}")
    with pytest.raises(RunFolderError, match=r"results\.json twice"):
        open_results(export)


@pytest.mark.parametrize("damage", ["cut off", "no zip", "a bit"])
def test_a_damaged_file_is_refused(export: Path, damage: str) -> None:
    data = bytearray(export.read_bytes())
    if damage == "cut off":
        data = data[: len(data) // 2]
    elif damage == "no zip":
        data = bytearray(b"GIF89a")
    else:
        data[200] ^= 1
    export.write_bytes(data)
    with pytest.raises(RunFolderError, match=r"old\.zip"):
        open_results(export)


def test_a_run_that_was_not_explained_and_a_folder_that_is_no_run_are_named(run: Run, tmp_path: Path) -> None:
    run.redo("explain")
    with pytest.raises(RunFolderError, match="has not finished"):
        export_results(run, tmp_path / "new.zip")
    for read in (open_results, digest_results):
        with pytest.raises(RunFolderError, match="has not finished"):
            read(run.folder)
        with pytest.raises(RunFolderError, match=r"no run\.json"):
            read(tmp_path / "nowhere")


def test_a_hand_made_run_fits_together(run: Run) -> None:
    assert isinstance(open_results(run.folder), RunResults)
