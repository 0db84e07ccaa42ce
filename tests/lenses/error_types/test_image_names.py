"""Which image of a run a file means by a path, and which it must not be taken to mean."""

import pytest

from barlow_report.errors import DataError
from barlow_report.lenses.error_types.images import ImageNames

PATHS = ["test/cat/01.png", "test/cat/02.png", "test/dog/01.png", "test/dog/Zoë 3.png", "shard-0.tar/a.v2.jpg"]
IMAGES = ImageNames(PATHS)


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("test/cat/01.png", 0),
        ("cat/01.png", 0),
        ("02.png", 1),
        ("02", 1),
        ("cat/01", 0),
        ("/data/images/test/dog/01.png", 2),
        ("./test//dog/../dog/01.png ", 2),
        (r"C:\images\test\dog\01.png", 2),
        (r"dog\01.png", 2),
        ("s3://bucket/images/test/dog/01.png", 2),
        ("https://host/test/dog/Zo%C3%AB%203.png", 3),
        ("dog/Zoe\N{COMBINING DIAERESIS} 3.png", 3),
        ("TEST/DOG/ZOË 3.PNG", 3),
        ("a.v2.jpg", 4),
        ("a.v2", 4),
        ("train/cat/01.png", None),  # another split
        ("somewhere/else/02.png", None),
        ("02.jpg", None),
        ("Annotations/02.xml", None),
        ("at/01.png", None),
        ("x02.png", None),
        ("", None),
        (".", None),
    ],
)
def test_one_path_must_end_in_the_other(name: str, image_id: int | None) -> None:
    assert IMAGES.find(name, where="file") == image_id


@pytest.mark.parametrize("name", ["01.png", "01", r"..\01.png"])
def test_a_name_of_several_images_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"may be several images of the run, such as 'test/cat/01.png' and"):
        IMAGES.find(name, where="file")


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        (["a/1.png", "a/1.jpg"], "a/1"),
        (["A/1.png", "a/1.PNG"], "a/1.png"),
        (["1.png", "a/1.png"], "/data/a/1.png"),
    ],
)
def test_what_only_the_suffix_the_case_or_an_unknown_root_tells_apart_is_refused(paths: list[str], name: str) -> None:
    with pytest.raises(DataError, match="may be several images"):
        ImageNames(paths).find(name, where="file")


def test_capitals_tell_images_apart_where_they_are_written() -> None:
    images = ImageNames(["A/1.png", "a/1.png"])
    assert [images.find(name, where="file") for name in ("a/1.png", "A/1.png", "/x/A/1.png")] == [1, 0, 0]


def test_a_file_about_no_image_of_the_run_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"none of its 2 entries is an image of the run; the first is 'train/cat/01.png"
    ):
        IMAGES.match(["train/cat/01.png", "val/02.png"], where="labels.csv")
    assert IMAGES.match([], where="labels.csv").image_ids == ()
