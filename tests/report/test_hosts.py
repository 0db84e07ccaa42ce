"""Pages for other people's sites: MkDocs with and without directory addresses, and Backstage's TechDocs."""

import re
import shutil
import socket
from html import unescape
from pathlib import Path
from posixpath import normpath

import pytest
from playwright.sync_api import Browser

from barlow_report.report import build_site, navigation_lines
from barlow_report.report.inlining import Inliner
from barlow_report.report.links import broken_links
from tests.report.conftest import Built
from tests.report.hosts import build_host, served
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source
from tests.report.test_browser import Watched, foreign_elements

pytestmark = pytest.mark.slow

SANITISER = Path(__file__).parent / "vendor" / "purify.min.js"
MINE = "reports/mine"


def _article(text: str) -> str:
    start = text.index('<article class="md-content__inner')
    return text[text.index(">", start) + 1 : text.index("</article>")]


def _pages(site: Path) -> list[Path]:
    return sorted((site / MINE).rglob("*.html"))


# --- MkDocs -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def mkdocs(tmp_path_factory: pytest.TempPathFactory, demo: Built, port: int) -> dict[bool, Path]:
    """The same pages in a site with directory addresses, for this machine, and in one without."""
    folder = tmp_path_factory.mktemp("mkdocs")
    address = f"http://127.0.0.1:{port}/"
    first = build_host(folder / "first", demo.source, profile="mkdocs", directories=True, address=address)
    shutil.copytree(folder / "first" / "docs", folder / "second" / "docs")
    return {True: first, False: build_host(folder / "second", None, profile="mkdocs", directories=False)}


@pytest.mark.parametrize("directories", [True, False])
def test_pages_in_an_mkdocs_site_are_complete_and_every_link_leads_somewhere(
    mkdocs: dict[bool, Path], demo: Built, directories: bool
) -> None:
    site = mkdocs[directories]
    own = {path.relative_to(demo.site) for path in demo.site.rglob("*.html")}
    assert {path.relative_to(site / MINE) for path in _pages(site)} == own
    broken, n_links = broken_links(site)
    ours = [(page, link) for page, link in broken if page.startswith(MINE) and not link.endswith(("/", ".."))]
    assert [(page, link) for page, link in ours if link not in (".", "")] == []
    assert n_links > 500
    assert re.search(r'href="reports/mine/(index.html)?"', (site / "index.html").read_text(encoding="utf-8"))


def test_the_navigation_lines_fit_the_project_they_are_for(tmp_path: Path) -> None:
    (tmp_path / "mkdocs.yml").write_text("site_name: x\ndocs_dir: 'handbook'  # here\n")
    lines = navigation_lines(tmp_path / "handbook" / "reports" / "a b", title='The "demo"')
    assert lines.splitlines() == [
        "nav:",
        '  - "The \\"demo\\"": "reports/a b/index.md"',
        "not_in_nav: |",
        "  /reports/a b/",
    ]
    assert '"reports/x/index.md"' in navigation_lines(tmp_path / "y" / "docs" / "reports" / "x", title="x")
    assert '"x/index.md"' in navigation_lines(tmp_path / "elsewhere" / "x", title="x")


def test_pages_for_a_host_may_be_committed_and_are_replaced_as_a_whole(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=2))
    into = tmp_path / "docs" / "reports" / "mine"
    assert build_site(source, site=into, profile="mkdocs") == into / "index.md"
    assert not (into / ".gitignore").exists()
    before = {path.relative_to(into): path.read_bytes() for path in into.rglob("*") if path.is_file()}
    build_site(source, site=into, profile="mkdocs")
    assert {path.relative_to(into): path.read_bytes() for path in into.rglob("*") if path.is_file()} == before


@pytest.mark.browser
def test_no_payload_runs_in_a_host_with_macros_and_names_are_shown_as_they_are(
    tmp_path: Path, hostile: Built, browser: Browser
) -> None:
    site = build_host(tmp_path, hostile.source, profile="mkdocs", directories=True)
    context = browser.new_context()
    watched = Watched(context)
    built = Built(hostile.source, site / MINE)
    for i, payload in list(enumerate(PAYLOADS))[::3]:
        page = watched.open(built, f"classes/c{i}/index.html")
        assert foreign_elements(page, ".barlow") == [], payload
        if payload.isprintable():
            assert " ".join((page.text_content("h1") or "").split()) == " ".join(payload.split())
    assert [message for message in watched.messages if "dialog" in message] == []
    context.close()


@pytest.mark.browser
def test_scripts_work_after_the_hosts_instant_navigation(mkdocs: dict[bool, Path], port: int, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with served(mkdocs[True], port=port) as address:
        page.goto(address)
        page.evaluate("window.stillHere = true")
        page.click("article >> text=the report")
        page.wait_for_selector("h1:text-is('synthetic')")
        assert page.evaluate("window.stillHere") is True  # the host has exchanged the content, not the page
        page.wait_for_selector("form.jump:not([hidden])")
        page.keyboard.press("?")
        assert page.locator("dialog[open]").count() == 1
        page.keyboard.press("Escape")
        page.click(".muted a:has-text('failure modes')")
        page.wait_for_selector("form.filters:not([hidden])")
        page.click("[data-sort=er]")
        assert page.locator("th[aria-sort=descending]").count() == 1
    context.close()
    assert errors == []


# --- TechDocs -----------------------------------------------------------------------------------------------

# As in Backstage's plugins/techdocs: src/reader/transformers/html/transformer.ts and its hooks. Labels with a name
# such as </script> in them are taken away, too; the text that they repeat stays.
SANITISE = r"""
html => {
  const safe = /main\.[A-Fa-f0-9]{8}\.min\.css$|^https:\/\/fonts\.(googleapis|gstatic)\.com/;
  DOMPurify.addHook('beforeSanitizeElements', node => {
    if (node.nodeName === 'LINK' && !safe.test(node.getAttribute('href') || '')) node.remove();
    return node;
  });
  DOMPurify.addHook('uponSanitizeAttribute', (node, data) => {
    const restricted = ['http-equiv', 'content'].includes(data.attrName);
    if (node.tagName !== 'META' && restricted) node.removeAttribute(data.attrName);
  });
  const before = new DOMParser().parseFromString(html, 'text/html').querySelector('article');
  const after = DOMPurify.sanitize(html, {
    ADD_TAGS: ['link', 'meta'],
    FORBID_TAGS: ['style'],
    ADD_ATTR: ['http-equiv', 'content', 'dominant-baseline', 'src'],
    WHOLE_DOCUMENT: true,
    RETURN_DOM: true,
    ALLOWED_URI_REGEXP:
      /^(?:callto|cid|ftp|ftps|http|https|mailto|matrix|sms|tel|xmpp:|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i,
  }).querySelector('article');
  DOMPurify.removeAllHooks();
  const look = root => Array.from(root.querySelectorAll('*')).map(e => [
    e.tagName, ...Array.from(e.attributes).map(a => a.name + '=' + a.value).filter(a => !a.includes('</')).sort()
  ].join(' '));
  return [look(before), look(after), before.textContent, after.textContent];
}
"""


@pytest.fixture(scope="module")
def techdocs(tmp_path_factory: pytest.TempPathFactory, demo: Built) -> Path:
    return build_host(tmp_path_factory.mktemp("techdocs"), demo.source, profile="techdocs", directories=True)


@pytest.mark.browser
def test_everything_on_a_techdocs_page_survives_the_hosts_sanitiser(techdocs: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(path=str(SANITISER))
    for path in _pages(techdocs):
        before, after, text_before, text_after = page.evaluate(SANITISE, path.read_text(encoding="utf-8"))
        assert after == before, path
        assert text_after == text_before, path
    page.close()


def test_techdocs_pages_are_static_and_bring_their_own_look(techdocs: Path) -> None:
    for path in _pages(techdocs):
        article = _article(path.read_text(encoding="utf-8"))
        for forbidden in (
            "<script",
            "<style",
            "<link",
            "<button",
            "<form",
            "<input",
            "srcset",
            " class=",
            " data-",
            " on",
        ):
            tags = " ".join(re.findall(r"<[^>]*>", re.sub(r'"[^"]*"', '""', article)))
            assert forbidden not in tags, (path, forbidden)
    assert not list((techdocs / MINE).rglob("barlow.*"))
    class_page = (techdocs / MINE / "classes" / "c0" / "index.html").read_text(encoding="utf-8")
    assert "mix-blend-mode" in class_page
    assert re.search(r"<rect[^>]*style=\"[^\"]*fill: #", class_page)


def test_techdocs_pages_link_to_folders_and_to_files_as_downloads(techdocs: Path) -> None:
    root = techdocs / MINE
    for path in _pages(techdocs):
        here = path.parent.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        for tag in re.findall(r"<a [^>]*>", _article(text)):
            link = unescape(re.findall(r'href="([^"]*)"', tag)[0])
            target, _, fragment = link.partition("#")
            found = root / normpath(f"{here}/{target}")
            if "download" in tag:
                assert found.is_file(), (path, link)
                continue
            assert target == "" or target.endswith("/"), (path, link)
            page = found / "index.html" if target else path
            assert page.is_file(), (path, link)
            assert not fragment or f'id="{fragment}"' in page.read_text(encoding="utf-8"), (path, link)


def test_all_failure_modes_are_on_a_page_that_no_script_can_page(tmp_path: Path) -> None:
    recipe = Recipe(n_classes=21, n_per_class=50, n_features=20, n_pictures=4, n_tiles=1, n_gallery=1, image_size=32)
    source = synthetic_source(tmp_path / "run", recipe)
    build_site(source, site=tmp_path / "docs", profile="techdocs")
    n_modes = int(source.tables["rules"]["is_failure_mode"].sum())
    assert n_modes > 40  # rows of a page where there is a script
    text = (tmp_path / "docs" / "failure-modes" / "index.md").read_text(encoding="utf-8")
    assert text.count("<tr>") - 1 == n_modes


# --- styles in elements -------------------------------------------------------------------------------------


def test_rules_go_to_the_elements_they_match_in_the_order_of_the_sheet() -> None:
    inliner = Inliner("/* x */ .a, b { color: red } .a .c { top: 0; } td.c { left: 0 } .c .a { right: 0 }")
    html = '<div class="a x"><p><i class="c">1 &lt; 2</i></p><b>b</b></div><td class="c">t</td>'
    assert inliner.inline(html) == (
        '<div style="color: red"><p><i style="top: 0">1 &lt; 2</i></p><b style="color: red">b</b></div>'
        '<td style="left: 0">t</td>'
    )


def test_what_needs_a_script_is_left_out_and_pictures_lose_their_link() -> None:
    inliner = Inliner("")
    html = (
        '<form><input><b>x</b></form><p hidden>y</p><a class="zoom" href="p.webp"><img src="p.webp" alt="&quot;"></a>'
        '<svg viewBox="0 0 1 1"><rect x="0"/></svg><button>z</button><div class="tools"><br><i>q</i></div>k'
    )
    assert inliner.inline(html) == ('<img src="p.webp" alt="&quot;"><svg viewBox="0 0 1 1"><rect x="0"/></svg>k')


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("index.html", "./"),
        ("../../index.html", "../../"),
        ("../classes/mug/index.html#rule-3", "../classes/mug/#rule-3"),
        ("#rule-3", "#rule-3"),
        ("data/rules.csv", "data/rules.csv"),
    ],
)
def test_links_lead_to_folders(link: str, expected: str) -> None:
    download = ' download=""' if link.endswith(".csv") else ""
    assert Inliner("").inline(f'<a href="{link}">x</a>') == f'<a href="{expected}"{download}>x</a>'
