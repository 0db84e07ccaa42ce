"""Work on batches: on a processor by several threads at once, each with the models to itself.

A convolution of a small batch does not occupy several cores well, and threads that decode images make those wait
that share its work. So on a processor every thread takes a whole batch and computes it alone; then a batch's result
does not depend on the number of threads either. Elsewhere one thread runs the models: the device does the work.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar, cast

import torch

from barlow_report.vision.acceleration import replicate
from barlow_report.vision.models import LoadedModel

__all__ = ["Replicas", "Workers", "in_order", "pool_of", "prefetch", "processor_replicas", "run_passes"]

Models = tuple[LoadedModel, ...]
Item = TypeVar("Item")
Result = TypeVar("Result")


class Replicas:
    """A pool of threads, each with its own copy of the models, which share their weights."""

    def __init__(self, copies: list[Models], *, n_threads_each: int) -> None:
        self.n_workers = len(copies)
        self._copies = copies
        self._local = threading.local()
        self._lock = threading.Lock()
        self._n_threads_each = n_threads_each
        self._pool = ThreadPoolExecutor(len(copies), thread_name_prefix="models", initializer=self._begin)

    def map(self, function: Callable[[Models, Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(models, item)` of each item, in order; at most one item per thread waits."""
        return in_order(self._pool, lambda item: function(self._local.models, item), items, n_ahead=2 * self.n_workers)

    def close(self) -> None:
        """Drop what has not begun and wait for the rest."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self) -> None:
        torch.set_num_threads(self._n_threads_each)  # of this thread
        with self._lock:
            self._local.models = self._copies.pop()


@contextmanager
def processor_replicas(models: Models, *, n_workers: int | None = None) -> Iterator[Replicas]:
    """Yield threads that run `models` on the processor.

    Args:
        models: All on the processor. Equal ones stay one model.
        n_workers: Number of threads; default: as many as torch uses, one per core.
    """
    n_threads = torch.get_num_threads()
    copies = _copy(models, n_workers or n_threads)
    # Models that cannot be copied run in one thread, which then shares its work among all cores.
    replicas = Replicas(copies, n_threads_each=1 if copies[1:] or n_workers == 1 else n_threads)
    try:
        yield replicas
    finally:
        replicas.close()
        torch.set_num_threads(n_threads)


def run_passes(models: Models, function: Callable[[Models, Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return `function(models, item)` of each item, in order: on a processor by all threads, elsewhere one by one."""
    if models[0].device.type != "cpu":
        return [function(models, item) for item in items]
    with processor_replicas(models) as replicas:
        return list(replicas.map(function, items))


class Workers:
    """The same for many calls: copies of the models are made once, and kept as long as this object is."""

    def __init__(self, *models: LoadedModel) -> None:
        self._models = models
        self._n_threads = torch.get_num_threads()
        is_on_processor = models[0].device.type == "cpu"
        copies = _copy(models, self._n_threads) if is_on_processor else []
        self._replicas = Replicas(copies, n_threads_each=1 if copies[1:] else self._n_threads) if copies else None

    def map(self, function: Callable[[Models, Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return `function(models, item)` of each item, in order; see `run_passes`."""
        if self._replicas is None:
            return [function(self._models, item) for item in items]
        try:
            return list(self._replicas.map(function, items))
        finally:
            torch.set_num_threads(self._n_threads)


def in_order(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], *, n_ahead: int
) -> Iterator[Result]:
    """Yield `function(item)` of each item, in order, while threads work on the next `n_ahead`."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= n_ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def prefetch(pool: ThreadPoolExecutor, items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items, each made by a thread of `pool` while the one before is used."""
    end = object()
    following: Future[Item | object] = pool.submit(next, items, end)
    while (item := following.result()) is not end:
        following = pool.submit(next, items, end)
        yield cast(Item, item)


@contextmanager
def pool_of(n_threads: int, *, name: str) -> Iterator[ThreadPoolExecutor]:
    """Yield threads; at the end what has not begun is dropped, and the rest is waited for."""
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _copy(models: Models, n: int) -> list[Models]:
    copies = [models]
    for _ in range(n - 1):
        distinct = {id(model): replicate(model) for model in models}
        replicas = tuple(copied for copied in (distinct[id(model)] for model in models) if copied is not None)
        if len(replicas) < len(models):
            break
        copies.append(replicas)
    return copies
