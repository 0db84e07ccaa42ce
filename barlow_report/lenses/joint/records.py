"""What a run says about joint modes, ready to be asked for by group."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from barlow_report.lenses.joint.selection import real_groups, shown_groups
from barlow_report.report.records import Estimate, Share
from barlow_report.report.rows import collect, rows
from barlow_report.report.source import ReportSource

__all__ = ["ExampleImage", "JointFeature", "JointImage", "JointMode", "JointModes", "read_joint_modes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointImage:
    """An image along a direction, see table `joint_images`; without a thumbnail where there is no picture of it."""

    image_id: int
    score: float
    thumbnail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleImage:
    """An image that activates a feature, see table `joint_examples`."""

    image_id: int
    activation: float
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JointFeature:
    """A feature with its weight in a direction, see table `joint_features`; examples may be missing."""

    feature_id: int
    weight: float
    examples: tuple[ExampleImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointMode:
    """The joint mode of a group with everything that is shown of it; see table `joint_modes`.

    Attributes:
        members: Failures among the images whose score exceeds the threshold.
        error: The estimated share of members that fail.
        coverage: The estimated share of the group's failures that are members.
        images: From the highest score to the lowest.
        features: From the largest weight to the smallest, in size.
    """

    group_id: int
    auc: float
    threshold: float
    printed_threshold: float
    members: Share
    error: Estimate
    coverage: Estimate
    importance_value: float
    p_value: float
    q_value: float
    verdict: str
    images: tuple[JointImage, ...]
    features: tuple[JointFeature, ...]

    @property
    def order(self) -> tuple[bool, float, int]:
        """Sort key: verified ones first, then by importance, then by id."""
        return (self.verdict != "verified", -self.importance_value, self.group_id)


@dataclass(frozen=True, kw_only=True)
class JointModes:
    """Every group that was tested, the most important one first.

    Attributes:
        modes: By group.
        shown: Those that are shown in full: more than chance, and no rule is verified in the group.
        beside: The groups of those that are more than chance, beside a verified rule.
        shown_groups: The groups of those that are shown in full.
    """

    modes: Mapping[int, JointMode]
    shown: tuple[JointMode, ...]
    beside: frozenset[int]
    shown_groups: frozenset[int]

    def shows(self, mode: JointMode) -> bool:
        """Whether a joint mode is shown in full."""
        return mode.group_id in self.shown_groups


def read_joint_modes(source: ReportSource) -> JointModes | None:
    """Link the tables of joint modes; None where the run has none."""
    tables = source.tables
    if "joint_modes" not in tables or tables["joint_modes"].empty:
        return None
    images, features = _images(tables), _features(tables)
    found = (
        _joint_mode(row, images.get(row["group_id"], ()), features.get(row["group_id"], ()))
        for row in rows(tables["joint_modes"])
    )
    modes = {mode.group_id: mode for mode in sorted(found, key=lambda mode: mode.order)}
    shown = shown_groups(tables["joint_modes"], tables["rules"])
    return JointModes(
        modes=modes,
        shown=tuple(mode for mode in modes.values() if mode.group_id in shown),
        beside=frozenset(real_groups(tables["joint_modes"]) - shown),
        shown_groups=frozenset(shown),
    )


def _joint_mode(
    row: Mapping[str, Any], images: tuple[JointImage, ...], features: tuple[JointFeature, ...]
) -> JointMode:
    plain = ("group_id", "auc", "threshold", "printed_threshold", "importance_value", "p_value", "q_value", "verdict")
    return JointMode(
        **{name: row[name] for name in plain},
        members=Share(row["n_failures"], row["n_images"]),
        error=_estimate(row, "error_rate"),
        coverage=_estimate(row, "error_coverage"),
        images=images,
        features=features,
    )


def _estimate(row: Mapping[str, Any], name: str) -> Estimate:
    return Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _images(tables: Mapping[str, pd.DataFrame]) -> dict[int, tuple[JointImage, ...]]:
    """The images of each group, with their pictures where there are any."""
    pictures = {(row["group_id"], row["position"]): row["thumbnail"] for row in _rows(tables, "joint_pictures")}
    return collect(
        tables["joint_images"].sort_values(["group_id", "position"]),
        "group_id",
        lambda row: JointImage(
            image_id=row["image_id"],
            score=row["score"],
            thumbnail=pictures.get((row["group_id"], row["position"])),
        ),
    )


def _features(tables: Mapping[str, pd.DataFrame]) -> dict[int, tuple[JointFeature, ...]]:
    """The features of each group, with the images that activate them where they were drawn."""
    examples: dict[tuple[int, int], list[ExampleImage]] = {}
    for row in _rows(tables, "joint_examples", "rank"):
        examples.setdefault((row["group_id"], row["feature_id"]), []).append(
            ExampleImage(image_id=row["image_id"], activation=row["activation"], thumbnail=row["thumbnail"])
        )
    return collect(
        tables["joint_features"].sort_values(["group_id", "rank"]),
        "group_id",
        lambda row: JointFeature(
            feature_id=row["feature_id"],
            weight=row["weight"],
            examples=tuple(examples.get((row["group_id"], row["feature_id"]), ())),
        ),
    )


def _rows(tables: Mapping[str, pd.DataFrame], name: str, *order: str) -> list[dict[str, Any]]:
    """The rows of a table that a run may lack."""
    if name not in tables:
        return []
    return list(rows(tables[name].sort_values(list(order)) if order else tables[name]))
