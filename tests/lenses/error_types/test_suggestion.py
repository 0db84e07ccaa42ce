"""Superclasses suggested for data that have none."""

import numpy as np

from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.suggestion import class_centroids, confusion_counts, suggest_superclasses
from barlow_report.lenses.error_types.superclasses import Superclasses


def _suggest(kinds: list[int], *, mix: float = 0.3, seed: int = 0) -> Superclasses:
    """Classes of some kinds: their features lie around their kind's, and a model mixes up those of a kind."""
    rng = np.random.default_rng(seed)
    kind = np.array(kinds)
    n_classes, n_each = len(kinds), 80
    centers = rng.normal(size=(kind.max() + 1, 12)) * 3
    own = centers[kind] + rng.normal(size=(n_classes, 12))
    labels = np.repeat(np.arange(n_classes), n_each)
    features = (own[labels] + rng.normal(size=(len(labels), 12)) * 0.5).astype(np.float32)
    predictions = labels.copy()
    for i in np.flatnonzero(rng.random(len(labels)) < mix):
        alike = np.flatnonzero((kind == kind[labels[i]]) & (np.arange(n_classes) != labels[i]))
        predictions[i] = rng.choice(alike) if len(alike) and rng.random() < 0.9 else rng.integers(0, n_classes)
    vocabulary = Vocabulary(names=[f"c{i}" for i in range(n_classes)])
    return suggest_superclasses(
        confusion_counts(labels, predictions, n_classes=n_classes),
        class_centroids(features, labels, n_classes=n_classes),
        vocabulary=vocabulary,
    )


def _groups(found: Superclasses) -> list[list[int]]:
    return sorted(np.flatnonzero(found.members[:, column]).tolist() for column in range(len(found.names)))


def test_planted_kinds_are_found() -> None:
    for seed in range(5):
        found = _suggest([0, 0, 0, 1, 1, 1, 1, 2, 2], seed=seed)
        assert _groups(found) == [[0, 1, 2], [3, 4, 5, 6], [7, 8]]
    assert found.origin == "suggested"
    assert found.names == ("c0, c1, c2", "c3, c4, c5 and 1 more", "c7, c8")


def test_a_class_of_its_own_is_in_none() -> None:
    found = _suggest([0, 0, 1, 1, 1, 2])
    assert not found.members[5].any()


def test_a_perfect_model_still_gets_a_suggestion_from_features() -> None:
    assert _groups(_suggest([0, 0, 0, 1, 1, 1], mix=0.0)) == [[0, 1, 2], [3, 4, 5]]


def test_two_classes_get_no_suggestion_and_odd_data_no_error() -> None:
    assert _suggest([0, 1]).names == ()
    vocabulary = Vocabulary(names=["a", "b", "c", "d"])
    for centroids in (np.zeros((4, 3)), np.ones((4, 3))):
        found = suggest_superclasses(np.zeros((4, 4)), centroids, vocabulary=vocabulary)
        assert found.members.shape[0] == 4


def test_classes_that_are_called_alike_keep_their_superclasses() -> None:
    vocabulary = Vocabulary(names=["a, b", "c", "a", "b, c"])
    centroids = np.array([[1.0, 0], [1, 0.1], [-1, 0], [-1, 0.1]])
    found = suggest_superclasses(np.zeros((4, 4)), centroids, vocabulary=vocabulary)
    assert _groups(found) == [[0, 1], [2, 3]]
    assert len(set(found.names)) == 2


def test_a_thousand_classes_take_seconds() -> None:
    rng = np.random.default_rng(1)
    kind = np.arange(1000) // 20
    centroids = rng.normal(size=(50, 32))[kind] * 4 + rng.normal(size=(1000, 32)) * 0.4
    same = kind[:, None] == kind[None, :]
    confusions = rng.poisson(np.where(same, 2.0, 0.01)).astype(float)
    vocabulary = Vocabulary(names=[str(i) for i in range(1000)])
    found = suggest_superclasses(confusions, centroids, vocabulary=vocabulary)
    assert 30 <= len(found.names) <= 80


def test_centroids_and_confusions_are_counted() -> None:
    features = np.array([[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]], dtype=np.float16)
    labels = np.array([0, 0, 2])
    assert class_centroids(features, labels, n_classes=3).tolist() == [[2.0, 3.0], [0.0, 0.0], [9.0, 9.0]]
    assert confusion_counts(labels, np.array([0, 1, 1]), n_classes=3).tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]
