"""Changes on the site: the answer, the table of failure modes, slopes, flipped images, classes, history, badges."""

import csv
import io
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from barlow_report.config import SiteConfig
from barlow_report.lenses.changes.page_charts import draw_accuracy, draw_releases
from barlow_report.lenses.changes.page_words import answer, counts_words, images_of, whole_sentence
from barlow_report.lenses.changes.records import read_changes
from barlow_report.lenses.changes.release_records import Release, ReleaseMode
from barlow_report.lenses.changes.tables import STATES
from barlow_report.lenses.changes.words import tally
from barlow_report.report import ReportSource, build_site
from barlow_report.report.inlining import Inliner
from barlow_report.report.links import broken_links
from barlow_report.report.media import MediaLibrary
from barlow_report.report.pages import Site, all_pages
from barlow_report.report.records import Estimate, Share
from barlow_report.report.render import Renderer, templates_folder
from barlow_report.stages.privacy import without_photographs
from barlow_report.visible import visible
from tests.lenses.changes.made_up import with_changes
from tests.report.conftest import Built
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source
from tests.report.test_browser import Watched, violations

PAGE, HISTORY, IMAGES = "changes/index.html", "changes/history/index.html", "changes/images/index.html"
RECIPE = Recipe(
    n_classes=12, n_per_class=60, n_features=60, n_tiles=1, n_gallery=2, n_mode_images=4, n_pictures=4, image_size=32
)


def _words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html)).replace("\u202f", " ")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ReportSource:
    return synthetic_source(tmp_path_factory.mktemp("plain") / "run", RECIPE)


@pytest.fixture(scope="module")
def compared(plain: ReportSource, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A run beside an earlier one with the same images, and a history of five releases."""
    source = with_changes(plain, n_releases=5)
    folder = tmp_path_factory.mktemp("compared") / "site"
    build_site(source, site=folder)
    return Built(source, folder)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (
            {"worse": 2, "new": 1, "unchanged": 5, "better": 3, "undecided": 4},
            "2 failure modes got worse, 1 is new, 3 got better, 5 are unchanged, 4 are undecided",
        ),
        ({"worse": 1, "gone": 1}, "1 failure mode got worse, 1 is gone"),
        ({"new": 3}, "3 failure modes are new"),
        (
            {"undecided": 1, "not_comparable": 2},
            "No failure mode is known to be worse or new: 1 is undecided, 2 could not be compared",
        ),
        ({"unchanged": 1}, "No failure mode is known to be worse or new: 1 is unchanged"),
    ],
)
def test_the_answer_counts_failure_modes_by_state(counts: dict[str, int], words: str) -> None:
    assert tally(Counter(counts)) == words


def test_without_failure_modes_or_with_none_that_can_be_compared_the_answer_says_so(plain: ReportSource) -> None:
    none = read_changes(with_changes(plain, states=("not_comparable",)))
    assert none is not None
    assert answer(none) == f"None of the {len(none.modes)} failure modes could be compared."
    assert answer(replace(none, modes=none.modes[:1])) == "The one failure mode could not be compared."
    nothing = "Neither run has a verified failure mode, so there is none to compare."
    assert answer(replace(none, modes=())) == nothing


def test_the_page_answers_first_and_gives_rates_counts_difference_and_q(compared: Built) -> None:
    text = _words(compared.text(PAGE))
    changes = read_changes(compared.source)
    assert changes is not None
    assert text.index(answer(changes)) < text.index("Failure modes Every")
    assert "20.0 %13–29 % 45.0 %36–55 % 20/100 → 45/100 +25.0+15 to +35 0.002" in text
    assert "50/100 → 20/100 −30.0−40 to −20" in text
    assert "the new run has no activations of feature" in text
    assert "&lt;i&gt;22&lt;/i&gt;" in compared.text(PAGE)
    assert "ρ was &lt;b&gt;0.1&lt;/b&gt; and is 0.2." in compared.text(PAGE)
    assert "nan" not in _words(compared.text(PAGE) + compared.text(HISTORY)).lower().replace("nano", "").split()


def test_what_matters_comes_first_in_the_table(compared: Built) -> None:
    site = Site.from_source(compared.source)
    assert {PAGE, HISTORY, IMAGES} <= {page.path for page in all_pages(site)}
    states = [str(row[0]) for row in site.tables["mode-changes"].rows]
    order = ("worse", "new", "undecided", "not_comparable", "better", "gone", "unchanged")
    assert set(states) == set(STATES)
    assert states == sorted(states, key=order.index)


def test_every_mark_of_a_chart_says_what_it_shows(compared: Built) -> None:
    changes = read_changes(compared.source)
    assert changes is not None
    marks = re.findall(r'<g class="(\w+)" role="img" aria-label="([^"]*)"><title>([^<]*)</title>', compared.text(PAGE))
    assert Counter(state for state, _, _ in marks) == Counter(
        mode.change.state for mode in changes.modes if mode.change.difference is not None
    )
    assert all(words == title and " fail instead of " in words for _, words, title in marks)
    n_points = sum(point.rate is not None for mode in changes.history.modes for point in mode.points)  # type: ignore[union-attr]
    assert compared.text(HISTORY).count('<g role="img" aria-label="release-') == n_points + 5


def test_flipped_images_are_shown_with_both_answers_and_listed_whole(compared: Built) -> None:
    changes = read_changes(compared.source)
    assert changes is not None
    text = compared.text(PAGE)
    assert re.search(r"<b>[\w ]+</b>, right before, now taken for <span class=\"failed\">", text)
    assert re.search(r"taken for <span class=\"failed\">[\w ]+</span> before, now right", text)
    n_wrong = sum(image.is_newly_wrong for image in changes.flipped)
    assert f"Now fail {n_wrong} images" in _words(text)
    rows = list(csv.DictReader(io.StringIO(compared.text("data/flipped-images.csv"))))
    assert len(rows) == len(changes.flipped)
    assert sum(row["direction"] == "newly_wrong" for row in rows) == n_wrong


def test_downloads_say_what_the_page_says_and_links_hold(compared: Built) -> None:
    assert broken_links(compared.site)[0] == []
    rows = list(csv.DictReader(io.StringIO(compared.text("data/changes.csv"))))
    twin = json.loads(compared.text("data/changes.json"))
    assert [row["mode_name"] for row in rows] == [row["mode_name"] for row in twin["modes"]]
    assert {row["state"] for row in rows} == set(STATES)
    assert next(row for row in twin["modes"] if row["state"] == "not_comparable")["difference"] is None
    assert len(twin["classes"]) == 12
    assert len(list(csv.DictReader(io.StringIO(compared.text("data/history.csv"))))) == 5 * len(rows)


def test_other_pages_say_what_became_of_a_mode_and_what_it_is_called(compared: Built) -> None:
    changes = read_changes(compared.source)
    assert changes is not None
    overview = compared.text("index.html")
    assert re.search(r'<p class="news">Since release-1: .*<a href="changes/index.html">What changed</a></p>', overview)
    assert len(re.findall(f'<span class="badge ({"|".join(STATES)})">', overview)) >= 2  # on its cards
    rule_id, mode = next((r, m) for r, m in changes.by_rule.items() if m.change.state == "worse")
    own = _words(compared.text(f"failure-modes/{rule_id}/index.html"))
    sentence = (
        f"Since release-1: 45 % fail instead of 20 % (20 and 45 of the same 100 images), +25.0 points (+15 to +35), "
        f"q = 0.002: got worse. Its permanent name is {mode.name}. All changes"
    )
    assert "got worse" in own.partition(sentence)[0]
    assert sentence in own
    pages = "".join(path.read_text(encoding="utf-8") for path in compared.site.glob("classes/*/index.html"))
    assert sentence in _words(pages)
    assert '<span class="badge worse">got worse</span>' in compared.text("failure-modes/index.html")
    assert "Comparing releases" in compared.text("method/index.html")


def _rendered(source: ReportSource, path: str) -> str:
    """One page as text, without the theme and without the others."""
    site = Site.from_source(source)
    page = next(page for page in all_pages(site) if page.path == path)
    return Renderer(templates_folder(), site=site, media=MediaLibrary(source.media)).body(page)


@pytest.mark.parametrize("kind", ["same_feature_model", "none"])
def test_other_images_are_said_to_be_others_and_none_is_followed(plain: ReportSource, kind: str) -> None:
    source = with_changes(plain, kind=kind)
    text = _words(_rendered(source, PAGE))
    assert "The runs have other images" in text
    assert "none can be followed" in text
    assert ("every rule is applied to the images of each run" in text) == (kind == "same_feature_model")
    assert {IMAGES, HISTORY}.isdisjoint(page.path for page in all_pages(Site.from_source(source)))
    worse = source.tables["mode_changes"].query("state == 'worse'").iloc[0]
    own = _words(_rendered(source, f"failure-modes/{worse['rule_id_new']}/index.html"))
    assert "45 % fail instead of 20 % (20 of 100 and 45 of 100 images)" in own


def test_one_image_is_said_to_be_one(plain: ReportSource) -> None:
    changes = read_changes(with_changes(plain))
    assert changes is not None
    worse = next(mode.change for mode in changes.modes if mode.change.state == "worse")
    old, new = Estimate(0.0, 0.0, 0.79), Estimate(1.0, 0.21, 1.0)
    one = replace(worse, old=Share(0, 1), new=Share(1, 1), rate_old=old, rate_new=new)
    assert counts_words(changes, one) == "0 and 1 of the same 1 image"
    other = replace(changes, kind="same_feature_model")
    assert counts_words(other, replace(one, old=Share(0, 100))) == "0 of 100 and 1 of 1 image"
    whole = replace(changes.whole, old=Share(0, 1), new=Share(1, 1))
    assert whole_sentence(replace(changes, whole=whole)).startswith("Over the same 1 image, ")


@pytest.mark.parametrize("state", ["new", "gone"])
def test_a_mode_that_is_new_or_gone_for_want_of_images_is_no_limit_of_the_comparison(
    plain: ReportSource, state: str
) -> None:
    """Its table row says why it has no rates; among what could not be compared it would be told twice."""
    source = with_changes(plain, states=(state, "worse", "not_comparable"))
    modes = source.tables["mode_changes"]
    without = modes["state"] == state
    reason = "none of the same images is of this kind in release-1"
    rates = [name for name in modes if name.startswith(("error_rate", "difference")) or name in ("p_value", "q_value")]
    modes = modes.assign(
        reason=modes["reason"].mask(without, reason), **{name: modes[name].mask(without) for name in rates}
    )
    text = _words(_rendered(replace(source, tables={**source.tables, "mode_changes": modes}), PAGE))
    table, _, limits = text.partition("What could not be compared")
    assert reason in table
    assert reason not in limits
    assert f"{(modes['state'] == 'not_comparable').sum()} failure modes: the new run has no activations" in limits


def test_images_of_a_confused_pair_are_named_as_on_other_pages() -> None:
    assert images_of("confused_pairs", "cat → dog") == "images labelled cat and taken for cat or dog,"
    assert images_of("confused_pairs", "pair 3") == "images of pair 3,"


def test_without_photographs_there_are_no_galleries(compared: Built) -> None:
    tables = without_photographs(compared.source.tables)
    text = _rendered(replace(compared.source, tables=tables, settings=SiteConfig(images="none")), PAGE)
    assert 'class="pics' not in text
    assert "This report shows no photographs" in text


def test_charts_keep_their_marks_where_a_host_takes_style_sheets_away(compared: Built) -> None:
    sheet = (templates_folder() / "assets" / "techdocs.css").read_text(encoding="utf-8")
    slopes, releases = (Inliner(sheet).inline(_rendered(compared.source, path)) for path in (PAGE, HISTORY))
    assert re.search(r'<circle cx="[\d.]+" cy="[\d.]+" r="[\d.]+" style="[^"]*fill: none', slopes)
    assert re.search(r'<polyline points="[\d., ]+" style="fill: none; stroke: currentColor', releases)


def _release(place: int, failures: int) -> Release:
    return Release(release=place, name=f"r{place}", created_at=None, failures=Share(failures, 100), state=None)


def test_a_release_without_a_rate_leaves_a_gap_in_the_line() -> None:
    releases = [_release(i, 10 * i) for i in range(4)]
    points = [
        ReleaseMode(
            release=i,
            is_verified=i == 3,
            counted=Share(5, 10),
            rate=None if i == 1 else Estimate(0.5, 0.4, 0.6),
            state=None,
            reason=None,
        )
        for i in range(4)
    ]
    drawing = draw_releases(releases, points, top=1.0)
    assert [point.is_filled for point in drawing.points] == [False, False, True]
    assert len(drawing.lines) == 1  # from the third to the fourth release
    half = (drawing.y_ticks[0][0] + drawing.y_ticks[2][0]) / 2
    assert drawing.points[0].y == half
    accuracy = draw_accuracy(releases)
    assert [point.words for point in accuracy.points][1] == "r1: 90.0\u202f% right (90/100)"
    assert accuracy.points[0].y < accuracy.points[3].y


@pytest.mark.browser
def test_no_name_breaks_out_of_its_place(tmp_path: Path, browser: Browser) -> None:
    source = with_changes(synthetic_source(tmp_path / "run", replace(RECIPE, hostile=True)), n_releases=2)
    tables: dict[str, Any] = dict(source.tables)
    tables["changes"] = tables["changes"].assign(name_old=PAYLOADS[4], name_new=PAYLOADS[6])
    tables["releases"] = tables["releases"].assign(name=[PAYLOADS[5], PAYLOADS[7]])
    tables["flipped_images"] = tables["flipped_images"].assign(prediction_old=PAYLOADS[6])
    source = replace(source, tables=tables)
    build_site(source, site=tmp_path / "site")
    context = browser.new_context()
    watched = Watched(context)
    built = Built(source, tmp_path / "site")
    for path in (PAGE, HISTORY, IMAGES, "index.html", "method/index.html"):
        text = watched.open(built, path).inner_text(".barlow")
        assert visible(PAYLOADS[4]) in text or path in (HISTORY,)
    assert watched.messages == []
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_pages_have_no_axe_violations_and_do_not_scroll_sideways(
    compared: Built, browser: Browser, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    watched = Watched(context)
    for path in (PAGE, HISTORY):
        page = watched.open(compared, path)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.browser
def test_the_script_writes_changes_as_the_template_does_and_filters_by_state(compared: Built, browser: Browser) -> None:
    context = browser.new_context()
    page = Watched(context).open(compared, PAGE)
    rows = page.locator("[data-table=mode-changes] tbody tr")
    before = rows.all_inner_texts()
    page.click("[data-table=mode-changes] [data-sort=difference]")
    assert sorted(rows.all_inner_texts()) == sorted(before)
    assert "+40.0" in rows.first.inner_text()
    page.select_option("[data-table=mode-changes] [data-filter=state]", "better")
    page.wait_for_function("document.querySelectorAll('[data-table=mode-changes] tbody tr').length === 1")
    assert "got better" in rows.first.inner_text()
    context.close()
