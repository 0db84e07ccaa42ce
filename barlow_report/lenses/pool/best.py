"""The best images of a stream: as many as are asked for are kept, however many come by.

Images with the same bytes are kept once. Of images with the same score those with the lower digest come first: an
order that has nothing to do with names or folders, and does not depend on how the stream is cut into blocks.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["Best"]

Column = npt.NDArray[np.generic]


class Best:
    """The `n` images with the highest scores so far, as columns, best first."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._columns: dict[str, Column] = {}

    def __len__(self) -> int:
        return len(self._columns.get("score", ()))

    @property
    def columns(self) -> Mapping[str, Column]:
        """What was kept, by the names under which it was given; empty where nothing was."""
        return self._columns

    def add(self, *, score: npt.NDArray[np.float64], digest: npt.NDArray[np.bytes_], **others: Column) -> None:
        """Look at further images.

        Args:
            score: (n,) finite; higher is better.
            digest: (n,) hash of the bytes of each.
            others: Further columns, each of shape (n,), the same ones every time.
        """
        if self._n == 0 or not len(score):
            return
        given = {"score": score, "digest": digest, **others}
        if len(self) == self._n:  # most of a long stream is worse than the worst that was kept
            is_good = score >= self._columns["score"][-1]
            given = {name: column[is_good] for name, column in given.items()}
        if self._columns:
            given = {name: np.concatenate([self._columns[name], column]) for name, column in given.items()}
        order = np.lexsort((given["digest"], -given["score"].astype(np.float64)))
        _, firsts = np.unique(given["digest"][order], return_index=True)
        kept = order[np.sort(firsts)[: self._n]]
        self._columns = {name: column[kept] for name, column in given.items()}
