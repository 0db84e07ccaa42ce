"""Ray itself: joining a cluster or starting one on this machine, and how many workers there is room for."""

import contextlib
import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barlow_report.errors import ConfigError

if TYPE_CHECKING:
    from barlow_report.config import EngineConfig

__all__ = ["Room", "find_room", "join"]

_STORE = 200 * 2**20
"""Bytes of Ray's store of objects: it holds the work and what is being sent, no images and no features."""

_LONGEST_CALL = 10.0
"""Seconds until somebody answers at an address."""

_LONGEST_FOLDER = 40
"""Letters: names of Ray's sockets are about 60 letters longer, and 107 are allowed."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many workers there are to be, and what each has."""

    n_workers: int
    cpus: int
    gpus: float


def join(settings: "EngineConfig") -> bool:
    """Be part of a cluster; return whether this call has joined or started it, so that the caller leaves it.

    Raises:
        ConfigError: There is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        return False
    _keep_silent()
    quietly: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if settings.address is not None:
        try:
            _require_answer(settings.address)
            ray.init(address=settings.address, **quietly)
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"engine.address: no Ray cluster can be joined at {settings.address!r} ({_first_line(error)}). Start "
                "one with 'ray start --head', or leave the address out, and Ray is started on this machine."
            ) from error
        return True
    n_cpus = None if settings.n_workers is None else settings.n_workers * (settings.cpus_per_worker or 1)
    with _importing_as_here():
        ray.init(
            address="local",
            num_cpus=n_cpus,
            include_dashboard=False,
            object_store_memory=_STORE,
            _temp_dir=_short_folder(),
            **quietly,
        )
    return True


def find_room(settings: "EngineConfig", *, device: str) -> Room:
    """Return how many workers there are to be; the cluster is joined.

    Raises:
        ConfigError: This machine, where it is the whole cluster, has no room for one worker.
    """
    import ray

    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    n_cpus, n_gpus = int(found.get("CPU", 0)), found.get("GPU", 0.0)
    gpus = settings.gpus_per_worker
    if gpus is None:
        gpus = 1.0 if n_gpus >= 1 and device in ("auto", "cuda") else 0.0
    most = int(n_gpus / gpus) if gpus else n_cpus
    cpus = settings.cpus_per_worker or (max(1, n_cpus // most) if gpus and most else 1)
    n_workers = settings.n_workers or min(n_cpus // cpus, most)
    if settings.address is None and (n_workers * cpus > n_cpus or n_workers * gpus > n_gpus or n_workers < 1):
        needed = f"{max(n_workers, 1)} × ({cpus} processors, {gpus:g} GPUs)"
        raise ConfigError(
            f"engine: workers need {needed}, and this machine has {n_cpus} processors and {n_gpus:g} GPUs. Give fewer "
            "under 'n_workers', 'cpus_per_worker' or 'gpus_per_worker'."
        )
    return Room(n_workers=max(n_workers, 1), cpus=cpus, gpus=gpus)


def _require_answer(address: str) -> None:
    """Raise OSError where nobody answers at host:port: Ray itself would wait for minutes, and cannot be interrupted."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        with socket.create_connection((host, int(port)), timeout=_LONGEST_CALL):
            pass


def _keep_silent() -> None:
    """Keep Ray from printing that a worker has ended between the lines of the command: the crew says so itself."""
    with contextlib.suppress(ImportError):  # there is no public setting for it
        from ray._private import worker

        worker._worker_logs_enabled = False


@contextlib.contextmanager
def _importing_as_here() -> Iterator[None]:
    """Let processes that are started in the block find the modules that this one finds."""
    import sys

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _short_folder() -> str | None:
    """Where Ray puts its files, if its own choice would make names of sockets too long."""
    usual = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or tempfile.gettempdir()
    return None if len(usual) <= _LONGEST_FOLDER else "/tmp/ray"  # noqa: S108 - it makes a folder of its own there


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:200]
