"""One failure mode in words: which images, and how often they fail."""

from dataclasses import replace

import pytest

from barlow_report.report.mode_words import either_line, mode_line, mode_name, mode_rate
from barlow_report.report.records import ClassEntry, Condition, Estimate, Measures, Share
from tests.report.test_words import GROUP, RULE

THIN = "\u202f"
LE = Condition(feature_id=22, branch="le", threshold=0.1)
GT = Condition(feature_id=5, branch="gt", threshold=0.3, name="“striped fur”")
NEW = Measures(base=Share(240, 900), error=Share(60, 140, 0.35, 0.51), coverage=Share(60, 240), importance_value=0.1)


@pytest.mark.parametrize(
    ("conditions", "name"),
    [
        ((LE,), "images labelled mug without feature 22"),
        ((GT,), "images labelled mug with “striped fur”"),
        ((LE, GT), "images labelled mug without feature 22 and with “striped fur”"),
        ((LE, replace(LE, threshold=0.05)), "images labelled mug without feature 22"),
        ((LE, replace(LE, branch="gt", threshold=0.05)), "images labelled mug with moderate feature 22"),
        ((), "all images labelled mug"),
    ],
)
def test_a_mode_is_named_by_what_its_images_have_or_lack(conditions: tuple[Condition, ...], name: str) -> None:
    assert mode_name(GROUP, replace(RULE, conditions=conditions)) == name


@pytest.mark.parametrize(
    ("grouping", "name"),
    [
        ("prediction", "images taken for mug without feature 22"),
        ("column hospital", "images whose hospital is mug, without feature 22"),
        ("unions_by_label", "images labelled mug (cat or dog), without feature 22"),
    ],
)
def test_a_mode_of_any_group_has_a_name(grouping: str, name: str) -> None:
    classes = tuple(ClassEntry(class_id=i, name=text, slug=text) for i, text in enumerate(("cat", "dog")))
    group = replace(GROUP, grouping=grouping, classes=classes)
    assert mode_name(group, replace(RULE, conditions=(LE,))) == name


def test_a_rate_is_that_in_evidence_and_says_of_which_images() -> None:
    rule = replace(RULE, conditions=(LE,), held_out=NEW)
    assert mode_rate(rule) == f"43{THIN}% fail instead of 27{THIN}% (60 of 140 held-out images)"
    assert mode_line(GROUP, rule).startswith(f"Images labelled mug without feature 22: 43{THIN}% fail instead of")
    one = replace(NEW, error=Share(1, 1, 0.2, 1.0))
    assert mode_rate(replace(rule, held_out=one)).endswith("(1 of 1 held-out image)")
    none = replace(NEW, error=Share(0, 0))
    assert mode_rate(replace(rule, held_out=none)) == (
        "not known how many fail (none of the held-out images is one of these)"
    )


def test_an_estimated_rate_has_its_interval_and_the_images_it_is_from() -> None:
    estimated = replace(NEW, error=Estimate(value=0.43, low=0.36, high=0.5))
    assert mode_rate(replace(RULE, held_out=estimated)) == (
        f"about 43{THIN}% fail instead of 27{THIN}% (36–50{THIN}%, estimated from 320 images)"
    )


def test_a_rate_that_nothing_tested_says_so() -> None:
    assert mode_rate(replace(RULE, held_out=None)) == (
        f"97{THIN}% fail instead of 51{THIN}% (311 of 320 images it was found on, not tested)"
    )


def test_several_verified_modes_of_a_group_are_said_as_one_rule() -> None:
    first = replace(RULE, conditions=(LE,), held_out=NEW)
    other = replace(NEW, error=Share(20, 60, 0.2, 0.4), coverage=Share(20, 240))
    second = replace(RULE, rule_id=9, conditions=(GT,), held_out=other)
    assert either_line(replace(GROUP, rules=(first, second))) == (
        f"Images labelled mug without feature 22, or with “striped fur”: 40{THIN}% fail instead of 27{THIN}% "
        f"(80 of 200 held-out images). They cover 33{THIN}% of the failures."
    )
    guesses = [replace(NEW, error=Estimate(value, 0.1, 0.9), coverage=Estimate(0.4, 0.3, 0.5)) for value in (0.5, 0.3)]
    rules = tuple(replace(rule, held_out=guess) for rule, guess in zip((first, second), guesses, strict=True))
    assert either_line(replace(GROUP, rules=rules)).endswith(
        f"about 40{THIN}% fail instead of 27{THIN}% (estimated from 640 images). They cover 80{THIN}% of the failures."
    )
    chance = replace(second, verdict="can_be_chance")
    assert either_line(replace(GROUP, rules=(first,))) == either_line(replace(GROUP, rules=(first, chance))) == ""
