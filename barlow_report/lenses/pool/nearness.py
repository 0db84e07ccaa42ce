"""Images of a pool that are nearly the same as analysed ones: copies that were compressed or resized again.

Two images are nearly the same when their features are at most a quarter as far apart as an analysed image usually is
from the one next to it, in Euclidean distance: what is far depends on the model and on the images. Only images that may
matter to a failure mode are compared: those of its classes, by label or by prediction, that meet its rule or nearly so.

Distances are first taken of a few random projections, which keep them roughly, and then exactly for pairs that may be
close. So a large pool is compared without all features of all analysed images in memory.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.pool.candidates import Images, Mode, may_be_of_class, reasons
from barlow_report.rules import leaf_members

__all__ = ["MIN_FEATURES", "NEARNESS", "Near", "near_radius"]

Floats = npt.NDArray[np.floating]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

NEARNESS = 0.25
"""Of the usual distance of an analysed image to the one next to it."""

MIN_FEATURES = 16
"""With fewer features, images of different things can be as close by chance, and nothing is compared."""

_N_SAMPLED, _N_COMPARED = 300, 20_000
_ALIKE = 1e-6
"""Of the length of the features: distances below this share of it are what rounding leaves."""

_N_PROJECTIONS = 48
_ROWS = 2048
_SLACK = 2.0
"""Projections that are farther apart than this many radii are of images that are: 48 of them err by a tenth."""


def near_radius(features: Floats, *, seed: int) -> float:
    """Return the distance up to which two images are nearly the same; 0: nothing can be said.

    Args:
        features: (n_images, n_features) of the analysed images; may be memory-mapped.
        seed: Of the sample of images, and of those that they are compared with.
    """
    n_images, n_features = features.shape
    if n_features < MIN_FEATURES or n_images < 2:
        return 0.0
    random = np.random.default_rng([seed, n_images])
    ids = np.sort(random.permutation(n_images)[:_N_COMPARED])
    places = np.sort(random.permutation(len(ids))[:_N_SAMPLED])
    sampled = np.asarray(features[ids[places]], dtype=np.float64)
    nearest = np.full(len(places), np.inf)
    for first in range(0, len(ids), 1000):
        rows = np.asarray(features[ids[first : first + 1000]], dtype=np.float64)
        distances = _squared_distances(sampled, rows)
        own = np.flatnonzero((places >= first) & (places < first + len(rows)))
        distances[own, places[own] - first] = np.inf
        nearest = np.minimum(nearest, distances.min(axis=1))
    usual = float(np.sqrt(np.median(nearest)))
    are_alike = usual <= _ALIKE * float(np.sqrt((sampled**2).sum(axis=1).mean()))
    return 0.0 if are_alike else NEARNESS * usual


class Near:
    """Finds images of a pool that would be candidates and are nearly the same as analysed ones."""

    def __init__(
        self, features: Floats, labels: Integers, predictions: Integers, modes: Sequence[Mode], *, seed: int
    ) -> None:
        """Prepare it.

        Args:
            features: (n_images, n_features) of the analysed images; may be memory-mapped.
            labels: (n_images,) class_id.
            predictions: (n_images,) class_id.
            modes: All failure modes.
            seed: Of the projections, and of what is near.
        """
        self.radius = near_radius(features, seed=seed)
        self._features = features
        random = np.random.default_rng([seed, _N_PROJECTIONS])
        basis = random.normal(size=(features.shape[1], _N_PROJECTIONS)) / np.sqrt(_N_PROJECTIONS)
        self._basis = basis.astype(np.float32)
        self._centre = np.asarray(features[:_N_SAMPLED], dtype=np.float32).mean(axis=0)
        self._known = [(mode, *self._projected(self._around(mode, labels, predictions))) for mode in modes]

    def find(self, images: Images) -> Booleans:
        """Return which images (n,) meet the rule of a mode, may be of its class, and have such a neighbour."""
        found = np.zeros(len(images), dtype=np.bool_)
        if not self.radius:
            return found
        for mode, ids, projected in self._known:
            may_be = reasons(may_be_of_class(mode, images.labels, images.predictions)) >= 0
            asked = np.flatnonzero(mode.meets(images.features) & may_be & ~found)
            found[asked[self._have_neighbour(images.features[asked], ids, projected)]] = True
        return found

    def _around(self, mode: Mode, labels: Integers, predictions: Integers) -> Integers:
        """The analysed images that may be next to a candidate of a mode."""
        if not self.radius:
            return np.empty(0, dtype=np.int64)
        classes = np.concatenate([mode.class_ids, mode.taken_for])
        is_above = mode.conditions["branch"] == "gt"
        moved = mode.conditions["threshold"] + np.where(is_above, -self.radius, self.radius)
        nearly = leaf_members(self._features, mode.conditions.assign(threshold=moved))
        return np.flatnonzero((np.isin(labels, mode.class_ids) | np.isin(predictions, classes)) & nearly)

    def _projected(self, ids: Integers) -> tuple[Integers, npt.NDArray[np.float32]]:
        parts = [self._project(self._features[ids[i : i + _ROWS]]) for i in range(0, len(ids), _ROWS)]
        return ids, np.concatenate([np.empty((0, _N_PROJECTIONS), dtype=np.float32), *parts])

    def _project(self, features: Floats) -> npt.NDArray[np.float32]:
        projected: npt.NDArray[np.float32] = (np.asarray(features, dtype=np.float32) - self._centre) @ self._basis
        return projected

    def _have_neighbour(self, features: Floats, ids: Integers, projected: npt.NDArray[np.float32]) -> Booleans:
        found = np.zeros(len(features), dtype=np.bool_)
        for first in range(0, len(features) if len(ids) else 0, _ROWS):
            rows = np.asarray(features[first : first + _ROWS], dtype=np.float64)
            roughly = _squared_distances(self._project(rows), projected)
            places, others = np.nonzero(roughly <= (_SLACK * self.radius) ** 2)
            for i in range(0, len(places), _ROWS):
                place, other = places[i : i + _ROWS], ids[others[i : i + _ROWS]]
                apart = np.linalg.norm(rows[place] - np.asarray(self._features[other], dtype=np.float64), axis=1)
                found[first + place[apart <= self.radius]] = True
        return found


def _squared_distances(some: Floats, others: Floats) -> Floats:
    """Squared Euclidean distances (n, m), 0 at least."""
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    return np.asarray(np.maximum(squares - 2 * some @ others.T, 0))
