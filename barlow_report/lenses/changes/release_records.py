"""Failure modes over several releases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from barlow_report.report.records import Estimate, Share
from barlow_report.report.rows import rows
from barlow_report.visible import visible

__all__ = ["History", "ModeHistory", "Release", "ReleaseMode", "estimate_of", "read_history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A run of a history; see table `releases`."""

    release: int
    name: str
    created_at: str | None
    failures: Share
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseMode:
    """A failure mode in one release; see table `release_modes`."""

    release: int
    is_verified: bool
    counted: Share
    rate: Estimate | None
    state: str | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class ModeHistory:
    """A failure mode over all releases, in their order; `is_verified` there says where it was found."""

    name: str
    grouping: str
    group_name: str
    points: tuple[ReleaseMode, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    """All releases, the oldest first, and failure modes over them, those that were verified last first."""

    releases: tuple[Release, ...]
    modes: tuple[ModeHistory, ...]


def read_history(tables: Mapping[str, pd.DataFrame]) -> History | None:
    """Link the tables of a history; None where the run has none of two releases or more."""
    if "releases" not in tables or len(tables["releases"]) < 2:
        return None
    releases = tuple(
        Release(
            release=row["release"],
            name=visible(row["name"]),
            created_at=row["created_at"],
            failures=Share(row["n_failures"], row["n_images"], row["error_rate_low"], row["error_rate_high"]),
            state=row["state"],
        )
        for row in rows(tables["releases"].sort_values("release"))
    )
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows(tables["release_modes"].sort_values(["mode_name", "release"])):
        found.setdefault(row["mode_name"], []).append(row)
    modes = [
        ModeHistory(
            name=name,
            grouping=visible(of_mode[-1]["grouping"]),
            group_name=visible(of_mode[-1]["group_name"]),
            points=tuple(_point(row) for row in of_mode),
        )
        for name, of_mode in found.items()
    ]
    return History(releases=releases, modes=tuple(sorted(modes, key=_last_first)))


def estimate_of(row: Mapping[str, Any], name: str) -> Estimate | None:
    """Return the value of a row with its interval; None without one."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    return None if value is None or low is None or high is None else Estimate(value, low, high)


def _point(row: Mapping[str, Any]) -> ReleaseMode:
    return ReleaseMode(
        release=row["release"],
        is_verified=row["rule_id"] is not None,
        counted=Share(row["n_failures"], row["n_images"]),
        rate=estimate_of(row, "error_rate"),
        state=row["state"],
        reason=row["reason"] and visible(row["reason"]),
    )


def _last_first(history: ModeHistory) -> tuple[int, float, str]:
    """Those verified last come first, then the highest rate."""
    verified = max((point.release for point in history.points if point.is_verified), default=-1)
    rate = history.points[-1].rate
    return -verified, -(rate.value if rate else -1.0), history.name
