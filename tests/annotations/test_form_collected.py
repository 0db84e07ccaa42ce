"""The form where a collector serves it, and names with hostile texts on the pages."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Route

from barlow_report.annotations.exchange.database import read_database
from barlow_report.commands.merge import MergeSettings, merge_files
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.site import write_site
from tests.annotations.collecting import invite, running
from tests.annotations.conftest import site_of
from tests.annotations.people import answer, batch_items, finished_run, write_lines
from tests.report.synthetic import PAYLOADS, Recipe

pytestmark = pytest.mark.browser

LINK = "https://app.example.org/complete?cc=ABC"
PARTICIPANT = "?PROLIFIC_PID=5f0123456789abcdef012345&STUDY_ID=study1&SESSION_ID=session1"


@pytest.mark.slow
def test_answers_go_to_the_collector_and_survive_its_absence(
    asked: Run, form_context: BrowserContext, tmp_path: Path
) -> None:
    database, log = tmp_path / "answers.sqlite", tmp_path / "log"
    token = invite(database, "ada")["ada"]
    page = form_context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if "Content Security Policy" in m.text else None)
    with running(site_of(asked), database, log=log) as collector:
        page.goto(f"{collector.url}/annotate/index.html#token={token}")
        page.wait_for_selector("text=Connected")
        assert "token" not in page.url
        assert page.input_value("#annotator") == "ada"
        page.click("button:text-is('Start')")
        page.check("input[name=cannot_tell]")
        page.click("text=Save and next")
        page.wait_for_selector("text=All answers are stored on the server")
        collector.kill()
        page.check("input[name=cannot_tell]")
        page.click("text=Save and next")
        page.wait_for_selector("text=Not sent yet")
    with running(site_of(asked), database, port=collector.port, log=log):
        page.wait_for_selector("text=All answers are stored on the server", timeout=30_000)
        page.reload()
        page.wait_for_selector("text=Connected")
    stored = [json.loads(body) for body in read_database(database)]
    assert [record["annotator"] for record in stored] == ["ada", "ada"]
    assert errors == []


def test_an_answer_that_is_refused_does_not_hold_up_the_others(
    asked: Run, form_context: BrowserContext, tmp_path: Path
) -> None:
    database = tmp_path / "answers.sqlite"
    token = invite(database, "ada")["ada"]
    page = form_context.new_page()

    def clash(route: Route) -> None:
        route.fulfill(status=409, json={"error": "a clash", "reasons": ["a clash"]})

    with running(site_of(asked), database, log=tmp_path / "log") as collector:
        page.goto(f"{collector.url}/annotate/index.html#token={token}")
        page.wait_for_selector("text=Connected")
        page.click("button:text-is('Start')")
        page.route("**/api/annotations", clash, times=1)
        for _ in range(3):
            page.check("input[name=cannot_tell]")
            page.click("text=Save and next")
        page.wait_for_selector("text=refused an answer: a clash. Download your answers.")
        page.wait_for_function("document.querySelector('[data-sent]').textContent.startsWith('The server')")
        assert len(list(read_database(database))) == 2


def test_a_participant_of_another_study_is_told_and_keeps_the_address(
    asked: Run, form_context: BrowserContext, tmp_path: Path
) -> None:
    options = ("--prolific-study", "study2", "--prolific-completion", LINK)
    page = form_context.new_page()
    with running(site_of(asked), tmp_path / "answers.sqlite", log=tmp_path / "log", options=options) as collector:
        page.goto(f"{collector.url}/annotate/index.html{PARTICIPANT}")
        page.wait_for_selector("text=You were not let in: study_id: this collector is for another study.")
        assert page.url.endswith(PARTICIPANT)


def test_a_participant_of_prolific_sees_the_completion_link_after_the_last_answer(
    asked: Run, form_context: BrowserContext, tmp_path: Path
) -> None:
    options = ("--prolific-study", "study1", "--prolific-completion", LINK)
    page = form_context.new_page()
    with running(site_of(asked), tmp_path / "answers.sqlite", log=tmp_path / "log", options=options) as collector:
        page.goto(f"{collector.url}/annotate/index.html{PARTICIPANT}")
        page.wait_for_selector("text=Connected")
        assert "PROLIFIC" not in page.url
        page.click("button:text-is('Start')")
        for _ in range(5):
            assert page.locator("text=Return to Prolific").count() == 0
            page.check("input[name=cannot_tell]")
            page.click("text=Save and next")
        page.wait_for_selector("text=Return to Prolific")
        assert page.get_attribute("[data-completion] a", "href") == LINK
        assert len(list(read_database(tmp_path / "answers.sqlite"))) == 5


@pytest.mark.slow
def test_hostile_names_are_text_wherever_they_are_shown(browser: Browser, tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", Recipe(n_classes=20, n_per_class=40, image_size=32, n_tiles=1))
    items = batch_items(run)
    records = [
        answer(person, item=item, short=payload[:100], long=payload, relation="background")
        for item, payload in zip(items, PAYLOADS, strict=False)
        for person in ("ada", "bob")
    ]
    done = merge_files(run, [write_lines(tmp_path / "a.jsonl", records)], settings=MergeSettings(min_seconds=0))
    assert done.n_applied + len(done.problems) == len(records)
    assert done.n_applied >= 60
    write_site(run, site=tmp_path / "site", progress=SilentProgress())
    page = browser.new_page()
    noted: list[str] = []

    def refuse(dialog: Dialog) -> None:
        noted.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.on("pageerror", lambda error: noted.append(str(error)))
    features = [f"features/{feature_id}/index.html" for _, feature_id in items[:12]]
    for path in ("index.html", "people/index.html", "failure-modes/index.html", "features/index.html", *features):
        page.goto((tmp_path / "site" / path).as_uri())
        foreign = page.eval_on_selector_all(
            ".barlow :is(script, iframe, base, meta, style, textarea, object), [onerror], [onload], [onfocus], "
            "[onmouseover], [href*='example.invalid']",
            "elements => elements.map(e => e.outerHTML)",
        )
        assert [html for html in foreign if "annotate.css" not in html] == []
    assert noted == []
    page.close()
