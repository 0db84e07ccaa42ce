"""Sections of a configuration with copies in place of addresses."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from barlow_report.storage import address_of, is_address

__all__ = ["with_local_files"]

Model = TypeVar("Model", bound=BaseModel)


def _fetch(path: Path) -> Path:
    from barlow_report.storage.fetching import fetch_named

    return fetch_named(str(address_of(path)))


def with_local_files(section: Model, *, apart: Collection[str] = (), fetch: Callable[[Path], Path] = _fetch) -> Model:
    """Return a section whose files are all on this machine: what an address names is fetched.

    Addresses stand in its fields, in lists of them, and in sections in it. What a pattern names is fetched, and the
    pattern then names the copies.

    Args:
        section: Any section, or a whole configuration.
        apart: Keys that stay as they are.
        fetch: Gives the path, or the pattern, of copies.

    Raises:
        DataError: Something cannot be fetched.
    """
    changed: dict[str, object] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        found = value if name in apart else _local(value, fetch)
        if found is not value:
            changed[name] = found
    return section.model_copy(update=changed) if changed else section


def _local(value: object, fetch: Callable[[Path], Path]) -> object:
    """The value itself where nothing in it is an address."""
    if isinstance(value, BaseModel):
        return with_local_files(value, fetch=fetch)
    if isinstance(value, Path) and is_address(value):
        return fetch(value)
    if isinstance(value, list | tuple):
        parts = [_local(part, fetch) for part in value]
        return value if all(map(_is_same, parts, value)) else type(value)(parts)
    return value


def _is_same(one: object, other: object) -> bool:
    return one is other
