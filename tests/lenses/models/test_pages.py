"""The page that compares models: its numbers, its links, hostile names, and runs with two models or none."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser

from barlow_report.chart import Chart
from barlow_report.lenses.models import page_charts
from barlow_report.report import build_site
from barlow_report.report.links import broken_links
from barlow_report.report.pages import Site, all_pages
from barlow_report.report.records import Share
from barlow_report.visible import visible
from tests.lenses.error_types.made_up import with_taxonomy
from tests.lenses.models.made_up import with_comparison
from tests.report.conftest import Built
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source
from tests.report.test_browser import Watched, violations

PAGE = "models/index.html"
SMALL = Recipe(n_classes=4, n_per_class=60, n_features=30, image_size=32, n_pictures=6)


def _words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Five models with error types."""
    folder = tmp_path_factory.mktemp("compared")
    source = with_comparison(with_taxonomy(synthetic_source(folder / "run", SMALL)))
    build_site(source, site=folder / "site")
    return Built(source, folder / "site")


def test_the_page_says_how_many_modes_hold_for_all_models_and_for_one_only(compared: Built) -> None:
    modes = compared.source.tables["shared_modes"]
    n_all, n_one = int((modes["n_holds"] == 5).sum()), int((modes["n_holds"] == 1).sum())
    assert 0 < n_all < len(modes)
    text = _words(compared.text(PAGE))
    assert f"{len(modes)} failure modes hold for at least one model: {n_all} for all of them, {n_one} for one" in text
    assert "The rest of this report is about the model net 0." in text


def test_the_most_accurate_model_comes_first_and_one_without_trees_has_no_number_of_modes(compared: Built) -> None:
    site = Site.from_source(compared.source)
    assert any(page.path == PAGE for page in all_pages(site))
    table = site.tables["models"]
    keys = [column.key for column in table.columns]
    rows = {str(row[0]): dict(zip(keys, row, strict=True)) for row in table.rows}
    assert list(rows) == [f"net {m}" for m in range(5)]
    models = compared.source.tables["models"].set_index("name")
    for name, row in rows.items():
        accuracy = row["accuracy"]
        assert isinstance(accuracy, Share)
        assert (accuracy.k, accuracy.n) == (models.loc[name, "n_correct"], models.loc[name, "n_images"])
        assert row["holds"] == models.loc[name, "n_holds"]
    assert rows["net 4"]["found"] is None
    assert rows["net 0"]["found"] == models.loc["net 0", "n_found"]
    assert rows["net 1"]["multi-label-accuracy"] is None
    assert len(set(keys)) == len(keys)
    assert "NaN" not in re.sub(r"(?s)<script.*?</script>", "", compared.text(PAGE))


def test_the_accuracy_of_a_model_is_what_its_rounded_error_rate_leaves(tmp_path: Path) -> None:
    source = with_comparison(synthetic_source(tmp_path / "run", SMALL), n_models=2)
    models = source.tables["models"].assign(n_images=2000, n_correct=[1651, 1649])
    source = replace(source, tables={**source.tables, "models": models})
    build_site(source, site=tmp_path / "site")
    text = _words((tmp_path / "site" / PAGE).read_text(encoding="utf-8")).replace("\u202f", " ")
    assert "Top-1 accuracy from 82.4 % (net 1) to 82.5 % (net 0)." in text  # 17.55 % and 17.45 % fail
    assert "82.5 %1 651/2 000" in text


def test_modes_that_hold_for_most_models_come_first_and_lead_to_their_rule(compared: Built) -> None:
    site = Site.from_source(compared.source)
    pages = {page.path for page in all_pages(site)}
    rows = site.tables["shared-modes"].rows
    shares = [row[3] for row in rows]
    assert all(isinstance(share, Share) and share.n == 5 for share in shares)
    counts = [share.k or 0 for share in shares if isinstance(share, Share)]
    assert counts == sorted(counts, reverse=True)
    modes = compared.source.tables["shared_modes"]
    assert sorted(counts) == sorted(modes["n_holds"])
    foreign = [row[0] for row in rows if "feature 4321" in getattr(row[0], "text", "")]
    assert len(foreign) == 1
    assert getattr(foreign[0], "path", None) in pages  # no rule of this report: its class is the best there is
    assert broken_links(compared.site)[0] == []


def test_the_chart_calls_a_feature_that_is_limited_on_both_sides_moderate(
    compared: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = compared.source.tables
    condition = tables["shared_mode_conditions"].query("mode_id == 0").iloc[[0]]
    both = pd.concat([condition.assign(position=0, branch="gt"), condition.assign(position=1, branch="le")])
    drawn: list[str] = []

    def note(*_: object, modes: list[str], **__: object) -> Chart:
        drawn.extend(modes)
        return Chart(light="", dark="", alt="")

    monkeypatch.setattr(page_charts, "modes_by_model", note)
    page_charts.charts({**tables, "shared_mode_conditions": both})
    feature_id = condition["feature_id"].item()
    assert sum(name.endswith(f": with moderate feature {feature_id}") for name in drawn) == 1
    assert sum(name.endswith(": all images") for name in drawn) == len(tables["shared_modes"]) - 1


def test_a_failure_mode_names_the_other_models_it_holds_for(compared: Built) -> None:
    modes = compared.source.tables["shared_modes"]
    slugs = compared.source.tables["classes"].set_index("class_id")["slug"]
    own = modes[modes["rule_id"].notna() & (modes["n_holds"] == 3)].iloc[0]
    text = compared.text(f"classes/{slugs[own['class_id']]}/index.html")
    article = text[text.index(f'id="rule-{own["rule_id"]}"') :]
    assert "Holds for 2 of 4 other models: net 1, net 2." in _words(article[: article.index("</article>")])


def test_two_models_get_a_column_each_with_the_error_rate_in_the_leaf(tmp_path: Path) -> None:
    source = with_comparison(synthetic_source(tmp_path / "run", SMALL), n_models=2)
    build_site(source, site=tmp_path / "site")
    text = _words((tmp_path / "site" / PAGE).read_text(encoding="utf-8"))
    assert "ER of net 0" in text
    assert "ER of net 1" in text
    assert "Error types were not computed" in text


@pytest.mark.browser
def test_no_name_of_a_model_breaks_out_of_its_place(tmp_path: Path, browser: Browser) -> None:
    n_models = len(PAYLOADS)
    source = with_comparison(synthetic_source(tmp_path / "run", SMALL), n_models=n_models, hostile=True)
    build_site(source, site=tmp_path / "site")
    context = browser.new_context()
    watched = Watched(context)
    page = watched.open(Built(source, tmp_path / "site"), PAGE)
    shown = page.locator("table").first.locator("tbody tr td:first-child").all_inner_texts()
    wanted = {" ".join(visible(name).split()) for name in PAYLOADS}
    assert {" ".join(name.split()) for name in shown} == wanted
    assert watched.messages == []
    context.close()


def test_a_run_without_a_comparison_has_no_such_page(demo: Built) -> None:
    assert not (demo.site / "models").exists()
    assert "models/index.html" not in demo.text("index.html")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1280),
        ("dark", 360),
        pytest.param("dark", 1280, marks=pytest.mark.slow),
        pytest.param("light", 360, marks=pytest.mark.slow),
    ],
)
def test_the_page_has_no_axe_violations_and_does_not_scroll_sideways(
    compared: Built, browser: Browser, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = Watched(context).open(compared, PAGE)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tables = page.locator(".datatable .scroll")
    assert tables.count() == 2
    assert tables.evaluate_all("boxes => boxes.every(box => box.scrollWidth <= box.clientWidth)")
    context.close()
