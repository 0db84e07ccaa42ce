"""What a reader must know about the report that answers are for."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Target"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The report that answers are read for.

    Attributes:
        report_id: Of the report.
        feature_model: SHA-256 of its feature model.
        groups: Group ids by grouping and class id.
        salt: For the ids of platforms.
        is_vouched: Whether the user has said that files without a report id belong to this report.
    """

    report_id: str
    feature_model: str
    groups: Mapping[tuple[str, int], int]
    salt: str
    is_vouched: bool = False
