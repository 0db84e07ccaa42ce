"""A verdict as a table for a terminal or the log of a CI."""

import textwrap
from collections.abc import Iterator

from barlow_report.lenses.gate.results import Finding, Result, Verdict
from barlow_report.lenses.gate.words import (
    OUTCOME_WORDS,
    WAIVER_WORDS,
    condition_words,
    false_alarm_words,
    finding_words,
    headline,
    plain,
    result_words,
    waiver_words,
)

__all__ = ["terminal_table"]

_WIDTH = 100
_N_LISTED = 20
_OUTCOME_WIDTH = 12


def terminal_table(verdict: Verdict) -> str:
    """Return the verdict as plain text: the answer, each condition with what violates it, and the waivers."""
    against = f" against {verdict.baseline}" if verdict.baseline else ""
    lines = [headline(verdict), f"Run {verdict.run}{against}, judged on {verdict.judged_on}.", ""]
    for result in verdict.results:
        lines += [*_condition(result), ""]
    reports = [report for report in verdict.waivers if report.status != "used"]
    if reports:
        lines.append("WAIVERS TO LOOK AFTER")
        for report in reports:
            waiver = report.waiver
            words = f"{waiver.mode} under {waiver.condition} (owner {waiver.owner}): {report.sentence}"
            lines += _cell(WAIVER_WORDS[report.status].upper(), words)
        lines.append("")
    for words in (*verdict.remarks, false_alarm_words(verdict)):
        lines += textwrap.wrap(words, _WIDTH)
    return plain("\n".join(lines)).rstrip() + "\n"


def _condition(result: Result) -> Iterator[str]:
    condition = result.condition
    mark = OUTCOME_WORDS[result.outcome].upper()
    only = " (only a warning)" if condition.severity == "warn" else ""
    yield from _cell(mark, f"{condition.name}{only}: {condition_words(condition)}")
    yield from _cell("", result_words(result))
    shown = [finding for finding in result.findings if finding.look.subject and finding.outcome != "passed"]
    for finding in shown[:_N_LISTED]:
        yield from _finding(finding)
    if len(shown) > _N_LISTED:
        yield from _cell("", f"and {len(shown) - _N_LISTED} more, which --json FILE lists")


def _finding(finding: Finding) -> Iterator[str]:
    found = finding.look
    group = f" ({found.group})" if found.group else ""
    yield from _cell("", f"- {found.subject}{group}: {finding_words(finding)}", indent="  ")
    if finding.outcome == "waived" and finding.waiver:
        yield from _cell("", waiver_words(finding.waiver).replace("waived", "WAIVED", 1), indent="  ", first="  ")


def _cell(mark: str, words: str, *, indent: str = "", first: str = "") -> list[str]:
    """Words beside an outcome, on as many lines as they need."""
    margin = " " * _OUTCOME_WIDTH
    return textwrap.wrap(
        words,
        _WIDTH,
        initial_indent=f"{mark:<{_OUTCOME_WIDTH}}{first}",
        subsequent_indent=margin + indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
