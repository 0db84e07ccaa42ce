"""What Croissant metadata say about fields: from which file, which column or which part of a path they are taken.

Version 1.0 and 1.1 of the format, and what Hugging Face wrote before them. Only transforms by a pattern are read.
Patterns come from a file that somebody else wrote, so they are matched by RE2, whose time grows with the length of the
text alone, and never by Python's own engine.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from barlow_report.errors import DataError

__all__ = ["Described", "Field", "captured", "objects"]

_MAX_PATTERN = 1000


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a record set.

    Attributes:
        name: Without that of the record set in front.
        is_image: Whether it holds images.
        is_label: Whether the metadata call it a label (`cr:Label`).
        file_id: Of the file or set of files that it is taken from.
        column: The column of a table that holds it, if one does.
        file_property: Or what of a file: `fullpath`, `filename`, `filepath`, `content`.
        pattern: Regular expression with one group, which is the value.
        not_read: A transform that is not supported; such a field is left out.
    """

    name: str
    is_image: bool
    is_label: bool
    file_id: str
    column: str | None
    file_property: str | None
    pattern: str | None
    not_read: str | None


@dataclass(frozen=True)
class Described:
    """The metadata of a data set."""

    content: Mapping[str, Any]

    @cached_property
    def files(self) -> dict[str, dict[str, Any]]:
        """Files and sets of files by their ids."""
        return {str(item.get("@id") or item.get("name")): item for item in objects(self.content.get("distribution"))}

    def record_sets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield record sets by name."""
        for records in objects(self.content.get("recordSet")):
            yield _short(records), records

    def fields(self, records: Mapping[str, Any]) -> list[Field]:
        """Return the fields of a record set that can be read."""
        return [found for field in objects(records.get("field")) if (found := self._field(field)).not_read is None]

    def _field(self, field: Mapping[str, Any]) -> Field:
        source = _object(field.get("source"))
        extract = _object(source.get("extract"))
        file = next((source[key] for key in ("fileObject", "fileSet", "distribution") if source.get(key)), "")
        kinds = str(field.get("dataType", ""))
        pattern, not_read = None, None
        for transform in objects(source.get("transform")):
            if isinstance(transform.get("regex"), str) and pattern is None:
                pattern = transform["regex"]
            elif transform.get("jsonPath") != "bytes" or "ImageObject" not in kinds:
                not_read = next(iter(transform), "?")
        return Field(
            name=_short(field),
            is_image="ImageObject" in kinds,
            is_label="cr:Label" in kinds or "croissant/Label" in kinds,
            file_id=_id(file),
            column=_text(extract.get("column")),
            file_property=_text(extract.get("fileProperty")),
            pattern=pattern,
            not_read=not_read,
        )

    def most_used_file(self, fields: Sequence[Field]) -> tuple[str, list[Field]]:
        """Return the file that most fields are taken from, and these fields.

        Raises:
            DataError: No field is taken from a file.
        """
        by_file: dict[str, list[Field]] = {}
        for field in fields:
            if field.column or field.file_property:
                by_file.setdefault(field.file_id, []).append(field)
        if not by_file:
            raise DataError("its fields are not columns of a table, nor parts of the paths of files")
        return max(by_file.items(), key=lambda item: len(item[1]))

    def patterns(self, file_set: Mapping[str, Any], key: str) -> list[str]:
        """Return the patterns of a set of files (`includes`, `excludes`), which stay below a folder.

        Raises:
            DataError: One does not.
        """
        value = file_set.get(key)
        patterns = [str(item) for item in (value if isinstance(value, list) else [value]) if item]
        for pattern in patterns:
            if pattern.startswith("/") or ".." in pattern.split("/") or len(pattern) > _MAX_PATTERN:
                raise DataError(f"its files {pattern[:80]!r} are not below the folder of the metadata")
        return patterns

    def containers(self, file_set: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the files that a set of files is contained in."""
        value = file_set.get("containedIn")
        ids = [_id(item) for item in (value if isinstance(value, list) else [value]) if item]
        return [self.files[file_id] for file_id in ids if file_id in self.files]

    def is_parquet(self, file: Mapping[str, Any]) -> bool:
        """Whether a file, or those of a set, are Parquet tables."""
        names = [str(file.get("contentUrl", "")), *self.patterns(file, "includes")]
        return "parquet" in str(file.get("encodingFormat", "")) or any(name.endswith(".parquet") for name in names)


def captured(values: pa.ChunkedArray, pattern: str, *, of: str) -> pa.ChunkedArray:
    """Return what the group of a pattern matches in each value, from its beginning; null where it does not match.

    Raises:
        DataError: The pattern is not valid, is too long, has not one group, or needs more than RE2 can.
    """
    try:
        if len(pattern) > _MAX_PATTERN:
            raise ValueError(f"it has more than {_MAX_PATTERN} characters")
        n_groups = re.compile(pattern).groups  # compiled only, never matched
        if n_groups != 1:
            raise ValueError(f"it has {n_groups} groups, expected one")
        matches = pc.match_substring_regex(values, pattern=f"^(?:{pattern})")
        parts = pc.replace_substring_regex(values, pattern=f"(?s)^(?:{pattern}).*$", replacement=r"\1")
        return pc.if_else(matches, parts, pa.scalar(None, pa.string()))
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise DataError(f"field {of!r}: its pattern {pattern[:80]!r} cannot be used ({error})") from error


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, or the only one."""
    yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id(value: Any) -> str:
    return str(value.get("@id") if isinstance(value, dict) else value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _short(described: Mapping[str, Any]) -> str:
    """The name of a record set or field, without that of the record set in front."""
    return str(described.get("name") or described.get("@id") or "?").rpartition("/")[2]
