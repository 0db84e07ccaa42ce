"""What a run says about suspected cues, ready to be asked for by failure mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from barlow_report.report.records import Share
from barlow_report.report.rows import rows
from barlow_report.report.source import ReportSource
from barlow_report.visible import visible

__all__ = ["AttributeView", "Cue", "DirectionCue", "Measure", "ModeCue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A value of a column, and how many of the images that have it fail; an empty value: the images without any."""

    column: str
    value: str
    failures: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """phi or AUROC, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeCue:
    """A failure mode beside a cue, see table `mode_attributes`; `measure` is None unless it was tested."""

    rule_id: int
    column: str
    value: str
    images: str
    status: str
    n_missing: int
    inside: Share
    outside: Share
    measure: Measure | None
    p_value: float | None
    q_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionCue:
    """A direction beside a cue, see table `direction_attributes`; `measure` is None unless it was tested."""

    class_id: int
    column: str
    value: str
    images: str
    status: str
    n_missing: int
    n_with: int
    n_without: int
    measure: Measure | None
    p_value: float | None
    q_value: float | None


@dataclass(frozen=True, kw_only=True)
class AttributeView:
    """Everything about suspected cues; those that go together most with a failure mode or direction come first."""

    cues: tuple[Cue, ...]
    modes: Mapping[int, tuple[ModeCue, ...]]
    directions: tuple[DirectionCue, ...]


def read_attributes(source: ReportSource) -> AttributeView | None:
    """Link the tables of suspected cues; None where the run has none."""
    tables = source.tables
    if "attribute_values" not in tables or "mode_attributes" not in tables:
        return None
    cues = tuple(
        Cue(
            column=visible(row["column"]),
            value=visible(row["value"]),
            failures=Share(row["n_failures"], row["n_images"]),
        )
        for row in rows(tables["attribute_values"])
    )
    modes: dict[int, list[ModeCue]] = {}
    for row in rows(tables["mode_attributes"]):
        cue = ModeCue(
            rule_id=row["rule_id"],
            **_same(row),
            inside=Share(row["n_inside_with"], row["n_inside"]),
            outside=Share(row["n_outside_with"], row["n_outside"]),
            measure=_measure(row, "phi"),
        )
        modes.setdefault(cue.rule_id, []).append(cue)
    directions = [
        DirectionCue(
            class_id=row["class_id"],
            **_same(row),
            n_with=row["n_with"],
            n_without=row["n_without"],
            measure=_measure(row, "auroc"),
        )
        for row in (rows(tables["direction_attributes"]) if "direction_attributes" in tables else ())
    ]
    return AttributeView(
        cues=cues,
        modes={
            rule_id: tuple(sorted(found, key=lambda c: _weakness(c.measure, 0.0))) for rule_id, found in modes.items()
        },
        directions=tuple(sorted(directions, key=lambda c: (_weakness(c.measure, 0.5), c.class_id))),
    )


def _same(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: visible(str(row[name])) for name in ("column", "value")}
    return texts | {name: row[name] for name in ("images", "status", "n_missing", "p_value", "q_value")}


def _measure(row: Mapping[str, object], name: str) -> Measure | None:
    if row[name] is None:
        return None
    value, low, high = (float(str(row[key])) for key in (name, f"{name}_low", f"{name}_high"))
    return Measure(value=value, low=low, high=high)


def _weakness(measure: Measure | None, nothing: float) -> float:
    """Sort key: the strongest association first, what was not tested last."""
    return 2.0 if measure is None else -abs(measure.value - nothing)
