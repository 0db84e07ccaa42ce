"""Replacing a site: as a whole, only if it is ours, and recoverably."""

import json
import os
from pathlib import Path

import pytest

from barlow_report.errors import OutputError
from barlow_report.report.folder import MARKER, replaced_folder


def _write(site: Path, text: str) -> None:
    with replaced_folder(site, run_id="r") as folder:
        (folder / "index.html").write_text(text)


def _fail(site: Path) -> None:
    """Begin a build in an empty folder and let it end with an error."""

    def begin() -> None:
        with replaced_folder(site, run_id="r") as folder:
            assert list(folder.iterdir()) == []
            (folder / "index.html").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begin()


def test_a_new_folder_is_made_and_signed(tmp_path: Path) -> None:
    _write(tmp_path / "deep" / "site", "one")
    assert (tmp_path / "deep" / "site" / "index.html").read_text() == "one"
    marker = json.loads((tmp_path / "deep" / "site" / MARKER).read_text())
    assert (marker["run_id"], marker["files"]) == ("r", ["index.html"])
    assert "*" in (tmp_path / "deep" / "site" / ".gitignore").read_text().splitlines()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["site"]


def test_a_site_of_ours_is_replaced_as_a_whole(tmp_path: Path) -> None:
    _write(tmp_path / "site", "one")
    (tmp_path / "site" / "stale.html").write_text("old")
    _write(tmp_path / "site", "two")
    assert (tmp_path / "site" / "index.html").read_text() == "two"
    assert not (tmp_path / "site" / "stale.html").exists()


def test_rules_of_version_control_are_kept(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / ".gitignore").write_text("*\n!.gitignore\n")
    _write(tmp_path / "site", "one")
    assert (tmp_path / "site" / ".gitignore").read_text() == "*\n!.gitignore\n"


def test_a_folder_with_other_files_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match=r"thesis\.tex"):
        _write(tmp_path / "site", "one")
    assert (tmp_path / "site" / "thesis.tex").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("precious")
    with pytest.raises(OutputError, match="found a file"):
        _write(tmp_path / "site", "one")
    assert (tmp_path / "site").read_text() == "precious"


def test_a_failed_build_leaves_the_old_site(tmp_path: Path) -> None:
    _write(tmp_path / "site", "one")
    _fail(tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_build_killed_between_the_renames_is_recovered(tmp_path: Path) -> None:
    _write(tmp_path / "site", "one")
    (tmp_path / "site").rename(tmp_path / ".site.old")
    (tmp_path / ".site.building").mkdir()
    (tmp_path / ".site.building" / "half.html").write_text("half")
    _fail(tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text() == "one"


def test_a_build_killed_before_cleaning_up_is_recovered(tmp_path: Path) -> None:
    _write(tmp_path / "site", "two")
    (tmp_path / ".site.old").mkdir()
    (tmp_path / ".site.old" / "index.html").write_text("one")
    _write(tmp_path / "site", "three")
    assert (tmp_path / "site" / "index.html").read_text() == "three"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_two_builds_of_one_site_exclude_each_other(tmp_path: Path) -> None:
    with (
        replaced_folder(tmp_path / "site", run_id="r"),
        pytest.raises(OutputError, match="another process"),
        replaced_folder(tmp_path / "site", run_id="r"),
    ):
        pass


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "real")
    _write(tmp_path / "site", "one")
    assert (tmp_path / "site").is_symlink()
    assert (tmp_path / "real" / "index.html").read_text() == "one"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="permission was denied"):
            _write(tmp_path / "site", "one")
    finally:
        tmp_path.chmod(0o700)
