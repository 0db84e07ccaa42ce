"""How much memory is free: of a device, and of the machine as far as this process may use it."""

import os
from contextlib import suppress
from pathlib import Path

import torch

__all__ = ["free_bytes", "free_on_machine", "model_bytes"]

_MEMINFO = Path("/proc/meminfo")
_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""Of containers: how much they may use, and how much they do."""
_GUESS = 4 * 2**30
"""Where the system does not say."""


def free_bytes(device: torch.device) -> int:
    """Return how many bytes are free where the models of a device lie."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return max(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory(), 0)
    return free_on_machine()


def free_on_machine() -> int:
    """Return how many bytes of the machine's memory this process can still have, as far as the system says."""
    found = [_available(), *(_left_in_container(*files) for files in _LIMITS)]
    known = [n for n in found if n is not None]
    return min(known, default=_GUESS)


def model_bytes(module: torch.nn.Module) -> int:
    """Return how many bytes the weights and buffers of a network take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))


def _available() -> int | None:
    with suppress(OSError, ValueError, StopIteration):
        lines = _MEMINFO.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # nothing says how much is free
    return None


def _left_in_container(limit: Path, used: Path) -> int | None:
    with suppress(OSError, ValueError):  # not in a container, or "max"
        return max(int(limit.read_text()) - int(used.read_text()), 0)
    return None
