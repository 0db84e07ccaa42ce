"""The limits that a failure mode had to pass, and how well a class is recognised, recomputed by hand."""

from dataclasses import replace

import pandas as pd
import pytest

from barlow_report.config import RulesConfig
from barlow_report.formatting import THIN_SPACE, percent, ratio
from barlow_report.report.images import Images
from barlow_report.report.limits import limits_of
from barlow_report.report.pages.measures import class_measures
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Measures, Rule, Share
from barlow_report.tables import empty_table
from tests.report.conftest import Built

CONFIG = RulesConfig(evidence="held_out")
BASE = Share(30, 100)


def _rule(k: int, n: int, n_failures: int, *, q: float | None = 0.01, verdict: str = "verified") -> Rule:
    measures = Measures(base=BASE, error=Share(k, n), coverage=Share(k, n_failures), importance_value=None)
    return Rule(
        rule_id=1,
        group_id=1,
        node_id=1,
        rank=1,
        conditions=(),
        fit=measures,
        held_out=measures,
        is_failure_mode=True,
        p_value=q,
        q_value=q,
        verdict=verdict,
    )


def _said(rule: Rule) -> list[tuple[str, str, bool | None]]:
    found = limits_of(rule, CONFIG)
    return [(f.found.replace(THIN_SPACE, " "), f.asked.replace(THIN_SPACE, " "), f.is_met) for f in found]


def test_each_limit_says_what_was_found_and_what_was_asked_for() -> None:
    assert _said(_rule(18, 40, 60)) == [
        ("q = 0.010", "at most 0.05", True),
        ("15 points above the base rate", "at least 10 above", True),
        ("30 % of the failures", "at least 20 %", True),
    ]


@pytest.mark.parametrize(
    ("rule", "place", "found"),
    [
        (_rule(3995, 10_000, 10_000), 1, "9.95 points above the base rate"),
        (_rule(1, 10, 10), 1, "20 points below the base rate"),
        (_rule(1999, 2000, 10_000), 2, "19.99 % of the failures"),
        (_rule(18, 40, 60, q=0.0504, verdict="can_be_chance"), 0, "q = 0.050400"),
        (_rule(2, 2, 60, q=0.4, verdict="too_few_images"), 0, "too few images to tell: q"),
    ],
)
def test_a_limit_that_is_missed_is_never_written_as_one_that_is_met(rule: Rule, place: int, found: str) -> None:
    limit = _said(rule)[place]
    assert limit[0] == found
    assert not limit[2]


def test_without_a_test_only_sizes_are_told() -> None:
    rule = replace(_rule(18, 40, 60, q=None, verdict="in_sample_only"), held_out=None)
    assert [found for found, _, _ in _said(rule)] == ["15 points above the base rate", "30 % of the failures"]


def test_images_of_a_class_are_counted_as_by_hand() -> None:
    frame = pd.DataFrame({"label": [0, 0, 0, 1, 2], "prediction": [0, 1, 0, 0, 0], "confidence": 1.0, "path": ""})
    tables = {name: empty_table(name) for name in ("contents", "splits")}
    images = Images(frame.assign(image_id=range(5)), **tables, show_paths=False)
    assert images.of_class(0) == (3, 4, 2)  # recall 2/3, precision 2/4, F1 4/7
    assert images.of_class(2) == (1, 0, 0)
    assert images.of_class(9) == (0, 0, 0)


def test_recall_precision_and_f1_stand_on_the_page_with_their_counts(demo: Built) -> None:
    images = demo.source.tables["images"]
    is_label, is_prediction = images["label"] == 3, images["prediction"] == 3
    right, labelled, predicted = (int(found.sum()) for found in (is_label & is_prediction, is_label, is_prediction))
    recall, precision, f1 = (m.share for m in class_measures(Site.from_source(demo.source), 3))
    assert (recall.k, recall.n) == (right, labelled)
    assert (precision.k, precision.n) == (right, predicted)
    r, p = right / labelled, right / predicted
    assert f1.value == pytest.approx(2 * r * p / (r + p))
    text = demo.text("classes/c3/index.html")
    for share in (recall, precision, f1):
        assert f"{percent(share.value)} <small>{ratio(share.k, share.n)}</small>" in text
