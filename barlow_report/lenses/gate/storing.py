"""A verdict as tables of the run folder, for the site to show."""

import pandas as pd

from barlow_report.lenses.gate.results import Verdict
from barlow_report.lenses.gate.words import (
    condition_words,
    false_alarm_words,
    finding_words,
    headline,
    result_words,
)
from barlow_report.tables import all_tables

__all__ = ["verdict_tables"]


def verdict_tables(verdict: Verdict) -> dict[str, pd.DataFrame]:
    """Return the tables of a verdict by name."""
    gate = [
        (
            str(verdict.judged_on),
            verdict.outcome,
            headline(verdict),
            verdict.baseline or None,
            false_alarm_words(verdict) or None,
        )
    ]
    conditions = [
        (
            result.condition.name,
            position,
            result.condition.severity,
            result.condition.about.of,
            result.outcome,
            condition_words(result.condition),
            result_words(result),
        )
        for position, result in enumerate(verdict.results)
    ]
    findings = [
        (
            result.condition.name,
            position,
            finding.look.subject or None,
            finding.look.group or None,
            finding.look.rule_id,
            finding.look.class_id,
            finding.outcome,
            finding_words(finding),
        )
        for result in verdict.results
        for position, finding in enumerate(result.findings)
    ]
    waivers = [
        (
            report.waiver.mode,
            report.waiver.condition,
            position,
            report.waiver.owner,
            report.waiver.reason,
            str(report.waiver.expires),
            report.status,
            report.sentence,
        )
        for position, report in enumerate(verdict.waivers)
    ]
    found = {"gate": gate, "gate_conditions": conditions, "gate_findings": findings, "gate_waivers": waivers}
    return {name: pd.DataFrame(values, columns=all_tables()[name].column_names) for name, values in found.items()}
