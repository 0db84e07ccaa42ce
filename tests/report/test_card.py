"""The model card: the same words as the site, metadata that the hub's own library reads, and no markup from outside."""

import html
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from barlow_report.report.card import BEGIN, END, _text, card_metadata, card_section, with_section
from barlow_report.report.mode_words import mode_line
from barlow_report.report.pages import Site
from barlow_report.report.words import rule_inequality
from tests.report.synthetic import Recipe, synthetic_source


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.from_source(synthetic_source(tmp_path_factory.mktemp("card") / "run", Recipe()))


def test_the_hub_reads_accuracy_and_the_rate_of_each_verified_failure_mode(site: Site) -> None:
    card: Any = ModelCard(
        card_metadata(site, model="my/model", run="demo") + "\n# x\n\n" + card_section(site, model="m")
    )
    results = {result.metric_name: result for result in card.data.eval_results or []}
    images = site.catalog.images
    accuracy = float((images.label == images.prediction).mean())
    assert results["Accuracy"].metric_value == pytest.approx(accuracy, abs=1e-6)
    verified = [rule for rule in site.catalog.failure_modes() if rule.verdict == "verified"]
    assert verified
    assert len(results) == 1 + min(len(verified), 20)
    for result in results.values():
        assert (result.task_type, result.dataset_type) == ("image-classification", "demo")
    rates = [r.metric_value for r in card.data.eval_results or [] if r.metric_type == "error_rate"]
    assert rates == [pytest.approx(rule.best.error.value, abs=1e-6) for rule in verified[:20]]
    assert card.data.model_name == "my/model"


def test_the_section_says_each_mode_as_the_site_does(site: Site) -> None:
    section = html.unescape(card_section(site, model="m")).replace("\u202f", " ").replace("\u2009", " ")
    for rule in [rule for rule in site.catalog.failure_modes() if rule.verdict == "verified"][:20]:
        line = mode_line(site.catalog.groups[rule.group_id], rule).replace("\u202f", " ").replace("\u2009", " ")
        assert f"| {line} | {rule_inequality(rule)} |" in section
    assert "nan" not in section.lower().split()


def test_names_from_outside_are_no_markup(tmp_path: Path) -> None:
    source = synthetic_source(tmp_path / "run", Recipe(hostile=True))
    site = Site.from_source(source)
    name = "<script>alert(1)</script> | [x](javascript:1) `--- @all #1"
    section = card_section(site, model=name)
    rest = section.replace(BEGIN, "").replace(END, "").replace("<code>", "").replace("</code>", "")
    assert "<" not in rest
    assert "](" not in rest
    assert "`" not in rest
    assert "@" not in rest
    front = card_metadata(site, model=name, run="a: b\n---\nc")
    assert front.count("\n---\n") == 1
    values = yaml.safe_load(front.removeprefix("---\n").removesuffix("---\n"))
    assert values["model-index"][0]["name"] == name


def test_the_text_can_be_read_as_it_is_and_says_where_features_are_explained(site: Site) -> None:
    section = card_section(site, model="test_resnet__a_")
    assert "<code>test_resnet&#95;&#95;a&#95;</code> is right for" in section
    assert "The report has pictures of what each responds to." in section


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("feature 9 > 8e−06", "feature 9 > 8e−06"),
        ("> a", "&#62; a"),
        ("a->b", "a&#45;&#62;b"),
        ("_a_b_ c", "&#95;a_b&#95; c"),
        ("a__b", "a&#95;&#95;b"),
    ],
)
def test_signs_that_are_no_markup_where_they_stand_are_left_as_they_are(text: str, written: str) -> None:
    assert _text(text) == written


def test_the_data_set_is_called_what_it_is(site: Site) -> None:
    front = yaml.safe_load(card_metadata(site, model="m", run="demo").strip("-\n"))
    n_images = len(site.catalog.images)
    dataset = front["model-index"][0]["results"][0]["dataset"]
    assert dataset == {"name": f"{n_images} images of the run {site.title}", "type": "demo"}


def test_only_the_section_of_a_card_is_replaced() -> None:
    old = f"# Mine\n\nMy words.\n\n{BEGIN}\nold\n{END}\n\nMore of mine.\n"
    new = with_section(old, f"{BEGIN}\nnew\n{END}\n")
    assert new == old.replace("old", "new")
    assert with_section(new, f"{BEGIN}\nnew\n{END}\n") == new
    assert with_section("# Mine\n", f"{BEGIN}\nnew\n{END}\n") == f"# Mine\n\n{BEGIN}\nnew\n{END}\n"
    for broken in (BEGIN, END, f"{END} {BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"):
        with pytest.raises(ValueError, match="expected one pair"):
            with_section(broken, "x")
