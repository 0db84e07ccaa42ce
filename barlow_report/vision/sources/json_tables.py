"""Manifests in JSON: the samples of a FiftyOne data set, and the metadata of a Croissant data set.

FiftyOne's exports have a file samples.json with one object for each image. A classification becomes a column of its
name, a tag a column `tag:NAME` of yes and no, and numbers, texts and truth values columns of theirs; the rest is left.

Croissant's metadata are read by `croissant`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from barlow_report.columns import columns_meaning
from barlow_report.documents import parse_json
from barlow_report.errors import DataError
from barlow_report.vision.sources.croissant import is_croissant, read_croissant

__all__ = ["read_json_table"]

_MAX_TAGS = 1000
_EXPECTED = "Expected samples.json of a FiftyOne export, or the metadata of a Croissant data set."


def read_json_table(
    path: Path, *, image_root: Path | None, called: Mapping[str, str], read: Callable[[Path], pa.Table]
) -> tuple[pa.Table, dict[str, str]]:
    """Read a manifest in JSON.

    Args:
        path: The file.
        image_root: The folder that paths of images are relative to; default: that of the file.
        called: What its columns are called, as the configuration says.
        read: Reads a table beside the file.

    Returns:
        The table, and what its columns are called where their names do not say it.

    Raises:
        DataError: It is neither of the two, or describes no table of images that can be read.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}). {_EXPECTED}") from error
    if isinstance(content, dict) and isinstance(content.get("samples"), list):
        return _samples(content["samples"], path, called=dict(called))
    if is_croissant(content):
        return read_croissant(content, path, image_root=image_root, called=called, read=read)
    raise DataError(f"{path}: holds something else. {_EXPECTED}")


def _samples(samples: list[Any], path: Path, *, called: dict[str, str]) -> tuple[pa.Table, dict[str, str]]:
    """The samples of a FiftyOne data set as a table."""
    for position, sample in enumerate(samples):
        if not isinstance(sample, dict) or not isinstance(sample.get("filepath"), str):
            raise DataError(f"{path}: sample {position + 1} has no 'filepath'. {_EXPECTED}")
    names = {name for sample in samples for name in sample if not name.startswith("_")} - {"tags", "filepath"}
    columns: dict[str, list[Any]] = {"filepath": [sample["filepath"] for sample in samples]}
    classified = set()
    for name in sorted(names):
        values = [sample.get(name) for sample in samples]
        if any(_is_classification(value) for value in values):
            classified.add(name)
            columns[name] = [value.get("label") if _is_classification(value) else None for value in values]
        elif all(value is None or isinstance(value, str | int | float) for value in values):
            columns[name] = [None if value is None else str(value) for value in values]
    called.setdefault("path", "filepath")
    if "ground_truth" in classified:
        called.setdefault("label", "ground_truth")
    known = columns_meaning(sorted(classified), "prediction")
    prediction = called.get("prediction") or (known[0] if len(known) == 1 else None)
    if prediction is not None and prediction in classified and "confidence" not in called:
        called |= {"prediction": prediction, "confidence": f"{prediction}.confidence"}
        columns[called["confidence"]] = [
            value.get("confidence") if _is_classification(value := sample.get(prediction)) else None
            for sample in samples
        ]
    return pa.table(columns | _tags(samples)), called


def _is_classification(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_cls") == "Classification"


def _tags(samples: list[Any]) -> dict[str, list[str]]:
    of_samples = [{str(tag) for tag in sample.get("tags") or ()} for sample in samples]
    tags = sorted(set().union(*of_samples))
    if len(tags) > _MAX_TAGS:  # a name for each image, perhaps
        return {}
    return {f"tag:{tag}": ["yes" if tag in found else "no" for found in of_samples] for tag in tags}
