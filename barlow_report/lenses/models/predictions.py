"""What several models predict for the images of a run: a table with one column per model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from barlow_report.columns import choose_column, means
from barlow_report.delimited import read_delimited
from barlow_report.errors import DataError
from barlow_report.formatting import counted
from barlow_report.lenses.error_types.classes import Vocabulary, quoted
from barlow_report.lenses.error_types.images import ImageNames, Matches

__all__ = ["ModelPredictions", "predictions_table", "read_predictions", "read_table"]

Integers = npt.NDArray[np.integer]

_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelPredictions:
    """Predictions of models.

    Attributes:
        names: (n_models,) what the models are called.
        class_ids: (n_images, n_models) class_id that each model predicts for each image of the run.
        matches: Which images its rows are about.
    """

    names: tuple[str, ...]
    class_ids: npt.NDArray[np.int32]
    matches: Matches


def read_predictions(
    path: Path,
    *,
    vocabulary: Vocabulary,
    images: ImageNames,
    models: tuple[str, ...] = (),
    is_one_of_several: bool = False,
) -> ModelPredictions:
    """Read CSV of any separator, or Parquet, with the column path and one column per model.

    Args:
        path: The file. Images may be named by path or by file name, classes by name, WordNet id or index.
        vocabulary: The classes of the run.
        images: Its images. Each must have a row.
        models: Columns to read; default: all but path.
        is_one_of_several: Whether some of these columns, or all, may be in another file.

    Raises:
        DataError: The file cannot be read, or a column, an image or a class does not fit.
    """
    table = read_table(path, key_column="path")
    path_column = _path_column(table, path)
    if is_one_of_several and models:
        table = table.select([path_column, *(name for name in models if name in table.column_names)])
        models = ()
    names = _model_names(table, path, models, path_column=path_column, may_be_none=is_one_of_several)
    matches = _matches(table[path_column], path, images)
    rows = np.array([-1 if image_id is None else image_id for image_id in matches.image_ids], dtype=np.int64)
    n_images = len(images)
    known = rows >= 0
    _check_rows(rows[known], n_images=n_images, path=path)
    class_ids = np.empty((n_images, len(names)), dtype=np.int32)
    for column, name in enumerate(names):
        where = f"{path}: column {name!r}"
        class_ids[rows[known], column] = _class_ids(table[name], vocabulary, where=where)[known]
    return ModelPredictions(names=names, class_ids=class_ids, matches=matches)


def read_table(path: Path, *, key_column: Literal["path", "model"]) -> pa.Table:
    """Read CSV of any separator, or Parquet.

    Args:
        path: The file.
        key_column: What its rows are about.

    Raises:
        DataError: It cannot be read.
    """
    try:
        if path.suffix.lower() in _PARQUET:
            return pq.read_table(path)
        if key_column == "path":
            return read_delimited(path, wanted=lambda name: means(name, "path"))
        return read_delimited(path, wanted=lambda name: name.lower() == key_column)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path}: cannot be read as a table ({error}). Give CSV, TSV or Parquet with the column {key_column} and "
            f"{'a column for each model' if key_column == 'path' else 'columns of what is known'}."
        ) from error


def predictions_table(paths: Sequence[str], given: Mapping[str, Integers], class_names: Sequence[str]) -> pa.Table:
    """Return a table that `read_predictions` reads again: the column path, and one of class names for each model.

    Args:
        paths: Of the images.
        given: (n_images,) class_id that each model predicts, by its name.
        class_names: By class_id.
    """
    names = pa.array(list(class_names), type=pa.string())
    columns = {
        name: pa.DictionaryArray.from_arrays(pa.array(class_ids, type=pa.int32()), names)
        for name, class_ids in given.items()
    }
    return pa.table({"path": pa.array(list(paths), type=pa.string()), **columns})


def _path_column(table: pa.Table, path: Path) -> str:
    names = table.column_names
    if names.count("path") == 1:
        return "path"
    found = choose_column(names, "path", given={}, where=str(path), key="the table, by the name path,")
    if found is None:
        raise DataError(
            f"{path}: column 'path' is missing; found {quoted(names)}. Add it, with the path of each image."
        )
    return found


def _model_names(
    table: pa.Table, path: Path, models: tuple[str, ...], *, path_column: str, may_be_none: bool
) -> tuple[str, ...]:
    columns = table.column_names
    if len(set(columns)) < len(columns):
        raise DataError(f"{path}: several columns are called {quoted(_repeated(columns))}. Give each model one name.")
    missing = [name for name in models if name not in columns]
    if missing:
        raise DataError(
            f"{path}: found {quoted(columns)}, without {quoted(missing)}. Correct comparison.columns or the table."
        )
    names = models or tuple(name for name in columns if name != path_column)
    odd = [name for name in names if means(name, "label") or means(name, "confidence")]
    if odd and not models:
        raise DataError(
            f"{path}: column {quoted(odd)} does not look like one of a model. Name those of models in "
            "comparison.columns."
        )
    if not names and not may_be_none:
        raise DataError(f"{path}: has no column beside path. Add one for each model, with the classes it predicts.")
    if any(not name.strip() for name in names):
        raise DataError(f"{path}: a column has no name. Call it as the model is called.")
    return names


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _matches(column: pa.ChunkedArray, path: Path, images: ImageNames) -> Matches:
    """Which image each row is about."""
    values = column.to_pylist()
    if not all(isinstance(value, str) for value in values):
        raise DataError(f"{path}: column 'path' must hold the path of an image in each row.")
    return images.match(values, where=str(path))


def _check_rows(image_ids: npt.NDArray[np.int64], *, n_images: int, path: Path) -> None:
    counts = np.bincount(image_ids, minlength=n_images)
    if (counts > 1).any():
        raise DataError(
            f"{path}: {int((counts > 1).sum())} of the images have more than one row. Give each image one row."
        )
    if n_missing := int((counts == 0).sum()):
        raise DataError(
            f"{path}: {n_missing} of the run's {n_images} images have no row. Models can only be compared on the same "
            "images: add their predictions, or leave the images out of the run."
        )


def _class_ids(column: pa.ChunkedArray, vocabulary: Vocabulary, *, where: str) -> npt.NDArray[np.int32]:
    """Return the class_id of each row; every different value is looked up once."""
    encoded = column.combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # of a table without rows
        encoded = pa.array([], type=column.type)
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    if encoded.null_count:
        raise DataError(
            f"{where}: no prediction in {counted(encoded.null_count, 'row')}. Every model must predict every image."
        )
    ids = vocabulary.find_column(encoded.dictionary.to_pylist(), where=where)
    if None in ids:
        value = encoded.dictionary[ids.index(None)].as_py()
        raise DataError(
            f"{where}: found {value!r}, which is not a class of the run. List all classes that a model may predict "
            "under data.classes; where only some of them are evaluated, set 'data: restrict_predictions: false'."
        )
    codes: npt.NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False)
    return np.array(ids, dtype=np.int32)[codes]
