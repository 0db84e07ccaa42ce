"""What files may call the classes of a run that has only some of those that its configuration lists."""

from pathlib import Path

import pytest

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.proposals import proposals_text
from barlow_report.lenses.error_types.run_classes import vocabulary_of


def _some(folder: Path) -> Vocabulary:
    """Those of bee and dog; the list has ant, bee, cow and dog, with keys."""
    (folder / "classes.txt").write_text("A\tant\nB\tbee\nC\tcow\nD\tdog\n")
    data = DataConfig(folder=folder, class_file=folder / "classes.txt", classes_evaluated=["bee", "dog"])
    return vocabulary_of(["bee", "dog"], data)


def test_names_and_indices_are_those_of_the_list(tmp_path: Path) -> None:
    vocabulary = _some(tmp_path)
    found = {value: vocabulary.find(value, where="file") for value in ("bee", "dog", "cow", "A", "0", 1, "3")}
    assert found == {"bee": 0, "dog": 1, "cow": None, "A": None, "0": None, 1: 0, "3": 1}
    for value in ("elk", "4"):
        with pytest.raises(DataError, match=r"is not a class of this run.*its index from 0 to 3"):
            vocabulary.find(value, where="file")
    assert vocabulary.find_all(["ant", "dog", 1], where="file") == [1, 0]


def test_a_column_of_indices_counts_the_list(tmp_path: Path) -> None:
    vocabulary = _some(tmp_path)
    assert vocabulary.find_column(["3", "1.0", "0"], where="file") == [1, 0, None]
    assert vocabulary.find_column(["dog", "bee", "cow"], where="file") == [1, 0, None]
    with pytest.raises(DataError, match=r"found the index 4, expected 0 to 3.*may count from 1"):
        vocabulary.find_column(["1", "4"], where="file")


def test_an_index_that_is_written_is_read_again_as_the_same_class() -> None:
    vocabulary = Vocabulary(names=["a;b", "dog"], listed=["ant", "a;b", "dog"])
    text = proposals_text([("0.png", "a thing", 0.5, [0, 1])], vocabulary=vocabulary)
    assert text.splitlines()[1] == "0.png,a thing,0.5000,1;dog"
    assert vocabulary.find("1", where="file") == 0


def test_of_imagenet_public_files_count_the_thousand_and_others_the_list(tmp_path: Path) -> None:
    data = DataConfig(folder=tmp_path, classes="imagenet", classes_evaluated=["n01443537", "n01491361"])
    vocabulary = vocabulary_of(["goldfish", "tiger shark"], data)
    assert vocabulary.synsets == {0: "n01443537", 1: "n01491361"}
    for counts_all in (False, True):
        assert [vocabulary.find(i, where="file", counts_all=counts_all) for i in range(4)] == [None, 0, None, 1]
    assert vocabulary.find("tench", where="file") is None


def test_where_all_listed_classes_are_evaluated_indices_are_those_of_the_run(tmp_path: Path) -> None:
    data = DataConfig(folder=tmp_path, classes=["bee", "dog"], classes_evaluated=["bee", "dog"])
    assert vocabulary_of(["bee", "dog"], data) == Vocabulary(names=["bee", "dog"])
