"""A verdict as JSON; `gate.schema.json` beside this file says what each key means."""

import json
from pathlib import Path
from typing import Any

from barlow_report.lenses.gate.results import Finding, Result, Verdict, WaiverReport
from barlow_report.lenses.gate.words import (
    condition_words,
    false_alarm_words,
    finding_words,
    headline,
    plain,
    result_words,
)

__all__ = ["SCHEMA_VERSION", "gate_json", "gate_schema"]

SCHEMA_VERSION = 1
"""Rises when a key changes its meaning or goes; new keys may come without."""


def gate_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `gate_json` writes."""
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("gate.schema.json").read_text(encoding="utf-8"))
    return schema


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
    }
    return plain(json.dumps(values, ensure_ascii=False, allow_nan=False, indent=2)) + "\n"


def _condition(result: Result) -> dict[str, Any]:
    condition = result.condition
    kind, bound = condition.bound
    return {
        "name": condition.name,
        "measure": condition.measure,
        "severity": condition.severity,
        "bound": {"kind": kind, "value": bound, "limit": condition.limit},
        "outcome": result.outcome,
        "must_hold": condition_words(condition),
        "found": result_words(result),
        "findings": [_finding(finding, result) for finding in result.findings],
    }


_KINDS = {"modes": "mode", "classes": "class", "run": "run"}


def _finding(finding: Finding, result: Result) -> dict[str, Any]:
    found, rate = finding.look, finding.look.rate
    return {
        "kind": _KINDS[result.condition.about.of] if found.subject else "run",
        "name": found.subject or None,
        "group": found.group or None,
        "rule_id": found.rule_id,
        "class_id": found.class_id,
        "outcome": finding.outcome,
        "evidence": finding_words(finding),
        "value": None if rate is None else rate.value,
        "low": None if rate is None else rate.low,
        "high": None if rate is None else rate.high,
    }


def _waiver(report: WaiverReport) -> dict[str, Any]:
    return {
        "mode": report.waiver.mode,
        "condition": report.waiver.condition,
        "owner": report.waiver.owner,
        "reason": report.waiver.reason,
        "expires": str(report.waiver.expires),
        "status": report.status,
        "found": report.sentence,
    }
