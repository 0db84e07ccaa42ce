"""Which further images are known already: those that have the bytes of an analysed one."""

import numpy as np
import numpy.typing as npt

from barlow_report.run_folder import Run

__all__ = ["analysed_digests", "are_among"]

Digests = npt.NDArray[np.bytes_]


def analysed_digests(run: Run) -> Digests:
    """Return the hashes of the analysed images' bytes, ascending, each once."""
    return np.unique(run.read_table("contents")["digest"].to_numpy(dtype="S32"))


def are_among(digests: Digests, known: Digests) -> npt.NDArray[np.bool_]:
    """Return whether each hash (n,) is one of `known`, which is ascending: a million of them are not sorted again."""
    if not len(known):
        return np.zeros(len(digests), dtype=np.bool_)
    places = np.minimum(np.searchsorted(known, digests), len(known) - 1)
    return np.asarray(known[places] == digests, dtype=np.bool_)
