"""What somebody reads in ten seconds: four questions and what the tables say to them."""

import dataclasses

import pytest

from barlow_report.report import ReportSource
from barlow_report.report.headlines import Headline, headlines
from barlow_report.report.pages import Site
from barlow_report.report.records import Share
from tests.report.conftest import Built

THIN = "\u202f"


def _headlines(source: ReportSource, *, explained: Share | None = None) -> tuple[Headline, ...]:
    site = Site.from_source(source)
    return headlines(site, site.catalog.failure_modes(), explained=explained)


def _with_verdict(built: Built, verdict: str) -> ReportSource:
    rules = built.source.tables["rules"]
    rules = rules.assign(verdict=rules["verdict"].where(~rules["is_failure_mode"], verdict))
    return dataclasses.replace(built.source, tables={**built.source.tables, "rules": rules})


def test_verified_failure_modes_ask_for_a_decision_and_the_most_important_one_is_named(demo: Built) -> None:
    ship, matter, _, _ = _headlines(demo.source)
    n = int((demo.source.tables["rules"]["verdict"] == "verified").sum())
    assert ship.answer == f"Not without deciding on {n} verified failure modes"
    assert ship.tone == "doubt"
    assert "among images " in ship.detail
    assert "fail, against" in ship.detail
    assert ship.more is not None
    assert matter.links[0].path == ship.more.path
    assert len(matter.links) == 3


@pytest.mark.parametrize(
    ("verdict", "answer", "tone", "which"),
    [
        ("real_but_small", "Only small differences speak against it", "plain", "Real but small ones of "),
        ("can_be_chance", "Nothing verified speaks against it", "good", "Ones that can be chance, of "),
    ],
)
def test_failure_modes_that_are_not_verified_say_what_they_are(
    demo: Built, verdict: str, answer: str, tone: str, which: str
) -> None:
    ship, matter, _, _ = _headlines(_with_verdict(demo, verdict))
    assert (ship.answer, ship.tone) == (answer, tone)
    assert f" failure modes, all {verdict.replace('_', ' ')}. Of all images" in ship.detail
    assert matter.answer.startswith(which)


def test_an_in_sample_run_cannot_say_whether_it_is_safe(hostile: Built) -> None:
    ship, _, explained, _ = _headlines(hostile.source, explained=Share(3, 4))
    assert ship.answer == "This report cannot say"
    assert "none tested" in ship.detail
    assert "in-sample" in explained.detail


def test_finding_nothing_is_not_called_safe(quiet: Built) -> None:
    ship, matter, explained, gaps = _headlines(quiet.source)
    assert ship.answer == "Nothing found speaks against it"
    assert "no proof of soundness" in ship.detail
    assert matter.answer == "None was found"
    assert explained.answer == "There is no figure"
    assert gaps.answer == "Every image was read, every group with failures has a tree"


def test_unexplained_failures_are_counted(demo: Built) -> None:
    explained = _headlines(demo.source, explained=Share(18, 60))[2]
    assert explained.answer == f"30.0{THIN}%"
    assert explained.detail == "18/60 held-out failures lie in a verified failure mode; the other 42 are not explained."


@pytest.mark.parametrize(("status", "words"), [("too_few_images", "too few images"), ("no_split", "no split")])
def test_groups_without_a_tree_and_files_that_could_not_be_read_are_named(demo: Built, status: str, words: str) -> None:
    groups = demo.source.tables["groups"].assign(status=status)
    source = dataclasses.replace(demo.source, tables={**demo.source.tables, "groups": groups})
    gaps = _headlines(source)[3]
    assert gaps.tone == "doubt"
    assert gaps.answer.startswith(f"{len(groups)} of {len(groups)} groups")
    assert f"{len(groups)} with {words}; 3 files could not be read." in gaps.detail


@pytest.mark.parametrize("page", ["index.html", "method/index.html"])
def test_what_a_run_assumed_is_told(hostile: Built, quiet: Built, page: str) -> None:
    assert "<li>Grey values go up to &lt;b&gt;255&lt;/b&gt;.</li>" in hostile.text(page)
    assert "What was assumed" not in quiet.text(page)
