"""The rows of a table, one after the other."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

__all__ = ["rows"]


def rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows as dictionaries of plain Python values, None where there is no value."""
    columns = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in frame.columns]
    names = [str(name) for name in frame.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))
