"""What a table is: columns with types, and those that many tables have."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

__all__ = [
    "COLUMN_GROUPING",
    "FEATURE_ID",
    "GROUP_BY_NAME",
    "GROUP_ID",
    "IMAGE_ID",
    "RULE_ID",
    "Column",
    "Table",
    "integer",
    "rate_held_out",
    "real",
    "text",
]

COLUMN_GROUPING = "column "
"""How the names of groupings by a column of the manifest begin; the column's name follows."""

ColumnType = Literal["int", "float", "text", "bool"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: `type` is stored as int64, float64, string or bool; a `nullable` one may have no value."""

    name: str
    type: ColumnType
    meaning: str
    nullable: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """The pandas dtype in memory: a nullable int is `Int64`; a missing float is NaN; text is `object`."""
        return {"int": "Int64" if self.nullable else "int64", "float": "float64", "text": "object", "bool": "bool"}[
            self.type
        ]

    @property
    def arrow_type(self) -> pa.DataType:
        """The type on disk."""
        return {"int": pa.int64(), "float": pa.float64(), "text": pa.string(), "bool": pa.bool_()}[self.type]


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: rows are unique in `key`."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def column_names(self) -> list[str]:
        """Names in the order they are stored."""
        return [column.name for column in self.columns]

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema on disk."""
        return pa.schema([pa.field(c.name, c.arrow_type, nullable=c.nullable) for c in self.columns])


def integer(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A column of whole numbers."""
    return Column(name=name, type="int", meaning=meaning, nullable=nullable)


def real(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A column of numbers."""
    return Column(name=name, type="float", meaning=meaning, nullable=nullable)


def text(name: str, meaning: str, *, nullable: bool = False, allowed: tuple[str, ...] = ()) -> Column:
    """A column of text."""
    return Column(name=name, type="text", meaning=meaning, nullable=nullable, allowed=allowed)


def rate_held_out(name: str, meaning: str) -> tuple[Column, Column, Column]:
    """The columns of a rate in evidence, counted or estimated, and of the ends of its interval."""
    return (
        real(
            f"{name}_held_out",
            f"{meaning} on the held-out images, or estimated where failures are shuffled; no value without",
            nullable=True,
        ),
        real(f"{name}_held_out_low", "lower end of its interval: Wilson's, or of the estimate", nullable=True),
        real(f"{name}_held_out_high", "upper end of its interval", nullable=True),
    )


GROUP_ID = integer("group_id", "the group, see groups")
FEATURE_ID = integer("feature_id", "index in the feature model's representation, never a position among selected ones")
IMAGE_ID = integer("image_id", "row of features.npy")
RULE_ID = integer("rule_id", "the rule, see rules")
GROUP_BY_NAME = (
    text("grouping", "of the group: by it, its class and its name a group is found again in a later analysis"),
    integer("class_id", "of the group; no value for groups of another kind", nullable=True),
    text("group_name", "the name of the group"),
)
