"""The gallery of a failure mode and the list of failures in a browser: pages, filters, order, and their addresses."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from tests.report.conftest import Built, build
from tests.report.synthetic import Recipe
from tests.report.test_browser import Watched, _texts, foreign_elements

pytestmark = pytest.mark.browser

MODE = "failure-modes/0/index.html"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Modes of more images than a page holds, and of more than have a picture."""
    recipe = Recipe(n_classes=3, n_per_class=300, n_pictures=6, n_features=30, n_mode_images=60)
    return build(tmp_path_factory.mktemp("many"), recipe)


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context)
    yield watched
    watched.check()
    context.close()


def _sure(page: Page) -> list[int]:
    texts = [text.split(", ")[-1].removeprefix(">\u202f") for text in _texts(page, "[data-rows] .cap > span")]
    return [int(text.split("\u202f")[0]) for text in texts]


def _count(page: Page) -> str:
    return (page.text_content("[data-count]") or "").replace("\u202f", "")


def test_a_gallery_is_paged_filtered_and_sorted_and_its_address_can_be_sent(many: Built, watched: Watched) -> None:
    images = many.source.tables["mode_images"].query("rule_id == 0 and position == 0")["image_id"]
    rows = many.source.tables["images"].set_index("image_id").loc[images]
    n_wrong = int((rows["label"] != rows["prediction"]).sum())
    page = watched.open(many, MODE)
    assert page.locator("[data-rows] li").count() == 48
    assert page.locator("[data-rows] li.fail").count() == min(n_wrong, 48)
    page.select_option("[data-filter=outcome]", "fails")
    page.wait_for_function("location.hash.includes('outcome=fails')")
    assert _count(page) == f"Images 1–48 of {n_wrong} ({len(rows)} before filters)"
    assert page.locator("[data-rows] li.pass").count() == 0
    page.click("[data-sort=confidence]")
    assert page.get_attribute("[data-sort=confidence]", "aria-pressed") == "true"
    surest = _sure(page)
    page.click("[data-step='1']")
    page.click("[data-step='1']")
    last = _sure(page)
    assert len(surest) == 48
    assert _count(page).endswith(f"{n_wrong} of {n_wrong} ({len(rows)} before filters)")
    # what has no picture comes last, each part in the order that was asked for
    gone = [
        bool(n)
        for n in page.eval_on_selector_all("[data-rows] li", "e => e.map(l => l.querySelector('.gone') ? 1 : 0)")
    ]
    assert gone == sorted(gone)
    assert any(gone)
    shown = [s for s, g in zip(last, gone, strict=True) if g]
    assert shown == sorted(shown, reverse=True)
    address = page.evaluate("location.hash")
    other = watched.open(many, MODE + address)
    assert _sure(other) == last
    assert other.input_value("[data-filter=outcome]") == "fails"
    other.click("form.filters [type=reset]")
    other.wait_for_function("!location.hash.includes('outcome')")
    assert "before filters" not in _count(other)


def test_a_gallery_is_sorted_by_activation_and_shown_as_a_list(many: Built, watched: Watched) -> None:
    page = watched.open(many, MODE)
    (key,) = page.eval_on_selector_all("[data-sort^=activation]", "e => e.map(b => b.dataset.sort)")
    page.click(f"[data-sort={key}]")
    seen = [float(text.split(": ")[1]) for text in _texts(page, "[data-rows] .cap > small:nth-of-type(1)")]
    assert seen == sorted(seen)
    assert len(set(seen)) > 5
    page.select_option("[data-filter=view]", "list")
    page.wait_for_function("location.hash.includes('view=list')")
    page.wait_for_function("document.querySelector('[data-layout]').dataset.view === 'list'")
    heights = page.eval_on_selector_all("[data-rows] li", "e => e.map(l => l.offsetHeight)")
    assert max(heights) < 80
    page.click("[data-rows] .zoom >> nth=0")
    assert "feature" in (page.text_content("#viewer-caption") or "")


def test_a_filter_that_nothing_passes_says_so(many: Built, watched: Watched) -> None:
    page = watched.open(many, MODE + "#confidence=101")
    assert "No images match these filters." in (page.text_content("[data-rows]") or "")
    page.click("[data-rows] button")
    page.wait_for_function("document.querySelectorAll('[data-rows] li').length === 48")


def test_failures_are_found_by_the_address_of_label_and_prediction(many: Built, watched: Watched) -> None:
    images, names = many.source.tables["images"], many.source.tables["classes"]["name"].tolist()
    cell = images[(images["label"] == 0) & (images["prediction"] == 1)]
    page = watched.open(many, "failures/index.html#" + urlencode({"label": names[0], "prediction": names[1]}))
    assert _count(page).startswith(f"Rows 1–{min(50, len(cell))} of {len(cell)} (")
    assert set(_texts(page, "[data-rows] td:nth-child(3)")) == {names[0]}
    assert set(_texts(page, "[data-rows] td:nth-child(4)")) == {names[1]}
    page.select_option("[data-filter=mode]", "none")
    page.wait_for_function("location.hash.includes('mode=none')")
    n_none = int(_count(page).split(" of ")[1].split(" ")[0]) if " of " in _count(page) else 0
    page.select_option("[data-filter=mode]", "some")
    page.wait_for_function("location.hash.includes('mode=some')")
    assert n_none + int(_count(page).split(" of ")[1].split(" ")[0]) == len(cell)
    assert page.locator("[data-rows] tr:not(:has(a))").count() == 0


def test_hostile_names_are_text_in_galleries_and_lists(hostile: Built, watched: Watched) -> None:
    pages = sorted(hostile.site.glob("failure-modes/*/index.html"))
    for path in (pages[0], pages[len(pages) // 2], hostile.site / "failures/index.html"):
        page = watched.open(hostile, str(Path(path).relative_to(hostile.site)))
        page.evaluate("document.querySelectorAll('[data-table]').forEach(t => t.barlowDraw())")
        assert foreign_elements(page) == [], path
