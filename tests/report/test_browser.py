"""Sites as a reader has them: opened from the disk, in Chromium."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from barlow_report import formatting
from barlow_report.report.jump import jump_script
from barlow_report.report.pages import Site
from barlow_report.report.spellings import fold
from tests.report.conftest import Built, build
from tests.report.synthetic import PAYLOADS, Recipe

pytestmark = pytest.mark.browser

LOCAL = ("file:", "data:", "blob:")
PAGES = {
    "overview": "index.html",
    "failure modes": "failure-modes/index.html",
    "failure mode": "failure-modes/0/index.html",
    "failures": "failures/index.html",
    "classes": "classes/index.html",
    "class": "classes/c0/index.html",
    "class without a tree": "classes/c1/index.html",
    "groups": "groups/index.html",
    "confused pair": "groups/14/index.html",
    "group by a column": "groups/16/index.html",
    "features": "features/index.html",
    "feature": "features/0/index.html",
    "describe features": "annotate/index.html",
    "method": "method/index.html",
    "planted": "planted/index.html",
    "skipped": "skipped/index.html",
    "evaluation": "evaluation/index.html",
}


class Watched:
    """A page whose requests, messages and dialogs are written down."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(120_000)  # for machines that have much else to do
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: object) -> None:
        self.messages.append(f"dialog: {getattr(dialog, 'message', '')}")
        getattr(dialog, "dismiss", lambda: None)()

    def open(self, built: Built, path: str) -> Page:
        """Open one page of a site from the disk."""
        name, _, fragment = path.partition("#")
        self.page.goto("about:blank")
        self.page.goto((built.site / name).as_uri() + (f"#{fragment}" if fragment else ""))
        return self.page

    def check(self) -> None:
        """Nothing came from elsewhere, and nothing was complained about."""
        assert [url for url in self.requests if not url.startswith(LOCAL)] == []
        assert self.messages == []


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context)
    yield watched
    watched.check()
    context.close()


def _texts(page: Page, selector: str) -> list[str]:
    texts: list[str] = page.eval_on_selector_all(selector, "elements => elements.map(e => e.textContent)")
    return texts


# --- from the disk ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_pages_open_from_the_disk_without_any_request_or_complaint(demo: Built, watched: Watched, path: str) -> None:
    page = watched.open(demo, path)
    assert page.locator("h1").count() == 1
    broken = page.eval_on_selector_all(
        ".barlow img", "imgs => imgs.filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    assert broken == []


def test_the_search_answers_from_the_disk(demo: Built, watched: Watched) -> None:
    page = watched.open(demo, "method/index.html")
    page.click("input.md-search__input")
    page.keyboard.type("cushion")
    page.wait_for_selector(".md-search-result__link")
    page.click(".md-search-result__link")
    page.wait_for_selector("h1:text-is('cushion')")


NAMES = {
    "собака": ("собака", "СОБА"),
    "柴犬": ("柴犬", "犬"),
    "كلب": ("كلب", "كَلْب"),
    "สุนัขพันธุ์": ("สุนัข", "พันธุ์"),
    "(dog)": ("dog", "(dog)", "(do"),
    "[cat]": ("cat", "[cat]"),
    "<b>": ("<b>",),
    "goldenRetriever": ("retriever", "goldenRetriever", "goldenretriever"),
    "maine_coon": ("coon", "mainecoon", "maine coon", "maine_coon"),
    "T-shirt": ("t-shirt", "tshirt", "shirt"),
    "E\u0301cole": ("ecole", "école", "E\u0301COLE"),
    "Große Straße": ("strasse", "Straße", "grosse str"),
    "İstanbul": ("istanbul", "ıstanbul"),
    "C++": ("c++",),
    "can": ("can",),
    "🐶": ("🐶",),
}
"""Classes, and what somebody may type to find each."""


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A site whose classes have names in many scripts."""
    recipe = Recipe(n_classes=len(NAMES), names=tuple(NAMES), n_per_class=60, n_features=230, n_pictures=6)
    return build(tmp_path_factory.mktemp("named"), recipe)


def test_the_search_finds_names_in_every_script_and_by_their_parts(named: Built, watched: Watched) -> None:
    page = watched.open(named, "method/index.html")
    page.click("input.md-search__input")
    first = "document.querySelector('.md-search-result__list h1')?.textContent.normalize()"
    for name, typed in NAMES.items():
        for query in typed:
            page.fill("input.md-search__input", query)
            page.keyboard.press("Shift")  # the theme listens to keys
            page.wait_for_function(f"name => {first} === name.normalize()", arg=name, timeout=10_000)
    page.fill("input.md-search__input", "feature 21")
    page.keyboard.press("Shift")
    page.wait_for_function(f"{first} === 'Feature 21'")
    titles = _texts(page, ".md-search-result__list h1")
    assert titles.index("Feature 21") < titles.index("Feature 210")
    for query in ("constructor", "*", "a~9", "^", "\\", "+x -y", "<img src=x>", "title:x", "x" * 5000):
        page.fill("input.md-search__input", query)
        page.keyboard.press("Shift")
    page.wait_for_function("document.querySelector('.md-search-result__meta').textContent.includes('No matching')")


def test_the_jump_box_and_filters_find_names_in_every_script_and_by_their_parts(named: Built, watched: Watched) -> None:
    page = watched.open(named, "classes/index.html")
    page.click("#jump-to")
    page.wait_for_function("window.BARLOW_JUMP")
    suggested = "form => form.querySelector('option')?.value"
    for name, typed in NAMES.items():
        for query in typed:
            page.fill("#jump-to", query)
            assert page.eval_on_selector("[data-jump]", suggested) == name, query
            page.fill("[data-filter=class]", query)
            page.wait_for_function("name => document.querySelector('[data-rows]').textContent.includes(name)", arg=name)
            assert page.locator("[data-rows] tr").count() < len(NAMES), query
    folded = page.evaluate("names => names.map(barlowFold.fold)", [*NAMES, *PAYLOADS])
    assert folded == [fold(name) for name in (*NAMES, *PAYLOADS)]  # the package's own, for hosts
    page.fill("#jump-to", "feature 21")
    options = page.eval_on_selector_all("[data-jump] option", "all => all.map(o => o.value)")
    assert options[0] == "feature 21"
    assert "feature 210" in options


ADDRESSES = (
    *("sort=constructor", "sort=__proto__&dir=toString", "sort=picture", "sort=er&sort=constructor", "sort=%E0%A4%A"),
    *(
        "page=NaN",
        "page=-3",
        "page=1e308",
        "page=99999999999999999999999",
        "er=NaN",
        "er=1e999",
        "grouping=constructor",
    ),
    *("verdict=__proto__", "hasOwnProperty=1", "constructor", "__proto__", "%E0%A4%A", "%", '"]', "item-constructor"),
)


def test_no_address_and_no_stored_choice_is_an_error(large: Built, watched: Watched) -> None:
    for path in ("failure-modes/index.html", "features/0/index.html"):
        page = watched.open(large, path)
        usual = page.locator("th[aria-sort] [data-sort]").all_text_contents()
        for address in ADDRESSES:
            page.evaluate("address => { location.hash = 'n=1'; location.hash = address; }", address)
            page.evaluate("() => new Promise(done => setTimeout(done))")
            if address != "sort=er&sort=constructor":
                assert page.locator("th[aria-sort] [data-sort]").all_text_contents() == usual, address
    page = watched.open(large, "failure-modes/index.html#sort=constructor&page=constructor&grouping=toString")
    assert page.locator("[data-rows] tr").count() == 40
    assert page.input_value("[data-filter=grouping]") == ""
    for stored in ("constructor", "__proto__", "", "NaN", "1e999", "{", "null"):
        page.evaluate(
            "v => { for (const n of ['map', 'heat', 'opacity', 'keys']) localStorage.setItem('barlow-report.' + n, v);"
            "localStorage.setItem(__md_scope.pathname + '.__palette', v); }",
            stored,
        )
        page = watched.open(large, "features/0/index.html")
        chosen = page.eval_on_selector_all("[data-tool]", "all => all.slice(0, 3).map(e => e.value)")
        assert chosen == ["overlay", "inferno", "60"], stored


def test_the_jump_box_goes_to_a_class_and_to_a_feature(demo: Built, watched: Watched) -> None:
    page = watched.open(demo, "method/index.html")
    for wanted, title in (("purse", "purse"), ("42", "Feature 42")):
        page.click("#jump-to")
        page.wait_for_function("window.BARLOW_JUMP")
        page.keyboard.type(wanted)
        page.keyboard.press("Enter")
        page.wait_for_selector(f"h1:text-is('{title}')")


def test_the_jump_box_finds_a_feature_by_what_people_call_it_and_by_its_number(
    demo: Built, tmp_path: Path, watched: Watched
) -> None:
    catalog = Site.from_source(demo.source).catalog
    first, other = catalog.feature_ids[:2]
    group_id = next(iter(catalog.tile_groups_of_feature[first]))
    names = pd.DataFrame([_name(group_id, first, "<b>handle</b>"), _name(group_id, other, None)])
    tables = {**demo.source.tables, "feature_names": names, "name_variants": _NO_VARIANTS}
    built = Built(replace(demo.source, tables=tables), tmp_path / "site")
    shutil.copytree(demo.site, built.site)
    (built.site / "data/jump.js").write_text(jump_script(Site.from_source(built.source)), encoding="utf-8")
    for wanted, feature_id in (("handle", first), (str(first), first), (f"feature {other}", other)):
        page = watched.open(built, "method/index.html")
        page.click("#jump-to")
        page.wait_for_function("window.BARLOW_JUMP")
        page.keyboard.type(wanted)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/features/{feature_id}/index.html")


_NO_VARIANTS = pd.DataFrame(columns=["group_id", "feature_id", "rank", "text", "n_people"])


def _name(group_id: int, feature_id: int, name: str | None) -> dict[str, object]:
    counts = ("n_people", "n_described", "n_cannot_tell", "n_several", "n_flagged", "n_core", "n_spurious")
    found: dict[str, object] = dict.fromkeys((*counts, "n_relation"), 2)
    found |= {"group_id": group_id, "feature_id": feature_id, "name": name, "status": "agreed"}
    return {**found, "is_override": False, "agreement": 0.5, "relation": None}


WIDER = """() => Array.from(document.querySelectorAll('html, .barlow .scroll, .barlow table'))
  .filter(e => e.scrollWidth > Math.min(e.clientWidth || 360, 360)).map(e => e.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_neither_a_page_nor_anything_on_it_scrolls_sideways_on_a_phone(
    demo: Built, browser: Browser, path: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = Watched(context).open(demo, path)
    assert page.evaluate(WIDER) == []
    page.evaluate("document.querySelectorAll('[data-table]').forEach(t => t.barlowDraw())")
    assert page.evaluate(WIDER) == []
    context.close()


def test_no_long_name_makes_a_page_scroll_sideways(tmp_path: Path, browser: Browser) -> None:
    names = (
        "x" * 90,
        "electric_guitar_with_a_name_that_never_ends",
        "terrier, bull terrier (also: pit bull)",
    )
    built = build(tmp_path, Recipe(n_classes=3, names=names, n_pictures=6, n_features=30, other_group=True))
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = Watched(context).page
    groups = sorted(built.site.glob("groups/*/index.html"))
    for path in (built.site / "index.html", *built.site.glob("classes/*/index.html"), *groups[:2]):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    context.close()


def test_content_is_there_without_script(demo: Built, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = Watched(context).open(demo, "failure-modes/index.html")
    n_modes = int(demo.source.tables["rules"]["is_failure_mode"].sum())
    assert page.locator("tbody[data-rows] tr").count() == n_modes
    assert not page.locator("form.filters").is_visible()
    page.goto((demo.site / "classes/c0/index.html").as_uri())
    assert page.locator(".heat .map").first.is_visible()
    context.close()


# --- tables -------------------------------------------------------------------------------------------------


def test_the_script_draws_the_rows_that_are_in_the_html(large: Built, watched: Watched) -> None:
    for path in (
        "failure-modes/index.html",
        "classes/index.html",
        "features/index.html",
        "failures/index.html",
        "failure-modes/0/index.html",
    ):
        page = watched.open(large, path)
        rows = "[data-rows] > *"
        written = ["".join(text.split()) for text in _texts(page, rows)]
        pictures = page.eval_on_selector_all(f"{rows} img", "e => e.map(i => [i.getAttribute('src'), i.alt])")
        links = page.eval_on_selector_all(f"{rows} a", "e => e.map(a => a.getAttribute('href'))")
        page.evaluate("document.querySelector('[data-table]').barlowDraw()")
        assert ["".join(text.split()) for text in _texts(page, rows)] == written
        assert page.eval_on_selector_all(f"{rows} img", "e => e.map(i => [i.getAttribute('src'), i.alt])") == pictures
        assert page.eval_on_selector_all(f"{rows} a", "e => e.map(a => a.getAttribute('href'))") == links


def test_the_script_writes_numbers_as_the_package_does(large: Built, watched: Watched) -> None:
    page = watched.open(large, "failure-modes/index.html")
    rng = random.Random(3)  # noqa: S311 - not for secrets
    pairs = [(rng.randint(0, n), n) for n in [*range(1, 60), *(rng.randint(1, 90000) for _ in range(400))]]
    pairs += [(k, n) for n in (8, 16, 400, 800, 2000) for k in range(n + 1)]
    pairs += [(8255, 10000), (9995, 10000), (5, 10000), (1, 10**7), (10**7 - 1, 10**7)]
    shown = page.evaluate("pairs => pairs.map(p => barlowReport.percent(p[0] / p[1], 1))", pairs)
    assert shown == [formatting.percent(k / n) for k, n in pairs]
    shown = page.evaluate("pairs => pairs.map(p => barlowReport.percent(p[0] / p[1], 1, true))", pairs)
    assert shown == [formatting.percent(k / n, is_rest=True) for k, n in pairs]
    counts = [0, 7, 999, 1000, 1234567]
    assert page.evaluate("v => v.map(barlowReport.count)", counts) == [formatting.count(n) for n in counts]
    values = [0.0, 0.0625, 0.1875, 0.17222, 1.0, 0.0004, 0.0005, -0.2, *(rng.random() for _ in range(300))]
    assert page.evaluate("v => v.map(barlowReport.number)", values) == [formatting.number(v) for v in values]
    assert page.evaluate("v => v.map(barlowReport.pValue)", values[:6]) == [formatting.p_value(v) for v in values[:6]]


def test_tables_are_sorted_by_keyboard_and_say_so(large: Built, watched: Watched) -> None:
    page = watched.open(large, "failure-modes/index.html")
    page.focus("[data-sort=er]")
    page.keyboard.press("Enter")
    headers = page.locator("th[aria-sort]")
    assert headers.count() == 1
    assert headers.get_attribute("aria-sort") == "descending"
    assert page.inner_text("[data-announce]") == "Sorted by ER, descending"
    place = page.eval_on_selector("th:has([data-sort=er])", "th => th.cellIndex")
    cells = page.locator(f"tbody[data-rows] td:nth-child({place + 1})").all_text_contents()
    rates = [float(text.split("\u202f")[0]) for text in cells if text != "–"]
    assert rates == sorted(rates, reverse=True)
    assert len(rates) > 10
    page.keyboard.press("Enter")
    assert headers.get_attribute("aria-sort") == "ascending"
    assert "sort=er&dir=ascending" in page.url
    assert page.evaluate("document.activeElement.dataset.sort") == "er"


def test_the_address_keeps_the_view(large: Built, watched: Watched) -> None:
    page = watched.open(large, "failure-modes/index.html")
    page.fill("[data-filter='']", "class 00")
    page.select_option("[data-filter=grouping]", "by label")
    page.wait_for_function("location.hash.includes('grouping')")
    page.click("[data-sort=class]")
    shown, address = _texts(page, "tbody[data-rows] tr"), page.url
    assert shown
    assert "before filters" in page.inner_text("[data-count]")
    watched.open(large, "index.html")
    page.goto(address)
    assert _texts(page, "tbody[data-rows] tr") == shown
    assert page.input_value("[data-filter='']") == "class 00"


def test_filters_compare_in_per_cent_and_can_be_reset(large: Built, watched: Watched) -> None:
    page = watched.open(large, "failure-modes/index.html")
    rules = large.source.tables["rules"]
    rules = rules[rules["is_failure_mode"]]
    page.fill("[data-filter=er]", "90")
    page.wait_for_function("location.hash.includes('er=90')")
    n = int((rules["error_rate_held_out"] >= 0.9).sum())
    assert f"of {n} (" in page.inner_text("[data-count]")
    page.fill("[data-filter=n]", "100000")
    page.wait_for_selector("text=No failure modes match these filters")
    page.click("text=Reset the filters")
    page.wait_for_function("!location.hash")
    assert f"of {formatting.count(len(rules))}" in page.inner_text("[data-count]")


def test_tables_have_pages(large: Built, watched: Watched) -> None:
    page = watched.open(large, "failure-modes/index.html")
    first = _texts(page, "tbody[data-rows] tr")
    assert len(first) == 40
    assert page.locator("body *").count() <= 1400
    page.click("text=Next →")
    second = _texts(page, "tbody[data-rows] tr")
    assert not set(first) & set(second)
    assert page.inner_text("[data-page]").startswith("Page 2 of ")


# --- pictures -----------------------------------------------------------------------------------------------


def test_heatmaps_change_by_keyboard_and_the_choice_is_kept(demo: Built, watched: Watched) -> None:
    page = watched.open(demo, "classes/c0/index.html")
    page.select_option("[data-tool=map] >> nth=0", "cividis")
    page.focus("[data-tool=opacity] >> nth=0")
    page.keyboard.press("ArrowRight")
    look = "(e) => [getComputedStyle(e).filter, getComputedStyle(e).opacity]"
    assert page.eval_on_selector(".heat .map", look) == ['url("#cm-cividis")', "0.65"]
    page.select_option("[data-tool=heat] >> nth=0", "off")
    assert not page.locator(".heat .map").first.is_visible()
    page = watched.open(demo, "features/0/index.html")
    assert page.input_value("[data-tool=heat] >> nth=0") == "off"
    assert page.input_value("[data-tool=map] >> nth=0") == "cividis"


def test_the_viewer_is_used_by_keyboard_alone(demo: Built, watched: Watched) -> None:
    page = watched.open(demo, "classes/c0/index.html")
    page.focus(".pics .zoom >> nth=0")
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    dialog.wait_for()  # its script comes with the first picture
    first = page.inner_text("#viewer-caption")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#viewer-caption") != first
    assert page.inner_text("dialog [role=status]").startswith("2 of ")
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert page.evaluate("document.activeElement.matches('.zoom')")


# --- hostile text -------------------------------------------------------------------------------------------


def test_no_payload_runs_or_adds_an_element(hostile: Built, watched: Watched) -> None:
    for path in ("index.html", "failure-modes/index.html", "classes/index.html", "features/index.html"):
        page = watched.open(hostile, path)
        page.evaluate("document.querySelectorAll('[data-table]').forEach(t => t.barlowDraw())")
        assert foreign_elements(page) == [], path


@pytest.mark.slow
def test_payloads_are_shown_as_they_are(hostile: Built, watched: Watched) -> None:
    for i, payload in enumerate(PAYLOADS):
        page = watched.open(hostile, f"classes/c{i}/index.html")
        assert foreign_elements(page) == [], payload
        if payload.isprintable():
            expected = " ".join(payload.split())
            assert " ".join((page.text_content("h1") or "").split()) == expected
            assert page.title().startswith(f"{expected} – <script>")
            assert " ".join((page.text_content(".trail [aria-current]") or "").split()) == expected


def foreign_elements(page: Page, within: str = "html") -> list[str]:
    """Elements and attributes that no template of ours makes."""
    found: list[str] = page.evaluate(
        """within => {
        const found = [];
        for (const e of document.querySelectorAll(within + ' *'))
          for (const a of e.attributes)
            if (a.name.startsWith('on') || (/^(javascript|data):/i.test(a.value) && ['href', 'src'].includes(a.name)))
              found.push(e.outerHTML);
        const OURS =
          '.firsts, .helps, .shows, .outcome, .takes, .limits, .verdict, .cap, .figures, .few, summary, .gaps';
        const ours = new Set(['A', 'B', 'C', 'In-sample only.', 'On this page']);
        for (const e of document.querySelectorAll('.barlow b'))
          if (!ours.has(e.textContent) && !e.closest(OURS))
            found.push(e.outerHTML);
        const never = '.barlow :is(script:not([src$=".js"]), iframe, base, meta, style, textarea, object), base, '
          + 'meta[http-equiv], [srcdoc], [href*="example.invalid"]:not([href*="failures/index.html?"]), '
          + '[src*="example.invalid"]';
        for (const e of document.querySelectorAll(never)) found.push(e.outerHTML);
        return found;
        }""",
        within,
    )
    return found


def test_characters_that_cannot_be_seen_are_made_visible(hostile: Built, watched: Watched) -> None:
    i = PAYLOADS.index("\u202egnp.exe")
    assert watched.open(hostile, f"classes/c{i}/index.html").text_content("h1") == "\ufffdgnp.exe"


def test_payloads_in_search_results_are_text(hostile: Built, watched: Watched) -> None:
    page = watched.open(hostile, "index.html")
    page.click("input.md-search__input")
    page.keyboard.type("onerror")
    page.wait_for_selector(".md-search-result__link")
    results = page.locator(".md-search-result__list")
    assert "<img src=x onerror=alert(1)>" in (results.text_content() or "")
    assert results.locator("img, script, svg[onload]").count() == 0


# --- accessibility ------------------------------------------------------------------------------------------

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """What axe finds on a page."""
    page.wait_for_timeout(300)  # what fades in or out has its own contrast meanwhile
    page.wait_for_function("document.getAnimations().every((a) => a.playState !== 'running')")
    options = {"runOnly": RULES, "resultTypes": ["violations"]}  # of what holds, nothing is told at length
    found = Axe().run(page, options=options).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]} ({len(v['nodes'])} times)" for v in found]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_type_violates_an_accessibility_rule(
    demo: Built, hostile: Built, browser: Browser, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    watched = Watched(context)
    found = {}
    for name, path in PAGES.items():
        found[name] = violations(watched.open(demo, path))
    found["in-sample overview"] = violations(watched.open(hostile, "index.html"))
    found["deep tree"] = violations(watched.open(hostile, "classes/c0/index.html"))
    page = watched.open(demo, "classes/c0/index.html")
    page.click("[role=tab] >> nth=1")
    page.evaluate("document.querySelectorAll('details').forEach(box => { box.open = true; })")
    found["second tab, everything open"] = violations(page)
    page.click(".tri:visible .zoom >> nth=-1")
    found["viewer"] = violations(page)
    context.close()
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_figure_is_shown_for_the_scheme_of_the_page(demo: Built, browser: Browser) -> None:
    for scheme, other in (("light", "dark"), ("dark", "light")):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = Watched(context).open(demo, "index.html")
        assert page.locator(f".only-{scheme}").first.is_visible()
        assert not page.locator(f".only-{other}").first.is_visible()
        context.close()


def test_sites_open_from_a_path_with_a_space_and_a_letter_beyond_ascii(demo: Built) -> None:
    assert " " in demo.site.name
    assert not demo.site.name.isascii()
    assert isinstance(demo.site, Path)
