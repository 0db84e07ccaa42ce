"""Tables as text: whatever the dialect, the same rows; and nothing is guessed."""

from pathlib import Path

import pytest

from barlow_report.columns import choose_column, means
from barlow_report.delimited import read_delimited, read_rows
from barlow_report.errors import DataError

ROWS = [{"path": "a.png", "label": "cat"}, {"path": "b, c.png", "label": ""}]


def _is_path(name: str) -> bool:
    return means(name, "path")


@pytest.mark.parametrize(
    "content",
    [
        b'path,label\na.png,cat\n"b, c.png",\n',
        b"path;label\na.png;cat\nb, c.png;\n",
        b"path\tlabel\r\na.png\tcat\r\nb, c.png\t\r\n",
        b"path|label\na.png|cat\nb, c.png|",
        b"\xef\xbb\xbfpath;label\na.png;cat\n\nb, c.png;\n",
        "\ufeffpath\tlabel\na.png\tcat\nb, c.png\t\n".encode("utf-16-le"),
        b"sep=;\r\npath;label\r\na.png;cat\r\nb, c.png;\r\n",
        b'\n ,path, label \n0,a.png,cat\n1,"b, c.png",\n',
        b'path,label,\na.png,cat,\n"b, c.png",,\n',
        b'"path";"label"\n"a.png";"cat"\n"b, c.png";""\n',
    ],
)
def test_every_dialect_gives_the_same_rows(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    assert read_delimited(tmp_path / "table.csv", wanted=_is_path).to_pylist() == ROWS
    header, rows = read_rows(tmp_path / "table.csv", wanted=_is_path)
    start = header.index("path")
    assert [row[start : start + 2] for _, row in rows] == [list(row.values()) for row in ROWS]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"path,label\na,b.png,cat\n", "line 2 has 3 values and the header 2; put a value that holds a comma"),
        (b"path;label\na.png;cat\n\nb.png\n", r"line 4 has 1 values and the header 2\)"),
        ("path,label\né.png,a\n".encode("latin-1"), r"not valid UTF-8 \(byte 11\). Save it as UTF-8"),
    ],
)
def test_what_is_no_table_says_why(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(DataError, match=problem):
        read_delimited(tmp_path / "table.csv", wanted=_is_path)


def test_a_separator_inside_of_the_names_is_none(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("path,a;b;c\n1.png,x;y\n")
    assert read_delimited(tmp_path / "table.csv", wanted=_is_path).column_names == ["path", "a;b;c"]


@pytest.mark.parametrize(
    ("column", "names", "found"),
    [
        ("path", ["Image Path", "label"], "Image Path"),
        ("path", ["FILE_NAME", "label"], "FILE_NAME"),
        ("label", ["fine_label", "predicted_label"], "fine_label"),
        ("label", ["label_source", "n"], None),
        ("prediction", ["pred", "label"], "pred"),
        ("prediction", ["predicted-label", "label"], "predicted-label"),
        ("prediction", ["resnet_prediction"], None),
        ("confidence", ["Confidence"], "Confidence"),
    ],
)
def test_a_column_is_known_by_what_people_call_it(column: str, names: list[str], found: str | None) -> None:
    assert choose_column(names, column, given={}, where="t.csv", key="data.columns") == found


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("label", ["label", "labels"]),
        ("label", ["fine_label", "coarse_label"]),
        ("prediction", ["prediction", "pred"]),
        ("path", ["path", "file_name", "filepath"]),
        ("path", ["image_path", "mask_path"]),
    ],
)
def test_which_of_several_columns_is_meant_is_asked(column: str, names: list[str]) -> None:
    with pytest.raises(
        DataError, match=rf"columns '{names[0]}', '{names[1]}'.* may all hold the {column}. Say in data"
    ):
        choose_column(names, column, given={}, where="t.csv", key="data.columns")
    found = choose_column(names, column, given={column: names[1]}, where="t.csv", key="data.columns")
    assert found == names[1]
    with pytest.raises(DataError, match="found 0 columns called 'x'"):
        choose_column(names, column, given={column: "x"}, where="t.csv", key="data.columns")
