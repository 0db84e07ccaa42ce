"""A verdict in words, the same ones on a terminal, in Markdown, in JUnit files and on the site."""

from collections.abc import Mapping

from barlow_report.formatting import THIN_SPACE, count, percent
from barlow_report.lenses.gate.policy import Condition, Waiver
from barlow_report.lenses.gate.results import Finding, Outcome, Result, Verdict, WaiverStatus

__all__ = [
    "OUTCOME_WORDS",
    "WAIVER_WORDS",
    "condition_words",
    "false_alarm_words",
    "finding_words",
    "headline",
    "plain",
    "result_words",
    "waiver_words",
]

OUTCOME_WORDS: Mapping[Outcome, str] = {
    "failed": "failed",
    "no_verdict": "no verdict",
    "warned": "warned",
    "waived": "waived",
    "passed": "passed",
}
WAIVER_WORDS: Mapping[WaiverStatus, str] = {
    "used": "used",
    "expired": "expired",
    "no_verdict": "no effect",
    "gone": "gone",
    "unknown": "unknown",
    "unused": "unused",
}
_HEADLINES: Mapping[Outcome, str] = {
    "failed": "The gate failed",
    "no_verdict": "The gate has no verdict, so it does not pass",
    "warned": "The gate passed, with warnings",
    "waived": "The gate passed, with waivers",
    "passed": "The gate passed",
}
_LIMITS = {"lower": "the lower limit of its interval counts", "upper": "the upper limit of its interval counts"}
_NOUNS = {"modes": ("failure mode", "failure modes"), "classes": ("class", "classes")}


def plain(text: str) -> str:
    """Use spaces that every terminal and program knows."""
    return text.replace(THIN_SPACE, " ")


def headline(verdict: Verdict) -> str:
    """Say what the gate came to, and how many conditions came to what: 1 of 4 conditions failed, 3 passed."""
    n = len(verdict.results)
    n_of = {outcome: sum(result.outcome == outcome for result in verdict.results) for outcome in OUTCOME_WORDS}
    found = [(k, _TALLY[outcome][k != 1]) for outcome, k in n_of.items() if k]
    (first, words), *others = found
    tally = [f"{count(first)} of {count(n)} condition{'s' * (n != 1)} {words}", *(f"{count(k)} {w}" for k, w in others)]
    return f"{_HEADLINES[verdict.outcome]}: {', '.join(tally)}."


_TALLY: Mapping[Outcome, tuple[str, str]] = {
    "failed": ("failed", "failed"),
    "no_verdict": ("has no verdict", "have no verdict"),
    "warned": ("warns", "warn"),
    "waived": ("is waived", "are waived"),
    "passed": ("passed", "passed"),
}


def condition_words(condition: Condition) -> str:
    """Say what must hold, with the end of the interval that counts."""
    kind, bound = condition.bound
    words = condition.about.words
    if condition.about.is_count:
        return f"no {words}" if bound == 0 else f"{kind.replace('_', ' ')} {count(int(bound))} {words}"
    limit = f" ({_LIMITS.get(condition.limit, 'the estimate counts')})" if condition.limit else ""
    value = _points(bound) if condition.about.needs_baseline else percent(bound).replace(".0", "")
    return f"{words} {kind.replace('_', ' ')} {value}{limit}"


def _points(share: float) -> str:
    points = f"{100 * share:.10g}"
    return f"{points} point{'s' * (points != '1')}"


def result_words(result: Result) -> str:
    """Say what was found: the numbers of the run, or of how many failure modes or classes what is true, a sentence."""
    looks = [finding for finding in result.findings if finding.look.subject]
    general = [finding.look.evidence for finding in result.findings if not finding.look.subject]
    singular, plural = _NOUNS.get(result.condition.about.of, ("", ""))
    if not looks:
        return " ".join(general) or f"There is no {singular} to look at."
    n_of = {words: sum(finding.outcome in outcomes for finding in looks) for words, outcomes in _FOUND.items()}
    found = ", ".join(f"{count(n)} {words[n != 1]}" for words, n in n_of.items() if n) or "none violates it"
    return " ".join([*general, f"{count(len(looks))} {singular if len(looks) == 1 else plural}: {found}."])


_FOUND: Mapping[tuple[str, str], tuple[Outcome, ...]] = {
    ("violates it", "violate it"): ("failed", "warned"),
    ("has no verdict", "have no verdict"): ("no_verdict",),
    ("is waived", "are waived"): ("waived",),
}


def finding_words(finding: Finding) -> str:
    """Say the evidence of a finding, and that its waiver has expired."""
    waiver, is_violation = finding.waiver, finding.outcome in ("failed", "warned")
    return f"{finding.look.evidence}{f' Its waiver expired on {waiver.expires}.' if waiver and is_violation else ''}"


def waiver_words(waiver: Waiver) -> str:
    """Say who accepts a failure mode, until when, and why."""
    return f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"


def false_alarm_words(verdict: Verdict) -> str:
    """Say how often the gate fails where nothing has changed; empty where it has compared nothing."""
    compared = [r for r in verdict.results if r.condition.about.needs_baseline and r.condition.severity == "fail"]
    if not (compared and verdict.baseline):
        return ""
    rate = verdict.false_alarm_rate
    if rate is None:
        return (
            "How often this gate fails where nothing has changed depends on the number of images: a condition compares "
            "an estimate, or asks that a change is excluded."
        )
    return f"Where nothing has changed, comparisons fail this gate in at most {percent(rate, decimals=0)} of releases."
