"""Pages of joint modes: where they are shown in full, where in a line, and where not; and all of them in a table."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from barlow_report.config import RulesConfig
from barlow_report.formatting import THIN_SPACE
from barlow_report.lenses.joint.places import TITLE
from barlow_report.lenses.joint.records import read_joint_modes
from barlow_report.report import ReportSource, build_site
from barlow_report.report.links import broken_links
from barlow_report.report.pages import Site
from barlow_report.report.pages.overview import OverviewView, overview_page
from barlow_report.rules.ridge import PENALTY
from barlow_report.stages.privacy import without_photographs
from barlow_report.tables import empty_table
from tests.lenses.joint.made_up import with_joint_modes
from tests.report.conftest import Built
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source
from tests.report.test_browser import Watched, violations

SMALL = {"n_classes": 8, "n_per_class": 60, "n_tiles": 2, "n_gallery": 2, "n_pictures": 4, "image_size": 32}


def _source(folder: Path, **recipe: object) -> ReportSource:
    return synthetic_source(folder / "run", Recipe(**{**SMALL, **recipe}))  # type: ignore[arg-type]


def _words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ReportSource:
    return with_joint_modes(_source(tmp_path_factory.mktemp("joint")))


@pytest.fixture(scope="module")
def site(source: ReportSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("joint") / "site"
    build_site(source, site=folder)
    return folder


def _text(site: Path, path: str) -> str:
    return (site / path).read_text(encoding="utf-8")


def _class_page(source: ReportSource, site: Path, group_id: int) -> str:
    """The section of a group on the page of its class."""
    groups = source.tables["groups"].set_index("group_id")
    page = _text(site, f"classes/c{groups.loc[group_id, 'class_id']}/index.html")
    return page.split(f'<section class="group" id="group-{group_id}">')[1].split('<section class="group"')[0]


@pytest.mark.parametrize(
    ("rule_verdict", "words"),
    [
        ("verified", "In all of them a rule is verified, which people can look at, so no joint mode is shown in full."),
        ("can_be_chance", "All of these are shown on the pages of their groups: no rule is verified there."),
    ],
)
def test_the_page_says_where_none_or_all_of_them_are_shown(tmp_path: Path, rule_verdict: str, words: str) -> None:
    made_up = with_joint_modes(_source(tmp_path), verdicts=("verified",))
    rules = made_up.tables["rules"].assign(verdict=rule_verdict)
    build_site(replace(made_up, tables={**made_up.tables, "rules": rules}), site=tmp_path / "site")
    assert words in _words(_text(tmp_path / "site", "joint-modes/index.html"))


def test_a_joint_mode_is_shown_in_full_only_where_it_is_real_and_no_rule_is_verified(
    source: ReportSource, site: Path
) -> None:
    rules = source.tables["rules"]
    verified = set(rules.loc[rules["verdict"] == "verified", "group_id"])
    seen = set()
    for group_id, verdict in source.tables["joint_modes"][["group_id", "verdict"]].itertuples(index=False):
        page = _class_page(source, site, group_id)
        is_real = verdict != "can_be_chance"
        assert (f'id="joint-{group_id}"' in page) == (is_real and group_id not in verified)
        assert ("Beside the rules: all features together score" in page) == (is_real and group_id in verified)
        seen.add((is_real, group_id in verified))
    assert seen == {(True, True), (True, False), (False, False), (False, True)}


def test_a_joint_mode_comes_behind_the_failure_modes_of_its_group(source: ReportSource, site: Path) -> None:
    joint = read_joint_modes(source)
    assert joint is not None
    named = source.tables["rules"].loc[source.tables["rules"]["is_failure_mode"], "group_id"]
    both = [mode.group_id for mode in joint.shown if mode.group_id in set(named)]
    assert both
    for group_id in both:
        page = _class_page(source, site, group_id)
        assert page.rindex('<article class="mode" id="rule-') < page.index(f'id="joint-{group_id}"')
        class_id = source.tables["groups"].set_index("group_id").loc[group_id, "class_id"]
        contents = _text(site, f"classes/c{class_id}/index.html").split("<article")[0]
        assert f'href="#joint-{group_id}"' in contents


def test_it_says_its_rates_its_evidence_and_what_it_misses(source: ReportSource, site: Path) -> None:
    joint = read_joint_modes(source)
    assert joint is not None
    mode = next(mode for mode in joint.shown if mode.verdict == "real_but_small")
    words = _words(_class_page(source, site, mode.group_id)).replace("\u202f", " ")
    assert f"{mode.error.value * 100:.0f} % ({mode.error.low * 100:.0f}–{mode.error.high * 100:.0f} %)" in words
    assert "in 75 % of pairs (chance: 50 %; p = 0.002, q = 0.004)" in words
    assert "It is real but small: error rate 5 points above the base rate instead of 10." in words
    verified = next(mode for mode in joint.shown if mode.verdict == "verified")
    assert "The joint mode is verified." in _words(_class_page(source, site, verified.group_id))


def test_pictures_go_from_high_to_low_and_are_cut_where_members_end(source: ReportSource, site: Path) -> None:
    joint = read_joint_modes(source)
    assert joint is not None
    mode = joint.shown[0]
    page = _class_page(source, site, mode.group_id).split(f'id="joint-{mode.group_id}"')[1]
    scores = [float(score) for score in re.findall(r"score (0\.\d\d)</small>", page)]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == len(mode.images)
    before, after = page.split('<li class="cut">')
    assert len(re.findall(r"score \d", before)) >= sum(image.score > mode.threshold for image in mode.images)
    assert f"score above {mode.printed_threshold}" in after
    fails = source.tables["images"].eval("label != prediction")
    n_failures = sum(bool(fails[image.image_id]) for image in mode.images)
    assert page.split("</ul>")[0].count('<li class="fail">') == n_failures


def test_features_have_signed_weights_and_a_link_where_they_have_a_page(source: ReportSource, site: Path) -> None:
    joint = read_joint_modes(source)
    assert joint is not None
    known = set(source.tables["conditions"]["feature_id"])
    for mode in joint.shown:
        page = _class_page(source, site, mode.group_id).split(f'id="joint-{mode.group_id}"')[1]
        for feature in mode.features:
            assert (
                f'href="../../features/{feature.feature_id}/index.html">feature {feature.feature_id}</a>' in page
            ) == (feature.feature_id in known)
        sign = "+" if mode.features[0].weight > 0 else "−"
        assert f"{sign}4.0</div>" in page
        assert "14 more features" in page


def test_the_table_lists_every_group_that_was_tested_and_links_are_whole(source: ReportSource, site: Path) -> None:
    page = _text(site, "joint-modes/index.html")
    for words in ("verified", "real but small", "may be chance", "a rule is verified", "none verified"):
        assert words in page
    n = len(source.tables["joint_modes"])
    assert len(re.findall("<tr ", page.split("<tbody")[1])) == n
    assert re.search(rf"In <b>\d+</b> of <b>{n}</b> groups", page)
    assert broken_links(site)[0] == []
    for path in ("joint-modes/index.html", "index.html", "method/index.html"):
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b", _words(_text(site, path)))


def test_downloads_have_the_numbers_of_the_tables(source: ReportSource, site: Path) -> None:
    modes = source.tables["joint_modes"].set_index("group_id")
    for row in csv.DictReader(io.StringIO(_text(site, "data/joint-modes.csv"))):
        assert float(row["error_rate_low"]) == modes.loc[int(row["group_id"]), "error_rate_low"]
    found = json.loads(_text(site, "data/joint-modes.json"))["joint_modes"]
    assert {record["group_id"] for record in found} == set(modes.index)
    features = source.tables["joint_features"].set_index(["group_id", "rank"])
    for record in found:
        assert record["features"][0]["weight"] == features.loc[(record["group_id"], 1), "weight"]


def test_the_overview_leads_with_verified_ones_and_says_how_many_there_are(source: ReportSource, site: Path) -> None:
    joint = read_joint_modes(source)
    assert joint is not None
    section = _text(site, "index.html").split('id="joint"')[1].split("</section>")[0]
    assert section.count('<li class="card">') == 4
    assert section.count('class="badge verified"') == min(4, sum(mode.verdict == "verified" for mode in joint.shown))
    assert f"In {len(joint.shown)} groups no rule is verified, but many features together predict" in section


def test_the_overview_says_beside_the_known_conditions_where_several_features_predict_failures(
    source: ReportSource,
) -> None:
    rules = source.tables["rules"]
    rules = rules.assign(verdict=rules["verdict"].where(rules["verdict"] != "verified", "can_be_chance"))
    site = Site.from_source(replace(source, tables={**source.tables, "rules": rules}))
    view = overview_page(site).view()
    assert isinstance(view, OverviewView)
    assert view.known.title == "No known conditions"
    said = " ".join(view.said)
    assert "groups without a verified rule, joint modes of many features are verified." in said


@pytest.mark.parametrize("verdicts", [("can_be_chance",), ()])
def test_where_nothing_is_more_than_chance_only_the_table_tells(tmp_path: Path, verdicts: tuple[str, ...]) -> None:
    source = _source(tmp_path, n_classes=4)
    if verdicts:
        source = with_joint_modes(source, verdicts=verdicts)
    else:
        empty = {name: empty_table(name) for name in ("joint_modes", "joint_features", "joint_images")}
        source = replace(source, tables={**source.tables, **empty})
    build_site(source, site=tmp_path / "site")
    assert TITLE not in _text(tmp_path / "site", "index.html")
    assert (tmp_path / "site" / "joint-modes" / "index.html").exists() == bool(verdicts)


def test_the_method_page_has_the_penalty_and_the_shuffles_of_the_analysis(source: ReportSource, site: Path) -> None:
    words = _words(_text(site, "method/index.html").replace(THIN_SPACE, ""))
    assert f"a strong penalty λ = {PENALTY:g}, the same for every group" in words
    assert f"at most {RulesConfig.model_validate(source.info['config']['rules']).n_shuffles} times" in words


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    source = with_joint_modes(_source(tmp_path, hostile=True, n_classes=20))
    build_site(source, site=tmp_path / "site")
    paths = (
        "joint-modes/index.html",
        "index.html",
        "data/joint-modes.js",
        "data/joint-modes.json",
        "classes/c0/index.html",
    )
    for text in (_text(tmp_path / "site", path) for path in paths):
        for payload in PAYLOADS:
            assert "<" not in payload or payload not in text


def test_without_photographs_everything_else_is_there(source: ReportSource, tmp_path: Path) -> None:
    settings = source.settings.model_copy(update={"images": "none"})
    bare = replace(source, tables=without_photographs(source.tables), settings=settings)
    build_site(bare, site=tmp_path / "site")
    joint = read_joint_modes(source)
    assert joint is not None
    page = _class_page(source, tmp_path / "site", joint.shown[0].group_id).split('id="joint-')[1]
    assert "This report shows no photographs." in page
    assert "<img" not in page
    assert '<div class="weight">' in page


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_its_places_are_accessible_fit_and_can_be_filtered(
    source: ReportSource, site: Path, browser: Browser, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    watched = Watched(context)
    built = Built(source, site)
    for path in ("classes/c0/index.html", "joint-modes/index.html"):
        page = watched.open(built, path)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    before = page.locator("tbody tr").all_inner_texts()
    page.get_by_label("ER ≥ %").fill("1")
    page.wait_for_function("document.querySelector('[data-count]').textContent.includes('1')")
    assert page.locator("tbody tr").all_inner_texts() == before  # the script writes a cell as the template did
    page.get_by_label("Verdict").select_option("can_be_chance")
    n = int((source.tables["joint_modes"]["verdict"] == "can_be_chance").sum())
    page.wait_for_function(f"document.querySelectorAll('tbody tr').length === {n}")
    context.close()
