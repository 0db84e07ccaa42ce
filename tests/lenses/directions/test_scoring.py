"""Statuses, evidence, places and histograms of directions."""

import numpy as np
import pandas as pd
import pytest

from barlow_report.errors import DataError
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.scoring import Directions, find_directions
from barlow_report.tables import check_table
from tests.lenses.directions.planted import planted_classes


def _find(
    embeddings: np.ndarray, labels: np.ndarray, predictions: np.ndarray, held_out: np.ndarray, **settings: object
) -> Directions:
    return find_directions(
        embeddings,
        labels,
        predictions,
        is_held_out=held_out,
        n_classes=int(labels.max()) + 1,
        settings=DirectionsConfig.model_validate(settings),
    )


def _check(found: Directions) -> pd.DataFrame:
    for name in ("class_directions", "directions", "direction_histograms"):
        check_table(name, getattr(found, name), where=name)
    return found.class_directions.set_index("class_id")


def test_planted_directions_are_verified_and_order_the_held_out_images() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    found = _find(embeddings, labels, predictions, held_out)
    rows = _check(found)
    assert (rows["verdict"] == "verified").all()
    assert (rows["balanced_accuracy_held_out"] > 0.7).all()
    assert (rows["balanced_accuracy_held_out_low"] > 0.5).all()
    inside = rows["balanced_accuracy_held_out"].between(
        rows["balanced_accuracy_held_out_low"], rows["balanced_accuracy_held_out_high"]
    )
    assert inside.all()
    values = found.directions["decision_value"].to_numpy()
    for c in range(3):
        shown = held_out & (labels == c)
        assert np.corrcoef(values[shown], embeddings[shown, c])[0, 1] > 0.75


def test_random_outcomes_are_seldom_verified() -> None:
    rng = np.random.default_rng(3)
    n_classes, n = 60, 60 * 60
    labels = np.repeat(np.arange(n_classes), 60)
    predictions = np.where(rng.random(n) < 0.4, (labels + 1) % n_classes, labels)
    rows = _check(_find(rng.normal(size=(n, 24)), labels, predictions, rng.random(n) < 0.3))
    assert (rows["status"] == "fitted").all()
    assert (rows["verdict"] == "verified").sum() <= 1
    assert rows["balanced_accuracy_held_out"].mean() == pytest.approx(0.5, abs=0.05)
    assert rows["balanced_accuracy_cross_validated"].mean() > 0.53  # the best of several is no evidence


@pytest.mark.parametrize(
    ("n_images", "n_failures", "status"),
    [
        (19, 9, "too_few_images"),
        (40, 0, "no_failures"),
        (40, 40, "only_failures"),
        (40, 1, "too_few_of_one_outcome"),
        (40, 39, "too_few_of_one_outcome"),
        (40, 2, "fitted"),
        (0, 0, "too_few_images"),
    ],
)
def test_a_class_without_both_outcomes_gets_a_status(n_images: int, n_failures: int, status: str) -> None:
    rng = np.random.default_rng(0)
    labels = np.array([0] * n_images + [1] * 60)
    predictions = labels.copy()
    predictions[:n_failures] = 1 - predictions[:n_failures]
    predictions[-20:] = 0
    found = _find(rng.normal(size=(len(labels), 5)), labels, predictions, np.zeros(len(labels), dtype=bool))
    rows = _check(found)
    assert rows.loc[0, "status"] == status
    assert rows.loc[1, "status"] == "fitted"
    has_values = np.isin(np.flatnonzero(labels == 0), found.directions["image_id"])
    assert has_values.all() if status == "fitted" else not has_values.any()
    assert (0 in set(found.direction_histograms["class_id"])) == (status == "fitted")


def test_without_held_out_images_nothing_is_verified() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    rows = _check(_find(embeddings, labels, predictions, np.zeros_like(held_out)))
    assert set(rows["verdict"]) == {"in_sample_only"}
    assert rows["balanced_accuracy_held_out"].isna().all()
    assert rows["n_hard_failures_held_out"].isna().all()


def test_held_out_images_of_one_outcome_give_no_balanced_accuracy() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    predictions = np.where(held_out & (labels == 0), labels, predictions)
    rows = _check(_find(embeddings, labels, predictions, held_out))
    assert np.isnan(rows.loc[0, "balanced_accuracy_held_out"])
    assert np.isnan(rows.loc[0, "q_value"])
    assert rows.loc[0, "verdict"] == "too_few_images"
    assert rows.loc[1, "verdict"] == "verified"


def test_held_out_images_have_no_part_in_the_fit() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    found = _find(embeddings, labels, predictions, held_out)
    changed = np.where(held_out[:, None], embeddings * 3 + 1, embeddings)
    again = _find(changed, labels, np.where(held_out, labels, predictions), held_out)
    for c, direction in found.by_class.items():
        assert np.array_equal(direction.weights, again.by_class[c].weights)
        assert direction.penalty == again.by_class[c].penalty


def test_histograms_count_the_held_out_images_of_each_class() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    bins = _find(embeddings, labels, predictions, held_out).direction_histograms.groupby("class_id")
    for c in range(3):
        shown = held_out & (labels == c)
        assert bins["n_images"].sum()[c] == shown.sum()
        assert bins["n_failures"].sum()[c] == (shown & (labels != predictions)).sum()


def test_hardness_runs_from_the_easiest_to_the_hardest_image_of_a_class() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    found = _find(embeddings, labels, predictions, held_out)
    for c in range(3):
        rows = found.directions[labels == c].sort_values("decision_value")
        assert rows["hardness"].iloc[0] == 1.0
        assert rows["hardness"].iloc[-1] == 0.0
        assert rows["hardness"].is_monotonic_decreasing


def test_constant_dimensions_and_equal_images_do_no_harm() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    embeddings[:, 5] = 0.1
    embeddings[labels == 2] = embeddings[0]
    found = _find(embeddings, labels, predictions, held_out)
    _check(found)
    assert len(found.direction_histograms.query("class_id == 2")) == 1


def test_large_classes_are_fitted_on_a_seeded_sample_of_both_outcomes() -> None:
    embeddings, labels, predictions, held_out = planted_classes(n_classes=2, n_per_class=600)
    rows = _check(_find(embeddings, labels, predictions, held_out, max_images=100))
    assert set(rows["n_fitted"]) == {100}
    assert (rows["verdict"] == "verified").all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("part", [True, False])
def test_values_that_are_not_finite_are_an_error_that_names_the_place(value: float, part: bool) -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    embeddings[np.flatnonzero(held_out == part)[7], 3] = value
    with pytest.raises(DataError, match="not finite"):
        _find(embeddings, labels, predictions, held_out)


@pytest.mark.parametrize("shape", [(599, 4), (600,), (600, 0)])
def test_embeddings_that_do_not_fit_the_images_are_an_error(shape: tuple[int, ...]) -> None:
    _, labels, predictions, held_out = planted_classes()
    with pytest.raises(DataError, match="a row for each image"):
        _find(np.zeros(shape), labels, predictions, held_out)


def test_embeddings_of_text_are_an_error() -> None:
    _, labels, predictions, held_out = planted_classes()
    with pytest.raises(DataError, match="expected real numbers"):
        _find(np.full((600, 2), "a"), labels, predictions, held_out)
