"""Patterns of shards: braces, globs, what is missing, and names of images within them."""

import os
from pathlib import Path

import pytest

from barlow_report.errors import DataError
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.sources.shards import Shards, expand_braces, find_shards


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.tar", ["a.tar"]),
        ("a-{08..11}.tar", ["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]),
        ("{2..0}", ["2", "1", "0"]),
        ("{a,b}-{0..1}", ["a-0", "a-1", "b-0", "b-1"]),
        ("{alone}", ["{alone}"]),
        ("{x", ["{x"]),
    ],
)
def test_braces_mean_ranges_and_alternatives(pattern: str, expected: list[str]) -> None:
    assert list(expand_braces(pattern, key="shards")) == expected


@pytest.mark.parametrize("pattern", ["{0..999999999999}", "{0..9999}{0..9999}"])
def test_an_absurd_range_is_refused_at_once(pattern: str) -> None:
    with pytest.raises(DataError, match="mean more than 100000 files"):
        list(expand_braces(pattern, key="shards"))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_a_pattern_gives_sorted_names_below_the_folder_they_share(tmp_path: Path) -> None:
    touch(tmp_path, "d[1]/b/2.tar", "d[1]/a/1.tar", "d[1]/a/0.tar", "d[1]/notes.txt")
    found = find_shards(tmp_path / "d[1]/*/*.tar", key="shards")
    assert found == Shards(tmp_path / "d[1]", ("a/0.tar", "a/1.tar", "b/2.tar"))
    assert found.split("a/1.tar/x/y.jpg") == ("a/1.tar", "x/y.jpg")
    with pytest.raises(UnreadableImage):
        found.split("c/1.tar/x")


def test_what_braces_name_has_to_be_there_and_the_missing_ones_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "0.tar", "2.tar")
    with pytest.raises(DataError, match=r"shards: found no file '.*/1.tar', '.*/3.tar'. Correct"):
        find_shards(tmp_path / "{0..3}.tar", key="shards")
    assert find_shards(tmp_path / "[02].tar", key="shards").names == ("0.tar", "2.tar")


@pytest.mark.parametrize("address", ["pipe:cat a.tar", "https:/example.org/a.tar", "s3:/bucket/a.tar"])
def test_what_is_no_file_is_refused(address: str) -> None:
    with pytest.raises(DataError, match="Copy the shards to a disk first"):
        find_shards(Path(address), key="shards")


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.tar")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system refuses such names")
    with pytest.raises(DataError, match="not valid UTF-8"):
        find_shards(tmp_path / "*.tar", key="shards")
