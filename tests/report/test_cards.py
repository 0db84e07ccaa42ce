"""Wide tables that a phone shows as cards."""

import pytest
from playwright.sync_api import Browser

from barlow_report.report.cards import as_cards
from tests.report.conftest import Built

HEAD = '<thead><tr><th scope="col">A &lt;b&gt;</th><th scope="col" class="num"><b>B</b> "x"</th>{}</tr></thead>'


def _table(third: str, row: str) -> str:
    return f'<table class="plain">{HEAD.format(third)}<tbody><tr id="r">{row}</tr></tbody></table>'


def test_each_cell_of_a_wide_table_carries_the_label_of_its_column_and_its_role() -> None:
    html = as_cards(_table('<th scope="col">C</th>', '<th scope="row">1</th><td class="num">2</td><td>3</td>'))
    assert '<table class="plain stacks" role="table">' in html
    assert '<tr id="r" role="row"><th scope="row" role="rowheader" data-label="A &lt;b&gt;">1</th>' in html
    assert (
        '<td class="num" role="cell" data-label="B &quot;x&quot;">2</td><td role="cell" data-label="C">3</td>' in html
    )
    assert html.count('role="columnheader"') == 3


def test_a_cell_across_all_columns_has_no_label() -> None:
    html = as_cards(_table('<th scope="col">C</th>', '<td colspan="3">none</td>'))
    assert '<td colspan="3" role="cell">none</td>' in html


def test_a_table_of_two_columns_stays_as_it_is() -> None:
    table = _table("", "<td>1</td><td>2</td>")
    assert as_cards(f"<p>x</p>{table}") == f"<p>x</p>{table}"


@pytest.mark.browser
@pytest.mark.parametrize("path", ["failure-modes/index.html", "features/0/index.html"])
def test_a_table_of_cards_is_still_a_table_and_its_labels_are_those_of_its_head(
    demo: Built, browser: Browser, path: str
) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto((demo.site / path).as_uri())
    labels = """() => Array.from(document.querySelectorAll('.stacks'), t => [
      Array.from(t.querySelectorAll('thead th'), th => (th.querySelector('[data-sort]') || th).textContent.trim()),
      Array.from(t.querySelectorAll('tbody tr'), r => Array.from(r.children, c => c.dataset.label || ''))])"""
    tables = page.evaluate(labels)
    assert tables
    for head, rows in tables:
        assert rows
        assert all(row == head for row in rows)
    page.evaluate("document.querySelectorAll('[data-table]').forEach(t => t.barlowDraw())")
    assert page.evaluate(labels) == tables
    page.evaluate("document.querySelectorAll('details').forEach(box => { box.open = true; })")
    assert page.locator(".stacks").first.get_by_role("row").count() == 1 + len(tables[0][1])
    assert page.locator(".stacks tbody td").first.evaluate("c => getComputedStyle(c).display") == "block"
    page.close()
