"""Decoding by processes of their own, so that a GPU need not wait for Python.

Python runs the code of one thread at a time. Decoding is mostly not Python's, and yet 16 threads decode 1,500 images a
second where 16 processes decode 3,500; and the thread that feeds a GPU stands in the same queue. So each thread that
decodes hands its work to a process of its own, which knows nothing of models and GPUs and starts in a second.

A process gets a `Decoder`, then batches, and answers each with what `Decoder.stack` returns or raises. It is a plain
new Python with the same path and not one of `multiprocessing`, which would run the caller's script again. Where a
process cannot be started, or has ended, its thread decodes itself.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, cast

from barlow_report.vision.decoding import Batch, Decoder, Stacked
from barlow_report.vision.images import keep_memory

__all__ = ["decoding_processes", "serve"]

FEWEST_IMAGES = 8192
"""Fewer are decoded before the start of the processes would pay."""

LARGEST_DECODER = 2**24
"""Bytes of a pickled decoder, at most: more would have to be copied for each process."""


@contextmanager
def decoding_processes(decoder: Decoder, batches: Sequence[Batch]) -> Iterator[Callable[[Batch], Stacked]]:
    """Yield `decoder.stack` for these batches, done by one process for each thread that calls it where that pays."""
    task = _task(decoder, batches)
    if task is None:
        yield decoder.stack
        return
    processes = _Processes(decoder, task)
    try:
        yield processes.stack
    finally:
        processes.close()


def serve() -> None:
    """Answer the parent's batches until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what somebody's code prints must not come between
    decoder: Decoder = pickle.load(source)  # noqa: S301 - of the parent
    keep_memory(1)
    while True:
        try:
            batch: Batch = pickle.load(source)  # noqa: S301 - of the parent
        except EOFError:
            return
        answer: Stacked | Exception
        try:
            answer = decoder.stack(batch)
        except Exception as error:  # raised again in the parent
            answer = error
        pickle.dump(answer, answers, protocol=5)
        answers.flush()


def _task(decoder: Decoder, batches: Sequence[Batch]) -> bytes | None:
    """The pickled decoder; None where threads do better.

    That is so for few images, for data in memory, and for images that lie in one file, of which threads share what
    they have read.
    """
    if sum(len(batch.paths) for batch in batches) < FEWEST_IMAGES or not sys.executable:
        return None
    with suppress(Exception):  # somebody else's data set
        task = pickle.dumps(decoder, protocol=5)
        files = list(decoder.source.files(batches[0].paths))
        has_files = None not in files and len(set(files)) == len(files)
        return task if has_files and len(task) <= LARGEST_DECODER else None
    return None


class _Processes:
    def __init__(self, decoder: Decoder, task: bytes) -> None:
        self._decoder = decoder
        self._task = task
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[subprocess.Popen[bytes]] = []

    def stack(self, batch: Batch) -> Stacked:
        """Have the process of this thread do what `Decoder.stack` does."""
        if not hasattr(self._local, "process"):
            self._local.process = self._start()
        process: subprocess.Popen[bytes] | None = self._local.process
        if process is None:
            return self._decoder.stack(batch)
        requests, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        try:
            pickle.dump(batch, requests)
            requests.flush()
            answer: Stacked | Exception = pickle.load(answers)  # noqa: S301 - of our own process
        except Exception:  # it has ended, or gave what cannot be read
            self._local.process = None
            return self._decoder.stack(batch)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End the processes, which have nothing to lose."""
        for process in self._all:
            process.kill()
        for process in self._all:
            process.wait()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    cast(IO[bytes], stream).close()

    def _start(self) -> "subprocess.Popen[bytes] | None":
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        with suppress(OSError, ValueError):
            process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **one_thread},
            )
            with self._lock:
                self._all.append(process)
            cast(IO[bytes], process.stdin).write(self._task)
            return process
        return None
