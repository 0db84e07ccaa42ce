"""Columns of a manifest that group images: read as text, few values only."""

import datetime
from pathlib import Path

import pandas as pd
import pytest

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.vision.datasets import list_images
from barlow_report.vision.manifest import MAX_VALUES


def read(folder: Path, column: object, *, as_parquet: bool = False, name: str = "site") -> list[str | None]:
    values = list(column)  # type: ignore[call-overload]
    frame = pd.DataFrame(
        {"path": [f"{i}.png" for i in range(len(values))], "label": ["cat", "dog"] * (len(values) // 2)}
    )
    frame[name] = values
    manifest = folder / ("list.parquet" if as_parquet else "list.csv")
    if as_parquet:
        frame.to_parquet(manifest)
    else:
        frame.to_csv(manifest, index=False)
    return list_images(DataConfig(manifest=manifest), columns=[name]).attributes[name]


def test_values_are_text_without_the_space_around_them_and_empty_ones_are_none(tmp_path: Path) -> None:
    assert read(tmp_path, ["Bern", " Bern ", "", "  "]) == ["Bern", "Bern", None, None]


def test_a_csv_keeps_numbers_as_written(tmp_path: Path) -> None:
    assert read(tmp_path, ["07", "7", "7.0", "NA"]) == ["07", "7", "7.0", "NA"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 1, 3], ["1", "2", "1", "3"]),
        ([1.0, None, 2.5, float("nan")], ["1", None, "2.5", None]),
        ([True, False, True, True], ["True", "False", "True", "True"]),
        (["a", None, "<b>", "a"], ["a", None, "<b>", "a"]),
        ([datetime.datetime(2026, 1, 31)] * 2, ["2026-01-31"] * 2),
        ([datetime.date(2026, 1, 31), None], ["2026-01-31", None]),
    ],
)
def test_parquet_values_of_other_types_become_text(
    tmp_path: Path, values: list[object], expected: list[str | None]
) -> None:
    assert read(tmp_path, values, as_parquet=True) == expected


def test_columns_that_nobody_asks_for_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label,site\n1.png,cat,x\n2.png,dog,y\n")
    assert list_images(DataConfig(manifest=tmp_path / "list.csv")).attributes == {}


def test_a_column_with_a_value_for_each_image_is_refused(tmp_path: Path) -> None:
    allowed = [f"p{i}" for i in range(MAX_VALUES)]
    assert read(tmp_path, allowed) == allowed
    with pytest.raises(DataError, match=r"'site' has 1002 different values, expected at most 1000.*coarser column"):
        read(tmp_path, [*allowed, "x", "y"])


def test_a_column_that_is_missing_or_holds_lists_is_a_clear_error(tmp_path: Path) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_text("path,label,site\n1.png,cat,x\n2.png,dog,y\n")
    with pytest.raises(DataError, match=r"found 0 columns 'place' among 'path', 'label', 'site', expected one"):
        list_images(DataConfig(manifest=manifest), columns=["place"])
    with pytest.raises(DataError, match=r"'site' holds values that cannot be compared"):
        read(tmp_path, [["a"], ["b"]], as_parquet=True)
