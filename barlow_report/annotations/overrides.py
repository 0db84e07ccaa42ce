"""names.yaml: names that the owner of a report has chosen, written by hand."""

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import Field, field_validator

from barlow_report.annotations.answers import plain_text
from barlow_report.config.base import Section
from barlow_report.config.loading import parse_yaml_model
from barlow_report.documents import read_document
from barlow_report.errors import ConfigError, DataError

__all__ = ["Override", "load_overrides", "overridden"]

_EXPECTED = "Expected 'names:', a list of entries with 'grouping', 'group', 'feature' and 'name'."


class Override(Section):
    """A name that the owner has chosen; the group is given by its grouping and the name of its class."""

    grouping: str = Field(min_length=1)
    group: str = Field(min_length=1)
    feature: int = Field(ge=0, lt=2**31)
    name: str = Field(min_length=1, max_length=100)

    @field_validator("grouping", "group", "name", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("expected text; put it in quotes")  # YAML reads no, 01 and 2024-01-01 as something else
        return value

    @field_validator("feature", mode="before")
    @classmethod
    def _is_number(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("expected the number of a feature")
        return value

    @field_validator("name")
    @classmethod
    def _is_visible(cls, value: str) -> str:
        tidy = plain_text(value)
        if not tidy:
            raise ValueError("expected characters that can be seen")
        return tidy


class _Overrides(Section):
    names: tuple[Override, ...] = ()


def load_overrides(path: Path) -> tuple[Override, ...]:
    """Read the owner's file of names; one with nothing but comments has none.

    Raises:
        DataError: It cannot be read or has another form; the message says in which line.
    """
    try:
        lines = read_document(path).splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}). {_EXPECTED}") from error
    if all(not line.strip() or line.lstrip().startswith("#") for line in lines):
        return ()
    try:
        return parse_yaml_model(path, _Overrides).names
    except ConfigError as error:
        raise DataError(f"{error}\n{_EXPECTED}") from error


def overridden(
    chosen: Sequence[Override], groups: Collection[tuple[int, str, str]], *, n_features: int | None, where: Path
) -> dict[tuple[int, int], str]:
    """Return the names that the owner has chosen, by group id and feature id.

    Args:
        chosen: What the file says.
        groups: Id, grouping and name of every group of the run.
        n_features: How many features there are; None where that is not known.
        where: The file, for messages.

    Raises:
        DataError: The run has no such group or feature, or one of them is named twice.
    """
    found: dict[tuple[int, int], str] = {}
    for number, entry in enumerate(chosen, start=1):
        place = f"{where}: entry {number} (feature {entry.feature} of {entry.group!r})"
        group_ids = [g for g, grouping, name in groups if (grouping, name) == (entry.grouping, entry.group)]
        if not group_ids:
            names = sorted({name for _, grouping, name in groups if grouping == entry.grouping})
            raise DataError(
                f"{place}: found group {entry.group!r} grouped by {entry.grouping!r}, which this run does not have. "
                + _known(entry, names, sorted({grouping for _, grouping, _ in groups}))
            )
        if n_features is not None and entry.feature >= n_features:
            raise DataError(f"{place}: expected a feature from 0 to {n_features - 1}, as numbered on the pages.")
        for key in ((group_id, entry.feature) for group_id in group_ids):
            if key in found:
                raise DataError(f"{place}: is named twice, {found[key]!r} and {entry.name!r}. Leave one of them out.")
            found[key] = entry.name
    return found


def _known(entry: Override, names: Sequence[str], groupings: Sequence[str]) -> str:
    if not names:
        return f"Expected a grouping of {', '.join(repr(grouping) for grouping in groupings)}."
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(entry.group.casefold(), list(folded), n=3, cutoff=0.6)
    listed = ", ".join(repr(name) for name in ([folded[name] for name in close] or names[:5]))
    return f"Did you mean {listed}?" if close else f"Groups are {listed}, …"
