"""Groups that no single class defines on the pages: titles in words, links both ways, noise floors, charts."""

import dataclasses
import html
import re
from pathlib import Path

import pytest

from barlow_report.config import RulesConfig
from barlow_report.report import build_site
from barlow_report.report.catalog import Catalog
from barlow_report.report.pages import Site, section_pages
from barlow_report.report.records import ClassEntry, Group, Share
from barlow_report.report.words import grouping_label, images_of, kind_words, noise_words
from tests.report.conftest import Built
from tests.report.synthetic import Recipe, synthetic_source

PAIR, UNION, COLUMN, BY_HAND = 14, 15, 16, 17


def _text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def _group(grouping: str, name: str, *classes: str, gain: float = 0.1, floor: float | None = None) -> Group:
    return Group(
        group_id=0,
        grouping=grouping,
        class_id=None,
        name=name,
        status="fitted",
        base=Share(20, 100),
        base_held_out=Share(8, 40),
        average_leaf_error_rate=0.2 + gain,
        average_leaf_error_rate_held_out=None,
        noise_floor=floor,
        nodes=(),
        rules=(),
        classes=tuple(ClassEntry(class_id=i, name=c, slug=f"c{i}") for i, c in enumerate(classes)),
    )


@pytest.mark.parametrize(
    ("group", "words", "label"),
    [
        (
            _group("confused_pairs", "cat → dog", "cat", "dog"),
            "images labelled cat and taken for cat or dog",
            "confused pair",
        ),
        (_group("unions_by_label", "pets", "a", "b", "c"), "images labelled pets (a, b or c)", "union by label"),
        (
            _group("unions_by_prediction", "many", *"abcdefgh"),
            "images taken for many (a, b, c, d or one of 4 more classes)",
            "union by prediction",
        ),
        (_group("column hospital", "Bern"), "images whose hospital is Bern", "column hospital"),
        (_group("night", "late"), "images of late (night)", "night"),
        (_group("column confused_pairs", "pairs"), "images whose confused_pairs is pairs", "column confused_pairs"),
    ],
)
def test_groups_are_named_in_words(group: Group, words: str, label: str) -> None:
    assert images_of(group) == words
    assert grouping_label(group) == label


def test_every_kind_of_group_says_what_it_is() -> None:
    assert "column ward of the manifest" in kind_words("column ward")[1]
    assert kind_words("confused_pairs")[0] == "confused pairs"
    assert kind_words("night") == ("night", "Sets of images given to the analysis.")


@pytest.mark.parametrize(
    ("gain", "floor", "said"),
    [(0.1, 0.04, "That is more than chance."), (0.1, 0.12, "That is no more than chance."), (0.1, None, "")],
)
def test_the_noise_floor_is_explained_in_words(gain: float, floor: float | None, said: str) -> None:
    words = noise_words(_group("night", "late", gain=gain, floor=floor), RulesConfig(n_permutations=200))
    assert said in words
    assert bool(words) == (floor is not None)
    if floor is not None:
        assert f"gains {gain:.3f}" in words
        assert f"at most {floor:.3f} (200 shuffles)" in words


def test_a_pair_s_page_says_what_fails_and_what_the_noise_floor_is(demo: Built) -> None:
    page = demo.text(f"groups/{PAIR}/index.html")
    text = _text(page)
    assert "Group: confused pair mug → vase" in text
    assert "Images labelled mug and taken for mug or vase" in text
    assert "Failures are the images labelled mug that were taken for vase ; the others were recognised" in text
    assert 'href="../../classes/c0/index.html"' in page
    assert 'href="../../classes/c1/index.html"' in page
    assert "Share of failures" not in text
    assert "19 of 20 trees gain at most 0.020" in text


def test_a_union_s_page_says_what_is_taken_for_what(demo: Built) -> None:
    text = _text(demo.text(f"groups/{UNION}/index.html"))
    assert "Its classes: mug , vase ." in text
    images = demo.source.tables["images"]
    failed = images[(images["label"] < 2) & (images["label"] != images["prediction"])]
    n = int(((failed["label"] == 0) & (failed["prediction"] == 1)).sum())
    assert re.search(rf"mug → vase \d+\s%\s{n}/{len(failed)}", text[text.index("Taken for one another:") :])


def test_a_class_leads_to_the_groups_it_takes_part_in_and_another_does_not(demo: Built) -> None:
    page = demo.text("classes/c0/index.html")
    for group_id in (PAIR, UNION):
        assert f'href="../../groups/{group_id}/index.html"' in page
    assert "Also analysed together with other classes: mug → vase" in _text(page)
    assert "Also analysed together" not in demo.text("classes/c3/index.html")


def test_the_index_lists_every_group_and_says_what_the_kinds_are(demo: Built) -> None:
    page = demo.text("groups/index.html")
    for group_id in (PAIR, UNION, COLUMN, BY_HAND):
        assert f'href="../groups/{group_id}/index.html' in page
    text = _text(page)
    assert "of any class" in text
    assert "Sets of images given to the analysis." in text
    assert 'href="../groups/index.html"' in demo.text("classes/index.html")
    assert 'href="groups/index.html"' in demo.text("index.html")
    assert "Groups may overlap" in _text(demo.text("method/index.html"))


def test_a_hostile_value_of_a_column_is_text_everywhere(demo: Built) -> None:
    for path in ("index.html", "groups/index.html", f"groups/{COLUMN}/index.html", "failure-modes/index.html"):
        assert "<script>alert(3)" not in demo.text(path), path
    assert "Images whose <u>site is </script><script>alert(3)</script>" in html.unescape(
        demo.text(f"groups/{COLUMN}/index.html")
    )
    for name in ("groups.js", "failure-modes.js", "jump.js", "rules.json"):
        assert "</script>" not in demo.text(f"data/{name}"), name


def test_groups_are_in_the_navigation_only_where_there_are_some(tmp_path: Path, demo: Built) -> None:
    def titles(built: Site) -> list[str]:
        return [page.title for page in section_pages(built)]

    assert "Groups" in titles(Site.from_source(demo.source))
    plain = synthetic_source(tmp_path / "run", Recipe(n_classes=2))
    assert "Groups" not in titles(Site.from_source(plain))


def test_failures_of_a_group_are_counted_by_label_and_prediction_most_first(demo: Built) -> None:
    catalog = Catalog(demo.source)
    images = demo.source.tables["images"]
    found = catalog.confused_within(catalog.groups[BY_HAND])
    assert [n for _, _, n in found] == sorted((n for _, _, n in found), reverse=True)
    failed = images[(images["prediction"] < 2) & (images["prediction"] != images["label"])]
    assert sum(n for _, _, n in found) == len(failed)
    a, b, n = found[0]
    assert n == ((failed["label"] == a.class_id) & (failed["prediction"] == b.class_id)).sum()


def test_the_evaluation_page_shows_a_chart_for_each_grouping_and_depth_with_its_words(demo: Built) -> None:
    page = demo.text("evaluation/index.html")
    for position, depth in enumerate((1, 3)):
        for scheme in ("light", "dark"):
            assert f'src="../assets/figures/gain_by_base_rate_{position}-{scheme}.svg"' in page
        assert f"<b>by label, depth {depth}</b>" in page
    assert 'alt="Chart &lt;b&gt;gain_by_base_rate_0&lt;/b&gt;"' in page


def test_the_evaluation_page_compares_gains_with_noise_floors(demo: Built) -> None:
    groups = demo.source.tables["groups"]
    fitted = groups[(groups["status"] == "fitted") & (groups["grouping"] == "label")]
    gain = fitted["average_leaf_error_rate"] - fitted["base_error_rate"]
    text = _text(demo.text("evaluation/index.html"))
    assert f"by label {(gain > 0.02).sum()}/{len(fitted)} groups {gain.mean():.3f} 0.020" in text


def test_without_noise_floors_the_page_says_how_to_get_them(tmp_path: Path, demo: Built) -> None:
    groups = demo.source.tables["groups"].assign(noise_floor=float("nan"))
    source = dataclasses.replace(demo.source, tables={**demo.source.tables, "groups": groups}, charts={})
    build_site(source, site=tmp_path / "site")
    text = _text((tmp_path / "site/evaluation/index.html").read_text(encoding="utf-8"))
    assert "Not computed in this run. Set rules.n_permutations" in text
    assert "Gain against base error rate" not in text
    assert "Noise floor" not in _text((tmp_path / "site/groups/14/index.html").read_text(encoding="utf-8"))
