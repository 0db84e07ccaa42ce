"""Where images lie along the failure direction of a class: those of a pool, and the analysed ones.

A direction tells the images it was fitted to apart better than any others. So those are placed by directions that were
fitted without them: to one half of them for the other half, with the penalty of the direction itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.fitting import Direction, fit_direction
from barlow_report.lenses.directions.scoring import find_directions
from barlow_report.lenses.directions.whitening import Whitening

__all__ = ["Placement", "place_classes"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_ROWS_AT_A_TIME = 8192


@dataclass(frozen=True, kw_only=True, eq=False)
class Placement:
    """The direction of a class.

    Attributes:
        whitening: What features go through before it.
        direction: The direction.
        analysed: (n_images,) decision values of the analysed images, of those it was fitted to by others.
    """

    whitening: Whitening
    direction: Direction
    analysed: Floats

    def decision_values(self, features: npt.NDArray[np.floating]) -> Floats:
        """Return the decision values (n,) of further images with these features (n, n_features)."""
        return self.direction.decision_values(self.whitening.apply(features))


def place_classes(
    features: npt.NDArray[np.floating],
    labels: Integers,
    predictions: Integers,
    *,
    is_held_out: Booleans,
    class_ids: Integers,
    settings: DirectionsConfig,
    seed: int,
) -> dict[int, Placement]:
    """Fit the directions of some classes again, as the lens of directions has fitted them.

    Args:
        features: (n_images, n_features); may be memory-mapped.
        labels: (n_images,) class_id.
        predictions: (n_images,) class_id.
        is_held_out: (n_images,) the images that have no part in the fit.
        class_ids: The classes that have a direction.
        settings: Of the lens of directions.
        seed: Likewise.
    """
    if not len(class_ids):
        return {}
    found = find_directions(
        features,
        np.where(np.isin(labels, class_ids), labels, -1),  # of no class that is asked for
        predictions,
        is_held_out=is_held_out,
        n_classes=int(class_ids.max()) + 1,
        settings=settings,
        seed=seed,
    )
    placed = {}
    for class_id, direction in found.by_class.items():
        values = np.concatenate([direction.decision_values(rows) for rows in _whitened(features, found.whitening)])
        fitted = np.flatnonzero((labels == class_id) & ~is_held_out)
        fails = labels[fitted] != predictions[fitted]
        values[fitted] = _without_them(
            found.whitening.apply(np.asarray(features[fitted])), fails, direction, settings=settings, seed=seed
        )
        placed[class_id] = Placement(whitening=found.whitening, direction=direction, analysed=values)
    return placed


def _whitened(features: npt.NDArray[np.floating], whitening: Whitening) -> Iterator[Floats]:
    for first in range(0, len(features), _ROWS_AT_A_TIME):
        yield whitening.apply(np.asarray(features[first : first + _ROWS_AT_A_TIME]))


def _without_them(
    whitened: Floats, fails: Booleans, direction: Direction, *, settings: DirectionsConfig, seed: int
) -> Floats:
    """The decision values (n,) of images by directions that were fitted to the other half; NaN where there is none."""
    rng = np.random.default_rng([seed, len(fails)])
    half = np.zeros(len(fails), dtype=np.int64)
    for outcome in (True, False):
        ids = rng.permutation(np.flatnonzero(fails == outcome))
        half[ids[::2]] = 1
    values = np.full(len(fails), np.nan)
    for own in (0, 1):
        others = rng.permutation(np.flatnonzero(half != own))[: settings.max_images]
        n_failures = int(fails[others].sum())
        if min(n_failures, len(others) - n_failures) < settings.n_folds:
            continue
        fitted = fit_direction(
            whitened[others], ~fails[others], penalties=(direction.penalty,), n_folds=settings.n_folds
        )
        values[half == own] = fitted.decision_values(whitened[half == own])
    return values
