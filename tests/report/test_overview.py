"""The front page: what it shows, and what has moved to Method."""

import dataclasses
import io
import re
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser

from barlow_report.report import ReportSource, build_site
from barlow_report.report.pages import Site
from barlow_report.report.pages.confusion_matrix import confusion_matrix
from barlow_report.report.pages.failures_by_class import failures_by_class
from barlow_report.report.pages.mode_cards import mode_card
from barlow_report.report.pages.overview import OverviewView, overview_page
from tests.report.conftest import Built
from tests.report.synthetic import Recipe, synthetic_source


def _with_images(source: ReportSource, **columns: object) -> ReportSource:
    images = source.tables["images"].assign(**columns)
    return dataclasses.replace(source, tables={**source.tables, "images": images})


@pytest.mark.parametrize(
    ("sha256", "words"),
    [
        ("ab", "explained by its own features"),
        ("cd", "of another model of the same architecture"),
        (None, "of another"),
    ],
)
def test_a_feature_model_with_the_weights_of_the_inspected_one_is_that_model(
    demo: Built, sha256: str | None, words: str
) -> None:
    """A configuration may name the same weights twice."""
    models = {
        "inspected": {"name": "net:small", "sha256": sha256 and "ab"},
        "feature": {"name": "net:small", "sha256": sha256, "is_inspected": False},
    }
    source = dataclasses.replace(demo.source, info={**demo.source.info, "models": models})
    view = overview_page(Site.from_source(source)).view()
    assert isinstance(view, OverviewView)
    assert words in view.analysed


def test_each_card_shows_four_images_that_fail_and_leads_to_all_images_of_the_mode(demo: Built) -> None:
    site = Site.from_source(demo.source)
    modes = site.catalog.failure_modes()
    images = demo.source.tables["images"].set_index("image_id")
    galleries = demo.source.tables["galleries"]
    for rule in modes[:3]:
        card = mode_card(site, rule)
        shown = [picture.thumbnail for picture in card.failures]
        own = galleries[(galleries["rule_id"] == rule.rule_id) & galleries["is_failure"]]
        assert shown == own.sort_values("rank")["thumbnail"].tolist()[:4]
        assert (images.loc[own["image_id"], "label"] != images.loc[own["image_id"], "prediction"]).all()
        assert card.all_images.path == site.mode_path(rule)
        assert [f.word for f in card.features] == [
            {"le": "lacks this", "gt": "has this"}[condition.branch] for condition in rule.conditions
        ]
    text = demo.text("index.html")
    assert text.count('<li class="modecard">') == 3
    assert 'class="map"' not in text.partition('class="modes"')[2].partition("</ol>")[0]  # nothing hides the object


def test_images_fail_and_are_never_called_wrong(demo: Built) -> None:
    assert re.search(r"<p class=.outcome.>[^<]* fail instead of \d+\u202f% \(", demo.text("index.html"))
    for page in ("index.html", "failure-modes/index.html"):
        assert not re.search(r"\bwrong\b", demo.text(page))


def test_the_error_rate_and_the_accuracy_add_up_to_100(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=2, n_per_class=40, failing=False, n_skipped=0))
    label = source.tables["images"]["label"].to_numpy()
    n_fail = next(k for k in range(1, len(label)) if k * 1000 % len(label) * 2 == len(label))  # ends in a half
    prediction = np.where(np.arange(len(label)) < n_fail, (label + 1) % (label.max() + 1), label)
    build_site(_with_images(source, prediction=prediction), site=tmp_path / "site")
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    fail = re.search(r'class="headline[^>]*>([\d.]+)\u202f% of images fail', text)
    right = re.search(r"<dt>Accuracy</dt><dd><b>([\d.]+)\u202f%", text)
    also_right = re.search(r"sure and ([\d.]+)\u202f% right", text)
    assert fail
    assert right
    assert also_right
    assert round(float(fail[1]) * 10) + round(float(right[1]) * 10) == 1000
    assert also_right[1] == right[1]


def test_the_table_of_failure_modes_says_which_images_of_a_class_a_group_has(demo: Built) -> None:
    catalog = Site.from_source(demo.source).catalog
    groups = {catalog.groups[rule.group_id] for rule in catalog.failure_modes()}
    shown = set(re.findall(r'href="\.\./(?:classes|groups)/[^"]*">([^<]+)</a>', demo.text("failure-modes/index.html")))
    for group in groups:
        words = {"label": f"labelled {group.name}", "prediction": f"taken for {group.name}"}.get(group.grouping, "")
        assert not words or words in shown
        assert not words or group.name not in shown


def test_what_a_run_is_stands_on_the_method_page_and_not_on_the_overview(demo: Built) -> None:
    overview, method = demo.text("index.html"), demo.text("method/index.html")
    for words in ("SHA-256", "Run id", "Seed", "rules.rho", "Versions"):
        assert f">{words}<" not in overview
    for fact in ("Run id", "Made", "Inspected model", "Images", "Device", "Seed", "Versions"):
        assert f"<dt>{fact}</dt>" in method
    assert "<code>rules.rho</code>" in method
    assert re.search(r"<dt>Images</dt><dd>\d+: \d+ to fit rules on, \d+ held out</dd>", method)
    assert "Guo, Pleiss" in method


def test_cells_of_the_matrix_add_up_and_lead_to_the_images_of_their_pair(demo: Built) -> None:
    site = Site.from_source(demo.source)
    images = demo.source.tables["images"]
    matrix = confusion_matrix(site)
    assert matrix.is_whole
    assert [row.label for row in matrix.rows] == list(matrix.columns)
    for row in matrix.rows:
        assert sum(cell.n for cell in row.cells) == row.n_images
    assert matrix.shown.k == int((images["label"] != images["prediction"]).sum())
    first = matrix.rows[0]
    assert first.cells[0].path == ""
    wanted = {"label": [matrix.columns[0].text], "prediction": [matrix.columns[1].text]}
    assert parse_qs(first.cells[1].path.removeprefix("failures/index.html?")) == wanted
    assert '<th scope="row"><a href="classes/c0/index.html">' in demo.text("index.html")


def test_of_many_classes_a_block_is_shown_and_the_rest_is_a_list(large: Built) -> None:
    matrix = confusion_matrix(Site.from_source(large.source))
    assert (len(matrix.rows), matrix.is_whole, len(matrix.others)) == (20, False, 12)
    counts = [pair.share.k or 0 for pair in matrix.others]
    assert counts == sorted(counts, reverse=True)
    for row in matrix.rows:
        assert sum(cell.n for cell in row.cells) + row.n_elsewhere == row.n_images


def test_classes_with_few_images_are_not_compared_and_ties_go_to_the_larger_one(demo: Built) -> None:
    least = Site.from_source(demo.source).catalog.rules_config.min_images
    sizes = [least - 1, least, 2 * least, 2 * least]
    label = np.repeat(np.arange(4), sizes)
    prediction = label.copy()
    for class_id, n_failures in ((0, least - 1), (1, least // 2), (2, least), (3, least // 2)):
        prediction[np.flatnonzero(label == class_id)[:n_failures]] = 5
    images = demo.source.tables["images"].iloc[: len(label)].assign(label=label, prediction=prediction)
    tables = {name: demo.source.tables[name] for name in ("classes",)} | {"images": images}
    found = failures_by_class(Site.from_source(dataclasses.replace(demo.source, tables=tables)))
    names = demo.source.tables["classes"]["name"]
    assert [row.link.text for row in found.worst] == [names[2], names[1], names[3]]
    assert [row.link.text for row in found.rows] == [names[2], names[3], names[1]]
    assert (found.n_classes, found.n_small, found.least) == (3, 1, least)
    assert found.worst[0].failures.low is not None


def test_a_run_of_one_image_per_class_draws_no_bars(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(n_classes=30, n_per_class=1))
    build_site(source, site=tmp_path / "site")
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "Nothing could be judged" in text.partition('class="headline"')[2].partition("</p>")[0]
    assert "More images of each class." in text
    assert "rates over fewer are noise" in text
    assert "images needed to compare" in text
    assert '<table class="plain bars">' not in text
    assert "No class is taken for the same other class more than once." in text
    assert '<table class="matrix' not in text


@pytest.mark.parametrize(("n_known", "words"), [(0, "came without confidences"), (5, "images have no confidence")])
def test_missing_confidences_are_said(tmp_path: Path, demo: Built, n_known: int, words: str) -> None:
    confidence = demo.source.tables["images"]["confidence"].where(demo.source.tables["images"]["image_id"] < n_known)
    source = dataclasses.replace(_with_images(demo.source, confidence=confidence), charts={})
    build_site(source, site=tmp_path / "site")
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert words in text
    assert ("ECE" in text.partition("<article")[2]) == bool(n_known)
    assert 'src="assets/figures' not in text


@pytest.mark.parametrize("page", ["index.html", "method/index.html"])
def test_what_a_run_assumed_is_told(hostile: Built, quiet: Built, page: str) -> None:
    assert "<li>Grey values go up to &lt;b&gt;255&lt;/b&gt;.</li>" in hostile.text(page)
    assert "What was assumed" not in quiet.text(page)


def test_failures_by_class_are_parted_by_the_images_of_all_known_conditions(demo: Built) -> None:
    tables = demo.source.tables
    known = tables["rules"].loc[tables["rules"]["verdict"] == "verified", "rule_id"]
    inside = tables["mode_images"].loc[tables["mode_images"]["rule_id"].isin(known), "image_id"].unique()
    images = tables["images"].merge(tables["splits"], on="image_id")
    failing = images[(images["label"] != images["prediction"]) & (images["split"] == "held_out")]
    names = tables["classes"].set_index("class_id")["name"]
    found = {row.link.text: row for row in failures_by_class(Site.from_source(demo.source)).rows}
    assert found
    for class_id, of_class in failing.groupby("label"):
        row = found[names[class_id]]
        assert row.inside is not None
        assert (row.inside.k, row.inside.n) == (of_class["image_id"].isin(inside).sum(), len(of_class))


@pytest.mark.browser
def test_the_overview_is_two_pages_on_paper(demo: Built, browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(120_000)  # for machines that have much else to do
    page.goto((demo.site / "index.html").as_uri())
    document = pypdfium2.PdfDocument(io.BytesIO(page.pdf(format="A4")))
    page.close()
    text = "".join(sheet.get_textpage().get_text_range() for sheet in document)
    assert len(document) == 2
    for words in (
        "Accuracy",
        "lacks this",
        "Failures by class",
        "Which classes are confused",
        "ECE",
        "could not be read",
    ):
        assert words in text


@pytest.mark.browser
def test_a_cell_of_the_matrix_opens_the_list_of_exactly_these_failures(demo: Built, browser: Browser) -> None:
    matrix = confusion_matrix(Site.from_source(demo.source))
    i, j = next((i, j) for i, row in enumerate(matrix.rows) for j, cell in enumerate(row.cells) if cell.path)
    page = browser.new_page()
    page.set_default_timeout(120_000)  # for machines that have much else to do
    page.goto((demo.site / "index.html").as_uri())
    page.click(f".matrix tbody tr:nth-child({i + 1}) td:nth-child({j + 2}) a")
    n = matrix.rows[i].cells[j].n
    page.wait_for_function(f"document.querySelector('[data-count]')?.textContent.includes('of {n} (')")
    labels = page.eval_on_selector_all("tbody tr", "rows => rows.map(row => row.textContent)")
    assert len(labels) == min(n, 50)
    assert all(matrix.rows[i].label.text in text and matrix.columns[j].text in text for text in labels)
    page.close()
