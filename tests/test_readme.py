"""The README is short and tells the truth; `tests/manual` runs what stands in it and in the manual."""

import re
import runpy
from pathlib import Path

import pytest

import barlow_report
from tests.manual.commands import command_names, mentioned
from tests.manual.pages import README, ROOT


def test_the_readme_is_short() -> None:
    assert len(README.text.splitlines()) <= 200


def test_the_example_finds_the_failure_it_plants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = README.of("python")
    script = tmp_path / "example.py"
    script.write_text(code)
    modes = runpy.run_path(str(script))["modes"]
    printed = capsys.readouterr().out
    assert len(modes) >= 1
    assert re.search(r"mug\s+feature 7 ≤ ", printed)
    assert "verified" in printed


def test_the_table_has_every_command_and_no_other() -> None:
    (table,) = re.findall(r"## Commands\n(.*?)\n## ", README.text, flags=re.DOTALL)
    assert mentioned(table) == command_names()


def test_the_public_names_are_there() -> None:
    assert all(getattr(barlow_report, name) for name in barlow_report.__all__)
    assert callable(barlow_report.run)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = barlow_report.no_such_name


def test_the_changelog_and_the_metadata_know_the_version() -> None:
    from importlib.metadata import version

    assert version("barlow-report") == barlow_report.__version__
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").startswith("# Changelog")
