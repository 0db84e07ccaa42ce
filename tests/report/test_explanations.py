"""What pages say of their own words: by a press, without a script, and at the end of the page."""

import re
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from barlow_report.report import build_site
from barlow_report.report.explanations import Explanations
from barlow_report.report.glossary import GLOSSARY, meaning
from tests.report.conftest import Built


def test_a_word_is_explained_once_and_opened_from_each_place_it_stands_at() -> None:
    page = Explanations("standalone")
    assert page.term("er") == page.term("er")
    assert 'popovertarget="term-2"' in page.explain("<b>", 'a "word"')
    end = page.at_end()
    assert end.count("popover") == 2
    assert f'<div popover class="meaning" id="term-1"><dfn>ER</dfn> {meaning("er")}</div>' in end
    assert "<dfn>&lt;b&gt;</dfn> a &#34;word&#34;</div>" in end
    assert page.at_end() == ""


def test_the_method_page_takes_its_words_from_the_glossary(demo: Built) -> None:
    text = unescape(demo.text("method/index.html"))
    for key in ("ber", "er", "ec", "iv", "aler"):
        assert GLOSSARY[key].words in text


def test_no_page_says_anything_only_under_the_pointer(demo: Built) -> None:
    for path in demo.site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        body = text[text.index('<div class="barlow"') : text.index("</article>")]
        assert re.findall(r"<abbr|<[^>]* title=", body) == [], path


def test_pages_without_buttons_explain_at_their_end(demo: Built, tmp_path: Path) -> None:
    build_site(demo.source, site=tmp_path / "docs", profile="techdocs")
    text = (tmp_path / "docs" / "classes" / "c0" / "index.md").read_text(encoding="utf-8")
    assert re.search(rf"<p[^>]*><dfn>ER</dfn> {meaning('er')}</p>", text)
    assert ">ER</th>" in text


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_a_word_is_explained_by_a_tap_and_by_keyboard_without_script(demo: Built, browser: Browser, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, java_script_enabled=False)
    page = context.new_page()
    page.goto((demo.site / "classes/c0/index.html").as_uri())
    word = page.locator(".term:visible").first
    said = page.locator(f"#{word.get_attribute('popovertarget')}")
    assert not said.is_visible()
    word.click()
    assert said.is_visible()
    box = said.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.keyboard.press("Escape")
    assert not said.is_visible()
    word.focus()
    page.keyboard.press("Enter")
    assert said.is_visible()
    context.close()
