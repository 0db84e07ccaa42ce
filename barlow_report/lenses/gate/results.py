"""What looks, conditions, waivers and gates come to."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from barlow_report.lenses.gate.looks import Look
from barlow_report.lenses.gate.policy import Condition, Waiver

__all__ = ["OUTCOMES", "Finding", "Outcome", "Result", "Verdict", "WaiverReport", "WaiverStatus"]

Outcome = Literal["failed", "no_verdict", "warned", "waived", "passed"]
OUTCOMES: tuple[Outcome, ...] = ("failed", "no_verdict", "warned", "waived", "passed")
"""What a look, a condition and a gate can come to, the worst first."""

WaiverStatus = Literal["used", "expired", "no_verdict", "gone", "unknown", "unused"]

_EXIT_FAILED = 3
_LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look came to, and the waiver for it, whether it covers it or has expired."""

    look: Look
    outcome: Outcome
    waiver: Waiver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a condition came to, by its findings, the worst first."""

    condition: Condition
    outcome: Outcome
    findings: tuple[Finding, ...]

    def of(self, outcome: Outcome) -> list[Finding]:
        """The findings that came to `outcome`."""
        return [finding for finding in self.findings if finding.outcome == outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverReport:
    """What became of a waiver, and a sentence that says what to do."""

    waiver: Waiver
    status: WaiverStatus
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate came to.

    Attributes:
        run: Name of the run that was judged.
        baseline: Name of the run it was compared with; empty without.
        judged_on: The day that waivers were looked at.
        level: Of the intervals, 0 to 1.
        results: One for each condition, in the order of the policy.
        waivers: One for each waiver, in the order of the policy.
        remarks: What differs between the runs, and what could not be compared for it: sentences.
    """

    run: str
    baseline: str
    judged_on: date
    level: float
    results: tuple[Result, ...]
    waivers: tuple[WaiverReport, ...]
    remarks: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of a condition; one that only warns never stops a release."""
        return min((_weight(result) for result in self.results), key=OUTCOMES.index)

    @property
    def exit_code(self) -> int:
        """Of the command: 0, or 3 where the gate failed or has no verdict."""
        return _EXIT_FAILED if self.outcome in ("failed", "no_verdict") else 0

    @property
    def false_alarm_rate(self) -> float | None:
        """How often the gate fails at most where nothing has changed, 0 to 1; None where no bound is known.

        All failure modes, all classes and the accuracy together report a change in at most 5 % of the comparisons
        without any, by their q-values. Where an estimate counts, or a change must be excluded, a condition is no test
        of a change.
        """
        conditions = [result.condition for result in self.results if result.condition.severity == "fail"]
        compared = [condition for condition in conditions if condition.about.needs_baseline]
        if any(condition.limit in ("estimate", "upper") for condition in compared):
            return None
        return _LEVEL if compared else 0.0


def _weight(result: Result) -> Outcome:
    is_only_told = result.condition.severity == "warn" and result.outcome == "no_verdict"
    return "warned" if is_only_told else result.outcome
