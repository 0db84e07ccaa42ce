"""The site that is built of the manual: every page, every link, every key, and it opens from a disk."""

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from barlow_report.errors import OutputError, SiteError
from barlow_report.lenses.gate.policy import Policy
from barlow_report.manual.build import build_manual
from barlow_report.tables import all_tables
from barlow_report.training_config import TrainingConfig
from tests.lychee import complaints
from tests.manual.commands import command_names
from tests.manual.pages import MANUAL, Page
from tests.report.test_browser import violations
from tests.test_config import keys_of


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_manual(tmp_path_factory.mktemp("manual") / "a manual, zürich").parent


def _text(site: Path, page: str) -> str:
    return (site / page).read_text(encoding="utf-8")


def _ids(site: Path, page: str) -> set[str]:
    return set(re.findall(r' id="([^"]+)"', _text(site, page)))


def test_there_is_a_page_for_every_source_and_for_the_reference(site: Path) -> None:
    for path in MANUAL.glob("*.md"):
        (title,) = re.findall(r"^# (.+)$", Page(path).prose, flags=re.MULTILINE)
        assert f">{title}<a" in unescape(_text(site, f"{path.stem}.html"))
    assert {path.stem for path in (site / "reference").glob("*.html")} == {
        "configuration",
        "commands",
        "tables",
        "python",
    }


def test_an_independent_link_checker_finds_no_dead_link(site: Path) -> None:
    assert complaints(site) == ""


def test_files_of_the_checkout_that_pages_link_to_are_pages_themselves(site: Path) -> None:
    assert 'href="repository/configs/reference.yaml.html"' in _text(site, "own-report.html")
    shown = re.sub(r"<[^>]+>", "", _text(site, "repository/configs/reference.yaml.html"))
    assert "my_package.models:make_model" in shown
    assert 'src="repository/github/cause-of-failures.webp"' in _text(site, "causes.html")
    assert 'href="../index.html"' in _text(site, "repository/index.html"), "the README links to the manual"


def test_the_reference_has_every_key_of_the_configuration(site: Path) -> None:
    ids = _ids(site, "reference/configuration.html")
    shown = {name.removeprefix("report.") for name in ids if name.startswith("report.")}
    for key in keys_of():
        parts = key.split(".")
        # the keys of a section that comes a second time are shown where it comes first
        is_repeated = parts[0] in ("feature_model", "pool", "training") or len(parts) > 2
        assert key in shown or (is_repeated and any(name.endswith(f".{parts[-1]}") for name in shown)), key
    assert {f"training.{name}" for name in TrainingConfig.model_fields} <= ids
    assert {f"policy.{name}" for name in Policy.model_fields} <= ids


def test_the_reference_says_what_a_key_may_be(site: Path) -> None:
    text = re.sub(r"<(?!/?(code|strong)\b)[^>]+>", " ", _text(site, "reference/configuration.html"))
    text = " ".join(unescape(re.sub(r"<[^>]+>", "", text)).split())
    assert "rho number from 0 to 1; default 0.1 ρ: a failure mode's error rate exceeds" in text
    assert "evidence shuffles or held_out; default shuffles" in text
    assert "max_depth whole number from 1 to 4 Depth of each group" in text
    assert "resize whole number from 1 to 4,096 or list of 2: each whole number from 1 to 4,096" in text
    assert "data section; needed" in text


def test_the_reference_has_every_table_column_and_command(site: Path) -> None:
    text = _text(site, "reference/tables.html")
    for table in all_tables().values():
        assert f'id="{table.name}"' in text
        for column in table.columns:
            assert f"<code>{column.name}</code>" in text, f"{table.name}.{column.name}"
    assert command_names() <= _ids(site, "reference/commands.html")
    assert {"annotations-merge", "annotations-serve"} <= _ids(site, "reference/commands.html")


def test_the_reference_has_every_public_name(site: Path) -> None:
    import barlow_report

    ids = _ids(site, "reference/python.html")
    assert {name for name in barlow_report.__all__ if not name.startswith("_")} <= ids
    text = unescape(re.sub(r"<[^>]+>", "", _text(site, "reference/python.html")))
    assert "explain_failures(\n    features: " in text
    assert "Explanation.modes: pd.DataFrame" in text
    assert ") -> npt.NDArray[np.float64]" in text, "of mutual_information, whose module has a short name for it"
    assert "Run.read_table" in ids


@pytest.mark.parametrize("of", ["report", "training", "policy"])
def test_the_schemas_for_editors_lie_beside_the_reference(site: Path, of: str) -> None:
    schema = json.loads(_text(site, f"reference/{of}.schema.json"))
    assert schema["properties"]
    assert f'href="{of}.schema.json"' in _text(site, "reference/configuration.html")


def test_the_search_finds_keys_and_pages(site: Path) -> None:
    index = json.loads(_text(site, "search/search_index.json"))["docs"]
    assert "releases.html#a-gate" in {doc["location"] for doc in index}
    assert any("confused_pairs" in doc["text"] for doc in index if doc["location"].startswith("reference/"))


def test_two_builds_are_equal(site: Path, tmp_path: Path) -> None:
    again = build_manual(tmp_path / "again").parent
    names = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert names == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    assert [str(name) for name in names if (site / name).read_bytes() != (again / name).read_bytes()] == []


def test_outside_of_a_checkout_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("barlow_report.manual.build._ROOT", tmp_path)
    with pytest.raises(SiteError, match="in a checkout"):
        build_manual(tmp_path / "site")


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("barlow_report.manual.build.find_spec", lambda name: None if name == "griffe" else name)
    with pytest.raises(SiteError, match=r"griffe is not installed.*barlow-report\[manual\]"):
        build_manual(tmp_path / "site")


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not overwritten"):
        build_manual(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_the_command_says_where_the_manual_is_and_how_it_is_called(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "barlow_report.manual"]
    done = subprocess.run([*call, "--help"], check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m barlow_report.manual [-h] [--gallery] [FOLDER]\n")
    (tmp_path / "mine.txt").write_text("mine")
    done = subprocess.run([*call, str(tmp_path)], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tmp_path}")


@pytest.mark.browser
@pytest.mark.slow
def test_every_page_opens_from_a_disk_and_fits_a_phone(site: Path, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    problems: list[str] = []
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else problems.append(r.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            problems.append(f"{path.name} is wider than a phone")
    context.close()
    assert problems == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_no_kind_of_page_violates_an_accessibility_rule(site: Path, browser: Browser, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    found = {}
    for name in ("index", "own-report", "method", "gallery", "reference/configuration", "reference/python"):
        page.goto((site / f"{name}.html").as_uri())
        found[name] = violations(page)
    context.close()
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.browser
def test_the_search_works_from_a_disk(site: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.click("input.md-search__input")
    page.keyboard.type("confused_pairs")  # the theme listens to keys
    page.wait_for_selector(".md-search-result__link")
    found = [link.get_attribute("href") or "" for link in page.query_selector_all(".md-search-result__link")]
    page.close()
    assert any("configuration.html" in href for href in found)
