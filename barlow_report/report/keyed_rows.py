"""Rows of a large table by their key, kept as columns: a record takes ten times the room, and each is needed once."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["KeyedRows"]

Record = TypeVar("Record")


class KeyedRows(Generic[Record]):
    """The records of each key, made when they are asked for.

    Args:
        frame: The table; no value is missing.
        key: The columns that records are looked up by; whole numbers. Of one column the key is a number, else a tuple.
        order: The columns that the records of a key are sorted by.
        make: Makes a record of a row.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        key: tuple[str, ...],
        order: tuple[str, ...],
        make: Callable[[Mapping[str, Any]], Record],
    ) -> None:
        frame = frame.sort_values([*key, *order])
        self._make = make
        self._columns = {str(name): _compact(frame[name]) for name in frame.columns}
        keys = frame[list(key)].to_numpy(dtype=np.int64)
        starts = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]).any(axis=1))) if len(keys) else np.zeros(0, int)
        names = (row[0] if len(key) == 1 else tuple(row) for row in keys[starts].tolist())
        self._places = dict(
            zip(names, zip(starts.tolist(), [*starts[1:].tolist(), len(keys)], strict=False), strict=True)
        )

    def get(self, key: int | tuple[int, ...], default: tuple[Record, ...] = ()) -> tuple[Record, ...]:
        """Return the records of `key` in their order."""
        if key not in self._places:
            return default
        start, end = self._places[key]
        parts = {name: column[start:end].tolist() for name, column in self._columns.items()}
        texts = {
            name: [text.decode() for text in part] if part and isinstance(part[0], bytes) else part
            for name, part in parts.items()
        }
        return tuple(self._make(dict(zip(texts, row, strict=True))) for row in zip(*texts.values(), strict=True))


def _compact(column: "pd.Series[Any]") -> npt.NDArray[Any]:
    """A column as an array without objects; texts as bytes."""
    if column.dtype == object:
        return np.array([text.encode() for text in column], dtype=np.bytes_)
    values: npt.NDArray[Any] = column.to_numpy()
    return values
