"""Pages say which evidence a run has: held-out images, or all images judged by rules fitted without them."""

import dataclasses
import html
import re

import pytest

from barlow_report.report import build_site
from barlow_report.report.links import broken_links
from tests.lenses.directions.made_up import with_directions
from tests.lenses.error_types.made_up import with_taxonomy
from tests.lenses.models.made_up import with_comparison
from tests.report.conftest import STATUSES, Built
from tests.report.shuffles import with_shuffles
from tests.report.synthetic import Recipe, synthetic_source

_LENSES = ("directions", "models", "evaluation")  # those that hold images out for themselves
_OF_A_LENS = re.compile(
    r'<section[^>]*id="(?:direction|directions|models)".*?</section>(?=\s*<section|\s*</div>)', re.DOTALL
)
_SHOWN = re.compile(r"<(?:script|style).*?</(?:script|style)>|<(?!abbr|button|svg|a )[^>]*>", re.DOTALL)


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A run with every lens, whose rules were tested by shuffles."""
    folder = tmp_path_factory.mktemp("shuffled")
    recipe = Recipe(planted=True, other_group=True, statuses=STATUSES, n_classes=7)
    source = synthetic_source(folder / "run", recipe)
    rules = source.tables["rules"].assign(stability=float("nan"))
    source = dataclasses.replace(source, tables={**source.tables, "rules": rules})
    source = with_shuffles(with_comparison(with_directions(with_taxonomy(source))))
    build_site(source, site=folder / "site")
    return Built(source, folder / "site")


def _claims(text: str) -> list[str]:
    """What the rules' part of a page says of held-out images, tooltips included."""
    shown = _SHOWN.sub("", _OF_A_LENS.sub("", text))
    return re.findall(r"(?i)[^.<>]*(?<!er-)held[- ]out[^.<>]*", html.unescape(shown))


def test_no_page_claims_held_out_images_where_rules_are_tested_by_shuffles(shuffled: Built) -> None:
    pages = [
        path for path in shuffled.site.rglob("index.html") if path.relative_to(shuffled.site).parts[0] not in _LENSES
    ]
    assert len(pages) > 20
    found = {str(path.relative_to(shuffled.site)): _claims(path.read_text(encoding="utf-8")) for path in pages}
    assert {path: claims for path, claims in found.items() if claims} == {}
    assert broken_links(shuffled.site)[0] == []


def test_estimated_rates_are_called_so(shuffled: Built) -> None:
    page, modes = shuffled.text("classes/c5/index.html"), shuffled.text("failure-modes/index.html")
    assert "An estimated " in page
    assert ">Estimated</th>" in page
    assert ">As seen</th>" in page
    assert "Rates are estimates from all images" in modes
    assert "Error rate: how often the model fails among the images of the rule; estimated" in modes
    assert "Estimated rates" in shuffled.text("method/index.html")
    assert "Not computed: the rules of this run were compared" in shuffled.text("evaluation/index.html")
    assert "all used to find rules and to test them" in shuffled.text("method/index.html")
    assert "The share of the failures is estimated" in shuffled.text("index.html")


def test_a_rule_that_only_tells_the_class_from_others_says_so(shuffled: Built) -> None:
    rules = shuffled.source.tables["rules"]
    alike = rules[rules["verdict"] == "not_of_class"]
    groups = shuffled.source.tables["groups"].set_index("group_id")
    classes = shuffled.source.tables["classes"]
    assert len(alike)
    page = shuffled.text(f"classes/{classes['slug'][groups['class_id'][alike['group_id'].iloc[0]]]}/index.html")
    assert "not specific" in page
    assert "It says that these images are of other classes, not why they are taken for this one" in page
    assert "badge not_of_class" in page


def test_each_image_of_a_group_counts_once(shuffled: Built) -> None:
    images = shuffled.source.tables["images"]
    own = images[images["label"] == 5]
    n_failures = int((own["label"] != own["prediction"]).sum())
    assert f"fail ({n_failures}/{len(own)})" in shuffled.text("classes/c5/index.html")


@pytest.mark.parametrize("path", ["directions/index.html", "method/index.html", "models/index.html"])
def test_lenses_that_hold_images_out_for_themselves_say_so(shuffled: Built, path: str) -> None:
    text = shuffled.text(path)
    assert "in-sample" not in text
    assert re.search(
        r"held out(?: for|, for) (?:the directions|this comparison) alone|comparison some were held out", text
    )


def test_held_out_images_are_named_where_there_are_some(demo: Built) -> None:
    page = demo.text("classes/c5/index.html")
    assert "Held-out images" in page
    assert "An estimated " not in page


def test_stability_is_shown_where_it_was_computed(demo: Built) -> None:
    modes = demo.text("failure-modes/index.html")
    assert re.search(r'<td class="short[^"]*"[^>]*>stable 0.92</td>', modes)
    assert 'data-filter="stability"' in modes
    assert '"grades":[[0.8,"stable"],[0.5,"fairly stable"],[0.0,"unstable"]]' in demo.text("data/failure-modes.js")
    assert re.search(
        r'<span class="stability"><button[^>]*>fairly stable 0.60</button></span>',
        demo.text("classes/c5/index.html") + demo.text("index.html"),
    )


def test_nothing_is_said_of_stability_where_it_was_not_computed(shuffled: Built) -> None:
    modes = shuffled.text("failure-modes/index.html").partition("What the columns of rules.csv mean")[0]
    assert "tability" not in modes + shuffled.text("index.html")
