"""Peers that are packages with requirements of their own: run in another interpreter, one process for all jobs."""

import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.benchmarks.peers.selection import Job, Slicer

__all__ = ["external_slicer"]

_WORKER = Path(__file__).with_name("worker.py")


def external_slicer(peer: str, python: Path | None) -> Slicer:
    """Return the slicer of `peer` ("domino" or "erroranalysis"); calling it without an interpreter fails."""
    return partial(_run, peer, python)


def _run(peer: str, python: Path | None, jobs: Sequence[Job]) -> list[npt.NDArray[np.float64]]:
    if python is None:
        raise FileNotFoundError(f"no interpreter with {peer}; give --peers-python")
    with tempfile.TemporaryDirectory() as folder:
        for number, job in enumerate(jobs):
            np.savez(Path(folder, f"{number:04d}.npz"), **vars(job))
        subprocess.run([str(python), str(_WORKER), peer, folder], check=True)
        return [np.load(Path(folder, f"{number:04d}-scores.npy")) for number in range(len(jobs))]
