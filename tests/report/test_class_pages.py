"""Pages of classes: what is said first, tabs, and the viewer's way from a photograph to its heatmap and attack."""

import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser

from barlow_report.formatting import count, percent, ratio
from barlow_report.report.datatable import Link
from barlow_report.report.pages.confusions import _confusions
from tests.report.conftest import Built
from tests.report.test_browser import Watched, watched

__all__ = ["watched"]

PAGE = "classes/c0/index.html"
BY_LABEL, BY_PREDICTION = "#group-0", "#group-7"


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def _article(built: Built, rule_id: int, page: str = PAGE) -> str:
    html = built.text(page)
    start = html.index(f'id="rule-{rule_id}"')
    return html[start : html.index("</article>", start)]


def _mode(built: Built, group_id: int) -> pd.Series:
    rules = built.source.tables["rules"]
    return rules[(rules["group_id"] == group_id) & rules["is_failure_mode"]].iloc[0]


@pytest.mark.parametrize("group_id", [0, 7])
def test_a_mode_says_its_rate_and_its_limits_before_anything_of_the_fit(demo: Built, group_id: int) -> None:
    rule = _mode(demo, group_id)
    article = _article(demo, int(rule["rule_id"]))
    first, _, found = article.partition("<summary>How it was found</summary>")
    k, n = int(rule["n_failures_held_out"]), int(rule["n_images_held_out"])
    assert _text(f"{percent(k / n, decimals=0)} fail instead of") in _text(first)
    assert f"({k} of {n} held-out images)" in _text(first)
    assert "(at most 0.05" in _text(first)
    assert _text(f"All {count(n + int(rule['n_images']))} images of this failure mode") in _text(first)
    fitted = ratio(int(rule["n_failures"]), int(rule["n_images"]))
    assert _text(f"Fitted images {percent(rule['error_rate'])} {fitted}") in _text(found)
    assert fitted not in _text(first)


def test_failures_on_one_side_stand_beside_successes_on_the_other(demo: Built) -> None:
    rule_id = int(_mode(demo, 0)["rule_id"])
    assert demo.source.tables["conditions"].set_index("rule_id").loc[rule_id, "branch"] == "le"
    text = _text(_article(demo, rule_id))
    assert text.index("Fails: lacks it") < text.index("Just below") < text.index("Right: has it")
    strips = demo.source.tables["strips"]
    n = int(strips[strips["rule_id"] == rule_id]["n_images"].sum())
    assert f"{count(n)} images labelled mug (highest bar" in text


def test_a_mode_says_what_its_failures_are_taken_for(demo: Built) -> None:
    rule_id = int(_mode(demo, 0)["rule_id"])
    images, members = demo.source.tables["images"], demo.source.tables["mode_images"]
    ids = members[(members["rule_id"] == rule_id) & (members["position"] == 0)]["image_id"]
    of_mode = images[images["image_id"].isin(ids)]
    counts = of_mode[of_mode["label"] != of_mode["prediction"]]["prediction"].value_counts()
    names = dict(zip(demo.source.tables["classes"]["class_id"], demo.source.tables["classes"]["name"], strict=True))
    top, k, n = counts.index[0], int(counts.iloc[0]), int(counts.sum())
    assert _text(f"{names[top]} {percent(k / n, decimals=0)} {ratio(k, n)}") in _text(_article(demo, rule_id))


@pytest.mark.parametrize(("n_found", "n_shown", "n_others"), [(5, 5, 0), (6, 6, 0), (7, 5, 2)])
def test_no_single_class_is_left_out_of_what_failures_are_taken_for(n_found: int, n_shown: int, n_others: int) -> None:
    site: Any = SimpleNamespace(class_link=lambda class_id: Link(f"class {class_id}", "index.html"))
    group: Any = SimpleNamespace(grouping="label")
    found = _confusions(site, group, [((class_id,), 10 - class_id) for class_id in range(n_found)], n_shown=5)
    assert (len(found.shown), found.n_others, found.noun) == (n_shown, n_others, "classes")
    assert {shown.share.n for shown in found.shown} == {sum(range(11 - n_found, 11))}


def test_every_picture_says_what_it_is_and_what_was_said(demo: Built) -> None:
    captions = [_text(c) for c in re.findall(r'<span class="cap">(.*?)</span></(?:td|li)>', demo.text(PAGE), re.DOTALL)]
    told = [caption for caption in captions if "→" not in caption]
    assert len(told) > 20
    for caption in told:  # the smallest pictures leave out what is the same for the whole group
        assert re.search(r"[\w ]+, (taken for [\w ]+|right)|^right$|^(taken for|labelled) [\w ]+$", caption), caption


@pytest.mark.browser
def test_tabs_are_used_by_keyboard_and_keep_the_address(demo: Built, watched: Watched) -> None:
    page = watched.open(demo, PAGE)
    assert page.locator("[role=tablist] [role=tab]").count() == 2
    assert page.is_visible(BY_LABEL)
    assert not page.is_visible(BY_PREDICTION)
    page.focus("[role=tab] >> nth=0")
    page.keyboard.press("ArrowRight")
    assert page.is_visible(BY_PREDICTION)
    assert not page.is_visible(BY_LABEL)
    assert page.get_attribute("[role=tab]:focus", "aria-selected") == "true"
    assert page.url.endswith(BY_PREDICTION)
    page.keyboard.press("Home")
    assert page.is_visible(BY_LABEL)
    page.emulate_media(media="print")
    assert page.is_visible(BY_LABEL)
    assert page.is_visible(BY_PREDICTION)


@pytest.mark.browser
def test_an_address_inside_of_a_tab_opens_it_and_what_is_closed_there(demo: Built, watched: Watched) -> None:
    rules = demo.source.tables["rules"]
    of_group = rules[rules["group_id"] == 7]
    page = watched.open(demo, f"{PAGE}#rule-{_mode(demo, 7)['rule_id']}")
    assert page.is_visible(BY_PREDICTION)
    leaf = int(of_group[~of_group["is_failure_mode"]].iloc[0]["rule_id"])
    page = watched.open(demo, PAGE)
    page.evaluate(f"location.hash = '#rule-{leaf}'")
    page.wait_for_selector(f"tr#rule-{leaf}", state="visible")


@pytest.mark.browser
def test_without_script_the_tabs_are_links_to_two_sections(demo: Built, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((demo.site / PAGE).as_uri())
    assert page.is_visible(BY_LABEL)
    assert page.is_visible(BY_PREDICTION)
    page.click(f".tabs a[href='{BY_PREDICTION}']")
    assert page.url.endswith(BY_PREDICTION)
    context.close()


@pytest.mark.browser
def test_the_viewer_steps_from_a_photograph_to_its_heatmap_and_attack(demo: Built, watched: Watched) -> None:
    page = watched.open(demo, PAGE)
    page.focus(f"{BY_LABEL} .tri tbody:not(.contrast) .zoom >> nth=1")
    page.keyboard.press("Enter")

    def said() -> str:
        return page.inner_text("#viewer-caption")

    assert said().startswith("A · rank 2 · ")
    page.keyboard.press("ArrowDown")
    assert said().startswith("B · heatmap · rank 2")
    assert page.locator("dialog .heat .map").count() == 1
    page.keyboard.press("ArrowRight")
    assert said().startswith("B · heatmap · rank 3")
    page.click("dialog .letters button:text-is('C')")
    assert said().startswith("C · feature attack · rank 3")
    assert page.get_attribute("dialog .letters button:text-is('C')", "aria-pressed") == "true"
    page.keyboard.press("ArrowDown")
    assert said().startswith("A · rank 3 · ")
    page.keyboard.press("Escape")  # the browser tells the page a moment later that the viewer is closed
    page.wait_for_function("document.activeElement.dataset.caption?.startsWith('A · rank 3 · ')")
    page.click(".gallery .pics .zoom >> nth=0")
    assert page.locator("dialog .letters button").count() == 0
