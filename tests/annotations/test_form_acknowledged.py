"""The form says "stored" only when the collector has named the record, whatever else answers in its place."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from barlow_report.run_folder import Run
from tests.annotations.conftest import site_of
from tests.annotations.form import ONLY_HERE, Form, records
from tests.annotations.test_form_storage import LOST

pytestmark = pytest.mark.browser

ADDRESS = "http://collector.example"
STORED = "[data-sent]:text-is('All answers are stored on the server')"
LOGIN = "<!doctype html><title>Log in</title>"
Answer = Callable[[Route, dict[str, Any]], None]


class Collector:
    """The site and a collector, played by the test; `answers` are the replies to records, the last one for ever."""

    def __init__(self, context: BrowserContext, run: Run) -> None:
        self.site = site_of(run)
        self.got: list[dict[str, Any]] = []
        self.kept: list[dict[str, Any]] = []
        self.answers: list[Answer] = [stored]
        self.session: list[Answer] = [lambda route, _: _json(route, 200, self.who)]
        context.route(f"{ADDRESS}/**", self._serve)

    @property
    def who(self) -> dict[str, Any]:
        return {"annotator": "ada", "part": None, "records": self.kept}

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS).partition("?")[0]
        if path == "/data/collector.js":
            route.fulfill(body='window.BARLOW_COLLECTOR={"api": "api/", "prolific": false};')
        elif path == "/api/session":
            (self.session.pop(0) if len(self.session) > 1 else self.session[0])(route, {})
        elif path == "/api/annotations":
            record = json.loads(route.request.post_data or "")
            self.got.append(record)
            (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(route, record)
        elif path.startswith("/login"):
            _json(route, 200, {"outcome": "stored", **_named(self.got[-1])})
        else:
            route.fulfill(path=self.site / path.lstrip("/"))

    def open(self, page: Page) -> None:
        page.goto(f"{ADDRESS}/annotate/bare.html#token=t")


def _json(route: Route, status: int, value: object, **headers: str) -> None:
    route.fulfill(status=status, content_type="application/json", body=json.dumps(value), headers=headers or None)


def _named(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in ("record_id", "revision")}


def stored(route: Route, record: dict[str, Any]) -> None:
    _json(route, 201, {"outcome": "stored", **_named(record)})


def _status(status: int, **more: object) -> Answer:
    return lambda route, record: _json(route, status, {"error": "no", "reasons": ["no"], **more, **_named(record)})


NOT_STORED: dict[str, Answer] = {
    "500": _status(500),
    "503": _status(503),
    "507": _status(507),
    "429": _status(429),
    "an error without words": lambda route, _: route.fulfill(status=502, body="Bad gateway"),
    "a proxy's page": lambda route, _: route.fulfill(status=200, content_type="text/html", body=LOGIN),
    "a proxy's login": lambda route, _: route.fulfill(status=401, content_type="text/html", body=LOGIN),
    "a way to a login": lambda route, _: route.fulfill(status=302, headers={"Location": f"{ADDRESS}/login"}),
    "nothing": lambda route, _: route.fulfill(status=204),
    "no record": lambda route, _: _json(route, 200, {"outcome": "stored"}),
    "null": lambda route, _: _json(route, 200, None),
    "a list": lambda route, _: _json(route, 200, [1]),
    "another record": lambda route, r: _json(route, 201, {**_named(r), "record_id": "other"}),
    "another revision": lambda route, r: _json(route, 201, {**_named(r), "revision": r["revision"] + 1}),
    "another status": lambda route, r: _json(route, 202, _named(r)),
    "a broken connection": lambda route, _: route.abort(),
}


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile whose requests the test answers."""
    context = browser.new_context(accept_downloads=True)
    yield context
    context.close()


def _connected(page: Page, collector: Collector) -> None:
    collector.open(page)
    page.wait_for_selector("text=Connected")
    page.click("button:text-is('Start')")


def _answer(page: Page) -> None:
    page.evaluate(
        "() => { const form = document.querySelector('[data-form]'); form.elements.cannot_tell.checked = true; "
        "form.requestSubmit(); }"
    )


def test_only_the_collector_s_own_words_mean_stored(asked: Run, context: BrowserContext) -> None:
    collector, page = Collector(context, asked), context.new_page()
    _connected(page, collector)
    assert page.text_content("[data-sent]") == ""  # nothing was answered, so nothing is stored
    page.evaluate(
        """() => { window.said = []; new MutationObserver(() => said.push(document.querySelector('[data-sent]')
        .textContent)).observe(document.querySelector('[data-sent]'), {childList: true}); }"""
    )
    collector.answers = [*NOT_STORED.values(), stored]
    _answer(page)
    for n, name in enumerate(NOT_STORED, start=1):
        page.wait_for_selector("[data-sent]:text('Not sent yet')")
        assert len(collector.got) == n, name
        page.evaluate("dispatchEvent(new Event('online'))")
        page.wait_for_function("n => said.length >= n", arg=2 * n + 1)
    page.wait_for_selector(STORED)
    assert len({json.dumps(record) for record in collector.got}) == 1
    assert [text for text in page.evaluate("said") if "stored" in text] == ["All answers are stored on the server"]


def test_retries_come_later_and_later_and_a_silent_server_is_given_up(asked: Run, context: BrowserContext) -> None:
    collector, page = Collector(context, asked), context.new_page()
    page.clock.install()
    _connected(page, collector)
    waiting = "[data-sent]:text('Not sent yet')"
    collector.answers = [lambda _, __: None]  # never answers
    _answer(page)
    page.wait_for_selector("[data-sent]:text('Sending')")
    page.clock.fast_forward(21_000)
    page.wait_for_selector(waiting)
    collector.answers = [_status(503)]
    gaps = []
    for _ in range(6):
        n, waited = len(collector.got), 0
        while len(collector.got) == n:
            page.clock.fast_forward(500)
            page.wait_for_timeout(1)
            waited += 500
            assert waited < 80_000
        page.wait_for_selector(waiting)
        gaps.append(waited)
    assert gaps[-1] > 4 * gaps[0]
    assert page.evaluate("document.querySelector('[data-sent]').textContent").endswith("Your answers are kept here.")


def test_an_answer_that_always_fails_does_not_hold_up_the_others(asked: Run, context: BrowserContext) -> None:
    collector, page = Collector(context, asked), context.new_page()
    page.clock.install()
    _connected(page, collector)
    collector.answers = [lambda route, r: _status(500)(route, r) if r["record_id"] == first else stored(route, r)]
    first = ""
    _answer(page)
    page.wait_for_selector(STORED)
    first = collector.got[0]["record_id"]
    page.click("[data-back]")
    page.check("input[name=several]")
    page.click("text=Save and next")
    page.wait_for_selector("[data-sent]:text('Not sent yet')")
    _answer(page)
    page.clock.fast_forward(10_000)
    page.wait_for_function("document.querySelector('[data-sent]').textContent.startsWith('Not sent yet')")
    assert len({record["record_id"] for record in collector.got}) == 2


@pytest.mark.parametrize("reason", ["revision: 1 is stored with other answers", "record_id: belongs to another record"])
def test_an_id_or_a_revision_that_is_taken_is_replaced(asked: Run, context: BrowserContext, reason: str) -> None:
    collector, page = Collector(context, asked), context.new_page()
    _connected(page, collector)
    collector.answers = [lambda route, _: _json(route, 409, {"error": reason, "reasons": [reason]}), stored]
    _answer(page)
    page.wait_for_selector(STORED)
    first, again = collector.got
    assert (first["record_id"], first["revision"]) != (again["record_id"], again["revision"])
    assert first["answers"] == again["answers"]


def test_what_the_server_has_lost_is_sent_again(asked: Run, context: BrowserContext) -> None:
    collector, page = Collector(context, asked), context.new_page()
    _connected(page, collector)
    _answer(page)
    page.wait_for_selector(STORED)
    page.reload()  # the server knows nothing of it
    page.wait_for_selector(STORED)
    assert len(collector.got) == 2
    collector.kept = [{**collector.got[0], "answers": {"cannot_tell": True, "short": None, "several": False}}]
    page.reload()
    page.wait_for_selector("text=It has 1 already")
    page.wait_for_selector(STORED)
    assert len(collector.got) == 2


def test_a_server_that_is_away_at_first_is_asked_again(asked: Run, context: BrowserContext) -> None:
    collector, page = Collector(context, asked), context.new_page()
    page.clock.install()
    good = collector.session[0]
    odd = {"annotator": {"toString": 1}, "part": "x", "records": "y"}
    collector.session = [_status(503), NOT_STORED["a proxy's page"], lambda route, _: _json(route, 200, odd), good]
    collector.open(page)
    for _ in range(3):
        page.wait_for_selector("text=The server does not answer; trying again.")
        page.clock.fast_forward(30_000)
    page.wait_for_selector("text=Connected")


@pytest.mark.parametrize("script", [LOST["denied, none"], LOST["full, never answers"]], ids=["denied", "full"])
def test_without_a_store_an_answer_is_safe_once_the_collector_has_it(
    asked: Run, context: BrowserContext, script: str, tmp_path: Path
) -> None:
    context.add_init_script(script)
    collector, page = Collector(context, asked), context.new_page()
    collector.answers = [_status(503), stored]
    form = Form.of(page)
    _connected(page, collector)
    page.wait_for_selector(f"[data-saved]:text-is('{ONLY_HERE}')")
    _answer(page)
    page.wait_for_selector("text=Not sent yet; trying again. Your answers are only in this window.")
    assert form.warns()
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector(STORED)
    assert not form.warns()
    assert len(records(form.download(tmp_path / "a.jsonl"))) == 1
