"""From conditions and facts to a verdict: what holds, what does not, what is waived, and what could not be told.

A gate never passes because something could not be computed. Where a condition may or may not hold, depending on what is
unknown, its outcome is `no_verdict`, and no waiver changes that. A condition of severity `warn` never stops a release,
so it does not where it has no verdict either.
"""

from collections.abc import Sequence
from datetime import date

from barlow_report.lenses.gate.change_looks import LOOKS_AT_CHANGES
from barlow_report.lenses.gate.facts import Facts
from barlow_report.lenses.gate.looks import Look, cannot_tell
from barlow_report.lenses.gate.policy import Condition, Policy, Waiver
from barlow_report.lenses.gate.results import OUTCOMES, Finding, Outcome, Result, Verdict
from barlow_report.lenses.gate.run_looks import LOOKS_AT_RUN
from barlow_report.lenses.gate.waivers import is_expired, report_waivers

__all__ = ["judge"]


def judge(policy: Policy, facts: Facts, *, today: date) -> Verdict:
    """Hold a run to a policy.

    Args:
        policy: What must hold, and what is waived.
        facts: The run, and its comparison with a baseline.
        today: The day that waivers are looked at.
    """
    results = tuple(_judge(condition, facts, policy.waivers, today=today) for condition in policy.conditions)
    return Verdict(
        run=facts.run,
        baseline=facts.changes.baseline if facts.changes else "",
        judged_on=today,
        level=facts.level,
        results=results,
        waivers=report_waivers(policy, facts, results, today=today),
        remarks=facts.changes.remarks if facts.changes else (),
    )


def _judge(condition: Condition, facts: Facts, waivers: Sequence[Waiver], *, today: date) -> Result:
    looks = _look(condition, facts)
    found = {waiver.mode: waiver for waiver in waivers if waiver.condition == condition.name}
    valid = {mode for mode, waiver in found.items() if not is_expired(waiver, today=today)}
    outcome = _outcome(condition, looks, valid)
    findings = [
        Finding(look=each, outcome=_of_look(each, outcome, valid), waiver=found.get(each.subject)) for each in looks
    ]
    findings.sort(key=lambda finding: OUTCOMES.index(finding.outcome))
    return Result(condition=condition, outcome=outcome, findings=tuple(findings))


def _look(condition: Condition, facts: Facts) -> list[Look]:
    """Look at everything that a condition is about."""
    if not condition.about.needs_baseline:
        return list(LOOKS_AT_RUN[condition.measure](condition, facts))
    if facts.changes is None:
        return [cannot_tell("no baseline was given, and the condition compares with one")]
    return list(LOOKS_AT_CHANGES[condition.measure](condition, facts, facts.changes))


def _outcome(condition: Condition, looks: Sequence[Look], waived: set[str]) -> Outcome:
    """What a condition comes to; one that allows a number of modes holds while no more of them count."""
    allowed = int(condition.bound[1]) if condition.about.is_count else 0
    n_bad = sum(each.holds is False for each in looks)
    n_open = sum(each.holds is False and each.subject not in waived for each in looks)
    n_unknown = sum(each.holds is None for each in looks)
    if n_open > allowed:
        return "failed" if condition.severity == "fail" else "warned"
    is_blind = any(each.holds is None and not each.subject for each in looks)  # there may be any number of modes
    if is_blind or (n_unknown and n_open + n_unknown > allowed):
        return "no_verdict"
    return "waived" if n_bad + n_unknown > allowed else "passed"


def _of_look(each: Look, outcome: Outcome, waived: set[str]) -> Outcome:
    """What a look comes to under a condition that comes to `outcome`."""
    if each.holds or outcome == "passed":
        return "passed"
    if each.holds is None:
        return "passed" if outcome == "waived" else "no_verdict"
    if each.subject in waived:
        return "waived"
    return outcome if outcome in ("failed", "warned") else "passed"
