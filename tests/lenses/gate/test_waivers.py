"""Waivers: one condition of one failure mode, until the end of a day, and nothing else."""

from datetime import date
from typing import Any

import pytest

from barlow_report.lenses.gate.facts import Facts
from tests.lenses.gate.made_up import change, facts, only, policy, verdict, waiver

MUG = change("mug-with-f3-aaaa", "worse", new=0.4)
VASE = change("vase-without-f9-bbbb", "worse", new=0.4)
NEW = {"measure": "new_modes", "at_most": 0}
WORSE = {"measure": "worse_modes", "at_most": 0}


def test_a_waiver_covers_its_failure_mode_and_no_other() -> None:
    alone = verdict(policy(waivers=[waiver(MUG.name)]), facts(MUG))
    assert (alone.outcome, alone.exit_code, alone.waivers[0].status) == ("waived", 0, "used")
    both = verdict(policy(waivers=[waiver(MUG.name)]), facts(MUG, VASE))
    assert (both.outcome, both.exit_code) == ("failed", 3)
    found = {finding.look.subject: finding.outcome for finding in only(both).findings}
    assert found == {VASE.name: "failed", MUG.name: "waived"}


def test_a_waiver_covers_one_condition() -> None:
    conditions = (WORSE, {"measure": "mode_error_rate", "at_most": 0.1, "limit": "lower"})
    judged = verdict(policy(*conditions, waivers=[waiver(MUG.name)]), facts(MUG))
    assert [result.outcome for result in judged.results] == ["waived", "failed"]


@pytest.mark.parametrize(
    ("today", "outcome", "status"),
    [(date(2027, 1, 31), "waived", "used"), (date(2027, 2, 1), "failed", "expired")],
)
def test_a_waiver_counts_until_the_end_of_its_day(today: date, outcome: str, status: str) -> None:
    judged = verdict(policy(waivers=[waiver(MUG.name)]), facts(MUG), today=today)
    assert (judged.outcome, judged.waivers[0].status) == (outcome, status)
    if status == "expired":
        assert judged.waivers[0].sentence == (
            "Expired on 2027-01-31. Repair the failure mode, or have the waiver renewed."
        )


@pytest.mark.parametrize(
    ("condition", "waived", "found", "status", "words"),
    [
        (WORSE, {"mode": MUG.name, "expires": "2026-01-01"}, facts(), "expired", "Delete the waiver."),
        (WORSE, {"mode": MUG.name}, facts(change(MUG.name, "unchanged")), "unused", "the condition holds without it"),
        (WORSE, {"mode": MUG.name}, facts(change(MUG.name, "gone", new=0.0)), "gone", "The failure mode is gone."),
        (WORSE, {"mode": "mug-with-f3-aaab"}, facts(MUG), "unknown", "did you mean 'mug-with-f3-aaaa'?"),
        (WORSE, {"mode": "x"}, facts(verified=[]), "unknown", "there are none."),
        (
            {"measure": "verified_modes", "at_most": 3},
            {"mode": MUG.name, "condition": "verified_modes"},
            facts(),
            "unused",
            "holds without it",
        ),
        (
            {"measure": "verified_modes", "at_most": 0},
            {"mode": VASE.name, "condition": "verified_modes"},
            facts(VASE),
            "unused",
            "not verified in this run",
        ),
        (WORSE, {"mode": MUG.name}, facts(has_baseline=False), "no_verdict", "a waiver does not change that"),
    ],
)
def test_a_waiver_that_covers_nothing_says_why(
    condition: dict[str, Any], waived: dict[str, Any], found: Facts, status: str, words: str
) -> None:
    values = {"condition": condition["measure"], **waived}
    (report,) = verdict(policy(condition, waivers=[waiver(values.pop("mode"), **values)]), found).waivers
    assert report.status == status
    assert words in report.sentence


def test_no_waiver_covers_what_could_not_be_computed() -> None:
    lost = change(MUG.name, "not_comparable")
    judged = verdict(policy(waivers=[waiver(MUG.name)]), facts(lost))
    assert (judged.outcome, judged.exit_code, judged.waivers[0].status) == ("no_verdict", 3, "no_verdict")


def test_a_warning_is_waived_too() -> None:
    rules = policy({**NEW, "severity": "warn"}, waivers=[waiver("a", condition="new_modes")])
    assert verdict(rules, facts(change("a", "new"))).outcome == "waived"


def test_waived_failure_modes_do_not_count() -> None:
    allowing_one = {"measure": "worse_modes", "at_most": 1}
    assert verdict(policy(allowing_one, waivers=[waiver(MUG.name)]), facts(MUG, VASE)).outcome == "waived"
    assert verdict(policy(allowing_one), facts(MUG, VASE)).outcome == "failed"
