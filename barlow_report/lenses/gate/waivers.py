"""What becomes of waivers: those that cover something, and those that somebody must renew, correct or delete."""

from collections.abc import Iterable
from datetime import date

from barlow_report.lenses.gate.facts import Facts
from barlow_report.lenses.gate.policy import Policy, Waiver, nearest
from barlow_report.lenses.gate.results import Finding, Result, WaiverReport, WaiverStatus

__all__ = ["is_expired", "report_waivers"]


def is_expired(waiver: Waiver, *, today: date) -> bool:
    """Whether a waiver counts no more; on the day it names it still does."""
    return waiver.expires < today


def report_waivers(policy: Policy, facts: Facts, results: Iterable[Result], *, today: date) -> tuple[WaiverReport, ...]:
    """Say of each waiver whether it covers a violation, and if not, why.

    Args:
        policy: With the waivers.
        facts: With the names of the failure modes of both runs.
        results: What the conditions came to.
        today: The day that waivers are looked at.
    """
    of_condition = {result.condition.name: result for result in results}
    return tuple(
        WaiverReport(waiver=waiver, status=status, sentence=sentence)
        for waiver in policy.waivers
        for status, sentence in [_report(waiver, of_condition[waiver.condition], facts, today=today)]
    )


def _report(waiver: Waiver, result: Result, facts: Facts, *, today: date) -> tuple[WaiverStatus, str]:
    finding = next((found for found in result.findings if found.look.subject == waiver.mode), None)
    if is_expired(waiver, today=today):
        is_missed = finding is not None and finding.outcome in ("failed", "warned")
        advice = "Repair the failure mode, or have the waiver renewed." if is_missed else "Delete the waiver."
        return "expired", f"Expired on {waiver.expires}. {advice}"
    if finding is not None:
        return _of_finding(finding, waiver)
    if any(found.look.holds is None and not found.look.subject for found in result.findings):
        return "no_verdict", "The condition could not be judged, and a waiver does not change that."
    states = {change.name: change.state for change in facts.changes.modes} if facts.changes else {}
    if states.get(waiver.mode) == "gone":
        return "gone", _GONE
    if waiver.mode in states:
        return "unused", "Not needed: the failure mode is not verified in this run. Delete the waiver."
    known = dict.fromkeys([*states, *(mode.name for mode in facts.modes)])
    return "unknown", f"No failure mode is called so; {nearest(waiver.mode, known)}"


_GONE = "The failure mode is gone. Delete the waiver."


def _of_finding(finding: Finding, waiver: Waiver) -> tuple[WaiverStatus, str]:
    if finding.outcome == "waived":
        return "used", f"Covers a violation until {waiver.expires}."
    if finding.look.holds is None:
        return "no_verdict", "The failure mode could not be judged, and a waiver does not change that."
    if finding.look.is_gone:
        return "gone", _GONE
    return "unused", "Not needed: the condition holds without it. Delete the waiver."
