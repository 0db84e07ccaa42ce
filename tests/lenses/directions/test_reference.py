"""Directions against an independent computation with scikit-learn alone, with the settings of the source."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC

from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.fitting import fit_direction
from barlow_report.lenses.directions.scoring import find_directions
from tests.lenses.directions.planted import planted_classes

PENALTIES = np.logspace(-6, 0, 7)
SOLVER_TOLERANCE = 2e-3
"""Both stop at 1e-3, and may come from different sides."""


@pytest.mark.parametrize(("n_dimensions", "n_folds"), [(16, 2), (300, 2), (40, 3)])
def test_directions_equal_scikit_learn(n_dimensions: int, n_folds: int) -> None:
    embeddings, labels, predictions, held_out = planted_classes(n_dimensions=n_dimensions, seed=n_dimensions)
    found = find_directions(
        embeddings,
        labels,
        predictions,
        is_held_out=held_out,
        n_classes=3,
        settings=DirectionsConfig(n_folds=n_folds),
    )
    rows = found.class_directions.set_index("class_id")
    values = found.directions.set_index("image_id")["decision_value"]

    whiten = make_pipeline(StandardScaler(), Normalizer()).fit(embeddings[~held_out].astype(np.float64))
    whitened = whiten.transform(embeddings.astype(np.float64))
    correct = (labels == predictions).astype(int)
    for c in range(3):
        fit, test = (labels == c) & ~held_out, (labels == c) & held_out
        scores = []
        for penalty in PENALTIES:
            machine = SVC(kernel="linear", C=penalty, class_weight="balanced")
            folds = cross_val_score(machine, whitened[fit], correct[fit], cv=n_folds, scoring="balanced_accuracy")
            scores.append(folds.mean())
        best = PENALTIES[int(np.argmax(scores))]
        machine = SVC(kernel="linear", C=best, class_weight="balanced").fit(whitened[fit], correct[fit])

        np.testing.assert_allclose(found.by_class[c].qualities, scores, atol=1e-12)
        assert rows.loc[c, "penalty"] == pytest.approx(best)
        expected = machine.decision_function(whitened[labels == c])
        np.testing.assert_allclose(values[np.flatnonzero(labels == c)], expected, atol=SOLVER_TOLERANCE)
        held = balanced_accuracy_score(correct[test], machine.predict(whitened[test]))
        assert rows.loc[c, "balanced_accuracy_held_out"] == pytest.approx(held, abs=1e-12)


def test_it_is_the_same_problem_when_both_are_solved_exactly() -> None:
    embeddings, labels, predictions, _ = planted_classes()
    whitened = make_pipeline(StandardScaler(), Normalizer()).fit_transform(embeddings.astype(np.float64))
    chosen, correct = labels == 1, labels == predictions
    direction = fit_direction(whitened[chosen], correct[chosen], tolerance=1e-10)
    machine = SVC(kernel="linear", C=direction.penalty, class_weight="balanced", tol=1e-10)
    machine.fit(whitened[chosen], correct[chosen])
    np.testing.assert_allclose(direction.weights, machine.coef_[0], atol=1e-7)
    assert direction.intercept == pytest.approx(machine.intercept_[0], abs=1e-7)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    embeddings, labels, predictions, held_out = planted_classes()
    one, four = (
        find_directions(
            embeddings,
            labels,
            predictions,
            is_held_out=held_out,
            n_classes=3,
            settings=DirectionsConfig(n_workers=n),
        )
        for n in (1, 4)
    )
    assert one.class_directions.equals(four.class_directions)
    assert one.directions.equals(four.directions)
