"""What somebody reads in ten seconds: how often the model fails, and under which known conditions."""

import dataclasses

import pandas as pd
import pytest

from barlow_report.report import ReportSource
from barlow_report.report.catalog import Catalog
from barlow_report.report.evidence import VERDICTS
from barlow_report.report.headlines import KnownConditions, headline, known_conditions
from tests.report.conftest import Built
from tests.report.shuffles import with_shuffles

THIN = "\u202f"


def _said(source: ReportSource) -> tuple[str, KnownConditions]:
    catalog = Catalog(source)
    modes = catalog.failure_modes()
    return headline(catalog, modes), known_conditions(catalog, modes)


def _with(source: ReportSource, **tables: pd.DataFrame) -> ReportSource:
    return dataclasses.replace(source, tables={**source.tables, **tables})


def _with_verdict(source: ReportSource, verdict: str) -> ReportSource:
    rules = source.tables["rules"]
    return _with(source, rules=rules.assign(verdict=rules["verdict"].where(~rules["is_failure_mode"], verdict)))


def test_the_first_line_says_how_many_images_fail_and_under_which_known_conditions(demo: Built) -> None:
    images, rules = demo.source.tables["images"], demo.source.tables["rules"]
    n_known = int((rules["verdict"] == "verified").sum())
    rate = f"{(images['label'] != images['prediction']).mean() * 100:.1f}{THIN}%"
    first = Catalog(demo.source).failure_modes()[0]
    words, _ = _said(demo.source)
    assert words.startswith(f"{rate} of images fail. {n_known} known conditions fail at least 10 points more often;")
    assert f"{first.best.error.value:.0%} instead of {first.best.base.value:.0%}.".replace("%", f"{THIN}%") in words
    assert "ship" not in words


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("real_but_small", "Some conditions fail more often, but by less than 10 points"),
        ("can_be_chance", "No known condition fails at least 10 points more often."),
    ],
)
def test_conditions_that_are_not_verified_are_not_called_known(demo: Built, verdict: str, words: str) -> None:
    said, known = _said(_with_verdict(demo.source, verdict))
    assert words in said
    assert known.title == "No known conditions"
    assert (known.failures, known.images) == (None, None)
    assert " found; none held up on " in known.candidates
    assert f"The others: {known.candidates.split()[0]} {VERDICTS[verdict]}." in known.candidates


def test_conditions_of_a_run_in_sample_are_untested(hostile: Built) -> None:
    said, known = _said(hostile.source)
    assert "more often on the images that they were found on." in said
    assert known.title.endswith(" untested conditions")
    assert known.candidates.endswith(" failure modes found; not tested.")
    assert (known.failures and known.failures.n) == 140  # of the fitted images
    assert "too high" in known.source


def test_finding_nothing_is_said_plainly(quiet: Built, demo: Built) -> None:
    said, known = _said(quiet.source)
    assert said == f"None of the {len(quiet.source.tables['images'])} images fails."
    assert (known.title, known.candidates, known.source) == ("No known conditions", "", "")
    none = _with(demo.source, rules=demo.source.tables["rules"].assign(is_failure_mode=False, verdict=None))
    assert "No condition was found that fails at least 10 points more often." in _said(none)[0]


def test_known_conditions_say_how_much_of_the_failures_lies_in_how_much_of_the_images(demo: Built) -> None:
    known = _said(demo.source)[1]
    assert known.failures is not None
    assert known.images is not None
    assert (known.failures.k, known.failures.n) == (18, 60)
    assert (known.images.k, known.images.n, known.images_of) == (42, 210, " held out")
    n_held_out = int((demo.source.tables["splits"]["split"] == "held_out").sum())
    assert f" held up on {n_held_out} held-out images." in known.candidates


def test_rules_on_all_images_held_up_against_shuffles_and_their_share_is_estimated(demo: Built) -> None:
    known = _said(with_shuffles(demo.source))[1]
    assert "held up against shuffled failures." in known.candidates
    assert "estimated" in known.source
    assert known.images_of == ""
