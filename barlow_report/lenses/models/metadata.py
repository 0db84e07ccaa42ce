"""What is known of models beside their predictions: from their libraries, and from a table that counts more."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import quoted
from barlow_report.lenses.models.predictions import read_table

__all__ = ["NOTHING", "Metadata", "metadata_frame", "read_metadata"]

_SIZE = re.compile(r"\s*(\d+)\s*(?:[x×]\s*(\d+)\s*)?")
_FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}
_NUMBER = re.compile(r"([\d.]+(?:e[+-]?\d+)?)\s*([kmb]?)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What is known of a model; None where it is not.

    Attributes:
        family: What it is grouped by in charts.
        n_parameters: How many numbers were trained.
        input_height: In pixels.
        input_width: In pixels.
        pretraining: The data it was trained on, in words.
        published_accuracy: Top-1 as somebody states it, 0 to 1.
    """

    family: str | None = None
    n_parameters: int | None = None
    input_height: int | None = None
    input_width: int | None = None
    pretraining: str | None = None
    published_accuracy: float | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Metadata":
        """Those of noted facts that are here; others are left out."""
        return cls(**{field.name: facts.get(field.name) for field in fields(cls)})

    def completed(self, other: "Metadata") -> "Metadata":
        """The same, with what is not known here as it is there."""
        return replace(self, **{f.name: getattr(other, f.name) for f in fields(self) if getattr(self, f.name) is None})


NOTHING = Metadata()


def metadata_frame(found: Iterable[Metadata]) -> pd.DataFrame:
    """Return the columns of table `models` that say what is known, a row for each model."""
    rows = list(found)
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(Metadata)}
    whole = ("n_parameters", "input_height", "input_width")
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    return frame.astype(dict.fromkeys(whole, "Int64") | {"published_accuracy": "float64"})


def read_metadata(path: Path, names: Sequence[str]) -> dict[str, Metadata]:
    """Return what a table says of models, by their names.

    Args:
        path: CSV, TSV or Parquet with the column model and any of family, parameters (such as 25557032 or 25.6M),
            input_size (224, or 224 x 320), pretraining and top_1 (0.76, or 76 %).
        names: Of the models that are compared; rows of others are left out.

    Raises:
        DataError: It cannot be read, names none of the models or one of them twice, or a value cannot be understood.
    """
    table = read_table(path, key_column="model").to_pandas()
    columns = [str(name).strip().lower() for name in table.columns]
    if "model" not in columns:
        raise DataError(f"{path}: column 'model' is missing; found {quoted(list(map(str, table.columns)))}. Add it.")
    known = {"model", *_READERS}
    if unknown := sorted(set(columns) - known):
        raise DataError(f"{path}: column {quoted(unknown)} is not known; expected {quoted(sorted(known))}.")
    table.columns = columns
    found: dict[str, Metadata] = {}
    for row in table.to_dict("records"):
        name = _text(row.pop("model"))
        if name not in names:
            continue
        if name in found:
            raise DataError(f"{path}: has several rows for model {name!r}. Give each model one.")
        found[name] = _metadata(row, where=f"{path}: model {name!r}")
    if not found:
        raise DataError(
            f"{path}: names none of the models; the first ones are {quoted(list(names[:3]))}. Use these names."
        )
    return found


def _metadata(row: Mapping[str, Any], *, where: str) -> Metadata:
    values: dict[str, Any] = {}
    for column, value in row.items():
        text = _text(value)
        if not text:
            continue
        try:
            values |= _READERS[column](text)
        except ValueError as error:
            raise DataError(f"{where}: {column} is {text!r}, expected {error}.") from error
    return Metadata(**values)


def _text(value: object) -> str:
    is_missing = value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
    return "" if is_missing else str(value).strip()


def _parameters(text: str) -> dict[str, Any]:
    match = _NUMBER.fullmatch(text.replace(",", "").replace("_", ""))
    if match is None:
        raise ValueError("a number such as 25557032 or 25.6M")
    return {"n_parameters": round(float(match[1]) * _FACTORS[match[2].lower()])}


def _size(text: str) -> dict[str, Any]:
    match = _SIZE.fullmatch(text.removesuffix(".0"))
    if match is None:
        raise ValueError("a size in pixels such as 224, or height x width such as 224 x 320")
    return {"input_height": int(match[1]), "input_width": int(match[2] or match[1])}


def _accuracy(text: str) -> dict[str, Any]:
    is_percent = text.endswith("%")
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = math.nan
    value = value / 100 if is_percent or value > 1 else value
    if not 0 <= value <= 1:
        raise ValueError("an accuracy such as 0.761 or 76.1 %")
    return {"published_accuracy": round(value, 12)}


_READERS = {
    "family": lambda text: {"family": text},
    "parameters": _parameters,
    "input_size": _size,
    "pretraining": lambda text: {"pretraining": text},
    "top_1": _accuracy,
}
