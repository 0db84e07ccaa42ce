"""The form in browsers that deny their stores, fill them up, lose them, or share them among windows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from barlow_report.annotations.answers import parse_answer
from barlow_report.run_folder import Run
from tests.annotations.conftest import site_of
from tests.annotations.form import ONLY_HERE, Form, records

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NO_LOCAL = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
NULL_LOCAL = "Object.defineProperty(window, 'localStorage', {value: null});"
FULL_LOCAL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
UNREADABLE = "Storage.prototype.getItem = () => { throw new DOMException('no', 'SecurityError'); };"
FORGETFUL = "Storage.prototype.setItem = () => { };"
NO_JOURNAL = "Object.defineProperty(window, 'indexedDB', {value: undefined});"
THROWING = "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"
SILENT = "IDBFactory.prototype.open = () => ({});"
REFUSING = """IDBFactory.prototype.open = () => {
  const r = {}; setTimeout(() => r.onerror && r.onerror(new Event('error')), 20); return r; };"""
BLOCKED = """IDBFactory.prototype.open = () => {
  const r = {}; setTimeout(() => r.onblocked && r.onblocked(new Event('blocked')), 20); return r; };"""
STRANGE = """const real = IDBFactory.prototype.open;
IDBFactory.prototype.open = function () { return real.call(this, 'x'); };
indexedDB.open('x').onupgradeneeded = () => {};"""
ABORTING = """const real = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (name, mode, more) {
  const t = real.call(this, name, mode, more);
  if (mode === 'readwrite') setTimeout(() => { try { t.abort(); } catch { } });
  return t; };"""
HANGING = "Object.defineProperty(IDBTransaction.prototype, 'oncomplete', {set() {}});"
NO_CRYPTO = "Object.defineProperty(window, 'crypto', {value: undefined}); Math.random = () => 0.5;"
NO_SESSION = (
    "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
)

KEPT = {
    "localStorage is denied": NO_LOCAL,
    "localStorage is null": NULL_LOCAL,
    "localStorage is full": FULL_LOCAL,
    "localStorage is not readable": UNREADABLE,
    "localStorage forgets": FORGETFUL,
    "no IndexedDB": NO_JOURNAL,
    "IndexedDB throws": THROWING,
    "IndexedDB never answers": SILENT,
    "IndexedDB refuses": REFUSING,
    "IndexedDB is blocked": BLOCKED,
    "IndexedDB has another shape": STRANGE,
    "IndexedDB aborts": ABORTING,
    "no crypto": NO_CRYPTO,
    "no sessionStorage": NO_SESSION,
}
LOST = {
    "denied, none": NO_LOCAL + NO_JOURNAL,
    "null, throws": NULL_LOCAL + THROWING,
    "full, never answers": FULL_LOCAL + SILENT,
    "full, aborts": FULL_LOCAL + ABORTING,
    "unreadable, refuses": UNREADABLE + REFUSING,
    "forgets, blocked": FORGETFUL + BLOCKED,
    "forgets, never commits": FORGETFUL + HANGING,
    "denied, another shape": NO_LOCAL + STRANGE,
}


@pytest.fixture
def damaged(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile to break."""
    context = browser.new_context(accept_downloads=True)
    yield context
    context.close()


@pytest.mark.parametrize("script", KEPT.values(), ids=KEPT)
def test_one_store_that_works_is_enough(asked: Run, damaged: BrowserContext, script: str, tmp_path: Path) -> None:
    damaged.add_init_script(script)
    form = Form(damaged, site_of(asked), bare=True)
    form.start("ada")
    form.answer_at_once("first words")
    form.save_at_once()
    form.page.fill("#short", "half")
    form.kept()
    (record,) = records(form.download(tmp_path / "a.jsonl"))
    assert parse_answer(record).answers.short == "first words"
    form.page.reload()
    form.start("ada")
    assert form.page.input_value("#short") == "half"
    assert "1 answered" in (form.page.text_content("[data-progress]") or "")
    form.checked()


@pytest.mark.parametrize("script", LOST.values(), ids=LOST)
def test_without_any_store_the_reader_is_told_and_everything_can_be_downloaded(
    asked: Run, damaged: BrowserContext, script: str, tmp_path: Path
) -> None:
    damaged.add_init_script(script)
    form = Form(damaged, site_of(asked), bare=True)
    form.page.wait_for_selector(f"[data-saved]:text-is('{ONLY_HERE}')")  # before anything is typed
    form.start("ada")
    for words in ("first words", "other words"):
        form.answer_at_once(words)
        form.save_at_once()
    assert form.page.text_content("[data-saved]") == ONLY_HERE
    assert form.warns()
    assert {r["answers"]["short"] for r in records(form.download(tmp_path / "a.jsonl"))} == {
        "first words",
        "other words",
    }
    assert not form.warns()  # what was taken away is not lost with the window
    assert form.page.get_attribute("[data-kept]", "hidden") is not None
    form.page.fill("#short", "half")
    assert form.warns()
    form.checked()


def test_what_a_full_store_refused_is_kept_once_there_is_room(asked: Run, damaged: BrowserContext) -> None:
    damaged.add_init_script(NO_JOURNAL + "window.real = Storage.prototype.setItem;" + FULL_LOCAL)
    form = Form(damaged, site_of(asked), bare=True)
    form.start("ada")
    form.answer_at_once("first words")
    form.save_at_once()
    form.page.wait_for_selector(f"[data-saved]:text-is('{ONLY_HERE}')")
    assert form.warns()
    form.page.evaluate("() => { Storage.prototype.setItem = real; }")
    form.page.fill("#short", "half")
    form.kept()
    assert not form.warns()
    assert form.page.evaluate("Object.values(localStorage).join().includes('first words')")


def test_a_store_that_is_wiped_or_fills_up_during_work_loses_nothing(
    asked: Run, damaged: BrowserContext, tmp_path: Path
) -> None:
    form = Form(damaged, site_of(asked), bare=True)
    form.start("ada")
    form.answer_at_once("first words")
    form.save_at_once()
    form.page.evaluate("localStorage.clear(); indexedDB.deleteDatabase('barlow-report')")
    form.answer_at_once("other words")
    form.save_at_once()
    form.page.evaluate(FULL_LOCAL + "0")
    form.answer_at_once("more words")
    form.save_at_once()
    form.kept()
    again = Form(damaged, site_of(asked), bare=True)
    again.start("ada")
    assert len(records(again.download(tmp_path / "a.jsonl"))) == 3
    again.checked()


DAMAGE: dict[str, Any] = {
    "no JSON": "{half",
    "another type": "[1]",
    "null": "null",
    "older form": json.dumps({"schema_version": 0, "answers": {"short": "old"}}),
    "older record": json.dumps({"id": "a", "revision": 1, "record": {"schema_version": 0}, "draft": {}}),
    "odd record": json.dumps({"id": "a", "record": {"group_id": {"toString": 1}, "position": {"valueOf": 1}}}),
    "odd values": json.dumps({"id": "a", "draft": {"short": {"toString": 1}, "ease": [], "relation": "constructor"}}),
    "huge": json.dumps({"id": "a", "record": None, "draft": {"long": "x" * 300_000}}),
    "a clock of the future": json.dumps({"id": "a", "record": None, "draft": {"short": "before"}, "time": 2**53 - 9}),
}


@pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE)
def test_what_was_kept_may_be_damaged(asked: Run, damaged: BrowserContext, text: str, tmp_path: Path) -> None:
    form = Form(damaged, site_of(asked), bare=True)
    form.page.evaluate(
        """text => { const b = BARLOW_BATCH, p = 'barlow-report.annotate.' + b.report_id + '.';
        for (const i of b.items) localStorage.setItem(p + 'ada.' + i.group_id + '-' + i.feature_id, text);
        for (const n of ['person.ada', 'current', 'token']) localStorage.setItem(p + n, text); }""",
        text,
    )
    form.page.reload()
    form.start("ada")
    form.answer_at_once("new words")
    form.save_at_once()
    form.page.reload()
    form.start("ada")
    assert [r["answers"]["short"] for r in records(form.download(tmp_path / "a.jsonl"))] == ["new words"]
    form.checked()


def test_a_clock_that_goes_back_does_not_bring_back_older_words(asked: Run, damaged: BrowserContext) -> None:
    damaged.add_init_script("let now = 2e12; Date.now = () => now -= 60000;")
    form = Form(damaged, site_of(asked), bare=True)
    form.start("ada")
    form.page.fill("#short", "old")
    form.page.wait_for_timeout(700)  # now the journal has it
    form.page.evaluate("IDBDatabase.prototype.transaction = () => { throw new Error(); }; 0")
    form.page.fill("#short", "new")
    form.page.close()
    again = Form(damaged, site_of(asked), bare=True)
    again.start("ada")
    assert again.page.input_value("#short") == "new"


@pytest.mark.parametrize("script", ["", NO_LOCAL], ids=["localStorage", "only the journal"])
def test_two_windows_do_not_overwrite_each_other_s_answers(
    asked: Run, damaged: BrowserContext, script: str, tmp_path: Path
) -> None:
    damaged.add_init_script(script)
    one, two = Form(damaged, site_of(asked), bare=True), Form(damaged, site_of(asked), bare=True)
    for form in (one, two):
        form.start("ada")
    one.answer_at_once("first window")
    two.answer_at_once("second window")
    one.save_at_once()
    one.kept()
    if not script:
        two.page.wait_for_selector("text=You answered this feature in another window")
    two.save_at_once()
    two.answer_at_once("only second")
    two.save_at_once()
    two.kept()
    found = records(two.download(tmp_path / "two.jsonl"))
    assert {r["answers"]["short"] for r in found} == {"first window", "second window", "only second"}
    assert len({(r["record_id"], r["revision"]) for r in found}) == 3
    again = Form(damaged, site_of(asked), bare=True)
    again.start("ada")
    assert {r["answers"]["short"] for r in records(again.download(tmp_path / "3.jsonl"))} == {
        "first window", "second window", "only second"
    }  # fmt: skip
    again.checked()


def test_sites_do_not_mix_their_answers_though_they_share_a_store(
    asked: Run, damaged: BrowserContext, tmp_path: Path
) -> None:
    form = Form(damaged, site_of(asked), bare=True)
    form.start("ada")
    form.answer_at_once("first words")
    form.save_at_once()
    damaged.add_init_script(
        "let b; Object.defineProperty(window, 'BARLOW_BATCH', {get: () => b, set(v) { b = {...v, report_id: 'ff'}; }});"
    )
    other = Form(damaged, site_of(asked), bare=True)
    other.start("ada")
    assert "0 answered" in (other.page.text_content("[data-progress]") or "")
    assert records(other.download(tmp_path / "a.jsonl")) == []
