"""Ceilings: what a method reaches that is told which images satisfy the planted condition.

Their jobs have the condition in place of the failures. A cut is where its two sides agree best with the condition, by
the phi coefficient (Matthews' correlation): neither everything nor a handful of sure images.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tests.benchmarks.peers.selection import Job
from tests.benchmarks.peers.slicers import standardise

__all__ = ["slice_by_answer", "slice_by_ridge", "slice_by_threshold"]

Scores = npt.NDArray[np.float64]

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Of the ridge, per image."""


def slice_by_answer(jobs: Sequence[Job]) -> list[Scores]:
    """Return the answer itself, which only evidence can lose."""
    return [np.where(job.apply_failure, 1.0, -1.0)[:, None] for job in jobs]


def slice_by_threshold(jobs: Sequence[Job]) -> list[Scores]:
    """One slice: the side of one threshold of one feature that agrees best."""
    return [_threshold(job) for job in jobs]


def slice_by_ridge(jobs: Sequence[Job]) -> list[Scores]:
    """One slice: a ridge regression on all features; penalty and cut by its leave-one-out predictions."""
    return [_ridge(job) for job in jobs]


def _threshold(job: Job) -> Scores:
    feature, threshold, sign, _ = _best_cut(job.fit_features.astype(np.float64), job.fit_failure)
    scores: Scores = sign * (job.apply_features[:, [feature]].astype(np.float64) - threshold)
    return scores


def _ridge(job: Job) -> Scores:
    fit, apply = standardise(job)
    n, outcome = len(fit), job.fit_failure.astype(np.float64)
    left, singular, right = np.linalg.svd(fit, full_matrices=False)
    found = []
    for penalty in PENALTIES:
        shrunk = singular / (singular**2 + penalty * n)
        coordinates = left.T @ (outcome - outcome.mean())
        fitted = outcome.mean() + left @ (singular * shrunk * coordinates)
        leverage = 1 / n + (left**2) @ (singular * shrunk)
        left_out = outcome - (outcome - fitted) / np.maximum(1 - leverage, 1e-9)
        _, threshold, sign, agreement = _best_cut(left_out[:, None], job.fit_failure)
        values = outcome.mean() + apply @ (right.T @ (shrunk * coordinates))
        found.append((agreement, sign * (values - threshold)))
    _, best = max(found, key=lambda pair: pair[0])
    scores: Scores = best[:, None]
    return scores


def _best_cut(
    values: npt.NDArray[np.float64], outcome: npt.NDArray[np.bool_]
) -> tuple[int, np.float64, int, np.float64]:
    """Return the column, threshold and side (1 above, -1 below) with the largest phi, and that phi.

    Args:
        values: (n_images, n_columns).
        outcome: (n_images,).
    """
    n, k = len(outcome), int(outcome.sum())
    order = np.argsort(values, axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    n_below = np.arange(1, n)[:, None]
    k_below = outcome[order].cumsum(axis=0)[:-1]
    phi = (n * k_below - n_below * k) / np.sqrt(np.maximum(n_below * (n - n_below) * k * (n - k), 1e-9))
    phi[ordered[1:] == ordered[:-1]] = 0.0
    row, column = np.unravel_index(np.abs(phi).argmax(), phi.shape)
    threshold = (ordered[row, column] + ordered[row + 1, column]) / 2
    return int(column), threshold, -1 if phi[row, column] > 0 else 1, np.abs(phi[row, column])
