"""Superclasses suggested for data that have none."""

import numpy as np
import pytest

from barlow_report.lenses.error_types.clarity import judge_kinds
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.clusters import best_cut, cosine_distances
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


# --- whether classes come in kinds at all ---------------------------------------------------------------------


def _confusions(centroids: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What a model confuses that confuses classes the more, the more alike they are, kinds or none."""
    unit = centroids - centroids.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    odds = np.exp(4 * unit @ unit.T)
    np.fill_diagonal(odds, 0)
    return np.array([random.multinomial(30, row / row.sum()) for row in odds]).astype(float)


def _centroids(kind: str, n: int, random: np.random.Generator) -> np.ndarray:
    if kind == "cloud":
        return random.normal(size=(n, 32))
    if kind == "flat cloud":  # a few directions carry most, as in features of a network
        return random.normal(size=(n, 32)) / np.arange(1, 33)
    places = random.normal(size=(n // 5, 32)) * 3
    return places[np.arange(n) % (n // 5)] + random.normal(size=(n, 32))


@pytest.mark.parametrize(("kind", "is_clear"), [("cloud", False), ("flat cloud", False), ("kinds", True)])
def test_superclasses_are_suggested_where_classes_come_in_kinds_and_not_where_alike_ones_are_confused(
    kind: str, *, is_clear: bool
) -> None:
    found = []
    for seed in range(8):
        random = np.random.default_rng(seed)
        centroids = _centroids(kind, 20, random)
        found.append(judge_kinds(_confusions(centroids, random), centroids).is_clear)
    assert sum(found) == (8 if is_clear else 0)


def test_what_is_not_clear_is_said() -> None:
    random = np.random.default_rng(3)
    kinds, cloud = _centroids("kinds", 20, random), _centroids("cloud", 20, random)
    assert judge_kinds(np.zeros((2, 2)), np.eye(2)).words == "there are too few classes to tell kinds apart"
    assert "do not fall into clear clusters (p = " in judge_kinds(_confusions(cloud, random), cloud).words
    assert judge_kinds(np.zeros((20, 20)), kinds).words == "no class is taken for another"
    shuffled = _confusions(kinds, random)[np.ix_(*[random.permutation(20)] * 2)]
    assert "confusions do not keep to the clusters of the features" in judge_kinds(shuffled, kinds).words
    same = [judge_kinds(_confusions(kinds, np.random.default_rng(1)), kinds) for _ in range(2)]
    assert same[0] == same[1]
    for centroids in (np.zeros((6, 3)), np.ones((6, 3))):  # nothing to tell apart, and no error
        assert not judge_kinds(np.ones((6, 6)), centroids).is_clear


def test_the_best_cut_has_the_highest_silhouette_that_scikit_learn_computes() -> None:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_score

    points = np.random.default_rng(0).normal(size=(24, 6))
    distance = cosine_distances(points @ points.T)
    tree = linkage(squareform(distance, checks=False), "average")
    wanted = max(silhouette_score(distance, fcluster(tree, n, "maxclust"), metric="precomputed") for n in range(2, 13))
    silhouette, cut = best_cut(distance)
    assert silhouette == pytest.approx(wanted, abs=1e-12)
    assert silhouette == pytest.approx(silhouette_score(distance, cut, metric="precomputed"), abs=1e-12)


def test_centroids_and_confusions_are_counted() -> None:
    features = np.array([[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]], dtype=np.float16)
    labels = np.array([0, 0, 2])
    assert class_centroids(features, labels, n_classes=3).tolist() == [[2.0, 3.0], [0.0, 0.0], [9.0, 9.0]]
    assert confusion_counts(labels, np.array([0, 1, 1]), n_classes=3).tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]
