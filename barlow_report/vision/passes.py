"""How images go through models, batch by batch, whatever is kept of what the models give.

On a processor every thread decodes a batch and then runs the models on it: nobody waits, and no core is asked for by
two threads. With a device of its own for the models, threads, or processes where it pays, decode ahead of it, another
thread makes batches of what they decode, and a batch is on its way to the device while the one before is computed.
Either way what is in memory is a few batches, whatever the number of images.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from barlow_report.vision.decoding import Batch, Decoded, Decoder, Stacked, in_slices
from barlow_report.vision.decoding_processes import decoding_processes
from barlow_report.vision.images import keep_memory
from barlow_report.vision.inference import Staged, Uploads, stage
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.workers import pool_of, prefetch, processor_replicas

__all__ = ["Stack", "Work", "as_decoded", "batches_of", "default_batch_size", "run_batches"]

BATCH_SIZE = 32
"""Images per batch where nothing else is asked for."""

BATCH_SIZE_ON_DEVICE = 256
"""The same where a device of its own runs the models; halved where its memory does not hold as many."""

N_BATCHES_STARTED = 2
"""Batches that a device has to do while the results of the one before are waited for and saved."""

Models = tuple[LoadedModel, ...]
Stack = Callable[[Batch], Stacked]
"""What decodes a batch, as `Decoder.stack` does."""

Started = TypeVar("Started")
Done = TypeVar("Done")


def as_decoded(stack: Stack) -> Stack:
    """Decode batches each time they are needed."""
    return stack


@dataclass(frozen=True, kw_only=True)
class Work(Generic[Started, Done]):
    """What a pass does with every batch.

    Attributes:
        decoder: Decodes it.
        models: What it is run on; all on the same device. Threads have copies.
        start: Starts these models, or copies of them, on it.
        finish: Waits for what was started, and returns what is kept of it.
        keep: Changes how batches are decoded, for instance by remembering them.
    """

    decoder: Decoder
    models: Models
    start: Callable[[Models, Staged, Uploads], Started]
    finish: Callable[[Models, Decoded, Started], Done]
    keep: Callable[[Stack], Stack] = as_decoded

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.models[0].device


def default_batch_size(device: torch.device) -> int:
    """Return the number of images per batch where nothing else is asked for."""
    return BATCH_SIZE if device.type == "cpu" else BATCH_SIZE_ON_DEVICE


def batches_of(shards: Sequence[Sequence[str]], size: int) -> list[Batch]:
    """Cut shards into batches, none of which crosses a border between them."""
    return [Batch(paths=shard[i : i + size], first=i) for shard in shards for i in range(0, len(shard), size)]


def run_batches(
    work: Work[Started, Done], batches: Sequence[Batch], *, n_workers: int | None = None
) -> Generator[Done, None, None]:
    """Yield what `work` keeps of each batch, in order; a batch is begun before the ones ahead of it are finished.

    Args:
        work: What to do.
        batches: See `batches_of`.
        n_workers: Threads that decode and, on a processor, run the models; default: one per processor.
    """
    compute = _on_processor if work.device.type == "cpu" else _on_device
    yield from compute(work, batches, n_workers)


def _on_processor(
    work: Work[Started, Done], batches: Sequence[Batch], n_workers: int | None
) -> Generator[Done, None, None]:
    uploads, stack = Uploads(work.device), work.keep(work.decoder.stack)

    def compute(models: Models, batch: Batch) -> Done:
        staged = stage([stack(batch)], work.device)
        return work.finish(models, staged.decoded, work.start(models, staged, uploads))

    with processor_replicas(work.models, n_workers=n_workers) as replicas:
        keep_memory(replicas.n_workers)
        yield from replicas.map(compute, batches)


def _on_device(
    work: Work[Started, Done], batches: Sequence[Batch], n_workers: int | None
) -> Generator[Done, None, None]:
    uploads = Uploads(work.device)
    n_threads = n_workers or os.cpu_count() or 1
    started: deque[tuple[Decoded, Started]] = deque()
    with (
        decoding_processes(work.decoder, batches) as stack,
        pool_of(n_threads, name="decode") as pool,
        pool_of(1, name="stage") as stager,
    ):
        keep_memory(n_threads)
        slices = in_slices(pool, work.keep(stack), batches)
        for staged in prefetch(stager, (stage(parts, work.device) for parts in slices)):
            started.append((staged.decoded, work.start(work.models, staged, uploads)))
            if len(started) > N_BATCHES_STARTED:
                yield work.finish(work.models, *started.popleft())
        while started:
            yield work.finish(work.models, *started.popleft())
