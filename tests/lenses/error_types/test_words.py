"""Words for what images show: which are candidates, and the best of them, on vectors whose answer is known."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from barlow_report.errors import DataError
from barlow_report.lenses.error_types import words
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.wordnet import WordNet
from barlow_report.lenses.error_types.words import BestWords, candidate_words, caption
from tests.lenses.error_types.test_wordnet import debian, write_wordnet

__all__ = ["debian"]  # a fixture

NAMES = ("dog", "truck")
SYNSETS = (
    ("entity", (), ()),
    ("physical object", (), ("entity",)),
    ("thought", (), ("entity",)),
    ("animal", ("creature",), ("physical object",)),
    ("dog", ("domestic dog", "scoundrel"), ("animal",)),
    ("terrier", (), ("dog",)),
    ("wolf", ("lobo",), ("animal",)),
    ("knave", ("scoundrel", "rogue"), ("animal",)),
    ("truck", (), ("vehicle",)),
    ("vehicle", (), ("physical object",)),
    ("car", (), ("vehicle",)),
)


def _unit(rows: list[list[float]]) -> npt.NDArray[np.float32]:
    values = np.array(rows, dtype=np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values


def test_the_word_goes_into_the_template_as_it_is() -> None:
    assert caption("a photo of a {}.", "{0} <b>") == "a photo of a {0} <b>."


def test_the_best_word_is_that_of_the_smallest_angle_whatever_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_IMAGES_AT_A_TIME", 2)
    images = _unit([[1, 0], [1, 1], [0, 1], [-1, 0], [2, 1]])
    candidates = _unit([[1, 0.1], [0, 1], [1, 0.9], [0, 1]])
    image_ids = np.array([0, 1, 2, 4])
    best = BestWords.of(len(image_ids))
    for first in (0, 1, 3):
        best.update(images, image_ids, candidates[first : {0: 1, 1: 3, 3: 4}[first]], first=first)
    assert best.index.tolist() == [0, 2, 1, 2]  # of the equal words 1 and 3 the first
    expected = (images[image_ids] @ candidates.T).max(axis=1)
    np.testing.assert_allclose(best.score, expected, rtol=1e-6)


def test_words_of_a_file_come_after_the_classes_and_once(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# what else there may be\nwolf\nDog\nWolf\nlawn mower\n\n", encoding="utf-8")
    vocabulary = Vocabulary(names=NAMES)
    found = candidate_words(path, vocabulary=vocabulary, wordnet_folder=tmp_path)
    assert found == ["dog", "truck", "wolf", "lawn mower"]
    path.write_text("dog\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"words\.txt: found no word that is not a class"):
        candidate_words(path, vocabulary=vocabulary, wordnet_folder=tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        candidate_words(tmp_path / "none.txt", vocabulary=vocabulary, wordnet_folder=tmp_path)
    (tmp_path / "words.json").write_text('{"a": 1}')
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(DataError, match="expected a list of words"):
        candidate_words(tmp_path / "list.json", vocabulary=vocabulary, wordnet_folder=tmp_path)


@pytest.mark.parametrize("by_id", [True, False])
def test_nouns_of_wordnet_are_things_that_no_class_is_and_that_are_no_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_id: bool
) -> None:
    ids = write_wordnet(tmp_path, SYNSETS)
    monkeypatch.setattr(words, "_THINGS", (ids["physical object"],))
    synsets = {i: ids[name] for i, name in enumerate(NAMES)} if by_id else {}
    found = candidate_words("wordnet", vocabulary=Vocabulary(names=NAMES, synsets=synsets), wordnet_folder=tmp_path)
    # no terrier, which is a dog; no animal, which a dog is; no scoundrel, which may be a dog; no thought
    assert found == ["dog", "truck", "wolf", "lobo", "knave", "rogue", "car"]


def test_nouns_of_debians_database(debian: WordNet) -> None:
    vocabulary = Vocabulary(names=["tench", "poodle"], synsets={0: "n01440764", 1: "n02113335"})
    found = candidate_words("wordnet", vocabulary=vocabulary, wordnet_folder=debian.path.parent)
    assert len(found) > 40_000
    assert {"dachshund", "goldfish", "lawn mower", "pizza"} <= set(found)
    assert not {"miniature poodle", "animal", "dog", "Tinca tinca", "blink", "Paris", "democracy"} & set(found)
