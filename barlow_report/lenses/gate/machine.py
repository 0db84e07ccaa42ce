"""A verdict as JSON. These models are its documentation: `gate.schema.json` beside this file is made from them.

After a change: python -m barlow_report.lenses.gate.machine
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from barlow_report.lenses.gate.measures import Bound, MeasureName
from barlow_report.lenses.gate.policy import Limit, Severity
from barlow_report.lenses.gate.results import Finding, Outcome, Result, Verdict, WaiverReport, WaiverStatus
from barlow_report.lenses.gate.words import (
    condition_words,
    false_alarm_words,
    finding_words,
    headline,
    plain,
    result_words,
)

__all__ = ["SCHEMA_PATH", "SCHEMA_VERSION", "gate_json", "gate_schema"]

SCHEMA_VERSION = 1
"""Rises when a key changes its meaning or goes; new keys may come without."""

SCHEMA_PATH = Path(__file__).with_name("gate.schema.json")

_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
_Share = Annotated[float, Field(ge=-1, le=1)]
_OUTCOME = (
    "failed: violated; no_verdict: it could not be computed, and that is no pass; warned: violated, of severity warn; "
    "waived: violated, and accepted by valid waivers; passed: it holds."
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class BoundReport(_Part):
    """What the number of a condition is compared with."""

    kind: Bound
    value: float = Field(ge=0, description="A number of failure modes, or a share of 0 to 1.")
    limit: Limit | None = Field(description="Which end of the interval is compared with the bound.")


class FindingReport(_Part):
    """What was found of one failure mode, one class or the run."""

    kind: Literal["mode", "class", "run"] = Field(description="What it is about.")
    name: str | None = Field(description="Permanent name of the failure mode, or name of the class.")
    group: str | None = Field(description="The failure mode's group of images, in words.")
    rule_id: int | None = Field(description="The failure mode in the tables of the run that was judged.")
    class_id: int | None = Field(description="The class in the tables of the run that was judged.")
    outcome: Outcome = Field(description=_OUTCOME)
    evidence: str = Field(description="The numbers, or why there are none, in a sentence.")
    value: _Share | None = Field(
        description="The rate, or by how much an error rate rose, as a share; null where there is no such number."
    )
    low: _Share | None = Field(description="Lower limit of its interval.")
    high: _Share | None = Field(description="Upper limit of its interval.")


class ConditionReport(_Part):
    """What a condition came to."""

    name: str = Field(description="As in the policy; unique.")
    measure: MeasureName = Field(description="What is looked at.")
    severity: Severity = Field(description="Whether a violation fails the gate, or is only told.")
    bound: BoundReport
    outcome: Outcome = Field(description=_OUTCOME)
    must_hold: str = Field(description="The condition in words.")
    found: str = Field(description="What was found, in a sentence.")
    findings: tuple[FindingReport, ...] = Field(
        description="One for each failure mode or class that was looked at, or for the run; the worst first."
    )


class WaiverEntry(_Part):
    """What became of a waiver."""

    mode: str = Field(description="Permanent name of the failure mode.")
    condition: str = Field(description="Name of the condition that it may violate.")
    owner: str
    reason: str
    expires: _Day = Field(description="The last day (UTC) that it counts on.")
    status: WaiverStatus = Field(
        description="used: covers a violation; expired: its day is over; no_verdict: nothing was judged, which it does "
        "not change; gone: the failure mode is gone; unknown: no failure mode is called so; unused: it is not needed."
    )
    found: str = Field(description="What became of it, and what to do, in a sentence.")


class GateReport(_Part):
    """What `barlow-report gate --json` writes."""

    schema_version: Literal[1] = Field(
        description="Rises when a key changes its meaning or goes; new keys may come without."
    )
    run: str = Field(description="Name of the run that was judged.")
    baseline: str | None = Field(description="Name of the run it was compared with.")
    judged_on: _Day = Field(description="The day (UTC) that waivers were looked at.")
    outcome: Outcome = Field(
        description=f"The worst outcome of a condition, where one of severity warn is at worst warned. {_OUTCOME}"
    )
    exit_code: Literal[0, 3] = Field(description="3 where the outcome is failed or no_verdict.")
    headline: str = Field(description="The answer in a sentence.")
    confidence_level: float = Field(
        gt=0,
        lt=1,
        description="Of all intervals; of changes of failure modes that were verified on held-out images a higher one "
        "that allows for that choice.",
    )
    false_alarm_rate: float | None = Field(
        ge=0,
        le=1,
        description="How often comparisons fail this gate at most where nothing has changed; null where no bound is "
        "known, or nothing was compared.",
    )
    conditions: tuple[ConditionReport, ...] = Field(min_length=1, description="In the order of the policy.")
    waivers: tuple[WaiverEntry, ...] = Field(description="In the order of the policy.")
    remarks: tuple[str, ...] = Field(
        description="What differs between the runs, and what could not be compared for it, in sentences."
    )


def gate_json(verdict: Verdict) -> str:
    """Return the verdict as JSON."""
    values = {
        "schema_version": SCHEMA_VERSION,
        "run": verdict.run,
        "baseline": verdict.baseline or None,
        "judged_on": str(verdict.judged_on),
        "outcome": verdict.outcome,
        "exit_code": verdict.exit_code,
        "headline": headline(verdict),
        "confidence_level": verdict.level,
        "false_alarm_rate": verdict.false_alarm_rate if false_alarm_words(verdict) else None,
        "conditions": [_condition(result) for result in verdict.results],
        "waivers": [_waiver(report) for report in verdict.waivers],
        "remarks": verdict.remarks,
    }
    return plain(GateReport.model_validate(values).model_dump_json(indent=2)) + "\n"


def gate_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `gate_json` writes."""
    return {"$schema": GenerateJsonSchema.schema_dialect, **GateReport.model_json_schema(mode="serialization")}


def _condition(result: Result) -> ConditionReport:
    condition = result.condition
    kind, bound = condition.bound
    return ConditionReport(
        name=condition.name,
        measure=condition.measure,
        severity=condition.severity,
        bound=BoundReport(kind=kind, value=bound, limit=condition.limit),
        outcome=result.outcome,
        must_hold=condition_words(condition),
        found=result_words(result),
        findings=tuple(_finding(finding, result) for finding in result.findings),
    )


_KINDS: dict[str, Literal["mode", "class", "run"]] = {"modes": "mode", "classes": "class", "run": "run"}


def _finding(finding: Finding, result: Result) -> FindingReport:
    found, rate = finding.look, finding.look.rate
    return FindingReport(
        kind=_KINDS[result.condition.about.of] if found.subject else "run",
        name=found.subject or None,
        group=found.group or None,
        rule_id=found.rule_id,
        class_id=found.class_id,
        outcome=finding.outcome,
        evidence=finding_words(finding),
        value=rate and rate.value,
        low=rate and rate.low,
        high=rate and rate.high,
    )


def _waiver(report: WaiverReport) -> WaiverEntry:
    waiver = report.waiver
    return WaiverEntry(
        mode=waiver.mode,
        condition=waiver.condition,
        owner=waiver.owner,
        reason=waiver.reason,
        expires=str(waiver.expires),
        status=report.status,
        found=report.sentence,
    )


if __name__ == "__main__":
    SCHEMA_PATH.write_text(json.dumps(gate_schema(), indent=2) + "\n", encoding="utf-8")
