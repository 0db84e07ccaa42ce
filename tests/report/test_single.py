"""A report as one HTML file."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.errors import OutputError
from barlow_report.report import build_site
from barlow_report.report.small_pictures import fitting
from tests.benchmarks.site_run import make_run
from tests.report.conftest import Built
from tests.report.test_browser import LOCAL, Watched, violations

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def single(demo: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("single") / "for the réview.html"
    assert build_site(demo.source, site=file, profile="single") == file
    return file


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.pointed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "iframe", "object", "form")
        for name, value in attrs:
            assert not name.startswith("on")
            found = {"id": self.ids, "href": self.links, "src": self.sources, "popovertarget": self.pointed}.get(name)
            if found is not None:
                found.append(value or "")


def test_the_file_has_all_failure_modes_with_pictures_and_nothing_outside_of_itself(single: Path, demo: Built) -> None:
    text = single.read_text(encoding="utf-8")
    found = _Addresses()
    found.feed(text)
    assert len(set(found.ids)) == len(found.ids)
    assert {link for link in found.links if not link.startswith("#") or link[1:] not in found.ids} == set()
    assert set(found.pointed) <= set(found.ids)
    assert found.sources
    assert all(source.startswith("data:image/") for source in found.sources)
    assert not re.search(r"url\((?!#)|@import|\0", text)
    rules = demo.source.tables["rules"]
    for rule_id in rules.loc[rules["is_failure_mode"], "rule_id"]:
        part = text[text.index(f'id="mode-{rule_id}"') :]
        assert "<img" in part[: part.index("</section>")]
        assert f'href="#mode-{rule_id}"' in text
    assert len(re.findall("<h1", text)) == 1
    assert 'id="method"' in text


def test_two_builds_are_equal_byte_for_byte(single: Path, demo: Built, tmp_path: Path) -> None:
    again = build_site(demo.source, site=tmp_path / "again.html", profile="single")
    assert again.read_bytes() == single.read_bytes()
    assert build_site(demo.source, site=again, profile="single") == again  # ours is replaced


def test_a_file_of_somebody_else_is_never_overwritten(demo: Built, tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("<title>mine</title>")
    with pytest.raises(OutputError, match="holds no report of barlow-report; it is not overwritten"):
        build_site(demo.source, site=mine, profile="single")
    assert mine.read_text() == "<title>mine</title>"
    with pytest.raises(OutputError, match="found a folder"):
        build_site(demo.source, site=tmp_path, profile="single")


def test_pictures_shrink_until_they_fit(demo: Built) -> None:
    names = sorted(f"{path.parent.name}/{path.name}" for path in demo.source.media.glob("??/*.webp"))[:20]
    sizes = {
        budget: fitting(dict.fromkeys(names, 3), lambda n: (demo.source.media / n).read_bytes(), budget=budget)
        for budget in (10**7, 60_000)
    }
    total = {budget: sum(map(len, found.values())) * 3 for budget, found in sizes.items()}
    assert total[60_000] < total[10**7]


def test_the_command_writes_one_file_and_takes_no_other_name(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", n_classes=2, n_features=8).folder
    command = ["site", str(run), "--profile", "single", "--site"]
    done = CliRunner().invoke(app, [*command, str(tmp_path / "x.html")])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str((tmp_path / "x.html").resolve())
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["x.html"]
    for options in (
        [str(tmp_path / "x")],
        [str(tmp_path / "y.html"), "--zip"],
        [str(tmp_path / "y.html"), "--into", "z"],
    ):
        assert CliRunner().invoke(app, [*command, *options]).exit_code == 2


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_the_file_is_read_from_the_disk_without_script_or_request(
    single: Path, browser: Browser, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    watched = Watched(context)
    page = watched.page
    page.goto(single.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("Array.from(document.images).filter(i => !i.naturalWidth).length") == 0
    assert page.evaluate("getComputedStyle(document.querySelector('.barlow')).color") == (
        "rgb(230, 234, 240)" if scheme == "dark" else "rgb(24, 33, 47)"
    )
    page.click("#overview a[href^='#mode-'] >> nth=0")
    assert page.evaluate("document.querySelector(':target').getBoundingClientRect().top") < 400
    page.locator(".term:visible").first.click()
    assert page.locator(".meaning:popover-open").count() == 1
    page.keyboard.press("Escape")
    assert violations(page) == []
    assert [url for url in watched.requests if not url.startswith(LOCAL)] == []
    watched.check()
    context.close()


@pytest.mark.browser
def test_no_payload_runs_in_the_file(hostile: Built, tmp_path: Path, browser: Browser) -> None:
    file = build_site(hostile.source, site=tmp_path / "x.html", profile="single")
    context = browser.new_context()
    watched = Watched(context)
    watched.page.goto(file.as_uri())
    foreign = watched.page.evaluate("""() => Array.from(document.querySelectorAll('*')).filter(e =>
      /^(SCRIPT|IFRAME|BASE|OBJECT|EMBED|FORM|LINK)$/.test(e.tagName) || Array.from(e.attributes).some(a =>
        a.name.startsWith('on') || /^javascript:|example.invalid/i.test(a.value) && /href|src/.test(a.name))
    ).map(e => e.outerHTML.slice(0, 200))""")
    assert foreign == []
    assert "<script>alert('title')</script>" in watched.page.inner_text("h1")
    watched.check()
    context.close()
