"""YAML and JSON that people write: one meaning, or an error."""

from pathlib import Path

import pytest

from barlow_report.annotations.overrides import load_overrides
from barlow_report.documents import parse_json, parse_yaml
from barlow_report.errors import DataError
from barlow_report.lenses.error_types.files import read_tree


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"cat": 1, "dog": 2, "cat": 3}', "the key 'cat' occurs twice"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": -Infinity}', "-Infinity is not a number"),
        ('{"a": 1e999}', "the number 1e999 is too large"),
        (f'{{"a": 1{"0" * 6000}}}', "of 6001 digits is too large"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": {"b\\u0000": 1}}', r"U\+0000"),
        ('["\\ud800"]', r"U\+D800"),
    ],
)
def test_json_that_says_what_nobody_means_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_json(text)
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(DataError, match=problem):
        read_tree(path)


def test_ordinary_json_is_read_as_ever() -> None:
    text = '{"a": [1, -2.5, 1e3, null, true, "\\u00e9 \\ud83d\\ude00", {"b": 123456789012345678}]}'
    assert parse_json(text) == {"a": [1, -2.5, 1000.0, None, True, "é 😀", {"b": 123456789012345678}]}


def test_yaml_without_aliases_may_be_as_large_as_it_is() -> None:
    names = ", ".join(f"class{i}" for i in range(3000))
    assert len(parse_yaml(f"a: [{names}]\nb: 0x1F\nc: 010\nd: 1:30").values["a"]) == 3000


@pytest.mark.parametrize(
    "text",
    [
        "names: [{grouping: label, group: mug, feature: 3, name: handle, name: cup}]",
        "a: &a [x, *a]",
        f"names: 0x{'f' * 6000}",
        "\x00",
        "\ufefe",
    ],
)
def test_names_yaml_is_read_in_the_same_way(tmp_path: Path, text: str) -> None:
    path = tmp_path / "names.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"names\.yaml"):
        load_overrides(path)
