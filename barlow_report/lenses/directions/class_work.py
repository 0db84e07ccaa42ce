"""The direction of each class as work for an engine: a class after the other, on all threads of a worker."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count

import numpy as np
import numpy.typing as npt

from barlow_report.engine import SharedArray
from barlow_report.formatting import counted
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.fitting import Direction, fit_direction
from barlow_report.lenses.directions.whitening import Whitening, refuse_infinite
from barlow_report.progress import Advance

__all__ = ["ClassUnit", "DirectionWork", "Found"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

Found = tuple[dict[str, object], Direction | None, Floats | None]
"""Of a class: its row, its direction, and the decision values of its images."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassUnit:
    """The unit, the images of a class: ids, ascending, and what is known of them, each of shape (n_images,)."""

    class_id: int
    image_ids: Integers
    is_failure: Booleans
    is_held_out: Booleans


@dataclass(frozen=True, kw_only=True, eq=False)
class DirectionWork:
    """Finds the direction of a `ClassUnit`.

    Attributes:
        embeddings: Shape (n_images, n_dimensions).
        whitening: What they go through.
        settings: The section `directions` of the configuration.
        seed: The run's seed.
    """

    embeddings: SharedArray
    whitening: Whitening
    settings: DirectionsConfig
    seed: int

    def start(self, n_threads: int | None) -> "_DirectionWorker":
        """Prepare; see `Work`."""
        return _DirectionWorker(self, self.settings.n_workers or n_threads or cpu_count() or 1)

    def describe(self, unit: ClassUnit) -> str:
        """Name the class; see `Work`."""
        return f"direction of class {unit.class_id}, {counted(len(unit.image_ids), 'image')}"

    def halves(self, unit: ClassUnit) -> tuple[()]:  # noqa: ARG002
        """A class is one; see `Work`."""
        return ()


class _DirectionWorker:
    def __init__(self, work: DirectionWork, n_threads: int) -> None:
        self._work, self._n_threads = work, n_threads

    def run(self, units: Iterable[ClassUnit], *, advance: Advance) -> Iterator[Found]:
        """Find directions; see `Worker`."""
        pool = ThreadPoolExecutor(self._n_threads, thread_name_prefix="directions")
        try:
            for found in pool.map(self._find, units):
                advance(1)
                yield found
        finally:
            pool.shutdown(cancel_futures=True)

    def _find(self, members: ClassUnit) -> Found:
        work = self._work
        return _find_direction(members, work.embeddings.array, work.whitening, settings=work.settings, seed=work.seed)


def _find_direction(
    members: ClassUnit,
    embeddings: npt.NDArray[np.floating],
    whitening: Whitening,
    *,
    settings: DirectionsConfig,
    seed: int,
) -> Found:
    """The row of a class without its evidence, its direction, and the decision values of its images."""
    failed, held = members.is_failure, members.is_held_out
    row: dict[str, object] = {
        "class_id": members.class_id,
        "status": _status(failed[~held], settings),
        "n_images": int((~held).sum()),
        "n_failures": int(failed[~held].sum()),
        "n_fitted": 0,
        "penalty": None,
        "balanced_accuracy_cross_validated": None,
        "n_images_held_out": int(held.sum()),
        "n_failures_held_out": int(failed[held].sum()),
        "n_hard_failures_held_out": None,
        "n_easy_successes_held_out": None,
    }
    if row["status"] != "fitted":
        return row, None, None
    rows = np.asarray(embeddings[members.image_ids])
    refuse_infinite(members.image_ids, rows)
    whitened = whitening.apply(rows)
    chosen = _sample(failed, np.flatnonzero(~held), n=settings.max_images, seed=[seed, members.class_id])
    direction = fit_direction(whitened[chosen], ~failed[chosen], penalties=settings.penalties, n_folds=settings.n_folds)
    values = direction.decision_values(whitened)
    row |= {
        "n_fitted": len(chosen),
        "penalty": direction.penalty,
        "balanced_accuracy_cross_validated": direction.quality,
        "n_hard_failures_held_out": int((failed & held & (values <= 0)).sum()),
        "n_easy_successes_held_out": int((~failed & held & (values > 0)).sum()),
    }
    return row, direction, values


def _status(failed: Booleans, settings: DirectionsConfig) -> str:
    n_failures, n = int(failed.sum()), len(failed)
    if n < settings.min_images:
        return "too_few_images"
    if n_failures == 0:
        return "no_failures"
    if n_failures == n:
        return "only_failures"
    return "fitted" if settings.n_folds <= n_failures <= n - settings.n_folds else "too_few_of_one_outcome"


def _sample(failed: Booleans, places: Integers, *, n: int, seed: Sequence[int]) -> Integers:
    """Draw at most `n` of the places: with their share of failures, but a tenth of `n` of either outcome at least."""
    if len(places) <= n:
        return places
    rng = np.random.default_rng(list(seed))
    of_outcome = [places[failed[places]], places[~failed[places]]]
    n_failures = round(n * len(of_outcome[0]) / len(places))
    n_failures = min(max(n_failures, n // 10), n - n // 10)
    drawn = [rng.permutation(ids)[:k] for ids, k in zip(of_outcome, (n_failures, n - n_failures), strict=True)]
    return np.sort(np.concatenate(drawn))
