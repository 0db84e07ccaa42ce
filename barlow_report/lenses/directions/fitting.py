"""The direction of one class: a linear support vector machine that tells its failures from its successes.

The same solution as scikit-learn's `SVC(kernel="linear", class_weight="balanced")`, with the penalty chosen by
`cross_val_score` over unshuffled stratified folds, but the products of all images with each other are computed once
and reused for every penalty and fold. They are also what a solver spends most of its time on, so this is several times
as fast and gives the same decision values, up to the tolerance at which the solver stops: the products are rounded
differently, so that it may take another way (tests/benchmarks/directions.py measures time and difference).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

__all__ = ["Direction", "fit_direction"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Direction:
    """A direction in the space of whitened embeddings; the decision value is positive where success is expected.

    Attributes:
        weights: Normal of the separating plane, shape (n_dimensions,).
        intercept: Added to the product with it.
        penalty: C, the best of those tried; of equally good ones the first.
        quality: Balanced accuracy, mean over the folds, 0 to 1. An optimistic one: the best of several is taken.
        qualities: The same for each penalty.
    """

    weights: Floats
    intercept: float
    penalty: float
    quality: float
    qualities: tuple[float, ...]

    def decision_values(self, whitened: Floats) -> Floats:
        """Return the decision values (n,) of whitened embeddings (n, n_dimensions)."""
        values: Floats = whitened @ self.weights + self.intercept
        return values


def fit_direction(
    whitened: Floats,
    is_correct: Booleans,
    *,
    penalties: Sequence[float] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
    n_folds: int = 2,
    tolerance: float = 1e-3,
) -> Direction:
    """Fit the direction of a class on some of its images.

    Args:
        whitened: Shape (n, n_dimensions), see `Whitening`.
        is_correct: Shape (n,), with at least `n_folds` images of either outcome.
        penalties: Values of C to choose from.
        n_folds: Folds of the cross-validation.
        tolerance: Of the solver; decision values are about as exact. The default is scikit-learn's.
    """
    products = whitened @ whitened.T
    folds = [
        (fit, test, products[np.ix_(fit, fit)], products[np.ix_(fit, test)])
        for fit, test in StratifiedKFold(n_folds).split(is_correct, is_correct)
    ]
    qualities = []
    for penalty in penalties:
        scores = []
        for fit, test, among_fit, with_test in folds:
            support, coefficients, intercept = _solve(among_fit, is_correct[fit], penalty, tolerance)
            predicted = coefficients @ with_test[support] + intercept > 0
            scores.append(_balanced_accuracy(predicted, is_correct[test]))
        qualities.append(float(np.mean(scores)))
    best = int(np.argmax(qualities))
    support, coefficients, intercept = _solve(products, is_correct, penalties[best], tolerance)
    return Direction(
        weights=coefficients @ whitened[support],
        intercept=intercept,
        penalty=float(penalties[best]),
        quality=qualities[best],
        qualities=tuple(qualities),
    )


def _solve(
    products: Floats, is_correct: Booleans, penalty: float, tolerance: float
) -> tuple[npt.NDArray[np.int64], Floats, float]:
    """Return the support vectors, their coefficients and the intercept."""
    machine = SVC(kernel="precomputed", C=penalty, class_weight="balanced", tol=tolerance)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # none is expected, and none may be lost
        machine.fit(products, is_correct)
    return machine.support_, machine.dual_coef_[0], float(machine.intercept_[0])


def _balanced_accuracy(predicted: Booleans, is_correct: Booleans) -> float:
    return float((predicted[is_correct].mean() + (~predicted[~is_correct]).mean()) / 2)
