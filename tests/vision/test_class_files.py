"""Class files in the forms that people have them: the same order, or a refusal, never another order."""

import json
from pathlib import Path

import pytest

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.vision.class_files import ClassLines, read_class_file
from barlow_report.vision.datasets import list_images


def read(folder: Path, content: str | bytes, name: str = "classes.txt") -> ClassLines:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_class_file(folder / name)


@pytest.mark.parametrize(
    "content",
    [
        "blue\nred\n",
        "blue\r\nred\r\n\r\n",
        b"\xef\xbb\xbfblue\nred\n",
        "blue\nred\n".encode("utf-16"),
        "# the classes\nblue\nred\n",
        "0 blue\n1 red\n",
        "1 red\n0 blue\n",
        "1 blue\n2 red\n",
        "0,blue\n1,red\n",
        '0,"blue"\n1,"red"\n',
        "0: blue\n1: red\n",
        "0\tblue\n1\tred\n",
        "1\tred\n0\tblue\n",
        "blue\t0\nred\t1\n",
        "red,1\nblue,0\n",
        "red 1\nblue 0\n",
        "index,name\n0,blue\n1,red\n",
        "class_name,class_id\nblue,0\nred,1\n",
        '["blue", "red"]',
        '{"0": "blue", "1": "red"}',
        '{"red": 1, "blue": 0}',
        "{0: 'blue', 1: 'red'}",
    ],
)
def test_the_same_two_classes_in_every_form(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content).names == ("blue", "red")


@pytest.mark.parametrize("content", ["- no\n- 01\n", "0: no\n1: 01\n", "01: 1\nno: 0\n"])
def test_names_in_yaml_stay_as_they_are_written(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content, "classes.yaml").names == ("no", "01")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("class 1\nclass 2\n", ("class 1", "class 2")),
        ("Boeing 737\nAirbus 320\n", ("Boeing 737", "Airbus 320")),
        ("0\n1\n10\n", ("0", "1", "10")),
        ("#love\n#hate\n", ("#love", "#hate")),
        ("C#\n# 1\n", ("C#",)),
        ("bl\u2028ue\nred\x0c2\n", ("bl\u2028ue", "red\x0c2")),
        ("3 pins\nplug\n", ("3 pins", "plug")),
        ("0 1\n1 2\n2 0\n", None),  # which column is the index?
    ],
)
def test_names_that_look_a_little_like_indices_stay_names(
    tmp_path: Path, content: str, names: tuple[str, ...] | None
) -> None:
    if names is None:
        with pytest.raises(DataError, match="two numbers"):
            read(tmp_path, content)
    else:
        assert read(tmp_path, content).names == names


@pytest.mark.parametrize(
    "content",
    [
        "0\tn01440764\ttench\n1\tn01443537\tgoldfish\n",
        '{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}',  # torchvision's imagenet_class_index.json
        "n01440764 tench\nn01443537 goldfish\n",
        "n01440764\ttench\nn01443537\tgoldfish\n",
    ],
)
def test_a_class_may_have_an_index_a_key_and_a_name(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == ClassLines(names=("tench", "goldfish"), keys=("n01440764", "n01443537"))


def test_labels_may_count_like_the_file(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("1 blue\n2 red\n")
    (tmp_path / "list.csv").write_text("path,label\na.png,1\nb.png,2\n")
    config = DataConfig(manifest=tmp_path / "list.csv", class_file=tmp_path / "classes.txt")
    assert list_images(config).labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0 blue\n2 red\n", "the 2 indices go from 0 to 2, expected every number from 0 to 1 once"),
        ("0 blue\n0 red\n", "the 2 indices go from 0 to 0"),
        ("blue\t5\nred\t7\n", "numbers that do not count the classes"),
        ("class\nblue\nred\n", "line 1, 'class', looks like the head of a column"),
        ("background\n1 blue\n2 red\n", "line 1, 'background', has no index"),
        ("n02119789 1 kit_fox\nn02100735 2 setter\n", "more than a key and a name"),
        ("a\tb\tc\nd\te\tf\n", "more than a key and a name"),
        ('["blue", null]', "found .*None"),
        ('["blue", true]', "found .*True"),
        ('{"blue": "red"}', "expected index: name, or name: index"),
        ('{"0": "blue", "0": "red"}', "the same key occurs twice"),
        ('{"0": "1", "1": "2", "2": "0"}', "both may be its index"),
        ('{"names": ["blue", "red"], "nc": 2}', "a mapping with the keys 'names', 'nc'"),
        ("[blue, [red]]", "found"),
        ("[blue, red", "cannot be read as JSON or YAML"),
        ("blue\nred\n".encode("utf-16-le"), "not UTF-8 text"),
        ("é\n".encode("latin-1"), "cannot be read"),
    ],
)
def test_what_does_not_say_the_order_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"), [("blue\n\nred\n", "class 1 .* has no name"), ("blue\nred\nblue\n", "'blue' listed more")]
)
def test_a_list_with_a_gap_or_a_repeated_name_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "classes.json").write_text(json.dumps(content.split("\n")[:-1]))
    (tmp_path / "classes.txt").write_text(content)
    for name in ("classes.txt", "classes.json"):
        with pytest.raises(DataError, match=message):
            list_images(DataConfig(folder=tmp_path, class_file=tmp_path / name))
