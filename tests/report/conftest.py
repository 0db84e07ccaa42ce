"""Sites that several tests look at, each built once, and a browser to look at them with."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from barlow_report.config import SiteConfig
from barlow_report.report import ReportSource, build_site
from tests.report.synthetic import PAYLOADS, Recipe, synthetic_source

STATUSES = ("fitted", "too_few_images", "no_failures", "only_failures", "no_split")


@dataclass(frozen=True)
class Built:
    """A built site and what it was built from."""

    source: ReportSource
    site: Path

    def text(self, path: str) -> str:
        """The content of one file."""
        return (self.site / path).read_text(encoding="utf-8")


def build(folder: Path, recipe: Recipe) -> Built:
    """Make up a run and build its site."""
    source = synthetic_source(folder / "run", recipe)
    build_site(source, site=folder / "a site, zürich")
    return Built(source, folder / "a site, zürich")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A small run with a bit of everything: planted failures, every status, a group of another kind."""
    recipe = Recipe(planted=True, other_group=True, statuses=STATUSES, n_classes=7)
    return build(tmp_path_factory.mktemp("demo"), recipe)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A deep in-sample run whose every name is hostile."""
    words = SiteConfig(
        title="<script>alert('title')</script>", description="<img src=x onerror=alert(2)>", show_paths=True
    )
    recipe = Recipe(
        n_classes=len(PAYLOADS),
        n_per_class=60,
        depth=2,
        held_out_fraction=0.0,
        n_features=30,
        image_size=32,
        hostile=True,
        other_group=True,
        site=words,
    )
    return build(tmp_path_factory.mktemp("hostile"), recipe)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A run with more failure modes than one page of the table holds."""
    recipe = Recipe(n_classes=48, n_per_class=50, n_features=20, n_pictures=6)
    return build(tmp_path_factory.mktemp("large"), recipe)


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A run without a single failure."""
    return build(tmp_path_factory.mktemp("quiet"), Recipe(n_classes=2, failing=False, n_skipped=0))
