"""`barlow-report site`: one run, published in each way."""

import html
from pathlib import Path

import pytest
from typer.testing import CliRunner

import barlow_report
from barlow_report.cli import app
from tests.benchmarks.site_run import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("run") / "r", n_classes=2, n_features=8).folder


def test_a_zip_file_lies_beside_the_site(run: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["site", str(run), "--site", str(tmp_path / "site"), "--zip"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str((tmp_path / "site.zip").resolve())
    assert (tmp_path / "site.zip").is_file()
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.parametrize("profile", ["mkdocs", "techdocs"])
def test_pages_for_a_host_come_with_the_lines_that_lead_to_them(run: Path, tmp_path: Path, profile: str) -> None:
    into = tmp_path / "docs" / "reports" / "mine"
    done = CliRunner().invoke(app, ["site", str(run), "--profile", profile, "--into", str(into), "--images", "none"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert '  - "2 classes": "reports/mine/index.md"' in lines
    assert lines[-1] == str((into / "index.md").resolve())
    assert not list(into.rglob("*.webp"))


@pytest.mark.parametrize(
    "options", [["--profile", "mkdocs"], ["--into", "x"], ["--profile", "techdocs", "--into", "x", "--zip"]]
)
def test_options_that_do_not_go_together_are_wrong_usage(run: Path, options: list[str]) -> None:
    done = CliRunner().invoke(app, ["site", str(run), *options])
    assert done.exit_code == 2
    assert "--into" in done.output
    assert "bug" not in done.output


def test_a_notebook_shows_the_one_file_in_a_frame_that_can_run_nothing(run: Path, tmp_path: Path) -> None:
    shown = barlow_report.show(run, height=500)
    assert barlow_report.show(barlow_report.Run.open(run), height=500).page == shown.page
    CliRunner().invoke(app, ["site", str(run), "--site", str(tmp_path / "one.html"), "--profile", "single"])
    assert shown.page == (tmp_path / "one.html").read_text()
    frame = shown._repr_html_()
    opening, rest = frame.split(' srcdoc="', 1)
    assert opening == "<iframe sandbox"
    page, style = rest.split('" style="', 1)
    assert html.unescape(page) == shown.page
    assert "height:500px" in style
    assert len(repr(shown)) < 100


def test_tables_of_a_run_are_read_by_their_names(run: Path) -> None:
    assert list(barlow_report.Run.open(run).table("classes")["name"]) == ["mug", "vase"]
