"""Pages of failure directions: every status, hostile captions, no photographs, in-sample, nothing at all."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from barlow_report.lenses.directions.places import mode_words
from barlow_report.lenses.directions.records import ModePlace, read_directions
from barlow_report.report import ReportSource, build_site
from barlow_report.report.links import broken_links
from barlow_report.report.records import Share
from barlow_report.stages.privacy import without_photographs
from tests.lenses.directions.made_up import with_directions
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source

SMALL = {"n_classes": 8, "n_per_class": 60, "n_tiles": 2, "n_gallery": 2, "n_pictures": 4, "image_size": 32}


def _source(folder: Path, **recipe: object) -> ReportSource:
    return synthetic_source(folder / "run", Recipe(**{**SMALL, **recipe}))  # type: ignore[arg-type]


def _text(site: Path, path: str) -> str:
    return (site / path).read_text(encoding="utf-8")


def _words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("directions")
    build_site(with_directions(_source(folder)), site=folder / "site")
    return folder / "site"


def test_the_page_lists_every_class_with_its_evidence_or_status(site: Path) -> None:
    words = _words(_text(site, "directions/index.html"))
    for label in (
        "verified",
        "may be chance",
        "too few images",
        "no failures",
        "only failures",
        "too few of one outcome",
    ):
        assert label in words
    assert "0.680" in words
    assert "0.60–0.74" in words
    assert "2 of 4 directions are verified" in words
    assert broken_links(site)[0] == []
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", words)


def test_very_small_decision_values_are_shown_in_a_power_of_ten(site: Path, tmp_path: Path) -> None:
    source, tables = with_directions(_source(tmp_path)), {}
    for name, columns in (("direction_histograms", ["low", "high"]), ("direction_images", ["decision_value"])):
        tables[name] = source.tables[name].copy()
        tables[name][columns] *= 1e-5
    build_site(replace(source, tables={**source.tables, **tables}), site=tmp_path / "site")
    usual, small = (_words(_text(built, "classes/c0/index.html")) for built in (site, tmp_path / "site"))
    assert "in units of 10−5" in small
    assert "in units of" not in usual
    shown = re.findall(r"−?\d\.\d{3}\b", usual[usual.index("From hard to easy") : usual.index("Captions")])
    assert len(shown) >= 6
    assert shown == re.findall(r"−?\d\.\d{3}\b", small[small.index("From hard to easy") : small.index("Captions")])


def test_a_class_page_shows_histogram_images_captions_and_quality(site: Path) -> None:
    page = _text(site, "classes/c0/index.html")
    words = _words(page)
    assert "That is more than chance." in words
    assert "Histogram of the decision values of held-out images" in page
    for title in ("Hardest", "In the middle", "Easiest", "Hardest captions", "Easiest captions"):
        assert f"<h4>{title}</h4>" in page
    captions = re.findall(r"a photo of a cat, number (\d+)<", page)
    assert captions == ["1", "2", "3", "4", "15", "14", "13", "12"]
    assert "That may be chance" in _words(_text(site, "classes/c1/index.html"))
    assert "could not be tested" in _words(_text(site, "classes/c2/index.html"))
    assert "No direction: this class has fewer images" in _words(_text(site, "classes/c3/index.html"))


def test_each_failure_mode_says_where_its_failures_lie(site: Path) -> None:
    assert "lie on the hard side of their class's direction" in _words(_text(site, "classes/c0/index.html")).replace(
        "&#39;", "'"
    )


def test_hostile_captions_and_names_stay_text(tmp_path: Path) -> None:
    source = with_directions(_source(tmp_path, hostile=True), hostile=True)
    build_site(source, site=tmp_path / "site")
    for path in ("directions/index.html", "classes/c0/index.html", "data/directions.js"):
        text = _text(tmp_path / "site", path)
        for payload in PAYLOADS:
            if "<" in payload:
                assert payload not in text


def test_without_photographs_nothing_of_them_is_left(tmp_path: Path) -> None:
    source = with_directions(_source(tmp_path))
    source = replace(
        source,
        tables=without_photographs(source.tables),
        settings=source.settings.model_copy(update={"images": "none"}),
    )
    build_site(source, site=tmp_path / "site")
    page = _text(tmp_path / "site", "classes/c0/index.html")
    assert "Hardest" in page
    assert "<img" not in page.split('id="direction"')[1]


def test_in_sample_directions_say_that_nothing_was_tested(tmp_path: Path) -> None:
    build_site(with_directions(_source(tmp_path, held_out_fraction=0.0)), site=tmp_path / "site")
    assert "none tested" in _words(_text(tmp_path / "site", "directions/index.html"))
    words = _words(_text(tmp_path / "site", "classes/c0/index.html"))
    assert "nothing was tested" in words
    assert not re.search(r"\bnan\b|\bNone\b", words)


def test_without_a_text_encoder_the_page_says_so(tmp_path: Path) -> None:
    build_site(with_directions(_source(tmp_path), captions=False), site=tmp_path / "site")
    assert "these embeddings have no text encoder" in _text(tmp_path / "site", "classes/c0/index.html")
    assert "Hardest caption" not in _text(tmp_path / "site", "directions/index.html")


def test_a_run_without_directions_has_no_trace_of_them(tmp_path: Path) -> None:
    source = _source(tmp_path)
    assert read_directions(source) is None
    build_site(source, site=tmp_path / "site")
    assert not (tmp_path / "site" / "directions").exists()
    assert 'id="direction' not in _text(tmp_path / "site", "classes/c0/index.html")
    assert 'id="directions"' not in _text(tmp_path / "site", "method/index.html")


def test_the_place_of_a_mode_in_words() -> None:
    several = ModePlace(hard=Share(30, 40), median_hardness=0.83)
    one = ModePlace(hard=Share(0, 1), median_hardness=0.2)
    assert mode_words(several, is_in_sample=False).startswith(
        "Of its 40 failures that no direction was fitted to, 30 lie"
    )
    assert "harder than 83" in mode_words(several, is_in_sample=True)
    assert (
        mode_words(one, is_in_sample=False)
        == "Its failure that no direction was fitted to lies on the easy side of its class's direction."
    )
    assert mode_words(None, is_in_sample=False) == ""
