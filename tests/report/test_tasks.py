"""Eleven things that readers come for, each within three clicks from the overview, on a desktop and on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.report.conftest import Built

pytestmark = pytest.mark.browser

MOST_CLICKS = 3
SIZES = {"desktop": (1280, 900), "phone": (360, 740)}


class Reader:
    """Somebody who begins at the overview and whose clicks are counted; choosing a filter counts as one."""

    def __init__(self, page: Page, site: Path) -> None:
        self.page = page
        self.site = site
        self.n_clicks = 0
        page.goto((site / "index.html").as_uri())

    def click(self, what: str | Locator) -> None:
        """Click the first of what is there and can be seen."""
        found = self.page.locator(what) if isinstance(what, str) else what
        found.locator("visible=true").first.click()
        self.n_clicks += 1

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a filter."""
        self.page.get_by_label(label, exact=True).select_option(option)
        self.n_clicks += 1

    def sees(self, pattern: str) -> None:
        """The words are on the page and can be seen."""
        self.page.get_by_text(re.compile(pattern)).locator("visible=true").first.wait_for(timeout=60_000)

    def text(self) -> str:
        """All that can be read on the page."""
        return str(self.page.locator("article").first.inner_text()).replace("\u202f", " ")


@pytest.fixture(params=SIZES)
def reader(request: pytest.FixtureRequest, browser: Browser, demo: Built) -> Iterator[Reader]:
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    reader = Reader(page, demo.site)
    yield reader
    assert reader.n_clicks <= MOST_CLICKS
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()


def test_find_the_worst_class(reader: Reader, demo: Built) -> None:
    images, names = demo.source.tables["images"], demo.source.tables["classes"].set_index("class_id")["name"]
    rates = (images["label"] != images["prediction"]).groupby(images["label"]).mean()
    reader.click(".firsts ol a")
    assert reader.page.locator("h1").inner_text() == names[rates.idxmax()]


def test_see_all_failures_of_a_failure_mode(reader: Reader, demo: Built) -> None:
    reader.click("a:has-text('All'):has-text('images')")
    table, images = demo.source.tables["mode_images"], demo.source.tables["images"].set_index("image_id")
    rule_id = int(re.findall(r"failure-modes/(\d+)/", reader.page.url)[0])
    found = images.loc[table.loc[(table["rule_id"] == rule_id) & (table["position"] == 0), "image_id"]]
    n_failures = int((found["label"] != found["prediction"]).sum())
    reader.choose("Outcome", "fails")
    wanted = f"of {n_failures} ({len(found)} before filters)"
    assert 0 < n_failures < len(found)
    reader.page.wait_for_function("t => document.querySelector('[data-count]').innerText.includes(t)", arg=wanted)
    captions = reader.page.locator("[data-rows] li").all_inner_texts()
    assert captions
    assert all("taken for" in caption and ", right" not in caption for caption in captions)


def test_say_what_a_failure_mode_had_to_pass(reader: Reader) -> None:
    reader.click("a:has-text('How it was found and tested')")
    reader.sees(r"at (most|least)")
    assert re.search(r"q [=<] ?\S+.*at most", reader.text().replace("\n", " "))


def test_say_why_a_candidate_was_not_verified(reader: Reader) -> None:
    reader.click("article a[href='failure-modes/index.html']")
    verdicts = reader.page.get_by_label("Verdict", exact=True)
    verdicts.wait_for()
    weaker = [choice for choice in verdicts.locator("option").all_inner_texts() if choice not in ("any", "verified")]
    reader.choose("Verdict", weaker[0])
    reader.click("tbody tr td a")
    reader.sees(r"at (most|least) \d|too few|may be chance|real but small")


def test_send_the_link_of_a_filtered_view(reader: Reader) -> None:
    reader.click("article a[href='failure-modes/index.html']")
    reader.choose("Verdict", "verified")
    rows = reader.page.locator("[data-count]").first.inner_text()
    address = reader.page.url
    other = reader.page.context.new_page()
    other.goto(address)
    other.wait_for_function("text => document.querySelector('[data-count]')?.innerText === text", arg=rows)
    assert other.get_by_label("Verdict", exact=True).input_value() == "verified"


def test_how_wrong_is_the_model_when_it_is_sure(reader: Reader) -> None:
    row = reader.page.locator("#confidence").locator("xpath=..").locator("tr", has_text="≥ 0.9").first
    row.scroll_into_view_if_needed()
    assert len(re.findall(r"\d+/\d+", row.inner_text().replace("\u202f", ""))) == 2  # of images, and wrong ones


def test_see_the_images_of_a_confusion(reader: Reader) -> None:
    cell = reader.page.locator("#confusions").locator("xpath=..").locator("td a").locator("visible=true").first
    n = int(re.sub(r"\D", "", cell.inner_text()))
    reader.click(cell)
    reader.page.wait_for_load_state()
    reader.page.wait_for_function("n => document.querySelector('[data-count]')?.innerText.includes('of ' + n)", arg=n)


def test_see_what_a_feature_shows(reader: Reader) -> None:
    reader.click("ol.modes a:has-text('feature')")
    reader.page.wait_for_load_state()
    if not reader.page.locator("table.tri").count():
        reader.click("a:has-text('feature')")
    reader.page.locator("table.tri img").locator("visible=true").first.wait_for()


def test_take_all_images_of_a_failure_mode_away(reader: Reader) -> None:
    reader.click("a:has-text('All'):has-text('images')")
    with reader.page.expect_download() as download:
        reader.click("a[download]:has-text('images.csv')")
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("image_id")
    assert len(lines) > 1


def test_know_which_models_and_settings_this_was(reader: Reader) -> None:
    reader.click("a:has-text('More about this run')")
    text = reader.text()
    for words in ("inspected", "seed", "rules"):
        assert words in text.lower()


def test_help_to_name_a_feature(reader: Reader) -> None:
    menu = reader.page.locator("label[for=__drawer]").locator("visible=true")
    if menu.count():
        reader.click(menu)
        reader.page.wait_for_timeout(500)  # it slides in
    reader.click("nav a:has-text('Describe')")
    reader.page.get_by_role("button", name=re.compile("begin|start|agree|continue", re.I)).or_(
        reader.page.locator("form textarea, form input[type=text]")
    ).locator("visible=true").first.wait_for()
