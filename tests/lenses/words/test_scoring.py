"""Words for features: by hand, against plain loops, and on noise."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from barlow_report.errors import DataError
from barlow_report.lenses.words.scoring import best_words, most_activating, n_most_activating, random_picks
from barlow_report.lenses.words.vocabulary import BUILT_IN, read_vocabulary


def _unit(values: np.ndarray) -> np.ndarray:
    unit: np.ndarray = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_the_score_is_a_difference_in_standard_deviations() -> None:
    """Two words of opposite meaning, four images: the mean of the words is zero, so cosines stay as they are."""
    angle = np.deg2rad([0, 60, 90, 180])
    images = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # cosines with the first word: 1, 0.5, 0, -1
    words = np.array([[1.0, 0.0], [-1.0, 0.0]])
    picks = np.array([[True, True, False, False], [False, False, True, True]])
    found = best_words(images, words, picks=picks, by_chance=picks, n_best=2)
    deviation = np.sqrt((0.875**2 + 0.375**2 + 0.125**2 + 1.125**2) / 4)
    assert found.words.tolist() == [[0, 1], [1, 0]]
    assert found.scores[0] == pytest.approx([0.625 / deviation, -0.625 / deviation], abs=1e-6)
    assert found.scores[1] == pytest.approx(found.scores[0], abs=1e-6)
    assert found.p_value.tolist() == [1.0, 1.0]  # the two random choices are these choices
    assert found.chance_score == pytest.approx(0.625 / deviation, abs=1e-6)


def test_many_words_give_what_a_plain_loop_gives() -> None:
    random = np.random.default_rng(3)
    images, words = _unit(random.normal(size=(90, 8))), _unit(random.normal(size=(1300, 8)))
    picks = most_activating(random.normal(size=(90, 3)), n=12)
    by_chance = random_picks(90, n=12, n_draws=40, seed=(1, 2))
    found = best_words(images, words, picks=picks, by_chance=by_chance, n_best=4)
    cosines = images.astype(float) @ words.T.astype(float)
    cosines -= cosines.mean(axis=1, keepdims=True)
    scores = stats.zscore(cosines, axis=0)
    for row, pick in enumerate(picks):
        own = scores[pick].mean(axis=0)
        assert found.words[row].tolist() == np.argsort(-own, kind="stable")[:4].tolist()
        assert found.scores[row] == pytest.approx(np.sort(own)[::-1][:4], abs=1e-5)
        chance = np.array([scores[choice].mean(axis=0).max() for choice in by_chance])
        assert found.p_value[row] == pytest.approx((1 + (chance >= own.max()).sum()) / 41)


def test_a_word_that_is_equally_close_to_all_images_has_no_score() -> None:
    images = _unit(np.random.default_rng(0).normal(size=(40, 3)))
    words = np.zeros((3, 3), dtype=np.float32)
    words[:, 0] = 1.0  # three times the same word: after centring nothing is left
    picks = most_activating(images, n=8)
    found = best_words(images, words, picks=picks, by_chance=random_picks(40, n=8, n_draws=99, seed=(0,)), n_best=3)
    assert not found.scores.any()
    assert (found.p_value == 1).all()


def test_on_noise_a_word_fits_as_often_as_the_level_says() -> None:
    """500 features that have nothing to do with the images: p-values are uniform; many draws, as all share them."""
    random = np.random.default_rng(11)
    images, words = _unit(random.normal(size=(120, 16))), _unit(random.normal(size=(400, 16)))
    picks = most_activating(random.normal(size=(120, 500)), n=20)
    by_chance = random_picks(120, n=20, n_draws=4999, seed=(5,))
    p_values = best_words(images, words, picks=picks, by_chance=by_chance, n_best=1).p_value
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert stats.binomtest(int((p_values <= 0.05).sum()), 500, 0.05).pvalue > 0.01


def test_the_most_activating_images_are_chosen_and_of_equal_ones_the_first() -> None:
    activations = np.array([[0.0, 5.0], [2.0, 5.0], [2.0, 5.0], [1.0, 7.0]])
    assert most_activating(activations, n=2).tolist() == [[False, True, True, False], [True, False, False, True]]
    assert [n_most_activating(n, most=20) for n in (19, 20, 79, 80, 4000)] == [0, 5, 19, 20, 20]
    picks = random_picks(30, n=7, n_draws=50, seed=(1,))
    assert (picks.sum(axis=1) == 7).all()
    assert len({row.tobytes() for row in picks}) == 50


def test_choices_of_different_sizes_are_refused() -> None:
    picks = np.array([[True, False, True], [True, True, True]])
    with pytest.raises(ValueError, match="equally many"):
        best_words(np.eye(3), np.eye(3), picks=picks[:1], by_chance=picks[1:], n_best=1)


def test_the_built_in_words_are_everyday_words_each_once() -> None:
    words = read_vocabulary(BUILT_IN)
    assert len(words) > 400
    assert {"stripes", "wheel", "grass", "white background"} <= set(words)
    assert all(word == word.strip() and word.isprintable() and len(word) < 30 for word in words)


def test_a_vocabulary_is_read_line_by_line_and_problems_are_said(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    lines = ["# comment", "", "Red", "red ", *(f"thing  {i}" for i in range(9))]
    path.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    assert read_vocabulary(path) == ["Red", *(f"thing {i}" for i in range(9))]
    path.write_text("red\nblue\n")
    with pytest.raises(DataError, match="has 2 different words, expected at least 10"):
        read_vocabulary(path)
    path.write_bytes(b"red\xff\n")
    with pytest.raises(DataError, match=r"no text in UTF-8 \(byte 3\)"):
        read_vocabulary(path)
    with pytest.raises(DataError, match=r"nowhere\.txt: cannot be read .* under words\.vocabulary"):
        read_vocabulary(tmp_path / "nowhere.txt")
