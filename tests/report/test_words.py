"""Rules and evidence in words."""

from dataclasses import replace

import pytest

from barlow_report.config import RulesConfig
from barlow_report.report.evidence import evidence_words, stability_words, verdict_counts
from barlow_report.report.pages.facts import settings_rows
from barlow_report.report.pages.others import attack_words
from barlow_report.report.records import Condition, Estimate, Group, Measures, Rule, Share
from barlow_report.report.words import (
    condition_words,
    images_of,
    relation_question,
    rule_inequality,
    share_text,
    status_words,
)

THIN = "\u202f"


def _measures(k: int, n: int, failures: int, images: int, low: float | None = None) -> Measures:
    high = None if low is None else 0.99
    return Measures(
        base=Share(failures, images), error=Share(k, n, low, high), coverage=Share(k, failures), importance_value=0.5
    )


RULE = Rule(
    rule_id=4,
    group_id=0,
    node_id=1,
    rank=1,
    conditions=(Condition(feature_id=37, branch="le", threshold=0.08934),),
    fit=_measures(311, 320, 400, 780),
    held_out=_measures(130, 137, 170, 335, low=0.9),
    is_failure_mode=True,
    p_value=0.0001,
    q_value=0.0001,
    verdict="verified",
)
HELD_OUT = RulesConfig(evidence="held_out")
ESTIMATED = Measures(
    base=Share(570, 1115),
    error=Estimate(value=0.88, low=0.8, high=0.93),
    coverage=Estimate(value=0.9, low=0.82, high=0.95),
    importance_value=0.79,
)
GROUP = Group(
    group_id=0,
    grouping="label",
    class_id=0,
    name="mug",
    status="fitted",
    base=Share(400, 780),
    base_held_out=Share(170, 335),
    average_leaf_error_rate=0.9,
    average_leaf_error_rate_held_out=0.8,
    noise_floor=None,
    nodes=(),
    rules=(RULE,),
)


def test_a_rule_is_written_exactly() -> None:
    assert rule_inequality(RULE) == "feature 37 ≤ 0.08934"


def test_a_rule_without_conditions_is_about_all_images() -> None:
    assert rule_inequality(replace(RULE, conditions=())) == "all images"


def test_conditions_on_one_feature_are_joined_and_superfluous_ones_dropped() -> None:
    conditions = (
        Condition(feature_id=5, branch="le", threshold=0.9),
        Condition(feature_id=5, branch="gt", threshold=0.1),
        Condition(feature_id=5, branch="le", threshold=0.4),
        Condition(feature_id=8, branch="gt", threshold=1.5),
    )
    words = condition_words(conditions).replace("\u00a0", "~")
    assert words == "with moderate feature 5 (>~0.1 and ≤~0.4) and with feature 8 (>~1.5)"


@pytest.mark.parametrize(
    ("grouping", "words"),
    [
        ("label", "images labelled mug"),
        ("prediction", "images taken for mug"),
        ("pair", "images of mug (pair)"),
    ],
)
def test_the_images_of_a_group_are_named_by_its_grouping(grouping: str, words: str) -> None:
    assert images_of(replace(GROUP, grouping=grouping)) == words


def test_verified_evidence_names_counts_interval_and_q() -> None:
    words = evidence_words(RULE, HELD_OUT)
    assert "130/137" in words
    assert f"95{THIN}% interval 90–99{THIN}%" in words
    assert words.endswith(f"; q <{THIN}0.001. The failure mode is verified.")


@pytest.mark.parametrize(
    ("measures", "smaller"),
    [
        (_measures(18, 40, 82, 200, low=0.3), "error rate 4 points above the base rate instead of 10."),
        (
            _measures(11, 22, 401, 1000, low=0.3),
            "error rate 9.9 points above the base rate instead of 10 and covers 3\u202f%",
        ),
        (_measures(30, 100, 100, 200, low=0.2), "error rate 20 points below the base rate."),
        (_measures(39, 40, 199, 400, low=0.9), "covers 19.6\u202f% of the held-out failures instead of 20\u202f%."),
    ],
)
def test_a_real_difference_says_by_how_much_it_misses_a_limit(measures: Measures, smaller: str) -> None:
    small = replace(RULE, held_out=measures, verdict="real_but_small", q_value=0.01)
    words = evidence_words(small, HELD_OUT)
    assert f"It is real (q = 0.010) but small: {smaller}" in words


def test_a_difference_that_can_be_chance_says_so_first() -> None:
    weak = _measures(3, 30, 50, 100, low=0.02)
    words = evidence_words(replace(RULE, held_out=weak, verdict="can_be_chance", q_value=0.3), HELD_OUT)
    assert "That may be chance (q = 0.300, limit 0.05), and it is small: error rate 40 points" in words
    assert "covers 6\u202f% of the held-out failures instead of 20\u202f%" in words


def test_a_leaf_with_too_few_held_out_images_says_that_no_outcome_could_have_passed() -> None:
    untested = replace(RULE, verdict="too_few_images", q_value=None)
    empty = replace(untested, held_out=_measures(0, 0, 10, 20))
    assert evidence_words(empty, HELD_OUT) == "None of the held-out images meets the rule: too few images to tell."
    alike = replace(untested, held_out=_measures(9, 9, 20, 20, low=0.7))
    assert evidence_words(alike, HELD_OUT).endswith(
        "Too few images to tell: all of the group's held-out images fail, so there is nothing to compare."
    )
    one = replace(untested, held_out=_measures(1, 1, 3, 20, low=0.2))
    assert evidence_words(one, HELD_OUT).endswith(
        "Too few images to tell: even if all of them failed, the p-value would be 0.150, above the limit of 0.05."
    )


def test_estimates_name_their_interval_and_the_test_by_shuffles() -> None:
    rule = replace(RULE, held_out=ESTIMATED, p_value=0.0005, q_value=0.002)
    words = evidence_words(rule, RulesConfig())
    assert words.startswith("An estimated 88\u202f% of these images fail (95\u202f% interval 80–93\u202f%)")
    assert "shuffled failures give a rule as good with p <\u202f0.001, q = 0.002" in words
    assert words.endswith("The failure mode is verified.")
    small = evidence_words(replace(rule, verdict="real_but_small"), RulesConfig(rho=0.5))
    assert "It is real but small: error rate 37 points above the base rate instead of 50." in small
    below = replace(ESTIMATED, error=Estimate(value=0.4, low=0.2, high=0.6))
    beside = evidence_words(replace(rule, held_out=below, verdict="real_but_small"), RulesConfig())
    assert beside.endswith(
        "So these images fail more often than those beside them in the tree, but not more often than the group: "
        "nothing to act on by itself."
    )
    alike = replace(rule, verdict="not_of_class", p_value_baseline=0.6, q_value=0.6)
    assert "the rule fits other images of their own classes as well" in evidence_words(alike, RulesConfig())
    chance = replace(rule, verdict="can_be_chance", p_value=0.2, q_value=0.6)
    assert evidence_words(chance, RulesConfig()).endswith("That may be chance (q = 0.600, limit 0.05).")


def test_failure_modes_are_counted_by_verdict_and_ordered_by_it_then_by_stability() -> None:
    verdicts = ("can_be_chance", "verified", "real_but_small", "verified")
    rules = [replace(RULE, rule_id=i, verdict=verdict) for i, verdict in enumerate(verdicts)]
    assert verdict_counts(rules) == ((2, "verified"), (1, "real but small"), (1, "may be chance"))
    rules[1] = replace(rules[1], stability=0.49)
    assert [rule.rule_id for rule in sorted(rules, key=lambda rule: rule.order)] == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("stability", "words"),
    [(0.8, "stable 0.80"), (0.5, "fairly stable 0.50"), (0.49, "unstable 0.49"), (0.0, "unstable 0.00"), (None, "")],
)
def test_stability_is_a_word_and_a_number(stability: float | None, words: str) -> None:
    assert stability_words(stability) == words


def test_in_sample_evidence_is_called_none() -> None:
    in_sample = replace(RULE, held_out=None, verdict="in_sample_only")
    assert evidence_words(in_sample, HELD_OUT).startswith("In-sample only: no image was held out")


@pytest.mark.parametrize("status", ["too_few_images", "no_failures", "only_failures", "no_split"])
def test_a_group_without_a_tree_says_why(status: str) -> None:
    assert status_words(replace(GROUP, status=status), HELD_OUT).startswith("No tree: ")


def test_a_share_of_nothing_is_a_dash() -> None:
    assert share_text(Share(0, 0)) == "–"
    assert share_text(Share(1, 4)) == f"25.0{THIN}% (1/4)"


@pytest.mark.parametrize(
    ("grouping", "names", "question"),
    [
        ("label", ["dog"], "What is it to the class “dog”?"),
        ("prediction", ["dog"], "What is it to the class “dog”?"),
        ("confused_pairs", ["cat", "dog"], "What is it to the class “cat”?"),
        ("unions_by_label", ["cat", "dog", "bird"], "What is it to the classes “cat”, “dog” or “bird”?"),
        ("hospital", ["A"], "What is it to the object that an image shows?"),
    ],
)
def test_people_are_asked_about_a_class_only_where_there_is_one(grouping: str, names: list[str], question: str) -> None:
    assert relation_question(grouping, names) == question


@pytest.mark.parametrize(("radius", "words"), [(None, "no radius"), ("none", "no radius"), ("auto", "radius auto")])
def test_method_says_in_words_that_attacks_have_no_radius(radius: str | None, words: str) -> None:
    attack = {"n_steps": 50, "step_size": 10.0, "radius": radius}
    settings = settings_rows({"config": {"seed": 1, "visuals": {"n_images": 4, "attack": attack}}})
    assert list(attack_words(settings)) == ["n steps 50", "step size 10.0", words]
