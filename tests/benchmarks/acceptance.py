"""What a report's site promises, each line with the figure that was measured.

    python -m tests.benchmarks.acceptance [--run runs/cifar10] [--skip-scale]

Builds sites of made-up runs (and, for the weight of real pictures, of the run folder that is named), looks at them
in Chromium (BARLOW_REPORT_CHROMIUM), and prints a table. The exit code is 1 if a promise is broken.
"""

import argparse
import hashlib
import statistics
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from barlow_report.config import SiteConfig
from barlow_report.progress import SilentProgress
from barlow_report.report import build_site, zip_site
from barlow_report.report.archive import OPEN_ME
from barlow_report.report.links import broken_links
from barlow_report.report.pages import Site, all_pages
from barlow_report.report.table_script import table_script
from barlow_report.run_folder import Run
from barlow_report.stages.site import write_site
from tests.benchmarks.site_scale import measure_build
from tests.conftest import chromium
from tests.lenses.directions.made_up import with_directions
from tests.lenses.error_types.made_up import with_taxonomy
from tests.lenses.models.made_up import with_comparison
from tests.report.conftest import STATUSES, Built, build
from tests.report.hosts import build_host
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source
from tests.report.test_browser import LOCAL, PAGES, Watched, foreign_elements, violations
from tests.report.test_tables_and_downloads import formula_cells

N_ROWS = 5000
MORE_PAGES = {
    "directions": "directions/index.html",
    "error types": "error-types/index.html",
    "models": "models/index.html",
}


@dataclass(frozen=True)
class Line:
    """One promise, what was measured, and whether that keeps it."""

    topic: str
    promise: str
    measured: str
    is_kept: bool


class Sites:
    """The made-up runs and their sites, built once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        recipe = Recipe(planted=True, other_group=True, statuses=STATUSES, n_classes=7)
        self.demo = _with_lenses(folder / "demo", recipe)
        words = SiteConfig(title="<script>alert('title')</script>", show_paths=True)
        recipe = Recipe(
            n_classes=len(PAYLOADS), depth=2, held_out_fraction=0.0, hostile=True, other_group=True, site=words
        )
        small = replace(recipe, n_per_class=60, n_features=30, image_size=32)
        self.hostile = _with_lenses(folder / "hostile", small)
        self.large = build(folder / "large", Recipe(n_classes=90, n_per_class=50, n_features=20, n_pictures=6))


def _with_lenses(folder: Path, recipe: Recipe) -> Built:
    """Make up a run with directions, error types and a comparison, so that it has pages of every type."""
    source = with_directions(synthetic_source(folder / "run", recipe), hostile=recipe.hostile)
    source = with_comparison(with_taxonomy(source, hostile=recipe.hostile), hostile=recipe.hostile)
    build_site(source, site=folder / "a site, zürich")
    return Built(source, folder / "a site, zürich")


def offline(sites: Sites, browser: Browser) -> Iterator[Line]:
    """Open an extracted archive from the disk and use it."""
    folder = sites.folder / "for the réview"
    with zipfile.ZipFile(zip_site(sites.demo.site, title="demo")) as packed:
        packed.extractall(folder)
    context = browser.new_context(accept_downloads=True)
    watched = Watched(context)
    page = watched.page
    page.goto((folder / OPEN_ME).as_uri())
    page.click("text=Open the report")
    done = [name for name, use in USES.items() if use(page)]
    n_foreign = sum(not url.startswith(LOCAL) for url in watched.requests)
    context.close()
    yield Line(
        "offline", "0 requests beyond file:, data:, blob:", f"{n_foreign} of {len(watched.requests)}", not n_foreign
    )
    yield Line("offline", "0 console errors", str(len(watched.messages)), not watched.messages)
    yield Line("offline", f"{', '.join(USES)} work", f"{len(done)} of {len(USES)}", len(done) == len(USES))


def _sort(page: Page) -> bool:
    page.click(".muted a:has-text('failure modes')")
    page.click("[data-sort=er]")
    return page.locator("th[aria-sort=descending]").count() == 1


def _filter(page: Page) -> bool:
    page.fill("[data-filter='']", "mug")
    page.wait_for_function("location.hash.includes('q=mug')")
    return "before filters" in page.inner_text("[data-count]")


def _download(page: Page) -> bool:
    with page.expect_download() as download:
        page.click("text=rules.csv")
    return download.value.path().stat().st_size > 100


def _overlay(page: Page) -> bool:
    page.click("tbody[data-rows] a >> nth=0")
    page.select_option("[data-tool=map] >> nth=0", "viridis")
    return "viridis" in str(page.eval_on_selector(".heat .map", "e => getComputedStyle(e).filter"))


def _lightbox(page: Page) -> bool:
    page.click(".pics .zoom >> nth=0")
    is_open = page.locator("dialog[open] img").count() > 0
    page.keyboard.press("Escape")
    return is_open


def _search(page: Page) -> bool:
    page.click("input.md-search__input")
    page.keyboard.type("vase")
    page.wait_for_selector(".md-search-result__link")
    return True


USES: dict[str, Callable[[Page], bool]] = {
    "sort": _sort,
    "filter": _filter,
    "download": _download,
    "overlay": _overlay,
    "lightbox": _lightbox,
    "search": _search,
}


def links(sites: Sites) -> Iterator[Line]:
    """Check every link of sites of their own, and of a host with and without directory addresses."""
    for name, built in (("demo", sites.demo), ("hostile", sites.hostile), ("large", sites.large)):
        broken, n_links = broken_links(built.site)
        yield Line("links", f"0 broken links or fragments, {name}", f"{len(broken)} of {n_links}", not broken)
    for directories in (True, False):
        folder = sites.folder / f"host-{directories}"
        folder.mkdir()
        site = build_host(folder, sites.demo.source, profile="mkdocs", directories=directories)
        broken, n_links = broken_links(site)
        ours = [(page, link) for page, link in broken if page.startswith("reports/") and link.endswith("index.html")]
        words = "with" if directories else "without"
        yield Line("links", f"0 broken, MkDocs {words} directory URLs", f"{len(ours)} of {n_links}", not ours)


def accessibility(sites: Sites, browser: Browser) -> Iterator[Line]:
    """Run axe over every page type, light and dark, narrow and wide."""
    found: dict[str, list[str]] = {}
    for scheme in ("light", "dark"):
        for width in (360, 1280):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            watched = Watched(context)
            for name, path in {**PAGES, **MORE_PAGES}.items():
                found[f"{name}, {scheme}, {width}"] = violations(watched.open(sites.demo, path))
            context.close()
    n = sum(len(problems) for problems in found.values())
    yield Line("accessibility", "axe, WCAG 2.2 A/AA: 0 violations", f"{n} on {len(found)} views", not n)


CLICK = """
selector => new Promise(done => {
  const start = performance.now();
  document.querySelector(selector).click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start), 0));
})
"""
TYPE = """
text => new Promise(done => {
  const input = document.querySelector("[data-filter='']"), rows = document.querySelector('[data-rows]');
  const start = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start), 0));
  }).observe(rows, {childList: true});
  input.value = text;
  input.dispatchEvent(new Event('input', {bubbles: true}));
})
"""


def tables(sites: Sites, browser: Browser) -> Iterator[Line]:
    """Sort and filter five thousand rows."""
    site = Site.from_source(sites.large.source)
    all_pages(site)
    table = site.tables["failure-modes"]
    rows = (list(table.rows) * (N_ROWS // len(table.rows) + 1))[:N_ROWS]
    script = sites.large.site / "data" / "failure-modes.js"
    old = script.read_text(encoding="utf-8")
    script.write_text("".join(table_script(replace(table, rows=rows))), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = Watched(context).open(sites.large, "failure-modes/index.html")
    keys = ("er", "class", "n", "iv", "rule", "q")
    sorting = [page.evaluate(CLICK, f"[data-sort={key}]") for key in keys if page.locator(f"[data-sort={key}]").count()]
    filtering = [page.evaluate(TYPE, text) for text in ("class 00", "feature 1", "class 08", "")]
    n_nodes = page.locator("body *").count()
    n_sorted = page.locator("th[aria-sort]").count()
    n_buttons, n_headers = page.locator("th[scope=col] > button").count(), page.locator("th[scope=col]").count()
    announced = page.inner_text("[data-announce]")
    context.close()
    script.write_text(old, encoding="utf-8")
    plain = browser.new_context(java_script_enabled=False)
    n_first = Watched(plain).open(sites.large, "failure-modes/index.html").locator("[data-rows] tr").count()
    plain.close()
    size = f"{N_ROWS} × {len(table.columns)}"
    median, worst = statistics.median(sorting), max(sorting)
    yield Line("tables", f"{size}: sort ≤ 200 ms", f"median {median:.0f}, worst {worst:.0f} ms", worst <= 200)
    median, worst = statistics.median(filtering), max(filtering)
    yield Line("tables", f"{size}: filter ≤ 100 ms", f"median {median:.0f}, worst {worst:.0f} ms", median <= 100)
    yield Line("tables", "≤ 1,400 body nodes", str(n_nodes), n_nodes <= 1400)
    is_right = n_sorted == 1 and n_buttons == n_headers - 1 and bool(announced)
    yield Line(
        "tables", "buttons in headers, one aria-sort, announced", f"{n_buttons} buttons, {n_sorted} sorted", is_right
    )
    yield Line("tables", "first rows without script", str(n_first), n_first > 0)


def _one_of_each(site: Path) -> Iterator[str]:
    """The largest page of each kind."""
    for pattern in ("*.html", "*/index.html", "classes/*/index.html", "features/*/index.html"):
        pages = sorted(site.glob(pattern), key=lambda path: path.stat().st_size)
        for path in pages if pattern == "*/index.html" else pages[-1:]:
            yield path.relative_to(site).as_posix()


def _loaded(browser: Browser, path: Path) -> int:
    """Bytes of everything a page asks for before anybody scrolls."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context)
    watched.page.goto(path.as_uri(), wait_until="networkidle")
    files = {Path(unquote(urlsplit(url).path)) for url in watched.requests if url.startswith("file:")}
    context.close()
    return sum(file.stat().st_size for file in files if file.is_file())


def weight(site: Path, browser: Browser) -> Iterator[Line]:
    """Weigh the pages of one site and what they load at once, the script, the styles and the pictures."""
    assets = site / "assets" / "barlow"
    own, form, tables = (
        {
            suffix: sum(
                (assets / f"{name}.{suffix}").stat().st_size for name in names if (assets / f"{name}.{suffix}").exists()
            )
            for suffix in ("js", "css")
        }
        for names in (("barlow", "frame"), ("annotate",), ("tables", "jump"))
    )
    heaviest = max((_loaded(browser, site / path) for path in _one_of_each(site)), default=0)
    pictures = [p.read_bytes() for p in (site / "media").rglob("*.webp")]
    n_twice = len(pictures) - len({hashlib.sha256(p).digest() for p in pictures})
    largest = sorted(len(p) for p in pictures)
    yield Line(
        "weight",
        "page ≤ 1 MB before lazy images, all it loads at first",
        f"at most {heaviest / 1e3:.0f} kB",
        heaviest <= 1e6,
    )
    most = own["js"] + max(form["js"], tables["js"])
    yield Line("weight", "own script ≤ 30 kB", _with_form(own["js"], form["js"]), most <= 30_000)
    yield Line("weight", "own CSS ≤ 20 kB", _with_form(own["css"], form["css"]), own["css"] + form["css"] <= 20_000)
    yield Line("weight", "no image stored twice", f"{n_twice} of {len(pictures)}", not n_twice)
    if largest:
        median = statistics.median(largest)
        yield Line("weight", "pictures", f"median {median / 1e3:.1f}, largest {largest[-1] / 1e3:.1f} kB", True)


def _with_form(size: int, more: int) -> str:
    return f"{size / 1e3:.1f} kB ({(size + more) / 1e3:.1f} with the form)"


def thumbnails(run: Run) -> Iterator[Line]:
    """Weigh the thumbnails of a real run."""
    sizes = [(run.media / name).stat().st_size for name in {*run.read_table("tiles")["thumbnail"]}]
    yield Line(
        "weight", f"thumbnails ≤ 12 kB, {run.folder.name}", f"at most {max(sizes) / 1e3:.1f} kB", max(sizes) <= 12_000
    )


def scale(folder: Path) -> Iterator[Line]:
    """Build the site of 500 and of 1,000 classes."""
    half, full = (measure_build(folder, n_classes=n, n_features=5 * n) for n in (500, 1000))
    ratio = full.seconds / half.seconds
    yield Line("scale", f"{full.n_pages} pages ≤ 90 s", f"{full.seconds:.1f} s", full.seconds <= 90)
    yield Line("scale", "≤ 500 MB", f"{full.megabytes:.0f} MB", full.megabytes <= 500)
    yield Line("scale", "time(2n)/time(n) ≤ 2.3", f"{ratio:.2f}", ratio <= 2.3)


def hostile_text(sites: Sites, browser: Browser) -> Iterator[Line]:
    """Look for elements that hostile names have made, on every class page and the tables."""
    context = browser.new_context()
    watched = Watched(context)
    n_foreign = 0
    for path in ["index.html", "failure-modes/index.html", *(f"classes/c{i}/index.html" for i in range(len(PAYLOADS)))]:
        n_foreign += len(foreign_elements(watched.open(sites.hostile, path)))
    context.close()
    n_run = sum("dialog" in message for message in watched.messages)
    cells = formula_cells(sites.hostile)
    yield Line("hostile text", f"{len(PAYLOADS)} payloads, none runs", f"{n_run} ran", not n_run)
    yield Line("hostile text", "none breaks out", f"{n_foreign} elements", not n_foreign)
    yield Line("hostile text", "CSV cells that start a formula", f"{len(cells)}", not cells)


def repeatable(sites: Sites) -> Iterator[Line]:
    """Build the same site twice more and compare every byte."""
    again = sites.folder / "again"
    build_site(sites.demo.source, site=again)
    media = sites.demo.source.media
    before = {p: p.stat().st_mtime_ns for p in media.rglob("*.webp")}
    build_site(sites.demo.source, site=again)
    n_encoded = sum(before.get(p) != p.stat().st_mtime_ns for p in media.rglob("*.webp"))
    first, second = (
        {p.relative_to(s): p.read_bytes() for p in s.rglob("*") if p.is_file()} for s in (sites.demo.site, again)
    )
    n_different = sum(first.get(name) != data for name, data in second.items()) + len(first.keys() ^ second.keys())
    yield Line("repeatable", "byte-identical", f"{n_different} of {len(first)} files differ", not n_different)
    yield Line("repeatable", "a rebuild re-encodes 0 images", str(n_encoded), not n_encoded)


def measure(*, run: Path | None, has_scale: bool) -> Iterator[Line]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        sites = Sites(folder)
        yield from offline(sites, browser)
        yield from links(sites)
        yield from accessibility(sites, browser)
        yield from tables(sites, browser)
        if run is None:
            yield from weight(sites.demo.site, browser)
        else:
            write_site(Run.open(run), site=folder / "real", progress=SilentProgress())
            yield from weight(folder / "real", browser)
            yield from thumbnails(Run.open(run))
        yield from hostile_text(sites, browser)
        yield from repeatable(sites)
        browser.close()
        if has_scale:
            yield from scale(folder)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=None, help="a real run folder, for the weight of pictures")
    parser.add_argument("--skip-scale", action="store_true")
    arguments = parser.parse_args()
    n_broken = 0
    for line in measure(run=arguments.run, has_scale=not arguments.skip_scale):
        n_broken += not line.is_kept
        mark = "ok" if line.is_kept else "NO"
        print(f"{line.topic:<14} {line.promise:<52} {line.measured:<36} {mark}", flush=True)
    return 1 if n_broken else 0


if __name__ == "__main__":
    sys.exit(main())
