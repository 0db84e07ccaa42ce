"""Table schemas: what is written can be read, and what does not fit is refused."""

import math
from pathlib import Path

import pandas as pd
import pytest

from barlow_report.errors import DamagedFileError, OutputError, RunFolderError, SchemaError
from barlow_report.run_folder import Run
from barlow_report.tables import all_tables, check_table, empty_table


def _splits(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"image_id": [0, 1], "split": ["fit", "held_out"], **columns})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", info={"name": "mine"})


@pytest.mark.parametrize("name", all_tables())
def test_every_table_can_be_empty_and_survives_the_disk(run: Run, name: str) -> None:
    run.write_table(name, empty_table(name))
    read = run.read_table(name)
    assert list(read.columns) == all_tables()[name].column_names
    assert [str(d) for d in read.dtypes] == [c.dtype for c in all_tables()[name].columns]


def test_every_column_says_what_it_means() -> None:
    for table in all_tables().values():
        assert table.meaning.endswith(".")
        assert all(column.meaning for column in table.columns)
        assert set(table.key) <= set(table.column_names)


def test_missing_values_survive_the_disk(run: Run) -> None:
    frame = pd.DataFrame({"image_id": [0, 1], "path": ["a", "b"], "label": 0, "prediction": 1})
    run.write_table("images", frame.assign(confidence=[0.25, math.nan]))
    assert run.read_table("images")["confidence"].isna().tolist() == [False, True]


def test_the_same_rows_give_the_same_bytes(run: Run) -> None:
    run.write_table("splits", _splits())
    first = (run.folder / "splits.parquet").read_bytes()
    run.write_table("splits", _splits())
    assert (run.folder / "splits.parquet").read_bytes() == first


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (_splits(extra=1), "column 'extra' is unknown"),
        (_splits().drop(columns="split"), "column 'split' is missing"),
        (_splits(split=["fit", "test"]), r"holds \['test'\], expected one of"),
        (_splits(split=["fit", None]), "1 rows have no value"),
        (_splits(split=[1, 2]), "not text"),
        (_splits(image_id=[0, 0]), "not unique in image_id"),
        (_splits(image_id=[0, 0.5]), "image_id"),
        (_splits(image_id=["a", "b"]), "expected a number"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(frame: pd.DataFrame, problem: str) -> None:
    with pytest.raises(SchemaError, match=problem):
        check_table("splits", frame, where="here")


def test_infinite_numbers_are_refused() -> None:
    frame = pd.DataFrame({"group_id": [0], "feature_id": [0], "mutual_information": [math.inf], "rank": [1]})
    with pytest.raises(SchemaError, match="infinite"):
        check_table("selection", frame, where="here")


def test_a_table_changed_by_hand_is_refused(run: Run) -> None:
    _splits(split=["fit", "validation"]).to_parquet(run.folder / "splits.parquet")
    with pytest.raises(DamagedFileError, match="changed by hand"):
        run.read_table("splits")


def test_a_damaged_or_missing_table_is_refused(run: Run) -> None:
    with pytest.raises(RunFolderError, match="not found"):
        run.read_table("splits")
    (run.folder / "splits.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(RunFolderError, match="damaged"):
        run.read_table("splits")


def test_a_failed_write_leaves_the_old_table(run: Run) -> None:
    run.write_table("splits", _splits())
    with pytest.raises(SchemaError):
        run.write_table("splits", _splits(extra=1))
    assert len(run.read_table("splits")) == 2
    assert not list(run.folder.glob("*.partial"))


def test_a_table_that_cannot_be_written_is_an_output_error(run: Run) -> None:
    (run.folder / "splits.parquet").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        run.write_table("splits", _splits())
