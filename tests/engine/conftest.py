"""One small Ray cluster for all tests that need one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from barlow_report.config import EngineConfig
from barlow_report.engine.ray_cluster import join


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A cluster of two processors on this machine, started once; its address."""
    ray = pytest.importorskip("ray")
    assert join(EngineConfig(kind="ray", n_workers=2))
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


def workers() -> list[int]:
    """The processes that work for this one: those of its own cluster, and not of anybody else's on this machine."""
    parents, found = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            name = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)] = int(fields[1])
        if name.startswith(b"ray::RayWorker") and fields[0] != "Z":
            found.append(int(folder.name))
    return [pid for pid in found if os.getpid() in _ancestors(pid, parents)]


def _ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    found = set()
    while (pid := parents.get(pid, 0)) > 1:
        found.add(pid)
    return found
