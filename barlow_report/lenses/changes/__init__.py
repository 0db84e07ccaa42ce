"""Changes: what became of the failure modes since an earlier release, and over several.

Two runs are compared image by image where they have the same images, and rule by rule where they have the same feature
model. A failure mode keeps its name from release to release.

`comparing.py` compares two runs; nothing writes its results into tables yet.
"""

from typing import TYPE_CHECKING, Any

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barlow_report.tables import Table

__all__ = ["Changes"]


class Changes(Lens[Any]):
    """An earlier run beside this one."""

    name = "changes"
    key = "changes"

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.changes.tables import TABLES

        return TABLES
