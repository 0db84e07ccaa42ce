"""Causes on the site: the sentence of a mode, the chart and pictures, badges, the table and its page."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from barlow_report.config import SiteConfig
from barlow_report.lenses.causes.page_charts import HEIGHT, draw_doses
from barlow_report.lenses.causes.page_words import _confidence_sentence
from barlow_report.lenses.causes.records import Dose, read_causes
from barlow_report.report import ReportSource, build_site
from barlow_report.report.links import broken_links
from barlow_report.report.records import Estimate, Share
from barlow_report.stages.privacy import without_photographs
from tests.lenses.causes.made_up import with_causes
from tests.report.synthetic import Recipe, synthetic_source
from tests.report.test_browser import violations

SMALL = {"n_classes": 8, "n_per_class": 60, "n_tiles": 2, "n_gallery": 2, "n_pictures": 4, "image_size": 32}


def _words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page)).replace("\u202f", " ")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ReportSource:
    return with_causes(synthetic_source(tmp_path_factory.mktemp("causes") / "run", Recipe(**SMALL)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def site(source: ReportSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("causes") / "site"
    build_site(source, site=folder)
    return folder


def _class_pages(site: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(site.glob("classes/*/index.html")))


def test_each_mode_says_in_a_sentence_whether_its_feature_is_a_cause(site: Path) -> None:
    words = _words(_class_pages(site))
    assert re.search(
        r"With feature \d+ (added to|taken from) 20 images of this failure mode, 20 % fail instead of 60 %; "
        r"after other changes of the same size, 60 %\. It is a cause\.",
        words,
    )
    assert "It is hardly a cause." in words
    assert "That does not tell whether it is a cause." in words
    assert "is a cause was not tested: 3 images can be changed, and 10 are needed." in words
    assert "Effect 40 points (95 % interval 32 to 48; at least 10 needed), q = 0.002 (limit 0.05)." in words
    assert "Compared with other changes, the model is 32 points more sure of the label (26 to 38)." in words
    assert "Compared with other changes, the model is 32 points less sure of the label (26 to 38)." in words
    assert "nan" not in words.lower().split()


def test_the_sentence_of_confidence_says_which_way_it_went() -> None:
    against = Estimate(-0.032, -0.1, 0.04)
    assert _confidence_sentence(against, direction="repair") == (
        "Compared with other changes, the model is 3 points less sure of the label (−4 to 10)."
    )
    assert "3 points more sure" in _confidence_sentence(against, direction="break")
    assert "0 points more sure of the label (−10 to 4)" in _confidence_sentence(
        Estimate(-0.001, -0.1, 0.04), direction="repair"
    )


def test_a_weak_verdict_needs_all_effects_to_be_weak(source: ReportSource) -> None:
    causes = read_causes(source)
    assert causes is not None
    verdicts = {causes.verdict(rule_id) for rule_id in causes.effects}
    assert verdicts == {"causal", "weak", "undecided", "not_tested"}
    assert causes.verdict(10**6) is None
    first = next(rule_id for rule_id in causes.effects if causes.verdict(rule_id) == "causal")
    best = causes.best(first)
    assert best is not None
    assert best.direction == "repair"


def test_points_of_the_chart_are_where_the_numbers_say() -> None:
    doses = [
        Dose(dose=d, moved=Share(k, 10, k / 10, k / 10), control=Share(5, 10, 0.2, 0.8))
        for d, k in ((0.0, 10), (1.0, 0))
    ]
    drawing = draw_doses(doses)
    assert drawing is not None
    assert drawing.moved[0].y == 12.0  # 100 % at the top
    assert drawing.moved[1].y == HEIGHT - 34  # 0 % at the bottom
    assert drawing.moved[1].x > drawing.moved[0].x
    assert drawing.control[0].high < drawing.control[0].y < drawing.control[0].low
    assert drawing.moved[1].words == "after 100\u202f% of the change: 0\u202f% fail (0/10)"
    assert draw_doses([]) is None


def test_links_hold_and_downloads_say_what_pages_say(site: Path, source: ReportSource) -> None:
    assert broken_links(site)[0] == []
    found = list(csv.DictReader(io.StringIO((site / "data/causes.csv").read_text(encoding="utf-8"))))
    assert len(found) == len(source.tables["causes"])
    twin = json.loads((site / "data/causes.json").read_text(encoding="utf-8"))["causes"]
    assert [row["verdict"] for row in twin] == [row["verdict"] for row in found]
    tested = next(row for row in twin if row["verdict"] == "causal")
    assert [dose["dose"] for dose in tested["doses"]] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert tested["confidence_effect"] == pytest.approx(0.32)
    assert max(tested["p_images"], tested["p_features"]) == tested["p_value"]
    assert next(row for row in twin if row["verdict"] == "not_tested")["effect"] is None


def test_the_page_counts_modes_and_tells_what_it_cannot_show(site: Path) -> None:
    words = _words((site / "causes/index.html").read_text(encoding="utf-8"))
    assert "What this cannot show" in words
    assert re.search(r"\d+ verified failure modes?: \d+ caused by the feature, \d+ undecided, \d+ hardly caused", words)
    assert "Causes" in _words((site / "method/index.html").read_text(encoding="utf-8"))
    assert "hardly a cause" in _words((site / "failure-modes/index.html").read_text(encoding="utf-8"))


def test_causes_come_first_among_verified_modes_and_are_marked_as_such(site: Path, source: ReportSource) -> None:
    causes, rules = read_causes(source), source.tables["rules"].set_index("rule_id")
    assert causes is not None
    table = (site / "failure-modes/index.html").read_text(encoding="utf-8").partition("<tbody")[2]
    assert "Rows are sorted by best verdict, then causes before others, then " in table
    ids = [int(rule_id) for rule_id in re.findall(r'href="\.\./failure-modes/(\d+)/index.html">', table)]
    is_cause = [causes.verdict(rule_id) == "causal" for rule_id in ids]
    assert is_cause == sorted(is_cause, reverse=True)
    assert 0 < sum(is_cause) < len(ids)
    importance = rules.loc[ids, "importance_value_held_out"].tolist()
    assert importance[: sum(is_cause)] == sorted(importance[: sum(is_cause)], reverse=True)
    assert max(importance[sum(is_cause) :]) > min(importance[: sum(is_cause)])  # importance alone gives another order
    overview = (site / "index.html").read_text(encoding="utf-8")
    assert overview.count('<span class="badge causal">cause</span>') == min(3, sum(is_cause))
    assert "causes before others" in overview


def test_without_photographs_there_are_no_pairs(source: ReportSource, tmp_path: Path) -> None:
    bare = replace(source, tables=without_photographs(source.tables), settings=SiteConfig(images="none"))
    build_site(bare, site=tmp_path / "site")
    assert 'class="pairs"' not in _class_pages(tmp_path / "site")


@pytest.mark.browser
def test_pages_with_causes_are_accessible(site: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    with_chart = next(p for p in sorted(site.glob("classes/*/index.html")) if 'class="doses"' in p.read_text("utf-8"))
    for path in (site / "causes/index.html", with_chart):
        page.goto(path.as_uri())
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.close()


_PLACES = """() => {
  const box = e => e.getBoundingClientRect(), right = box(document.querySelector('.folded')).right;
  const all = [...document.querySelectorAll('.folded :is(th, td)')], below = all.filter(e => e.matches('.below'));
  const isUnder = (e, above) => box(e).left === box(above).left && box(e).top >= box(above).bottom;
  return [all.filter(e => box(e).right > right + 1).length,
    below.filter(e => !isUnder(e, e.previousElementSibling)).length, below.length];
}"""


@pytest.mark.browser
def test_all_columns_of_the_widest_tables_are_on_a_desktop_screen(site: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    for path, again in (("failure-modes", "iv"), ("causes", "q")):
        page.goto((site / path / "index.html").as_uri())
        for press in (False, True):  # as the page is, and as its script draws it
            if press:
                page.click(f"[data-sort={again}]")
            outside, misplaced, n_below = page.evaluate(_PLACES)
            assert (outside, misplaced) == (0, 0), path
            assert n_below > 0
    page.close()
