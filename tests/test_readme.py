"""The README tells the truth: its example runs, its files exist, its commands are there."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import barlow_report
from barlow_report.config import whole_config
from tests.blocking import without

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_example_finds_the_failure_it_plants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = _blocks("python")  # the other one is run by tests/lenses/weights
    script = tmp_path / "example.py"
    script.write_text(code)
    modes = runpy.run_path(str(script))["modes"]
    printed = capsys.readouterr().out
    assert len(modes) >= 1
    assert re.search(r"mug\s+feature 7 ≤ ", printed)
    assert "verified" in printed


def test_the_example_needs_no_torch(tmp_path: Path) -> None:
    code, _ = _blocks("python")  # the other one is run by tests/lenses/weights
    subprocess.run([sys.executable, "-c", without("torch") + code], cwd=tmp_path, check=True, capture_output=True)


def test_the_configurations_are_valid(tmp_path: Path) -> None:
    whole, *parts = [yaml.safe_load(text) for text in _blocks("yaml")]
    assert parts
    for part in ({}, *parts):
        of_a_table = {"data": {"manifest": "table.csv"}} if part else {}
        whole_config().model_validate({**whole, **of_a_table, **part}, context={"folder": tmp_path})


def test_every_linked_file_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert len(links) >= 4
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_every_command_is_mentioned_and_every_mentioned_command_exists() -> None:
    from typer.main import get_command

    from barlow_report.cli import app

    commands = set(getattr(get_command(app), "commands"))  # noqa: B009 - a group, as Typer makes it of several commands
    (table,) = re.findall(r"## Commands\n(.*?)\n## ", README, flags=re.DOTALL)
    mentioned = set()
    for cell in re.findall(r"`barlow-report ([^`]+)`", table):
        mentioned |= {word for word in re.split(r"[\s|\\]+", cell) if word and not word.isupper()}
    assert mentioned == commands


def test_the_public_names_are_there() -> None:
    assert all(getattr(barlow_report, name) for name in barlow_report.__all__)
    assert callable(barlow_report.run)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = barlow_report.no_such_name


def test_the_changelog_and_the_metadata_know_the_version() -> None:
    from importlib.metadata import version

    assert version("barlow-report") == barlow_report.__version__
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").startswith("# Changelog")
