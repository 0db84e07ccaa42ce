"""Error types on pages: the page itself, what failure modes consist of, label noise, and a run that has none."""

import csv
import dataclasses
import html
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser

from barlow_report.config import SiteConfig
from barlow_report.lenses.error_types.places import NOT_KNOWN
from barlow_report.lenses.error_types.records import (
    ERROR_TITLES,
    MEANINGS,
    Breakdown,
    TypeShare,
    breakdown_words,
    read_error_types,
    type_titles,
)
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.report import build_site
from barlow_report.report.pages import Site
from barlow_report.report.pages.mode_cards import mode_card
from barlow_report.report.records import Share
from barlow_report.tables import empty_table
from barlow_report.visible import visible
from tests.lenses.error_types.made_up import with_taxonomy
from tests.report.conftest import Built
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source
from tests.report.test_browser import Watched, violations

TITLES = type_titles(is_suggested=True)
PAGE = "error-types/index.html"


def _build(folder: Path, recipe: Recipe, *, hostile: bool = False, origin: str = "suggested") -> Built:
    source = with_taxonomy(synthetic_source(folder / "run", recipe), hostile=hostile, origin=origin)
    build_site(source, site=folder / "site")
    return Built(source, folder / "site")


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A run with suggested superclasses, every type but one, and a failure mode of label noise."""
    return _build(tmp_path_factory.mktemp("typed"), Recipe(n_classes=7, other_group=True))


def _breakdown(**counts: int) -> Breakdown:
    n = sum(counts.values())
    types = tuple(TypeShare(error_type=t, share=Share(k, n)) for t, k in counts.items())
    return Breakdown(types=types, n_failures=n)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (
            {"overlapping": 61, "multi_label": 12, "fine_grained": 0, "model_failure": 67},
            "Of 140 failures, 61 are overlapping classes, 12 multi-label and 67 model failures.",
        ),
        ({"model_failure": 1}, "Of 1 failure, 1 is model failure."),
        ({"fine_grained": 2}, "Of 2 failures, 2 are fine-grained."),
        ({"fine_grained": 0}, "No failure."),
        ({}, "No failure."),
    ],
)
def test_what_failures_consist_of_in_words(counts: dict[str, int], words: str) -> None:
    assert breakdown_words(_breakdown(**counts)) == words


def test_half_of_the_failures_make_a_mode_label_noise() -> None:
    assert _breakdown(overlapping=2, multi_label=1, set_aside=1, model_failure=4).is_label_noise
    assert not _breakdown(overlapping=2, multi_label=1, model_failure=4).is_label_noise
    assert not _breakdown().is_label_noise
    most = _breakdown(fine_grained=3, model_failure=3).most
    assert most is not None
    assert most.error_type == "fine_grained"
    assert _breakdown(fine_grained=0).most is None


def test_every_type_has_words() -> None:
    assert set(ERROR_TITLES) == set(MEANINGS) == set(ERROR_TYPES)


def test_types_that_rest_on_suggested_superclasses_say_so_in_their_name() -> None:
    titles = type_titles(is_suggested=True)
    marked = {name for name, title in titles.items() if title.endswith(" (suggested)")}
    assert marked == {"fine_grained", "out_of_vocabulary"}
    assert type_titles(is_suggested=False) == ERROR_TITLES
    words = breakdown_words(
        Breakdown(types=(TypeShare(error_type="fine_grained", share=Share(2, 2), is_suggested=True),), n_failures=2)
    )
    assert words == "Of 2 failures, 2 are fine-grained (suggested)."


@pytest.mark.parametrize("path", ["index.html", PAGE, "classes/c0/index.html", "method/index.html"])
def test_a_suggested_type_is_marked_wherever_it_is_shown(typed: Built, path: str) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", " ", typed.text(path).partition("<article")[2].partition("</article")[0]))
    named = re.findall(r"\b(?:fine-grained|out of vocabulary)(?! \(suggested\))\s+\d", text)
    assert not named, named
    assert "fine-grained (suggested)" in text


def test_the_page_has_every_type_and_says_what_was_not_assessed(typed: Built) -> None:
    text = typed.text(PAGE)
    (table,) = re.findall(r'aria-label="Types of errors">(.*?)</table>', text, flags=re.DOTALL)
    rows = {title: row for row in table.split("<tr ")[2:] for title in TITLES.values() if f"</i>{title}<" in row}
    assert list(rows) == list(TITLES.values())
    assert "not assessed" in rows["co-occurrence"]
    assert "needs taxonomy.co_occurrences" in rows["co-occurrence"]
    assert all("not assessed" not in row for title, row in rows.items() if title != "co-occurrence")
    assert re.search(r"\d\.\d\u202f% <small>\d+/\d+</small> <small class=\"ci\"", rows["fine-grained (suggested)"])
    assert "1 of 6 types was not assessed: some failures called model failures may be of this type." in text
    assert "nan" not in text.lower().replace("nano", "")


def test_where_nothing_was_assessed_no_page_calls_failures_those_of_the_model(typed: Built, tmp_path: Path) -> None:
    tables = typed.source.tables
    stages = tables["taxonomy_stages"]
    changed = stages.assign(is_assessed=stages["error_type"] == "model_failure")
    source = dataclasses.replace(typed.source, tables={**tables, "taxonomy_stages": changed})
    build_site(source, site=tmp_path / "site")
    for path in ("index.html", "classes/c0/index.html", "failure-modes/index.html"):
        text = (tmp_path / "site" / path).read_text(encoding="utf-8")
        assert "model failure" not in text.partition("<article")[2].partition("</article")[0]
    assert NOT_KNOWN in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    for path in (PAGE, "failure-modes/index.html"):
        assert ">Mostly<" in typed.text(path)
        assert ">Mostly<" not in (tmp_path / "site" / path).read_text(encoding="utf-8")
    lead = (tmp_path / "site" / PAGE).read_text(encoding="utf-8").partition('class="lead">')[2].partition("</p>")[0]
    assert lead.startswith("What kinds of errors the failures are is not known: none of the types was assessed. Each")


def test_an_accuracy_that_accepts_only_what_was_not_assessed_is_not_assessed(typed: Built, tmp_path: Path) -> None:
    def rows(text: str) -> dict[str, str]:
        (table,) = re.findall(r'aria-label="Accuracies">(.*?)</table>', text, flags=re.DOTALL)
        return dict(
            re.findall(r'<th scope="row"[^>]*>([^<]+)</th>.*?<td class="num"[^>]*>(.*?)</td>', table, flags=re.DOTALL)
        )

    assert "<b>not assessed</b>" not in rows(typed.text(PAGE)).values()
    stages = typed.source.tables["taxonomy_stages"]
    is_missing = stages["error_type"].isin(["overlapping", "multi_label"])
    changed = stages.assign(is_assessed=stages["is_assessed"] & ~is_missing)
    source = dataclasses.replace(typed.source, tables={**typed.source.tables, "taxonomy_stages": changed})
    build_site(source, site=tmp_path / "site")
    found = rows((tmp_path / "site" / PAGE).read_text(encoding="utf-8"))
    assert [title for title, cell in found.items() if cell == "<b>not assessed</b>"] == ["Multi-label"]


def test_suggested_superclasses_are_marked_wherever_they_are_used(typed: Built) -> None:
    mark = "superclasses suggested"
    for path in (PAGE, "index.html", "classes/c0/index.html"):
        assert mark in typed.text(path)
    assert "Superclasses are suggested." in typed.text(PAGE)


def test_confirmed_superclasses_are_not(tmp_path: Path) -> None:
    built = _build(tmp_path, Recipe(n_classes=3, n_per_class=60), origin="given")
    assert "superclasses suggested" not in built.text(PAGE) + built.text("index.html")
    assert "as given in the configuration" in built.text(PAGE)


def test_a_mode_of_label_noise_is_called_so_on_the_overview(typed: Built) -> None:
    site = Site.from_source(typed.source)
    known = [rule for rule in site.catalog.failure_modes() if rule.verdict == "verified"]
    remarks = [remark.word for rule in known for remark in mode_card(site, rule).remarks]
    assert remarks == ["mostly label noise"]
    assert "1 of the known conditions is mostly label noise and needs better labels." in typed.text("index.html")


def test_failure_modes_can_be_filtered_by_type(typed: Built) -> None:
    text = typed.text("failure-modes/index.html")
    assert 'data-filter="mostly"' in text
    assert '<option value="overlapping classes">' in text
    assert '"key":"mostly"' in typed.text("data/failure-modes.js")
    assert '"key":"noise"' in typed.text("data/failure-modes.js")


def test_every_failure_can_be_downloaded_with_its_type_and_rules(typed: Built) -> None:
    assert 'href="../data/errors.csv" download' in typed.text(PAGE)
    errors = typed.source.tables["errors"].set_index("image_id")
    names = typed.source.tables["classes"].set_index("class_id")["name"]
    rows = list(csv.DictReader(io.StringIO(typed.text("data/errors.csv"))))
    found = json.loads(typed.text("data/errors.json"))["errors"]
    assert len(rows) == len(found) == len(errors)
    for row, record in zip(rows, found, strict=True):
        error = errors.loc[int(row["image_id"])]
        assert record["image_id"] == int(row["image_id"])
        assert row["error_type"] == record["error_type"] == error["error_type"]
        assert row["label"] == record["label"] == names[error["label"]]
        assert row["prediction"] == names[error["prediction"]]
        assert row["rule_ids"] == error["rule_ids"] == " ".join(map(str, record["rule_ids"]))
        assert row["decision_value"] == ("" if record["decision_value"] is None else "-0.5")
        assert row["detail"] == record["detail"] == "animals"
        assert "path" not in row
        assert "path" not in record


def test_the_method_page_explains_each_type_in_its_order(typed: Built, demo: Built) -> None:
    assert 'href="../method/index.html#error-types"' in typed.text(PAGE)
    text = typed.text("method/index.html").partition('<section id="error-types">')[2].partition("</section>")[0]
    assert re.findall(r'<th scope="row"[^>]*>([^<]+)<', text) == list(TITLES.values())
    assert text.count("<b>not assessed</b>") == 1
    assert 'id="error-types"' not in demo.text("method/index.html")


def test_pictures_on_class_pages_say_their_type(typed: Built) -> None:
    notes = re.findall(r'class="note-line">([^<]+)<', typed.text("classes/c0/index.html"))
    assert notes
    assert set(notes) <= set(TITLES.values())


def test_a_run_without_a_taxonomy_has_no_trace_of_it(demo: Built) -> None:
    assert not (demo.site / PAGE).exists()
    for path in ("index.html", "failure-modes/index.html", "classes/c0/index.html"):
        assert "rror types" not in demo.text(path)


def test_a_run_without_failures_and_without_superclasses_says_so(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=2, failing=False))
    stages = pd.DataFrame(
        {
            "position": [0],
            "error_type": ["model_failure"],
            "is_assessed": [True],
            "input": ["nothing"],
            "n_assessed": [0],
            "n_errors": [0],
        }
    )
    zero = {"scope": "run", "error_type": "model_failure", "n_errors": 0, "n_failures": 0}
    counts = pd.DataFrame([{**zero, "class_id": pd.NA, "rule_id": pd.NA, "low": None, "high": None}])
    counts = counts.astype({"class_id": "Int64", "rule_id": "Int64", "low": "float64", "high": "float64"})
    empty = ("error_types", "taxonomy_accuracies", "superclasses", "error_galleries")
    tables = {**{name: empty_table(name) for name in empty}, "taxonomy_stages": stages, "error_type_counts": counts}
    assert read_error_types({**source.tables, **tables}) is not None
    build_site(dataclasses.replace(source, tables={**source.tables, **tables}), site=tmp_path / "site")
    text = (tmp_path / "site" / PAGE).read_text(encoding="utf-8")
    assert "There is no failure to explain." in text
    assert "There are none, so no error is fine-grained." in text


@pytest.fixture(scope="module")
def hostile_types(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same with names that would like to be code."""
    recipe = Recipe(
        n_classes=len(PAYLOADS),
        n_per_class=40,
        held_out_fraction=0.0,
        n_features=20,
        image_size=32,
        hostile=True,
        site=SiteConfig(show_paths=True),
    )
    return _build(tmp_path_factory.mktemp("hostile"), recipe, hostile=True)


def test_hostile_text_is_no_formula_and_no_markup_in_downloads(hostile_types: Built) -> None:
    text = hostile_types.text("data/errors.csv")
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t")) and cell != "-0.5"] == []
    assert "'=cmd|'/C calc'!A0" in cells
    assert text.startswith("image_id,path,")
    json_text = hostile_types.text("data/errors.json")
    assert "<" not in json_text
    assert len(json.loads(json_text)["errors"]) == len(hostile_types.source.tables["errors"])


@pytest.mark.browser
def test_hostile_superclasses_and_details_stay_text(hostile_types: Built, browser: Browser) -> None:
    watched = Watched(browser.new_context())
    page = watched.open(hostile_types, PAGE)
    page.wait_for_load_state()
    found = [text.strip() for text in page.locator("dl.terms dt").all_inner_texts()]
    assert " ".join(visible(PAYLOADS[4]).split()) in [" ".join(text.split()) for text in found]
    assert page.locator("dl.terms dt").first.inner_html() == "&lt;b&gt;|*"
    watched.check()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_accessible_and_fits(typed: Built, browser: Browser, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    watched = Watched(context)
    for path in (PAGE, "classes/c0/index.html", "index.html"):
        page = watched.open(typed, path)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_the_filter_by_type_leaves_the_modes_of_that_type(typed: Built, browser: Browser) -> None:
    watched = Watched(browser.new_context())
    page = watched.open(typed, "failure-modes/index.html")
    page.select_option('[data-filter="mostly"]', "overlapping classes")
    page.wait_for_function("document.querySelector('[data-count]').textContent.includes('of 1')")
    assert page.locator("tbody[data-rows] tr").count() == 1
    assert "mostly=overlapping" in page.url
    again = watched.page.context.new_page()
    again.goto(page.url)  # the address keeps the view
    again.wait_for_function("document.querySelector('[data-count]').textContent.includes('of 1')")
    assert again.locator('[data-filter="mostly"]').input_value() == "overlapping classes"
    assert again.locator("tbody[data-rows] tr").count() == 1
    watched.check()


def test_techdocs_pages_have_the_page_as_well(typed: Built, tmp_path: Path) -> None:
    build_site(typed.source, site=tmp_path / "docs", profile="techdocs")
    assert "not assessed" in (tmp_path / "docs" / "error-types" / "index.md").read_text(encoding="utf-8")
