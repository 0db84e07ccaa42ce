"""A run, its site, and a browser to use the form with."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from barlow_report.annotations.batches import Selection
from barlow_report.commands.template import make_batch
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.site import write_site
from tests.annotations.people import finished_run
from tests.report.synthetic import Recipe


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose owner asks about five features, with its site beside it; tests must not change it."""
    run = finished_run(tmp_path_factory.mktemp("asked") / "run", Recipe(n_classes=4, image_size=72, n_pictures=8))
    make_batch(run, Selection(choice="rules", max_items=5, seed=1), is_study=False, n_people=2, part_size=5)
    write_site(run, site=run.folder.parent / "site", progress=SilentProgress())
    _write_bare_page(site_of(run) / "annotate")
    return run


def _write_bare_page(folder: Path) -> None:
    """Write the form without the theme around it, which takes most of the time to load a page."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    content = page[page.index('<div class="barlow"') : page.index("</article>")]
    scripts = re.findall(r'<script src="\.\./(?:assets/barlow|data)/[^"]+"></script>', page)
    own = "".join(script for script in scripts if "iframe-worker" not in script)
    (folder / "bare.html").write_text(f'<!doctype html><meta charset="utf-8">{content}{own}', encoding="utf-8")


@pytest.fixture
def form_context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile that can download."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context
    context.close()


def site_of(run: Run) -> Path:
    """Where the fixture has built the site."""
    return run.folder.parent / "site"
