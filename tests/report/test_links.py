"""The link check finds what is broken, and only that."""

from pathlib import Path

import pytest

from barlow_report.errors import SiteError
from barlow_report.report.links import broken_links, check_links


def _site(folder: Path, **pages: str) -> Path:
    for name, text in pages.items():
        path = folder / name / "index.html"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return folder


def test_links_and_fragments_that_exist_are_fine(tmp_path: Path) -> None:
    site = _site(
        tmp_path,
        a='<p id="top"><a href="../b/index.html#x">b</a> <a href="#top">up</a> <a href="https://example.org">e</a></p>',
        b='<p id="x"><img src="../a/index.html"> <a href="mailto:a@example.org">m</a></p>',
    )
    assert broken_links(site) == ([], 3)


@pytest.mark.parametrize(
    "link", ["../c/index.html", "../b/index.html#y", "#nowhere", "../../outside.html", "../b", "/index.html"]
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str) -> None:
    site = _site(tmp_path, a=f'<a href="{link}">x</a>', b="<p>b</p>")
    assert broken_links(site)[0] == [("a/index.html", link)]
    with pytest.raises(SiteError, match="1 broken links"):
        check_links(site)


def test_a_fragment_that_many_link_to_and_nobody_has_is_named_once(tmp_path: Path) -> None:
    link = '<a href="../c/index.html#y">x</a>'
    site = _site(tmp_path, a="<p>a</p>", b=link, c='<p id="x"><a href="#y">y</a> <a href="#x">x</a></p>', d=link)
    assert broken_links(site) == ([("b/index.html", "../c/index.html#y")], 4)


def test_escaped_and_quoted_addresses_are_understood(tmp_path: Path) -> None:
    site = _site(tmp_path, **{"a b": '<a href="../z%C3%BC&amp;/index.html?q=1">x</a>', "zü&": "<p>b</p>"})
    assert broken_links(site) == ([], 1)


def test_a_page_beside_the_site_may_be_named_and_no_other_one_is_allowed(tmp_path: Path) -> None:
    site = _site(tmp_path, a='<a href="../../index.html">all</a>', b='<a href="../../../index.html">x</a>')
    assert broken_links(site, outside=["../index.html"]) == ([("b/index.html", "../../../index.html")], 2)
    assert len(broken_links(site)[0]) == 2
