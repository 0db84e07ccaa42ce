"""A verdict as JUnit XML, as GitLab, Jenkins and the actions of GitHub that show tests read it.

A suite for each condition, a test for each failure mode or class, so that a CI can say which of them fails since when.
What failed is a failure, what has no verdict an error, what is waived is skipped; a condition that only warns passes,
and says what it found in its output.

There is no SARIF: it places findings at lines of source files, and a failure mode has none, so that GitHub's code
scanning would have nothing to show them on.
"""

import re
from datetime import datetime, time
from xml.etree import ElementTree as Xml

from barlow_report.lenses.gate.results import Finding, Result, Verdict
from barlow_report.lenses.gate.words import condition_words, finding_words, plain, result_words, waiver_words

__all__ = ["junit_xml"]

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold


def junit_xml(verdict: Verdict) -> str:
    """Return the verdict as JUnit XML."""
    root = Xml.Element("testsuites", name=_clean(f"barlow-report gate: {verdict.run}"))
    root.extend(_suite(result, verdict) for result in verdict.results)
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _suite(result: Result, verdict: Verdict) -> Xml.Element:
    midnight = datetime.combine(verdict.judged_on, time())  # the format knows no time zone
    suite = Xml.Element("testsuite", name=result.condition.name, timestamp=midnight.isoformat())
    findings = [finding for finding in result.findings if finding.look.subject]
    if any(not finding.look.subject for finding in result.findings) or not findings:
        suite.append(_whole(result))
    suite.extend(_test(finding, result) for finding in findings)
    suite.set("tests", str(len(suite)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", "0")
    return suite


def _whole(result: Result) -> Xml.Element:
    """The test of what is about no failure mode or class."""
    general = [finding for finding in result.findings if not finding.look.subject]
    case = _case(result, result.condition.name)
    outcome = general[0].outcome if general else result.outcome
    _say(case, result, outcome, " ".join(finding.look.evidence for finding in general) or result_words(result))
    return case


def _test(finding: Finding, result: Result) -> Xml.Element:
    case = _case(result, finding.look.subject)
    group = f"{finding.look.group}. " if finding.look.group else ""
    if finding.outcome == "waived" and finding.waiver:
        Xml.SubElement(case, "skipped", message=_clean(waiver_words(finding.waiver)))
        _output(case, f"{group}{finding_words(finding)}")
    else:
        _say(case, result, finding.outcome, f"{group}{finding_words(finding)}")
    return case


def _case(result: Result, name: str) -> Xml.Element:
    return Xml.Element("testcase", classname=f"gate.{result.condition.name}", name=_clean(name), time="0")


def _say(case: Xml.Element, result: Result, outcome: str, words: str) -> None:
    tag = {"failed": "failure", "no_verdict": "error"}.get(outcome)
    if tag and result.condition.severity == "fail":
        problem = Xml.SubElement(case, tag, type=outcome, message=_clean(words))
        problem.text = _clean(f"{words}\nExpected: {condition_words(result.condition)}.")
    else:
        mark = {"warned": "Warning: ", "no_verdict": "No verdict: "}.get(outcome, "")
        _output(case, f"{mark}{words}")


def _output(case: Xml.Element, words: str) -> None:
    Xml.SubElement(case, "system-out").text = _clean(words)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", plain(text))
