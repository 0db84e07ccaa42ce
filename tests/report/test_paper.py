"""Pages on paper: every cell of their tables, every picture, and what is folded away on a screen."""

import io
from collections.abc import Iterator

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser, Page

from barlow_report.report import build_site
from tests.lenses.causes.made_up import with_causes
from tests.lenses.error_types.made_up import with_taxonomy
from tests.lenses.models.made_up import with_comparison
from tests.report.conftest import Built

pytestmark = pytest.mark.browser

PAGES = ["index.html", "failure-modes/index.html", "classes/c0/index.html", "models/index.html"]
CELLS = """() => {
  const texts = [];
  for (const cell of document.querySelectorAll('.barlow :is(.plain, .matrix, .tri) :is(th, td)')) {
    const nodes = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode())
      if (!nodes.currentNode.parentElement.closest('.hidden, svg')) texts.push(nodes.currentNode.data);
  }
  return texts.filter(text => text.trim());
}"""
PICTURES = """() => Array.from(document.querySelectorAll('.barlow img')).filter(
  i => i.checkVisibility() && !i.src.endsWith('.svg')).length"""


@pytest.fixture(scope="module")
def compared(demo: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    source = with_comparison(demo.source)
    site = tmp_path_factory.mktemp("paper") / "site"
    build_site(source, site=site)
    return Built(source, site)


def _squeezed(text: str) -> str:
    """Text without spaces: on paper words are broken where a column ends."""
    return "".join(text.split()).replace("\u00ad", "").replace("\u2011", "-")


def _sheets(page: Page) -> Iterator[tuple[str, int]]:
    """Print a page and yield the text of each sheet and its number of pictures; no letter lies beyond its edges."""
    document = pypdfium2.PdfDocument(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
    for sheet in document:
        width, height = sheet.get_size()
        text = sheet.get_textpage()
        for i in range(text.count_chars()):
            left, bottom, right, top = text.get_charbox(i)
            assert left >= 0, text.get_text_range(max(i - 40, 0), 60)
            assert right <= width, text.get_text_range(max(i - 40, 0), 60)
            assert bottom >= 0
            assert top <= height
        yield text.get_text_range(), sum(1 for _ in sheet.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_everything_in_tables_and_every_picture_is_printed(
    compared: Built, browser: Browser, path: str, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(120_000)  # for machines that have much else to do
    page.goto((compared.site / path).as_uri())
    cells = page.evaluate(CELLS)
    sheets = list(_sheets(page))
    text = _squeezed("".join(text for text, _ in sheets))
    assert cells
    assert [cell for cell in cells if _squeezed(cell) not in text] == []
    page.emulate_media(media="print")
    assert sum(n for _, n in sheets) >= page.evaluate(PICTURES)
    colours = """() => [['.barlow', 'color'], ['body', 'backgroundColor']].map(
      c => getComputedStyle(document.querySelector(c[0]))[c[1]])"""
    assert page.evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    context.close()


def test_words_of_the_widest_table_stay_whole(
    demo: Built, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = with_causes(with_comparison(with_taxonomy(demo.source)))
    site = tmp_path_factory.mktemp("widest") / "site"
    build_site(source, site=site)
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto((site / "failure-modes/index.html").as_uri())
    words = page.evaluate(
        """() => Array.from(document.querySelectorAll('.datatable td:is(.short, .words)'),
        td => td.textContent.trim().split(/\\s+/)).flat()"""
    )
    printed = " ".join(text for text, _ in _sheets(page)).replace("\u2011", "-").replace("\ufffe", "-").split()
    assert "overlapping" in words
    assert sorted(set(words) - set(printed)) == []
    page.close()


def test_what_is_folded_away_is_open_on_paper_and_closed_again(compared: Built, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((compared.site / "classes/c0/index.html").as_uri())
    folded = "document.querySelectorAll('.barlow details:not([open])').length"
    before = page.evaluate(folded)
    assert before > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(folded) == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(folded) == before
    page.close()


def test_headings_that_can_be_pressed_have_no_box_on_paper_so_that_they_are_repeated(
    compared: Built, browser: Browser
) -> None:
    page = browser.new_page()
    page.goto((compared.site / "failure-modes/index.html").as_uri())
    page.emulate_media(media="print")
    shown = (
        """() => Array.from(document.querySelectorAll('thead, thead [data-sort]'), e => getComputedStyle(e).display)"""
    )
    assert set(page.evaluate(shown)) == {"table-header-group", "contents"}
    page.close()
