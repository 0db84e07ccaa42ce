"""Arrays that workers open themselves: a memory-mapped file is sent as its name, and not as its bytes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SharedArray"]


@dataclass(frozen=True, eq=False)
class SharedArray:
    """An array that is pickled as the place of its numbers, where a file that every worker sees has them."""

    array: np.ndarray

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the name of the file of a whole mapped array; the numbers of any other one."""
        array = self.array
        if not isinstance(array, np.memmap) or isinstance(array.base, np.memmap):  # a part of what is mapped
            return SharedArray, (np.asarray(array),)
        if array.mode != "r" or not array.filename or not array.flags.c_contiguous:
            return SharedArray, (np.asarray(array),)
        return _mapped, (str(array.filename), array.dtype.str, array.shape, array.offset)


def _mapped(path: str, dtype: str, shape: tuple[int, ...], offset: int) -> SharedArray:
    return SharedArray(np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape, order="C"))
