"""Conditions: what fails, what warns, what has no verdict, and with which exit code."""

from typing import Any

import pytest

from barlow_report.lenses.gate.facts import ClassRate, Rate
from barlow_report.lenses.gate.measures import MEASURES
from tests.lenses.gate.made_up import change, facts, only, policy, verdict, waiver

WORSE = change("mug-with-f3-aaaa", "worse", new=0.4)
SAME = change("vase-without-f9-bbbb", "unchanged")
LOST = change("cup-with-f1-cccc", "not_comparable")


def _of(measure: str, **values: Any) -> dict[str, Any]:
    return {"measure": measure, **values}


@pytest.mark.parametrize(
    ("condition", "found", "outcome"),
    [
        (_of("worse_modes", at_most=0), facts(SAME), "passed"),
        (_of("worse_modes", at_most=0), facts(SAME, WORSE), "failed"),
        (_of("worse_modes", at_most=1), facts(SAME, WORSE), "passed"),
        (_of("worse_modes", at_most=0, severity="warn"), facts(WORSE), "warned"),
        (_of("worse_modes", at_most=0), facts(change("a", "undecided", new=0.27)), "passed"),
        (_of("worse_modes", at_most=0), facts(change("a", "new", new=0.4)), "passed"),
        (_of("new_modes", at_most=0), facts(change("a", "new", new=0.4)), "failed"),
        (_of("new_modes", at_most=0), facts(WORSE), "passed"),
        (_of("worse_modes", at_most=0), facts(), "passed"),
        (_of("verified_modes", at_most=1), facts(), "passed"),
        (_of("verified_modes", at_most=0), facts(), "failed"),
        (_of("mode_error_rate", at_most=0.35, limit="lower"), facts(), "passed"),
        (_of("mode_error_rate", at_most=0.35, limit="estimate"), facts(), "failed"),
        (_of("mode_error_rate", at_most=0.45, limit="estimate"), facts(), "passed"),
        (_of("mode_error_rate", at_most=0.45, limit="upper"), facts(), "failed"),
        (_of("class_error_rate", at_most=0.14, limit="lower"), facts(), "failed"),
        (_of("class_error_rate", at_most=0.14, limit="lower", classes=["vase"]), facts(), "passed"),
        (_of("accuracy", at_least=0.9, limit="lower"), facts(), "failed"),
        (_of("accuracy", at_least=0.9, limit="estimate"), facts(), "passed"),
        (_of("accuracy", at_least=0.91, limit="upper"), facts(), "passed"),
        (_of("explained_failures", at_least=0.5), facts(), "passed"),
        (_of("explained_failures", at_most=0.5), facts(), "failed"),
    ],
)
def test_a_condition_holds_or_not(condition: dict[str, Any], found: Any, outcome: str) -> None:
    judged = verdict(policy(condition), found)
    assert only(judged).outcome == outcome
    assert judged.outcome == outcome
    assert judged.exit_code == (3 if outcome == "failed" else 0)


@pytest.mark.parametrize(
    ("limit", "state", "new", "outcome"),
    [
        ("lower", "worse", 0.4, "failed"),  # 20 points, 12 to 28
        ("lower", "worse", 0.3, "passed"),  # 10 points, 2 to 18: not surely more than 5
        ("lower", "undecided", 0.4, "passed"),  # not shown over all modes: q = 0.5
        ("estimate", "undecided", 0.25, "passed"),  # exactly 5 points, though 0.25 - 0.2 is not 0.05 for a computer
        ("estimate", "undecided", 0.26, "failed"),
        ("upper", "undecided", 0.2, "failed"),  # −8 to 8: more than 5 points are not excluded
        ("upper", "better", 0.1, "passed"),
    ],
)
def test_a_rise_is_shown_or_excluded(limit: str, state: str, new: float, outcome: str) -> None:
    rise = change("mug", state, new=new)
    for measure, found in (
        ("mode_error_rate_rise", facts(rise)),
        ("class_error_rate_rise", facts(class_changes=[rise])),
        ("accuracy_drop", facts(run=rise)),
    ):
        assert verdict(policy(_of(measure, at_most=0.05, limit=limit)), found).outcome == outcome, measure


NOT_JUDGED = "no failure mode was tested"


@pytest.mark.parametrize(
    ("condition", "found", "why"),
    [
        (_of("worse_modes", at_most=0), facts(SAME, LOST), "other images and other feature models"),
        (_of("worse_modes", at_most=5), facts(has_baseline=False), "no baseline was given"),
        (
            _of("worse_modes", at_most=5),
            facts(SAME, unjudged_baseline=NOT_JUDGED),
            "in the baseline release-1 no failure",
        ),
        (_of("new_modes", at_most=5), facts(SAME, unjudged=NOT_JUDGED), NOT_JUDGED),
        (_of("mode_error_rate_rise", at_most=0.1, limit="lower"), facts(LOST), "Cannot be compared"),
        (_of("mode_error_rate", at_most=1, limit="lower"), facts(verified=[], unjudged=NOT_JUDGED), NOT_JUDGED),
        (_of("verified_modes", at_most=99), facts(verified=[], unjudged=NOT_JUDGED), NOT_JUDGED),
        (_of("explained_failures", at_most=1), facts(unjudged=NOT_JUDGED), NOT_JUDGED),
        (_of("explained_failures", at_most=1), facts(explained=None), "no failures to explain"),
        (_of("accuracy", at_least=0, limit="upper"), facts(accuracy=None), "no image was analysed"),
        (_of("accuracy_drop", at_most=1, limit="lower"), facts(run=LOST), "Cannot be compared"),
        (_of("accuracy", at_least=0, limit="lower"), facts(accuracy=Rate(value=0.9)), "Accuracy 90.0 %"),
        (
            _of("class_error_rate", at_most=1, limit="lower"),
            facts(classes=(ClassRate(class_id=0, name="mug", error_rate=None),)),
            "the class has no image",
        ),
        (_of("class_error_rate", at_most=1, limit="lower", classes=["mugs"]), facts(), "did you mean 'mug'?"),
        (_of("class_error_rate_rise", at_most=1, limit="lower", classes=["mugs"]), facts(), "no such class"),
    ],
)
def test_a_gate_never_passes_because_something_could_not_be_computed(
    condition: dict[str, Any], found: Any, why: str
) -> None:
    judged = verdict(policy(condition), found)
    assert only(judged).outcome == "no_verdict"
    assert (judged.outcome, judged.exit_code) == ("no_verdict", 3)
    words = " ".join(finding.look.evidence for finding in only(judged).of("no_verdict"))
    assert why in words.replace("\u202f", " ")
    told = verdict(policy({**condition, "severity": "warn"}), found)
    assert only(told).outcome == "no_verdict"
    assert (told.outcome, told.exit_code) == ("warned", 0)  # a warning stops no release, whatever it comes to


def test_what_is_surely_violated_fails_whatever_is_unknown() -> None:
    assert verdict(policy(), facts(WORSE, LOST)).outcome == "failed"


def test_what_surely_holds_passes_whatever_is_unknown() -> None:
    allowing_two = policy(_of("worse_modes", at_most=2))
    assert verdict(allowing_two, facts(WORSE, LOST)).outcome == "passed"
    assert verdict(allowing_two, facts(WORSE, LOST, change("b", "not_comparable"))).outcome == "no_verdict"


def test_the_worst_condition_decides() -> None:
    conditions = [
        _of("worse_modes", at_most=0),
        _of("accuracy", at_least=0.95, limit="upper", severity="warn"),
        _of("verified_modes", at_most=3),
    ]
    judged = verdict(policy(*conditions, waivers=[waiver("mug-with-f3-aaaa")]), facts(WORSE))
    assert [result.outcome for result in judged.results] == ["waived", "warned", "passed"]
    assert (judged.outcome, judged.exit_code) == ("warned", 0)


def test_the_rate_of_false_alarms_is_that_of_all_comparisons_together() -> None:
    def rate(*conditions: dict[str, Any]) -> float | None:
        return verdict(policy(*conditions), facts()).false_alarm_rate

    modes = (_of("worse_modes", at_most=0), _of("new_modes", at_most=0))
    drop = _of("accuracy_drop", at_most=0, limit="lower")
    assert rate(*modes) == 0.05
    assert rate(*modes, drop, _of("class_error_rate_rise", at_most=0, limit="lower")) == 0.05
    assert rate({**drop, "severity": "warn"}) == 0.0
    assert rate(*modes, {**drop, "limit": "upper"}) is None
    assert rate(_of("accuracy", at_least=0.5, limit="upper")) == 0.0


def test_every_measure_is_looked_at() -> None:
    for name, measure in MEASURES.items():
        bound = measure.bounds[0]
        condition = _of(name, **{bound: 0}, **({"limit": "upper"} if measure.has_interval else {}))
        assert only(verdict(policy(condition), facts(SAME))).findings or name in ("class_error_rate_rise",)
