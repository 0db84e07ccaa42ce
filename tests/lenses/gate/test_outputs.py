"""A verdict for people and machines: words of others are shown as they are, and change nothing."""

import json
import re
from datetime import date
from typing import Any
from xml.etree import ElementTree as Xml

import jsonschema_rs
import pytest

from barlow_report.lenses.gate.evidence import change_words, rate_words
from barlow_report.lenses.gate.facts import Facts, Rate
from barlow_report.lenses.gate.junit import junit_xml
from barlow_report.lenses.gate.machine import SCHEMA_PATH, SCHEMA_VERSION, gate_json, gate_schema
from barlow_report.lenses.gate.markdown import markdown_summary
from barlow_report.lenses.gate.results import Verdict
from barlow_report.lenses.gate.terminal import terminal_table
from tests.lenses.gate.made_up import change, facts, policy, verdict, waiver
from tests.report.synthetic import PAYLOADS

WORSE = {"measure": "worse_modes", "at_most": 0}
SOON = {"measure": "accuracy", "at_least": 0.95, "limit": "upper", "severity": "warn"}
BY_CLASS = {"measure": "class_error_rate", "at_most": 0.3, "limit": "lower", "classes": ["mug", "mugs"]}
MUG, VASE = (change(name, "worse", new=0.4) for name in ("mug-with-f3-aaaa", "vase-without-f9-bbbb"))
EXPIRED = waiver("vase-without-f9-bbbb", expires="2026-01-01")


@pytest.fixture
def mixed() -> Verdict:
    """Every outcome: a failed condition with a waived mode and an expired waiver, a warning, no verdict, a pass."""
    conditions = (WORSE, SOON, BY_CLASS, {"measure": "new_modes", "at_most": 0})
    found = facts(MUG, VASE, change("cup", "unchanged"), remarks=("Only release-1 has vase.",))
    return verdict(policy(*conditions, waivers=[waiver(MUG.name), EXPIRED]), found)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_terminal_says_the_answer_first_and_waivers_loudly(mixed: Verdict) -> None:
    text = terminal_table(mixed)
    assert text.startswith("The gate failed: 1 of 4 conditions failed, 1 has no verdict, 1 warns, 1 passed.\n")
    assert max(map(len, text.splitlines())) <= 100
    words = _plain(text)
    assert "WAIVED by Ada until 2027-01-31: new supplier of mugs" in words
    assert (
        "Error rate 20 % → 40 % on 100 images: +20 points (+12 to +28), q = 0.001, worse. Its waiver expired" in words
    )
    assert "NO VERDICT class_error_rate" in words
    assert "EXPIRED vase-without-f9-bbbb under worse_modes (owner Ada): Expired on 2026-01-01. Repair" in words
    assert "Only release-1 has vase. Where nothing has changed, comparisons fail this gate in at most 5 %" in words


def test_the_terminal_lists_a_few_and_counts_the_rest() -> None:
    many = [change(f"mode-{i}", "worse", new=0.4) for i in range(50)]
    text = terminal_table(verdict(policy(), facts(*many)))
    assert text.count("- mode-") == 20
    assert "and 30 more, which --json FILE lists" in text


def test_markdown_has_a_table_of_conditions_and_what_violates_them(mixed: Verdict) -> None:
    text = markdown_summary(mixed)
    assert text.startswith("## ❌ The gate failed: 1 of 4 conditions failed")
    assert "| ❌ failed | <code>worse&#95;modes</code> | no failure modes that got worse than in the baseline |" in text
    assert "| ⚠️ warned | <code>accuracy</code> (only a warning) |" in text
    assert "Waived by <code>Ada</code> until 2027-01-31" in text
    assert "\n\nOnly release-1 has vase&#46;\n\nWhere nothing" in text
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(tables) == 4
    for table in tables:
        assert len({row.count("|") for row in table.splitlines()}) == 1


def test_the_json_keeps_to_its_schema(mixed: Verdict) -> None:
    values = json.loads(gate_json(mixed))
    jsonschema_rs.validate(gate_schema(), values)
    assert (values["schema_version"], values["outcome"], values["exit_code"]) == (SCHEMA_VERSION, "failed", 3)
    failed = values["conditions"][0]["findings"][0]
    assert (failed["name"], failed["outcome"], failed["value"]) == (VASE.name, "failed", pytest.approx(0.2))
    assert [report["status"] for report in values["waivers"]] == ["used", "expired"]
    assert values["remarks"] == ["Only release-1 has vase."]


def test_the_file_of_the_schema_is_that_of_what_is_written() -> None:
    command = "python -m barlow_report.lenses.gate.machine"
    assert json.loads(SCHEMA_PATH.read_text(encoding="utf-8")) == gate_schema(), f"out of step: {command}"
    assert gate_schema()["properties"]["schema_version"]["const"] == SCHEMA_VERSION
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(gate_schema(), {"outcome": "passed"})


# What Jenkins' schema (junit-10.xsd) allows: elements in an element, and attributes.
_CHILDREN = {
    "testsuites": ["testsuite"],
    "testsuite": ["testcase"],
    "testcase": ["skipped", "error", "failure", "system-out"],
    **{tag: [] for tag in ("skipped", "error", "failure", "system-out")},
}
_COUNTS = {"name", "tests", "failures", "errors", "skipped"}
_ATTRIBUTES = {
    "testsuites": _COUNTS,
    "testsuite": _COUNTS | {"time", "timestamp"},
    "testcase": {"name", "classname", "time"},
    "skipped": {"message"},
    "error": {"message", "type"},
    "failure": {"message", "type"},
    "system-out": set(),
}


def _junit(judged: Verdict) -> Xml.Element:
    root = Xml.fromstring(junit_xml(judged))  # noqa: S314 - our own
    for element in root.iter():
        assert set(element.attrib) == _ATTRIBUTES[element.tag]
        order = [_CHILDREN[element.tag].index(child.tag) for child in element]
        assert order == sorted(order)
    for element in (root, *root):
        for key, tag in (("tests", ""), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            found = [case for case in element.iter("testcase") if not tag or case.find(tag) is not None]
            assert element.get(key) == str(len(found)), key
    return root


def test_junit_has_a_test_for_each_failure_mode(mixed: Verdict) -> None:
    root = _junit(mixed)
    cases = root.findall("testsuite[@name='worse_modes']/testcase")
    found = {case.get("name"): [child.tag for child in case] for case in cases}
    assert found == {VASE.name: ["failure"], MUG.name: ["skipped", "system-out"], "cup": ["system-out"]}
    assert root.findtext("testsuite[@name='accuracy']/testcase/system-out") == "Warning: Accuracy 90.0 % (88.0–92.0 %)."
    error = root.find("testsuite[@name='class_error_rate']/testcase[@name='mugs']/error")
    assert error is not None
    assert error.get("type") == "no_verdict"
    skipped = root.find(".//skipped")
    assert skipped is not None
    assert skipped.get("message") == "waived by Ada until 2027-01-31: new supplier of mugs"


@pytest.mark.parametrize(
    ("conditions", "found", "tags"),
    [
        ([WORSE], facts(has_baseline=False), [["error"]]),
        ([{**WORSE, "severity": "warn"}], facts(has_baseline=False), [["system-out"]]),
        ([WORSE], facts(), [["system-out"]]),
        ([{"measure": "accuracy", "at_least": 0.99, "limit": "upper"}], facts(), [["failure"]]),
    ],
)
def test_junit_has_a_test_where_there_is_no_failure_mode(
    conditions: list[dict[str, Any]], found: Facts, tags: list[list[str]]
) -> None:
    root = _junit(verdict(policy(*conditions), found))
    assert [[child.tag for child in case] for case in root.iter("testcase")] == tags


HOSTILE = [
    *(words for words in PAYLOADS if not re.search("[\x00-\x1f\u2028\u202e]", words) and len(words) < 200),
    "@all",
    "#1 !2 GH-3",
    "a\\|b",
    "``x`",
    "www.evil.example",
    "ends with \\",
    "]]>",
    "🎉",
    "\ufffe\uffff",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_others_are_shown_and_change_nothing(words: str) -> None:
    waivers = [waiver(words, owner=words, reason=words), waiver("b", reason=words)]
    rules = policy(WORSE, BY_CLASS | {"classes": [words]}, waivers=waivers)
    judged = verdict(rules, facts(change(words, "worse", new=0.4, group=words), VASE, remarks=(words,)))
    assert json.loads(gate_json(judged))["waivers"][0]["owner"] == " ".join(words.split())
    _junit(judged)
    text = markdown_summary(judged)
    assert set(re.findall(r"<[^>]*>", text)) == {"<code>", "</code>"}
    bare = re.sub(r"<code>.*?</code>|&#\d+;", "", text)
    assert not re.search(r"[\[\]`*~@\\]|://|www\.|(?<!#)#\d", bare)
    for row in text.splitlines():
        assert not row.startswith("|") or row.endswith(" |")
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", terminal_table(judged))


def test_the_day_is_the_one_of_the_verdict() -> None:
    judged = verdict(policy(), facts(), today=date(2030, 2, 1))
    assert json.loads(gate_json(judged))["judged_on"] == "2030-02-01"
    assert 'timestamp="2030-02-01T00:00:00"' in junit_xml(judged)


def test_an_accuracy_is_what_the_rounded_error_rate_leaves_as_on_pages() -> None:
    assert rate_words(Rate(value=0.8255, low=0.818, high=0.8328), decimals=1, is_rest=True) == (
        "82.5\u202f% (81.8–83.3\u202f%)"
    )
    words = change_words(change("", "unchanged", old=0.1745, new=0.1735), is_accuracy=True)
    assert words.startswith("Accuracy 82.5\u202f% → 82.6\u202f% on 100 images")
