"""Croissant metadata that say which Parquet files hold images, as Hugging Face makes them for each of its data sets."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from barlow_report.config import ParquetDataConfig
from barlow_report.documents import parse_json
from barlow_report.errors import DataError
from barlow_report.vision.class_names import some
from barlow_report.vision.sources.croissant import file_beside, is_croissant, require_digest
from barlow_report.vision.sources.croissant_fields import Described, Field, captured
from barlow_report.vision.sources.shards import find_shards

__all__ = ["describes_parquet", "with_described_files"]

_KEY = "data.parquet.files"


def with_described_files(config: ParquetDataConfig, *, checks: bool = False) -> ParquetDataConfig:
    """Replace metadata of Croissant by the files and columns that they describe; other files stay as they are.

    Args:
        config: The section `data.parquet`.
        checks: Whether to compare the digest of a file with what the metadata say.

    Raises:
        DataError: They describe no Parquet files with images, or several that cannot be meant together, or none of the
            files is there.
    """
    path = config.files
    if path.suffix.lower() != ".json":
        return config
    content = _read(path)
    reasons: list[str] = []
    found: dict[str, ParquetDataConfig] = {}
    described = Described(content)
    for name, records in described.record_sets():
        fields = described.fields(records)
        images = [field for field in fields if field.is_image and field.column]
        try:
            if not images or not described.is_parquet(described.files.get(images[0].file_id, {})):
                continue
            files = _files(described, images[0].file_id, fields, path, checks=checks)
        except DataError as error:
            reasons.append(f"{name}: {error}")
            continue
        found[name] = config.model_copy(update={"files": files, **_columns(config, images, fields)})
    if len(found) != 1:
        said = f"several are there: {some(list(found))}" if found else "; ".join(reasons) or "none is of images"
        raise DataError(
            f"{path}: expected one record set with images in Parquet files beside it; {said}. Name the files "
            f"themselves in {_KEY}."
        )
    return next(iter(found.values()))


def describes_parquet(path: Path) -> bool:
    """Whether a file is metadata of Croissant with a record set of images in Parquet files."""
    try:
        described = Described(_read(path))
        return any(
            field.is_image and field.column and described.is_parquet(described.files.get(field.file_id, {}))
            for _, records in described.record_sets()
            for field in described.fields(records)
        )
    except DataError:
        return False


def _read(path: Path) -> Any:
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}). Expected Parquet, Arrow, or Croissant.") from error
    if not is_croissant(content):
        raise DataError(f"{path}: holds something else than metadata of Croissant. Name the tables in {_KEY}.")
    return content


def _columns(config: ParquetDataConfig, images: list[Field], fields: list[Field]) -> dict[str, str | None]:
    labels = [field.column for field in fields if field.is_label and field.column]
    return {
        "image_column": config.image_column or (images[0].column if len(images) == 1 else None),
        "label_column": config.label_column or (labels[0] if len(labels) == 1 else None),
    }


def _files(described: Described, file_id: str, fields: list[Field], path: Path, *, checks: bool) -> Path:
    """The pattern of the Parquet files of a record set, all of one split."""
    file = described.files[file_id]
    if "contentUrl" in file:
        found = file_beside(str(file["contentUrl"]), path, what="its table")
        if checks:
            require_digest(found, file)
        return found
    patterns = described.patterns(file, "includes")
    pattern = path.parent / (patterns[0] if len(patterns) == 1 else f"{{{','.join(patterns)}}}")
    shards = find_shards(pattern, key=_KEY)
    names = [(shards.root / name).relative_to(path.parent).as_posix() for name in shards.names]
    for field in fields:
        if field.name == "split" and field.file_id == file_id and field.pattern is not None:
            splits = captured(pa.chunked_array([pa.array(names)]), field.pattern, of=field.name).to_pylist()
            _require_one_split(dict(zip(names, splits, strict=True)), path)
    return pattern


def _require_one_split(splits: dict[str, Any], path: Path) -> None:
    of = {str(split): name for name, split in splits.items() if split is not None}
    if len(of) > 1:
        folder = (path.parent / next(iter(of.values()))).parent
        raise DataError(
            f"files of several splits are there, {some(sorted(of))}, and images that a model was trained on say little "
            f"about its failures; take those of one, such as {folder}/*.parquet"
        )
