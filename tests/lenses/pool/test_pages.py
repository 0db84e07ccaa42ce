"""What to collect on pages: words, links, pictures, and what must not be shown."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.lenses.pool.page_words import how_many, summary_sentences
from barlow_report.lenses.pool.records import ModeCandidates, PoolSummary
from barlow_report.report.links import broken_links
from barlow_report.report.records import Share
from barlow_report.run_folder import Run
from tests.lenses.further import write_pool
from tests.pipeline.toy import write_task
from tests.report.test_browser import violations

HOSTILE = "marked-<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool-pages")
    path = write_task(folder)
    write_pool(folder / "pool")
    next((folder / "pool/red").glob("marked-*")).rename(folder / "pool/red" / HOSTILE)
    values = yaml.safe_load(path.read_text())
    values |= {"pool": {"folder": "pool", "n_pictures": 5}, "rules": {"unions": {"any colour": ["red", "blue"]}}}
    path.write_text(yaml.safe_dump(values))
    pipeline.compute(load_config(path), folder=folder / "run")
    return folder


@pytest.fixture(scope="module")
def site(task: Path) -> Path:
    run = Run.open(task / "run")
    config = run.info["config"]
    run.update_info(config={**config, "site": {**config["site"], "show_paths": True}})
    return pipeline.build_site(task / "run", site=task / "site").parent


def _rules(task: Path) -> list[int]:
    return [int(rule_id) for rule_id in Run.open(task / "run").read_table("pool_modes")["rule_id"]]


def _words(path: Path) -> str:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8")))
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def test_the_page_says_how_many_failure_modes_have_candidates(site: Path) -> None:
    words = _words(site / "collect/index.html")
    assert "The pool has candidates for 2 of 2 verified failure modes by label" in words
    assert "The pool has 60 images. 60 labelled as a class of the run." in words
    assert "20 candidates, labelled as the class." in words


def test_a_failure_mode_has_its_failures_its_triptych_and_its_best_candidates(task: Path, site: Path) -> None:
    page = site / f"collect/{_rules(task)[0]}/index.html"
    html, words = page.read_text(encoding="utf-8"), _words(page)
    assert re.search("Of the analysed images of the class ?33 % .40/120. meet the rule", words)
    assert re.search("Of the images of the pool that may be of the class ?50 % .20/40. meet the rule", words)
    assert 'class="triptych"' in html
    assert "Images of this failure mode that fail" in words
    best = html[html.index('id="best"') : html.index("<details")]
    assert best.count("<li>") == 5
    assert "labelled red, taken for blue" in _words(page)
    assert "also: " in words  # the union has the same candidates
    assert re.search("Labels known ?10 ?100.0 %", words)


def test_pages_of_others_lead_to_what_to_collect(task: Path, site: Path) -> None:
    rule_id = _rules(task)[0]
    assert "A pool of 60 images has candidates to collect for 2 of 2 failure modes by label." in _words(
        site / "index.html"
    )
    assert f"collect/{rule_id}/index.html" in (site / "classes/red/index.html").read_text(encoding="utf-8")
    assert "What to collect" in _words(site / "method/index.html")


def test_every_link_leads_somewhere_and_hostile_names_are_text(site: Path) -> None:
    assert broken_links(site)[0] == []
    for path in (site / "collect").rglob("*.html"):
        assert "<img src=x" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_pages_are_accessible(task: Path, site: Path, browser: Browser, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    for path in ("collect/index.html", f"collect/{_rules(task)[0]}/index.html"):
        page = context.new_page()
        page.goto((site / path).as_uri())
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_site_without_photographs_lists_the_candidates(task: Path) -> None:
    index = pipeline.build_site(task / "run", site=task / "bare", images="none")
    page = index.parent / f"collect/{_rules(task)[0]}/index.html"
    html = page.read_text(encoding="utf-8")
    assert "<details open" in html
    assert "All 20 listed candidates" in _words(page)
    assert broken_links(index.parent)[0] == []


def test_a_site_with_blurred_photographs_has_none_of_the_pool_s_pictures(task: Path) -> None:
    index = pipeline.build_site(task / "run", site=task / "blurred", images="blur")
    names = set(Run.open(task / "run").read_table("pool_pictures")["thumbnail"])
    assert names
    assert not any((index.parent / "media" / name).exists() for name in names)


def test_a_damaged_picture_is_drawn_again(task: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(task, tmp_path / "task", copy_function=shutil.copy2))
    run = Run.open(copy / "run")
    name = run.read_table("pool_pictures")["thumbnail"].iloc[0]
    (run.media / name).write_bytes(b"damaged")
    pipeline.compute(load_config(copy / "toy.yaml"), folder=copy / "run", until="pool")
    assert run.has_media(name)


def summary(**changes: int) -> PoolSummary:
    names = (
        "n_listed",
        "n_read",
        "n_analysed",
        "n_trained",
        "n_near_analysed",
        "n_labelled",
        "n_unlabelled",
        "n_other_class",
        "n_candidates",
    )
    return PoolSummary(**{**dict.fromkeys(names, 0), **changes})


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"n_read": 1, "n_unlabelled": 1}, "The pool has 1 image. 1 without a label."),
        (
            {"n_read": 4, "n_analysed": 1, "n_labelled": 2, "n_other_class": 1},
            "The pool has 4 images. 2 labelled as a class of the run; 1 labelled as something else, never a candidate. "
            "1 image of these was analysed, and is never a candidate.",
        ),
        (
            {"n_read": 3, "n_analysed": 3},
            "The pool has 3 images. 3 images of these were analysed, and are never candidates.",
        ),
        (
            {"n_read": 3, "n_trained": 1},
            "The pool has 3 images. 1 image of these is a training image, and is never a candidate.",
        ),
        (
            {"n_read": 9, "n_near_analysed": 2},
            "The pool has 9 images. 2 images of these are nearly the same as analysed ones, and are never candidates.",
        ),
    ],
)
def test_the_pool_is_said_in_words(counts: dict[str, int], words: str) -> None:
    assert " ".join(summary_sentences(summary(**counts), n_skipped=0)) == words


@pytest.mark.parametrize(
    ("n_by", "words"),
    [
        ((0, 0, 0), "No candidate."),
        ((1, 0, 0), "1 candidate, labelled as the class."),
        ((2, 0, 3), "5 candidates, 2 labelled as the class; 3 without a label, taken for what its failures are taken "
         "for. The best 0 are listed."),
    ],
)  # fmt: skip
def test_the_number_of_candidates_is_said_with_the_reasons(n_by: tuple[int, int, int], words: str) -> None:
    n = sum(n_by)
    values: dict[str, Any] = {"candidates": ()} if n != 1 else {"candidates": (None,)}
    mode = ModeCandidates(
        rule_id=0,
        n_candidates=n,
        n_by=dict(zip(("label", "prediction", "taken_for"), n_by, strict=True)),
        pool=Share(n, 10),
        analysed=Share(1, 10),
        estimated_from="rule",
        quality=(),
        **values,
    )
    assert how_many(mode) == words
