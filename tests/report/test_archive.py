"""A site in one zip file, as somebody gets it by e-mail."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from barlow_report.report import zip_site
from barlow_report.report.archive import OPEN_ME
from tests.report.conftest import Built
from tests.report.test_browser import LOCAL


@pytest.fixture(scope="module")
def archive(demo: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zip_site(demo.site, title="<b>Mugs & jugs</b>", archive=tmp_path_factory.mktemp("zip") / "site.zip")


def test_the_archive_holds_one_page_to_open_and_the_whole_site(archive: Path, demo: Built) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        assert names[0] == OPEN_ME
        assert {name.split("/")[0] for name in names} == {OPEN_ME, "report"}
        site = {f"report/{p.relative_to(demo.site).as_posix()}" for p in demo.site.rglob("*") if p.is_file()}
        assert set(names) == {OPEN_ME} | {name for name in site if not name.rpartition("/")[2].startswith(".")}
        page = packed.read(OPEN_ME).decode()
        assert packed.testzip() is None
    assert "&lt;b&gt;Mugs &amp; jugs&lt;/b&gt;" in page
    assert "<script" not in page


def test_the_same_site_gives_the_same_bytes(archive: Path, demo: Built, tmp_path: Path) -> None:
    again = zip_site(demo.site, title="<b>Mugs & jugs</b>", archive=tmp_path / "again.zip")
    assert again.read_bytes() == archive.read_bytes()


def test_the_archive_holds_no_source_map_and_no_file_of_the_theme_that_no_page_loads(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = {name.removeprefix("report/") for name in packed.namelist()}
        pages = "".join(packed.read(f"report/{name}").decode() for name in names if name.endswith("index.html"))
        assert not any(b"sourceMappingURL" in packed.read(f"report/{n}") for n in names if n.endswith((".js", ".css")))
    theme = {
        name for name in names if name.startswith("assets/") and not name.startswith(("assets/barlow", "assets/fig"))
    }
    assert theme
    assert [name for name in theme if name.endswith(".map") or name not in pages] == []


@pytest.mark.browser
def test_an_extracted_archive_works_from_a_path_with_a_space_and_a_letter_beyond_ascii(
    archive: Path, tmp_path: Path, browser: Browser
) -> None:
    folder = tmp_path / "for the réview"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto((folder / OPEN_ME).as_uri())
    page.click("text=Open the report")
    page.wait_for_selector("h1:text-is('synthetic')")
    page.click(".muted a:has-text('failure modes')")
    page.click("[data-sort=er]")
    page.fill("[data-filter='']", "mug")
    page.wait_for_function("location.hash.includes('q=mug')")
    page.click("tbody[data-rows] a >> nth=0")
    page.wait_for_selector(".triptych")
    page.select_option("[data-tool=map] >> nth=0", "viridis")
    page.click(".pics .zoom >> nth=0")
    assert page.locator("dialog[open] img").first.evaluate("i => i.complete && i.naturalWidth > 0")
    page.keyboard.press("Escape")
    page.click("input.md-search__input")
    page.keyboard.type("vase")
    page.wait_for_selector(".md-search-result__link")
    context.close()
    assert [url for url in requests if not url.startswith(LOCAL)] == []
    assert problems == []
