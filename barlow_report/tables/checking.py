"""Whether a frame is a table: columns, types, allowed values and key."""

import numpy as np
import pandas as pd

from barlow_report.errors import SchemaError
from barlow_report.tables.schema import Column, Table

__all__ = ["check_frame", "empty_frame"]


def empty_frame(table: Table) -> pd.DataFrame:
    """Return the table without rows, with its columns and dtypes."""
    return pd.DataFrame({c.name: pd.Series([], dtype=c.dtype) for c in table.columns})


def check_frame(table: Table, frame: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Return `frame` with the columns in order and in the dtypes of the table; see `check_table`."""
    problems = _column_problems(table, frame)
    if not problems:
        columns: dict[str, pd.Series] = {}
        for column in table.columns:
            try:
                columns[column.name] = _as_column(frame[column.name], column)
            except (TypeError, ValueError) as error:
                problems.append(f"column {column.name!r}: {error}")
        if not problems:
            checked = pd.DataFrame(columns).reset_index(drop=True)
            if checked.duplicated(list(table.key)).any():
                problems.append(f"rows are not unique in {', '.join(table.key)}")
            else:
                return checked
    raise SchemaError(
        f"{where}: table {table.name!r} does not fit its schema: {'; '.join(problems)}. "
        "It was written by another version or changed by hand: run the stage that writes it again."
    )


def _column_problems(table: Table, frame: pd.DataFrame) -> list[str]:
    expected, found = table.column_names, [str(c) for c in frame.columns]
    missing = [c for c in expected if c not in found]
    unknown = [c for c in found if c not in expected]
    return [f"column {c!r} is missing" for c in missing] + [f"column {c!r} is unknown" for c in unknown]


def _as_column(series: "pd.Series[object]", column: Column) -> pd.Series:
    n_missing = int(series.isna().sum())
    if n_missing and not column.nullable:
        raise ValueError(f"{n_missing} rows have no value")
    if column.type == "text":
        text = series.astype(object).where(series.notna(), None)
        if not all(isinstance(value, str) for value in text if value is not None):
            raise TypeError("holds values that are not text")
        wrong = sorted({v for v in text if v is not None} - set(column.allowed)) if column.allowed else []
        if wrong:
            raise ValueError(f"holds {wrong[:3]}, expected one of {list(column.allowed)}")
        return text
    if column.type == "bool":
        if not pd.api.types.is_bool_dtype(series.dtype) and len(series):
            raise TypeError(f"has type {series.dtype}, expected bool")
        return series.astype("bool")
    if not pd.api.types.is_numeric_dtype(series.dtype) and n_missing < len(series):
        raise TypeError(f"has type {series.dtype}, expected a number")
    if column.type == "int":
        return series.astype(column.dtype)
    numbers = series.astype("float64")
    if np.isinf(numbers.to_numpy()).any():
        raise ValueError("holds infinite values")
    return numbers
