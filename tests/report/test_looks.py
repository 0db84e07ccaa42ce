"""How pages look and print, how heavy they are, and what the keyboard does; screenshots are left for people to see.

They go to the folder named in BARLOW_REPORT_SCREENSHOTS, by default `screenshots` in the checkout where CI is set,
and to a temporary folder elsewhere.
"""

import os
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.report.conftest import Built
from tests.report.test_browser import PAGES, Watched

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
VIEWS = {"desktop": (1280, 900, "light"), "dark": (1280, 900, "dark"), "phone": (360, 780, "light")}


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    default = ROOT / "screenshots" if os.environ.get("CI") == "true" else tmp_path_factory.mktemp("screenshots")
    folder = Path(os.environ.get("BARLOW_REPORT_SCREENSHOTS", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_every_page_type_is_photographed_and_none_is_blank(
    demo: Built, browser: Browser, screenshots: Path, view: str
) -> None:
    width, height, scheme = VIEWS[view]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    watched = Watched(context)
    for name, path in PAGES.items():
        page = watched.open(demo, path)
        file = screenshots / f"{name.replace(' ', '-')}-{view}.png"
        page.screenshot(path=file, full_page=True)
        with Image.open(file) as image:
            assert image.width == width
            colours = image.convert("RGB").resize((64, 64)).getcolors(64 * 64)
        assert colours is not None
        assert len(colours) > 20, file
    context.close()


def _n_pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("path", ["classes/c0/index.html", "classes/c2/index.html"])
def test_a_class_page_prints_on_at_most_four_a4_pages(demo: Built, browser: Browser, path: str) -> None:
    page = browser.new_page()
    page.goto((demo.site / path).as_uri())
    assert 1 <= _n_pages(page.pdf(format="A4")) <= 4
    page.emulate_media(media="print")
    for hidden in (".md-header", ".beside", ".tools"):
        assert not page.locator(hidden).first.is_visible(), hidden
    assert page.locator(".tri img").first.is_visible()
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_weighs_at_most_a_megabyte_before_its_lazy_images(demo: Built, name: str) -> None:
    path = demo.site / PAGES[name]
    text = path.read_text(encoding="utf-8")
    files = {path}
    for tag in re.findall(r"<(?:script|link|img)\b[^>]*>", text):
        found = re.search(r'(?:src|href)="([^"#?]+)"', tag)
        if found and 'loading="lazy"' not in tag:
            files.add((path.parent / found[1]).resolve())
    assert sum(file.stat().st_size for file in files if file.is_file()) <= 1_000_000


def test_single_keys_lead_around_and_can_be_switched_off(demo: Built, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context)
    page = watched.open(demo, "classes/c0/index.html")
    title = page.inner_text("h1")
    with page.expect_navigation():
        page.keyboard.press("n")
    assert page.inner_text("h1") != title
    with page.expect_navigation():
        page.keyboard.press("p")
    assert page.inner_text("h1") == title
    page.keyboard.press("h")
    assert not page.locator(".heat .map").first.is_visible()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "jump-to"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    dialog = page.locator("dialog[open]")
    assert "next class or feature" in dialog.inner_text()
    page.uncheck("dialog[open] input[type=checkbox]")
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    page.keyboard.press("u")
    page.wait_for_timeout(200)
    assert page.inner_text("h1") == title
    page.click("[data-help]")
    page.check("dialog[open] input[type=checkbox]")
    page.click("dialog[open] button")
    page.keyboard.press("u")
    page.wait_for_selector("h1:text-is('Classes')")
    watched.check()
    context.close()


def test_rates_over_few_images_are_marked_in_html_and_by_the_script(demo: Built, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((demo.site / "failure-modes/index.html").as_uri())
    marks = "rows => rows.map(r => r.querySelectorAll('.few').length)"
    written = page.eval_on_selector_all("tbody[data-rows] tr", marks)
    page.evaluate("document.querySelector('[data-table]').barlowDraw()")
    assert page.eval_on_selector_all("tbody[data-rows] tr", marks) == written
    assert sum(written) > 0
    page.close()
