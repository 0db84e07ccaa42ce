"""The one list of lenses, in the order they are computed and shown, and what follows from it."""

from typing import TYPE_CHECKING, Any

from barlow_report.lenses.attributes import Attributes
from barlow_report.lenses.causes import Causes
from barlow_report.lenses.changes import Changes
from barlow_report.lenses.directions import Directions
from barlow_report.lenses.error_types import ErrorTypes
from barlow_report.lenses.errors import Errors
from barlow_report.lenses.gate import Gate
from barlow_report.lenses.joint import Joint
from barlow_report.lenses.lens import Lens
from barlow_report.lenses.models import Models
from barlow_report.lenses.planted import Planted
from barlow_report.lenses.pool import Pool
from barlow_report.lenses.weights import Weights
from barlow_report.lenses.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barlow_report.config import Config
    from barlow_report.tables import Table

__all__ = ["LENSES", "followers", "lens_tables", "superclasses_of"]

LENSES: tuple[Lens[Any], ...] = (
    Causes(),
    Directions(),
    Attributes(),
    ErrorTypes(),
    Words(),
    Joint(),
    Models(),
    Weights(),
    Pool(),
    Changes(),
    Gate(),
    Errors(),
    Planted(),
)
"""Every lens. A lens comes after those it needs."""


def lens_tables() -> "dict[str, Table]":
    """The schema of every table of every lens, by its name."""
    return {table.name: table for lens in LENSES for table in lens.tables()}


def superclasses_of(config: "Config", class_names: "Sequence[str]") -> "Mapping[str, Sequence[str]]":
    """The superclasses that a taxonomy gives, with the names of their classes; see `ErrorTypes.superclasses`."""
    return ErrorTypes().superclasses(config, class_names)


def followers(lens: Lens[Any]) -> list[Lens[Any]]:
    """The lenses that nobody asks for and that follow from this one: what they hold is stale when it is."""
    return [other for other in LENSES if lens.name in other.needs and other.section() is None]
