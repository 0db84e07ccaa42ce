"""How many threads to use."""

import os

__all__ = ["count_processors"]


def count_processors() -> int:
    """Return the number of processors this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
