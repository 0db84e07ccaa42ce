"""The page that compares models: its numbers, its links, hostile names, and runs with two models or none."""

import csv
import io
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
COMMON_PAGE = "models/common-errors/index.html"
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
    table = page.locator(".datatable").first
    shown = table.locator("tbody tr td:first-child").all_inner_texts()
    while (following := table.get_by_role("button", name="Next")).is_enabled():
        following.click()
        shown += table.locator("tbody tr td:first-child").all_inner_texts()
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
    for path, n_tables in ((PAGE, 3), (COMMON_PAGE, 1)):
        page = Watched(context).open(compared, path)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        tables = page.locator(".datatable .scroll")
        assert tables.count() == n_tables
        assert tables.evaluate_all("boxes => boxes.every(box => box.scrollWidth <= box.clientWidth)")
    context.close()


def test_what_is_known_of_models_is_a_table_and_a_file(compared: Built) -> None:
    site = Site.from_source(compared.source)
    list(all_pages(site))
    table = site.tables["known-models"]
    rows = {str(row[0]): row[1:] for row in table.rows}
    assert rows["net 0"][:-1] == [None] * 5
    assert rows["net 1"][:-1] == ["family 1", 70_000, "224 × 256", "ImageNet-1k", "70.1\u202f%"]
    (family,) = (f for f in table.filters if f.key == "family")
    assert [name for name, _ in family.choices] == ["family 0", "family 1", "family 2"]
    lines = list(csv.DictReader(io.StringIO(compared.text("data/models.csv"))))
    models = compared.source.tables["models"]
    assert [line["name"] for line in lines] == models["name"].tolist()
    assert [int(line["n_correct"]) for line in lines] == models["n_correct"].tolist()
    assert [line["n_parameters"] for line in lines[:2]] == ["", "70000"]
    assert [line["published_accuracy"] for line in lines[:3]] == ["", "0.701", ""]
    types = compared.source.tables["model_error_types"]
    for line in lines:
        own = types[types["model_id"] == int(line["model_id"])].set_index("error_type")["n_errors"]
        assert {name: int(line[f"n_{name}"]) for name in own.index} == own.to_dict()


def test_models_that_could_not_be_compared_are_listed_without_the_places_of_their_files(tmp_path: Path) -> None:
    source = with_comparison(synthetic_source(tmp_path / "run", SMALL), n_models=3)
    reasons = ["/home/ada/nets/a.pt: cannot be read", "see https://example.org/a/b.html, or correct './c/d.pt'"]
    left_out = pd.DataFrame({"name": ["a", "b"], "reason": reasons})
    build_site(replace(source, tables={**source.tables, "models_left_out": left_out}), site=tmp_path / "site")
    text = _words((tmp_path / "site" / PAGE).read_text(encoding="utf-8"))
    assert "2 models could not be compared" in text
    assert "a.pt: cannot be read" in text
    assert "ada" not in text
    assert "see https://example.org/a/b.html, or correct &#39;./c/d.pt&#39;" in text


def test_common_errors_are_shown_by_type_and_all_of_them_in_a_table_and_a_file(compared: Built) -> None:
    errors = compared.source.tables["common_errors"]
    text = _words(compared.text(COMMON_PAGE))
    n_all = int((errors["n_missed"] == 5).sum())
    n = len(errors)
    assert 0 < n_all < n
    n_images = len(compared.source.tables["images"])
    assert f"{n} of {n_images} images are missed by more than half of 5 models, {n_all} by all of them." in text
    html = compared.text(COMMON_PAGE)
    for error_type, rows in errors.groupby("error_type"):
        section = html[html.index(f'id="type-{str(error_type).replace("_", "-")}"') :]
        section = section[: section.index("</section>")]
        assert len(re.findall("<img", section)) == rows["thumbnail"].notna().sum() > 0
        first = rows.sort_values("rank").iloc[0]
        assert f"missed by {first['n_missed']} of 5 models, {first['n_same']} of them like this" in section
    lines = list(csv.DictReader(io.StringIO(compared.text("data/common-errors.csv"))))
    names = compared.source.tables["classes"]["name"]
    expected = errors.sort_values(["n_missed", "n_same", "image_id"], ascending=[False, False, True])
    assert [int(line["image_id"]) for line in lines] == expected["image_id"].tolist()
    assert [line["prediction"] for line in lines] == names[expected["prediction"]].tolist()
    assert [line["error_type"] for line in lines] == expected["error_type"].tolist()
    assert COMMON_PAGE in compared.text(PAGE)


def test_where_no_error_is_common_the_page_says_so(tmp_path: Path) -> None:
    source = with_comparison(synthetic_source(tmp_path / "run", SMALL), n_models=2)
    none = source.tables["common_errors"].iloc[:0]
    build_site(replace(source, tables={**source.tables, "common_errors": none}), site=tmp_path / "site")
    text = _words((tmp_path / "site" / COMMON_PAGE).read_text(encoding="utf-8"))
    assert "No image is missed by more than half of the models." in text
    assert not (tmp_path / "site" / "data" / "common-errors.csv").exists()
