"""Peers that need no other package than scikit-learn: written after their papers, not their authors' code."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.benchmarks.peers.selection import Job

__all__ = ["slice_by_direction", "slice_by_error_tree", "slice_by_spotlight", "standardise"]

Scores = npt.NDArray[np.float64]

N_SPOTLIGHTS = 5
SPOTLIGHT_SIZE = 0.35  # the best of 0.1, 0.2 and 0.35 on the tuning scenes
N_STEPS = 300


def slice_by_direction(jobs: Sequence[Job]) -> list[Scores]:
    """Failure directions (Jain et al., arXiv 2206.14754): one slice, the images that a linear SVM expects to fail."""
    return [_direction(job) for job in jobs]


def slice_by_error_tree(jobs: Sequence[Job]) -> list[Scores]:
    """Error tree over all features: depth 3, leaves of at least 20 images, as in Error Analysis; leaves are slices."""
    return [_error_tree(job) for job in jobs]


def slice_by_spotlight(jobs: Sequence[Job]) -> list[Scores]:
    """Spotlight (d'Eon et al., arXiv 2107.00758): Gaussian kernels placed where the mean loss is highest.

    The loss is 1 for a failure and 0 for a success, as there are no probabilities. Features are standardised, each
    kernel holds a third of the images, as groups are small, and lowers the loss of its images for the next one. An
    image is a member where the kernel is above one half.
    """
    return [_spotlights(job) for job in jobs]


def standardise(job: Job) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the features to fit on and to apply to, in standard deviations of the first from their mean."""
    mean, scale = job.fit_features.mean(axis=0), job.fit_features.std(axis=0) + 1e-6
    return ((job.fit_features - mean) / scale).astype(np.float64), ((job.apply_features - mean) / scale).astype(
        np.float64
    )


def _direction(job: Job) -> Scores:
    fit, apply = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in standardise(job))
    if min(job.fit_failure.sum(), (~job.fit_failure).sum()) < 2:
        return np.zeros((len(apply), 0))
    search = GridSearchCV(
        LinearSVC(class_weight="balanced", random_state=job.seed, dual=False),
        {"C": 10.0 ** np.arange(-6, 1)},
        scoring="balanced_accuracy",
        cv=2,
    ).fit(fit, job.fit_failure)
    return np.asarray(search.decision_function(apply), dtype=np.float64)[:, None]


def _error_tree(job: Job) -> Scores:
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=20, random_state=job.seed)
    tree.fit(job.fit_features, job.fit_failure)
    leaves = tree.apply(job.apply_features)
    rates = tree.tree_.value[:, 0, -1] if job.fit_failure.any() else np.zeros(tree.tree_.node_count)
    ids = np.flatnonzero(tree.tree_.children_left < 0)
    ids = ids[np.argsort(-rates[ids], kind="stable")]
    scores: Scores = (leaves[:, None] == ids).astype(np.float64)
    return scores


def _spotlights(job: Job) -> Scores:
    """Ascend the mean loss under each kernel, with Adam; the kernel's width keeps its total weight at its size."""
    fit, apply = standardise(job)
    loss = job.fit_failure.astype(np.float64)
    columns = []
    for _ in range(N_SPOTLIGHTS):
        center, width = _place_kernel(fit, loss)
        columns.append(_kernel(apply, center, width) - 0.5)
        loss = loss * (1 - _kernel(fit, center, width))
    return np.stack(columns, axis=1)


def _place_kernel(x: npt.NDArray[np.float64], loss: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    center = (loss @ x) / max(loss.sum(), 1e-12)
    first, second = np.zeros_like(center), np.zeros_like(center)
    for step in range(1, N_STEPS + 1):
        width = _width(x, center)
        weights = _kernel(x, center, width)
        share = weights / weights.sum()
        gradient = ((share * (loss - share @ loss)) @ (x - center)) / width
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        center = center + 0.03 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return center, _width(x, center)


def _width(x: npt.NDArray[np.float64], center: npt.NDArray[np.float64]) -> float:
    """Return the width at which a third of the images, at least five, are above one half."""
    distances = np.sort(((x - center) ** 2).sum(axis=1))
    return float(distances[max(5, round(SPOTLIGHT_SIZE * len(x))) - 1] / (2 * np.log(2)) + 1e-9)


def _kernel(x: npt.NDArray[np.float64], center: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    kernel: npt.NDArray[np.float64] = np.exp(-((x - center) ** 2).sum(axis=1) / (2 * width))
    return kernel
