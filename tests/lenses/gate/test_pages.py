"""The page of the gate, and the overview, whose first answer is then the gate's."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from barlow_report.lenses.gate.facts import Rate
from barlow_report.lenses.gate.results import Verdict
from barlow_report.report import build_site
from barlow_report.report.links import broken_links
from barlow_report.visible import visible
from tests.lenses.changes.made_up import with_changes
from tests.lenses.gate.made_up import change, facts, policy, verdict, waiver
from tests.lenses.gate.stored import with_verdict
from tests.report.conftest import Built
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source
from tests.report.test_browser import Watched, violations

PAGE = "gate/index.html"
SMALL = Recipe(n_classes=4, n_per_class=60, n_features=30, image_size=32, n_pictures=6)
WORSE = {"measure": "worse_modes", "at_most": 0}
SOON = {"measure": "accuracy", "at_least": 0.95, "limit": "upper", "severity": "warn"}
BY_CLASS = {"measure": "class_error_rate", "at_most": 0.1, "limit": "lower"}
READABLE = [words for words in PAYLOADS if visible(words) == words and len(words) <= 200 and "\n" not in words]


def _words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html))


def _failing(rule_id: int) -> Verdict:
    """A mode that is waived, one whose waiver expired, one that only the baseline has, a class, and a warning."""
    rate = Rate(value=0.4, low=0.3, high=0.5)
    changes = (
        change("mug-with-f3-aaaa", "worse", new=0.4, rule_id=rule_id),
        change("vase-with-f9-bbbb", "worse", new=0.3, rule_id=None, group="vase, by label"),
    )
    waivers = [waiver("mug-with-f3-aaaa"), waiver("vase-with-f9-bbbb", expires="2026-01-01")]
    found = facts(*changes, verified=[("mug-with-f3-aaaa", rate)])
    return verdict(policy(WORSE, SOON, BY_CLASS, waivers=waivers), found)


def _build(folder: Path, judge: Callable[[int], Verdict]) -> Built:
    source = synthetic_source(folder / "run", SMALL)
    rules = source.tables["rules"]
    source = with_verdict(source, judge(int(rules[rules["verdict"] == "verified"]["rule_id"].iloc[0])))
    build_site(source, site=folder / "site")
    return Built(source, folder / "site")


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return _build(tmp_path_factory.mktemp("failing"), _failing)


def test_the_page_says_what_failed_by_how_much_and_what_is_waived_by_whom(failing: Built) -> None:
    html, text = failing.text(PAGE), _words(failing.text(PAGE))
    assert "The gate failed: 2 of 3 conditions failed, 1 warns." in text
    assert "compared with release-1" in text
    assert "Waived by Ada until 2027-01-31: new supplier of mugs" in text
    assert "+10 points (+2 to +18), q = 0.001, worse. Its waiver expired on 2026-01-01." in text
    assert "expired Expired on 2026-01-01. Repair the failure mode, or have the waiver renewed." in text
    assert re.search(r'<a href="\.\./classes/[^"]*#rule-\d+">mug-with-f3-aaaa</a>', html)
    assert "vase-with-f9-bbbb</b>" in html  # only the baseline has it: there is no place to lead to
    assert broken_links(failing.site)[0] == []


def test_the_first_answer_of_the_overview_is_the_gate_s(failing: Built, demo: Built) -> None:
    text = _words(failing.text("index.html"))
    places = [text.index(words) for words in ("The gate failed: 2 of 3", "Waived", "of images fail.")]
    assert places == sorted(places)
    assert "failed worse_modes: 2 failure modes: 1 violates it, 1 is waived." in text
    assert "mug-with-f3-aaaa under worse_modes, by Ada until 2027-01-31: new supplier of mugs" in text
    assert 'headline second"' in failing.text("index.html")
    assert 'headline second"' not in demo.text("index.html")
    assert not (demo.site / "gate").exists()


@pytest.mark.browser
def test_no_words_of_a_policy_break_out_of_their_place(tmp_path: Path, browser: Browser) -> None:
    def hostile(rule_id: int) -> Verdict:
        changes = [change(words, "worse", new=0.4, group=words, rule_id=rule_id) for words in READABLE]
        waivers = [waiver(words, owner=words, reason=words) for words in READABLE[1:]]
        return verdict(policy(waivers=waivers), facts(*changes))

    built = _build(tmp_path, hostile)
    context = browser.new_context(viewport={"width": 360, "height": 800})
    watched = Watched(context)
    page = watched.open(built, PAGE)
    shown = page.locator("table").last.locator("tbody th").all_inner_texts()
    assert [" ".join(words.split()) for words in shown] == [" ".join(words.split()) for words in READABLE[1:]]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert watched.messages == []
    context.close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_and_the_answer_violate_no_accessibility_rule(failing: Built, browser: Browser, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    for path in (PAGE, "index.html"):
        page.goto((failing.site / path).as_uri())
        assert violations(page) == []
    context.close()


def test_a_mode_of_the_baseline_alone_leads_to_the_page_of_changes(tmp_path: Path) -> None:
    source = with_changes(synthetic_source(tmp_path / "run", replace(SMALL, n_classes=12, n_features=60)))
    changed = source.tables["mode_changes"]
    name = changed.loc[changed["rule_id_new"].isna(), "mode_name"].iloc[0]
    found = facts(change(name, "worse", new=0.3, rule_id=None, group="vase, by label"))
    source = with_verdict(source, verdict(policy(WORSE, waivers=[waiver(name)]), found))
    build_site(source, site=tmp_path / "site")
    html = (tmp_path / "site" / PAGE).read_text(encoding="utf-8")
    place = f'<a href="../changes/index.html#only-old">{name}</a>'
    assert html.count(place) == 2  # under its condition and in the list of waivers
    assert f"{name} vase, by label, of the baseline alone" in _words(html)
    assert broken_links(tmp_path / "site")[0] == []
