"""Explaining groups as work for an engine: a group after the other, on all threads of a worker.

Groups are worked on by threads, not by processes: the estimator and the tree run without the interpreter lock, so
threads keep the processors as busy, share the mapped file and the stream of noise, and cost nothing to start. What
would change this: a step per group that holds the lock for long. Other processes get the name of the mapped file.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from barlow_report.config import RulesConfig
from barlow_report.errors import DataError
from barlow_report.formatting import counted
from barlow_report.progress import Advance
from barlow_report.rules.controls import ControlFinder
from barlow_report.rules.counting import count_everywhere
from barlow_report.rules.fitting import GroupFit, fit_group
from barlow_report.rules.groups import Group
from barlow_report.rules.inputs import Inputs, find_bad_value, read_rows
from barlow_report.rules.sampling import draw_sample
from barlow_report.rules.workers import count_processors

__all__ = ["GroupUnit", "GroupWork"]


class GroupUnit(NamedTuple):
    """The unit: a group, and what it is explained with."""

    group: Group
    settings: RulesConfig


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupWork:
    """Fits a `GroupUnit`; the result is a `GroupFit`.

    Attributes:
        inputs: The images.
        held_out: (n_images,) bool, images that only test rules.
        settings: The section `rules` of the configuration.
        seed: The run's seed.
        n_groups: How many groups there are, which share the threads.
    """

    inputs: Inputs
    held_out: npt.NDArray[np.bool_]
    settings: RulesConfig
    seed: int
    n_groups: int

    def start(self, n_threads: int | None) -> "_GroupWorker":
        """Prepare; see `Work`."""
        return _GroupWorker(self, self.settings.n_workers or n_threads or count_processors())

    def describe(self, unit: GroupUnit) -> str:
        """Name the group; see `Work`."""
        group = unit.group
        return f"group {group.name!r} by {group.grouping}, {counted(len(group.image_ids), 'image')}"

    def halves(self, unit: GroupUnit) -> tuple[()]:  # noqa: ARG002
        """A group is one; see `Work`."""
        return ()


class _GroupWorker:
    def __init__(self, work: GroupWork, n_workers: int) -> None:
        self._work, self._n_workers = work, n_workers
        self._failure = work.inputs.failure
        is_shuffled = work.settings.is_shuffled
        self._find_controls = ControlFinder(work.inputs, seed=work.seed) if is_shuffled else None

    def run(self, units: Iterable[GroupUnit], *, advance: Advance) -> Iterator[GroupFit]:
        """Fit groups; see `Worker`."""
        pool = ThreadPoolExecutor(self._n_workers, thread_name_prefix="explain")
        try:
            # matrix products run in the workers: threads of their own would wait for each other
            with threadpool_limits(1, user_api="blas"):
                for fit in pool.map(self._fit, units):
                    advance(1)
                    yield fit
        finally:
            pool.shutdown(cancel_futures=True)

    def _fit(self, unit: GroupUnit) -> GroupFit:
        work, group, settings = self._work, unit.group, unit.settings
        failure, held_out = self._failure[group.image_ids], work.held_out[group.image_ids]
        labels = work.inputs.labels[group.image_ids]
        sample = draw_sample(failure, held_out, labels, settings=settings, seed=work.seed, group_id=group.group_id)
        if sample is None:
            return self._fit_images(unit, group.image_ids, held_out)
        # where only held-out images test, all that are drawn are fitted
        part = held_out[sample] if settings.is_shuffled else np.zeros(len(sample), dtype=np.bool_)
        fit = self._fit_images(unit, group.image_ids[sample], part, limit=settings.max_fitted_images)
        return count_everywhere(
            fit, sample, lambda places: self._read(group.image_ids[places]), failure, held_out, settings=settings
        )

    def _fit_images(
        self,
        unit: GroupUnit,
        image_ids: npt.NDArray[np.int64],
        held_out: npt.NDArray[np.bool_],
        *,
        limit: int | None = None,
    ) -> GroupFit:
        """Fit a whole group, or a sample of one, of whose controls there are about `limit` at most."""
        group, find_controls = unit.group, self._find_controls
        controls = None if find_controls is None else find_controls(group, image_ids, limit=limit)
        return fit_group(
            self._read(image_ids),
            self._failure[image_ids],
            held_out,
            settings=unit.settings,
            seed=self._work.seed,
            group_id=group.group_id,
            controls=controls,
            n_workers=max(1, self._n_workers // self._work.n_groups),
            is_sample=limit is not None,
        )

    def _read(self, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        features = self._work.inputs.features
        rows = read_rows(features, image_ids)
        if not np.isfinite(rows).all():
            raise DataError(find_bad_value(features) or "features: changed while they were read.")
        return rows
