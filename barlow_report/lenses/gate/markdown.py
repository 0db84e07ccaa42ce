"""A verdict as Markdown, for the summary of a job or a comment on a merge request.

Words of others (names of modes, classes, runs and owners, reasons) are put into <code>, with every character that is
neither letter nor digit as its number: so they are never markup, mention nobody, refer to nothing and link nowhere.
"""

import re
from collections.abc import Iterable, Iterator

from barlow_report.lenses.gate.results import Outcome, Result, Verdict
from barlow_report.lenses.gate.words import (
    OUTCOME_WORDS,
    WAIVER_WORDS,
    condition_words,
    false_alarm_words,
    finding_words,
    headline,
    result_words,
)

__all__ = ["markdown_summary"]

_N_LISTED = 50  # a comment may have 65,536 characters
_SIGNS: dict[Outcome, str] = {"failed": "❌", "no_verdict": "❔", "warned": "⚠️", "waived": "⚠️", "passed": "✅"}


def markdown_summary(verdict: Verdict) -> str:
    """Return the verdict as GitHub's and GitLab's Markdown: the answer, the conditions, and what violates them."""
    against = f" against {_code(verdict.baseline)}" if verdict.baseline else ""
    lines = [
        f"## {_SIGNS[verdict.outcome]} {headline(verdict)}",
        "",
        f"Run {_code(verdict.run)}{against}, judged on {verdict.judged_on}.",
        "",
        *_table(["Outcome", "Condition", "What must hold", "What was found"], map(_condition, verdict.results)),
    ]
    for result in verdict.results:
        lines += _findings(result)
    if verdict.waivers:
        lines += ["", "### Waivers", ""]
        rows = (
            [
                WAIVER_WORDS[report.status],
                _code(report.waiver.mode),
                _code(report.waiver.condition),
                _code(report.waiver.owner),
                _code(report.waiver.reason),
                str(report.waiver.expires),
                _text(report.sentence),
            ]
            for report in verdict.waivers
        )
        lines += _table(["", "Failure mode", "Condition", "Owner", "Reason", "Expires", ""], rows)
    for words in (*map(_text, verdict.remarks), false_alarm_words(verdict)):
        lines += ["", words] if words else []
    return "\n".join(lines) + "\n"


def _condition(result: Result) -> list[str]:
    condition = result.condition
    outcome = f"{_SIGNS[result.outcome]} {OUTCOME_WORDS[result.outcome]}"
    only = " (only a warning)" if condition.severity == "warn" else ""
    return [outcome, _code(condition.name) + only, condition_words(condition), _text(result_words(result))]


def _findings(result: Result) -> Iterator[str]:
    shown = [finding for finding in result.findings if finding.look.subject and finding.outcome != "passed"]
    if not shown:
        return
    yield from ("", f"### {OUTCOME_WORDS[result.outcome].capitalize()}: {_code(result.condition.name)}", "")
    of_modes = result.condition.about.of == "modes"
    rows = []
    for finding in shown[:_N_LISTED]:
        waiver = finding.waiver
        by = f" Waived by {_code(waiver.owner)} until {waiver.expires}: {_code(waiver.reason)}" if waiver else ""
        words = f"{_text(finding_words(finding))}{by if finding.outcome == 'waived' else ''}"
        group = [_code(finding.look.group)] if of_modes else []
        rows.append([OUTCOME_WORDS[finding.outcome], _code(finding.look.subject), *group, words])
    yield from _table(["", "Failure mode", "Group", "Evidence"] if of_modes else ["", "Class", "Evidence"], rows)
    if len(shown) > _N_LISTED:
        yield from ("", f"And {len(shown) - _N_LISTED} more.")


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """Words of others, shown as they are."""
    return f"<code>{_escaped(text)}</code>"


def _text(sentence: str) -> str:
    """A sentence of ours, which may quote words of others; signs that refer to something no longer do."""
    return _escaped(_REFERS.sub("\\g<0>\u200b", sentence))


_REFERS = re.compile(r"[@#!$%~&](?=\w)")


def _escaped(text: str) -> str:
    """Write every character that could be markup as its number."""
    return "".join(c if c.isalnum() or c in _PLAIN or ord(c) > _ASCII else f"&#{ord(c)};" for c in text)


_PLAIN = " ,;()%-+=?'"
_ASCII = 127
