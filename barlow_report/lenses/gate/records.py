"""The tables of a gate as linked objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from barlow_report.report.source import ReportSource
from barlow_report.tables.rows import rows

__all__ = ["GateCondition", "GateFinding", "GateView", "GateWaiver", "read_gate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateWaiver:
    """A waiver, see table `gate_waivers`."""

    mode_name: str
    condition: str
    owner: str
    reason: str
    expires: str
    status: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFinding:
    """What was found of a failure mode, a class or the run, see table `gate_findings`."""

    subject: str | None
    group_name: str | None
    rule_id: int | None
    class_id: int | None
    outcome: str
    evidence: str
    waiver: GateWaiver | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCondition:
    """A condition and what was found, see table `gate_conditions`."""

    name: str
    severity: str
    about: str
    outcome: str
    must_hold: str
    found: str
    findings: tuple[GateFinding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """What the gate came to, see table `gate`."""

    outcome: str
    headline: str
    judged_on: str
    baseline: str | None
    false_alarms: str | None
    conditions: tuple[GateCondition, ...]
    waivers: tuple[GateWaiver, ...]


def read_gate(source: ReportSource) -> GateView | None:
    """Link the tables of a gate; None where the run has none."""
    if "gate" not in source.tables:
        return None
    tables = {name: list(rows(source.tables[name])) for name in _TABLES}
    waivers = [
        GateWaiver(**{key: row[key] for key in GateWaiver.__slots__})
        for row in sorted(tables["gate_waivers"], key=_position)
    ]
    covering = {(w.condition, w.mode_name): w for w in waivers if w.status == "used"}
    findings: dict[str, list[GateFinding]] = {}
    for row in sorted(tables["gate_findings"], key=_position):
        values = {key: row[key] for key in GateFinding.__slots__ if key != "waiver"}
        waiver = covering.get((row["condition"], row["subject"]))
        findings.setdefault(row["condition"], []).append(GateFinding(**values, waiver=waiver))
    (gate,) = tables["gate"]
    return GateView(
        conditions=tuple(
            GateCondition(
                name=row["condition"],
                findings=tuple(findings.get(row["condition"], ())),
                **{key: row[key] for key in GateCondition.__slots__ if key not in ("name", "findings")},
            )
            for row in sorted(tables["gate_conditions"], key=_position)
        ),
        waivers=tuple(waivers),
        **gate,
    )


_TABLES = ("gate", "gate_conditions", "gate_findings", "gate_waivers")


def _position(row: Mapping[str, Any]) -> int:
    return int(row["position"])
