"""The form as somebody uses it: opened from the disk in Chromium."""

import contextlib
import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from barlow_report.annotations.answers import parse_answer
from barlow_report.commands.merge import MergeSettings, merge_files
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.site import write_site
from tests.annotations.conftest import site_of
from tests.annotations.form import Form, records
from tests.conftest import chromium
from tests.report.test_browser import violations

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_the_whole_loop_from_two_people_s_answers_to_names_on_the_pages(
    asked: Run, browser: Browser, tmp_path: Path
) -> None:
    run_folder = tmp_path / "run"
    shutil.copytree(asked.folder, run_folder)
    media = {path: path.stat().st_mtime_ns for path in (run_folder / "media").rglob("*") if path.is_file()}
    files = []
    for person in ("zz-ada", "zz-bob"):
        context = browser.new_context(accept_downloads=True)
        form = Form(context, site_of(asked))
        form.start(person)
        for i in range(5):
            noun = form.item().rpartition("/")[2][:6]
            form.answer(f"thing {noun}")
            if i == 2:  # reload in the middle: the draft is still there
                form.page.reload()
                form.page.click("button:text-is('Start')")
                assert form.page.input_value("#short") == f"thing {noun}"
                assert form.page.is_checked('input[name="relation"][value="background"]')
            form.save()
        form.page.wait_for_selector("text=Thank you")
        assert "5 of 5" in (form.page.text_content("[data-end]") or "")
        files.append(form.download(tmp_path / f"{person}.jsonl"))
        form.checked()
        context.close()
    for file in files:
        assert len(records(file)) == 5
        assert all(parse_answer(record).revision == 1 for record in records(file))
    run = Run.open(run_folder)
    done = merge_files(run, files, settings=MergeSettings(min_seconds=0))
    assert (done.n_people, done.n_applied, done.problems) == (2, 10, ())
    write_site(run, site=tmp_path / "site", progress=SilentProgress())
    assert media == {path: path.stat().st_mtime_ns for path in (run_folder / "media").rglob("*") if path.is_file()}
    names = run.read_table("feature_names")
    assert set(names["status"]) == {"agreed"}
    page = browser.new_page()
    for row in names.itertuples():
        page.goto((tmp_path / "site" / "features" / str(row.feature_id) / "index.html").as_uri())
        assert page.text_content("h1") == f"Feature {row.feature_id}: {row.name}"
        assert "2 of 2 people described it" in (page.text_content("#names") or "")
    page.goto((tmp_path / "site" / "people" / "index.html").as_uri())
    assert "10 answers of 2 people about 5 features" in (page.text_content(".lead") or "")
    page.goto((tmp_path / "site" / "failure-modes" / "index.html").as_uri())
    assert "“thing " in (page.text_content("tbody[data-rows]") or "")
    page.goto((tmp_path / "site" / "features" / "index.html").as_uri())
    assert "(agreed, 2 people)" in (page.text_content("tbody[data-rows]") or "")
    page.goto((tmp_path / "site" / "index.html").as_uri())
    assert "say it is not part of the object" in (page.text_content("main") or "")
    for path in (tmp_path / "site").rglob("*"):
        if path.suffix in (".html", ".js", ".json", ".csv"):
            assert "zz-" not in path.read_text(encoding="utf-8"), path
    page.close()


def test_every_keystroke_is_kept(asked: Run, form_context: BrowserContext) -> None:
    form = Form(form_context, site_of(asked))
    form.start("ada")
    form.page.focus("#long")
    form.page.keyboard.type("half a sent")
    assert form.page.text_content("[data-saved]") == "Saved locally"
    item = form.item()
    form.page.close()  # no warning, no chance to save
    again = Form(form_context, site_of(asked))
    again.start("ada")
    assert again.item() == item
    assert again.page.input_value("#long") == "half a sent"
    again.checked()


def test_a_browser_that_is_killed_loses_at_most_a_second_of_typing(
    asked: Run, browser: Browser, tmp_path: Path
) -> None:
    context = _profile(browser, tmp_path / "profile")
    form = Form(context, site_of(asked))
    form.start("ada")
    form.page.focus("#long")
    form.page.keyboard.type("all but the last second", delay=20)
    form.page.wait_for_timeout(1000)
    for pid in _processes_with(str(tmp_path / "profile")):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    again = Form(_profile(browser, tmp_path / "profile"), site_of(asked))
    again.start("ada")
    assert again.page.input_value("#long") == "all but the last second"
    again.checked()
    again.page.context.close()


def _profile(browser: Browser, folder: Path) -> BrowserContext:
    """A browser of its own, which keeps what it has in a folder."""
    kind = browser.browser_type
    return kind.launch_persistent_context(folder, executable_path=chromium(), args=["--no-sandbox"])


def _processes_with(argument: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if argument.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def test_answers_are_taken_to_another_browser_as_a_file(
    asked: Run, browser: Browser, form_context: BrowserContext, tmp_path: Path
) -> None:
    form = Form(form_context, site_of(asked))
    form.start("ada")
    first = form.item()
    form.answer("first words")
    form.save()
    file = form.download(tmp_path / "ada.jsonl")
    file.write_text(file.read_text() + '{"report_id": "ff"}\nnot json\n')
    other = browser.new_context(accept_downloads=True)
    again = Form(other, site_of(asked))
    again.page.set_input_files("#file", file)
    again.page.wait_for_selector("text=1 answers read, 2 belong to another report or person")
    again.page.click("button:text-is('Start')")
    assert again.page.input_value("#short") == ""  # it goes on after the last answer, in the same order
    assert again.item() == form.item()
    again.page.click("[data-back]")
    assert again.item() == first
    assert again.page.input_value("#short") == "first words"
    again.page.fill("#short", "second thoughts")
    again.save()
    (record,) = records(again.download(tmp_path / "again.jsonl"))
    before = json.loads(file.read_text().splitlines()[0])
    assert (record["revision"], record["record_id"]) == (2, before["record_id"])
    assert record["order_seed"] == before["order_seed"]
    assert record["answers"]["short"] == "second thoughts"
    again.checked()
    other.close()


def test_saving_the_same_answers_again_makes_no_new_revision(
    asked: Run, form_context: BrowserContext, tmp_path: Path
) -> None:
    form = Form(form_context, site_of(asked))
    form.start("ada")
    form.answer("some words")
    form.save()
    form.page.click("[data-back]")
    form.save()
    assert [record["revision"] for record in records(form.download(tmp_path / "a.jsonl"))] == [1]


@pytest.mark.slow
def test_the_order_is_shuffled_by_the_recorded_seed(asked: Run, browser: Browser, tmp_path: Path) -> None:
    orders, seeds = set(), set()
    for i in range(4):
        context = browser.new_context(accept_downloads=True)
        form = Form(context, site_of(asked))
        form.start(f"person-{i}")
        seen = []
        for _ in range(5):
            seen.append(form.item())
            form.page.check("input[name=cannot_tell]")
            form.save()
        found = records(form.download(tmp_path / f"{i}.jsonl"))
        assert sorted(record["position"] for record in found) == list(range(5))
        assert all(record["answers"] == {"cannot_tell": True} for record in found)
        seeds |= {record["order_seed"] for record in found}
        orders.add(tuple(seen))
        context.close()
    assert len(seeds) == 4
    assert len(orders) > 1


def test_a_part_begins_at_its_first_feature(asked: Run, form_context: BrowserContext, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(site_of(asked), site)
    script = site / "data" / "annotate.js"
    script.write_text(script.read_text().replace('"part_size":5', '"part_size":3'))
    form = Form(form_context, site)
    form.page.evaluate("document.querySelector('#part').append(new Option('Part 2', '1'))")
    form.start("ada")
    for _ in range(3):
        form.page.check("input[name=cannot_tell]")
        form.save()
    form.page.wait_for_selector("text=Thank you")
    form.page.click("text=Another part or person")
    form.page.evaluate("document.querySelector('#part').value = '1'")
    form.start("ada")
    assert "Feature 1 of 2, 0 answered" in (form.page.text_content("[data-progress]") or "")
    assert form.page.locator("[data-bar][max='2']").count() == 1


def test_an_incomplete_answer_is_not_saved_and_says_what_is_missing(asked: Run, form_context: BrowserContext) -> None:
    form = Form(form_context, site_of(asked))
    form.start("ada")
    form.page.fill("#short", "far too many words")
    form.save()
    problems = form.page.locator("[data-errors] li").all_text_contents()
    assert len(problems) == 6
    assert problems[0] == "The short description has 4 words: at most 3."
    assert form.page.evaluate("document.activeElement.id") == "short"
    assert form.page.get_attribute("#short", "aria-invalid") == "true"
    assert "too many" in (form.page.text_content("#count-short") or "")
    assert "0 answered" in (form.page.text_content("[data-progress]") or "")


def test_pastes_and_looking_time_are_recorded(asked: Run, form_context: BrowserContext, tmp_path: Path) -> None:
    form = Form(form_context, site_of(asked))
    form.start("ada")
    form.answer("typed words")
    form.page.evaluate("document.querySelector('#long').dispatchEvent(new ClipboardEvent('paste', {bubbles: true}))")
    form.page.wait_for_timeout(2200)
    form.save()
    (record,) = records(form.download(tmp_path / "a.jsonl"))
    assert record["n_pastes"] == 1
    assert 1 <= record["active_seconds"] <= 5


def test_the_form_is_filled_in_by_keyboard_alone(asked: Run, form_context: BrowserContext) -> None:
    form = Form(form_context, site_of(asked))
    page = form.page
    page.focus("#annotator")
    page.keyboard.press("Control+A")
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    page.wait_for_selector("#short", state="visible")
    assert page.evaluate("document.activeElement.id") == "form-title"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "short":
            break
    page.keyboard.type("keys only")
    page.keyboard.press("Tab")
    page.keyboard.type("written without a mouse")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    for name in ("ease", "confidence", "most_useful", "relation"):
        assert page.evaluate("document.activeElement.name") == name
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=1 answered")
    title, asks = page.text_content("[data-title]") or "", page.text_content("[data-legend-relation]")
    assert asks == f"What is it to the class “{title.rpartition(' ')[2]}”?"
    assert page.input_value("#short") == ""
    form.checked()


def test_a_feature_page_leads_to_its_item(asked: Run, form_context: BrowserContext) -> None:
    batch = json.loads((site_of(asked) / "annotate" / "batch.json").read_text())
    item = batch["items"][3]
    page = form_context.new_page()
    page.goto((site_of(asked) / "features" / str(item["feature_id"]) / "index.html").as_uri())
    page.click(f'a[href$="#item-{item["group_id"]}-{item["feature_id"]}"]')
    page.fill("#annotator", "ada")
    page.click("button:text-is('Start')")
    tiles = asked.read_table("tiles")
    own = tiles[(tiles["group_id"] == item["group_id"]) & (tiles["feature_id"] == item["feature_id"])]
    first = own.sort_values("rank")["thumbnail"].iloc[0]
    assert str(page.get_attribute("[data-pictures] img >> nth=0", "src")).endswith(first)


def test_hostile_answers_in_a_file_stay_text(asked: Run, form_context: BrowserContext, tmp_path: Path) -> None:
    form = Form(form_context, site_of(asked))
    form.start("ada")
    form.answer("some words")
    form.save()
    (record,) = records(form.download(tmp_path / "a.jsonl"))
    record["revision"] = 9
    record["answers"] |= {"short": "<img src=x onerror=alert(1)>", "ease": "<script>", "relation": {"toString": 1}}
    (tmp_path / "b.jsonl").write_text(json.dumps(record) + "\n")
    again = Form(form_context, site_of(asked))
    again.page.set_input_files("#file", tmp_path / "b.jsonl")
    again.page.wait_for_selector("text=1 answers read")
    again.start("ada")
    assert again.page.locator("[data-annotate] script, [data-annotate] img[src=x]").count() == 0
    again.checked()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_step_violates_an_accessibility_rule_or_scrolls_sideways(
    asked: Run, browser: Browser, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    form = Form(context, site_of(asked))
    found = {"intro": violations(form.page)}
    form.start("ada")
    form.save()
    found["item with problems"] = violations(form.page)
    assert form.page.evaluate("document.documentElement.scrollWidth") <= width
    for _ in range(5):
        form.page.check("input[name=cannot_tell]")
        form.save()
    form.page.wait_for_selector("text=Thank you")
    found["end"] = violations(form.page)
    context.close()
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_the_form_stays_small(asked: Run) -> None:
    page = site_of(asked) / "annotate" / "index.html"
    scripts = re.findall(r'src="\.\./(assets/barlow/[^"]+\.js)"', page.read_text(encoding="utf-8"))
    own = [script for script in scripts if "iframe-worker" not in script]
    assert own == ["assets/barlow/barlow.js", "assets/barlow/annotate.js"]
    assert sum((site_of(asked) / script).stat().st_size for script in own) <= 30_000
    assert (site_of(asked) / "assets" / "barlow" / "annotate.css").stat().st_size <= 5_000
    assert page.stat().st_size <= 40_000
