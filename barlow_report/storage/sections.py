"""Sections of a configuration with copies in place of addresses."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from barlow_report.storage import is_address, local_file

__all__ = ["with_local_files"]

Model = TypeVar("Model", bound=BaseModel)


def with_local_files(
    section: Model, *, apart: Collection[str] = (), fetch: Callable[[Path], Path] = local_file
) -> Model:
    """Return a section whose files are all on this machine: what an address names is fetched.

    Args:
        section: Any section, or a whole configuration.
        apart: Keys that stay as they are.
        fetch: Gives the path of a copy.

    Raises:
        DataError: Something cannot be fetched.
    """
    changed: dict[str, object] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if name in apart:
            continue
        if isinstance(value, BaseModel):
            found: object = with_local_files(value, fetch=fetch)
        elif isinstance(value, Path) and is_address(value):
            found = fetch(value)
        else:
            continue
        if found is not value:
            changed[name] = found
    return section.model_copy(update=changed) if changed else section
