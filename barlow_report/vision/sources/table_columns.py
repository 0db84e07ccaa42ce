"""Which columns of a Parquet or Arrow table hold images, labels and predictions, and what the classes are called.

Hugging Face's library notes what columns hold in the schema's metadata, and in dataset_info.json beside the files: an
integer column that is a ClassLabel counts names that are listed there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from barlow_report.columns import choose_column, columns_meaning
from barlow_report.config import ParquetDataConfig
from barlow_report.documents import parse_json
from barlow_report.errors import DataError
from barlow_report.vision.class_names import some

__all__ = ["choose_columns", "choose_image_column", "class_names_of"]

_INFO = "dataset_info.json"


def choose_image_column(schema: pa.Schema, configured: str | None, *, where: str) -> str:
    """Return the name of the only column of images, or of the configured one.

    Raises:
        DataError: There is none, or there are several.
    """
    candidates = [f.name for f in schema if _holds_images(f.type) and configured in (None, f.name)]
    if len(candidates) != 1:
        called = f" called {configured!r}" if configured else ""
        raise DataError(
            f"{where}: found {len(candidates)} columns of image bytes{called} among "
            f"{', '.join(f'{f.name!r} ({f.type})' for f in schema)}, expected one: a struct with bytes, or bytes. Name "
            "it in data.parquet.image_column."
        )
    return str(candidates[0])


def choose_columns(
    schema: pa.Schema, config: ParquetDataConfig, *, where: str, needs_labels: bool = True
) -> dict[str, str]:
    """Return the columns of label, prediction and confidence by these names, as far as they are there.

    Raises:
        DataError: There is no column of labels and `needs_labels`, or several may be meant, or one cannot hold
            classes.
    """
    names = [str(field.name) for field in schema if _can_be_class(field.type)]
    given = {"label": config.label_column, "prediction": config.prediction_column}
    if given["label"] is None:
        listed = [name for name in columns_meaning(names, "label") if _feature_names(schema, name, where=where)]
        given["label"] = listed[0] if len(listed) == 1 else None
    found = {}
    for column in ("label", "prediction", "confidence"):
        name = choose_column(
            [str(field.name) for field in schema] if given.get(column) else names,
            column,
            given={key: value for key, value in given.items() if value is not None},
            where=where,
            key=f"data.parquet.{column}_column",
        )
        if name is not None:
            found[column] = name
    if "label" not in found:
        listed = [name for name in names if _feature_names(schema, name, where=where) and name not in found.values()]
        if len(listed) != 1 and (needs_labels or listed):
            raise DataError(
                f"{where}: found {len(listed)} columns of labels among "
                f"{', '.join(f'{f.name!r} ({f.type})' for f in schema)}, expected one with a name or an index of a "
                "class in each row. Name it in data.parquet.label_column."
            )
        if listed:
            found["label"] = listed[0]
    if "confidence" in found and "prediction" not in found:
        raise DataError(f"{where}: column {found['confidence']!r} goes with a column 'prediction', which is missing.")
    return found


def class_names_of(schema: pa.Schema, column: str, *, where: str) -> tuple[str, ...] | None:
    """Return the names that a column's indices count, as Hugging Face's library notes them; None where it does not.

    Args:
        schema: Of the file.
        column: Of the labels, or of the predictions.
        where: The path of the file.

    Raises:
        DataError: The list holds a name twice.
    """
    names = _feature_names(schema, column, where=where)
    if names is not None and len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError(f"{where}: the class label {column!r} lists {some(twice)} more than once. Name classes apart.")
    return names


def _feature_names(schema: pa.Schema, column: str, *, where: str) -> tuple[str, ...] | None:
    for features in (_noted_in_schema(schema), _noted_beside(Path(where))):
        feature = features.get(column)
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
            names = feature.get("names")
            if isinstance(names, dict) and all(str(index) in names for index in range(len(names))):
                names = [names[str(index)] for index in range(len(names))]
            if isinstance(names, list) and names:
                return tuple(str(name) for name in names)
    return None


def _noted_in_schema(schema: pa.Schema) -> Mapping[str, Any]:
    try:
        return _as_mapping(parse_json((schema.metadata or {})[b"huggingface"].decode())["info"]["features"])
    except (KeyError, TypeError, ValueError):
        return {}


def _noted_beside(file: Path) -> Mapping[str, Any]:
    try:
        return _as_mapping(parse_json((file.parent / _INFO).read_text(encoding="utf-8"))["features"])
    except (OSError, KeyError, TypeError, ValueError):
        return {}


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_bytes(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(type_)
        or pa.types.is_large_binary(type_)
        or pa.types.is_binary_view(type_)
        or pa.types.is_fixed_size_binary(type_)
    )


def _holds_images(type_: pa.DataType) -> bool:
    if pa.types.is_struct(type_):
        return type_.get_field_index("bytes") >= 0 and _is_bytes(type_.field("bytes").type)
    return _is_bytes(type_)


def _can_be_class(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        return _can_be_class(type_.value_type)
    return bool(
        pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_string_view(type_)
        or pa.types.is_integer(type_)
        or pa.types.is_floating(type_)
        or pa.types.is_boolean(type_)
        or pa.types.is_null(type_)
    )
