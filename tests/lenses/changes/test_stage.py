"""Comparing runs from their folders or files: what is written where, and what is said."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.config import Config, load_config
from barlow_report.errors import OutputError, RunFolderError
from barlow_report.lenses import registry
from barlow_report.lenses.changes.stage import compare, export
from barlow_report.lenses.changes.tables import HISTORY_TABLES, TABLES
from barlow_report.pipeline import _compute_lenses
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run, TableFiles
from tests.lenses.changes.runs import CAT, DOG, hand_run, save_run, wrong

_CHANGES = next(lens for lens in registry.LENSES if lens.key == "changes")


def _save(folder: Path, n_wrong: int, **options: Any) -> Path:
    return save_run(hand_run(wrong(dogs=range(n_wrong)), name=folder.name, **options), folder)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return _save(tmp_path / "old", 10)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return _save(tmp_path / "new", 30, modes=[("label", DOG), ("label", CAT)])


def _invoke(*arguments: object) -> tuple[int, list[str], str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout.splitlines(), result.stderr


def test_an_earlier_run_that_is_missing_is_named_while_the_new_one_is_written_to(new: Path, tmp_path: Path) -> None:
    with Run.open(new).locked(), pytest.raises(RunFolderError, match=r"missing: no run\.json"):
        compare([tmp_path / "missing", new])


def test_that_no_image_is_the_same_is_said_before_all_else(old: Path, tmp_path: Path) -> None:
    other = _save(tmp_path / "other", 30, prefix="b")
    code, lines, errors = _invoke("compare", old, other)
    assert code == 0, errors
    assert lines[0] == (
        "Note: old and other have no image in common. All images of each run are counted: a difference may be one of "
        "the images, and not of the models."
    )
    assert "all images" in lines[2]
    assert sum("in common" in line for line in lines) == 1


def test_a_mode_whose_images_all_stay_as_they_were_is_said_to_be_so(old: Path, tmp_path: Path) -> None:
    same = _save(tmp_path / "same", 10)
    code, lines, errors = _invoke("compare", old, same)
    assert code == 0, errors
    (mode,) = Run.open(same).read_table("mode_changes").itertuples()
    assert mode.state in ("undecided", "unchanged")
    assert mode.reason == f"none of its {mode.n_images_new} images fails with one model alone"
    assert any(line.endswith(f"{mode.state}: {mode.reason}") for line in lines)


def test_the_command_says_what_became_of_each_mode_and_writes_it_to_the_new_run(old: Path, new: Path) -> None:
    code, lines, errors = _invoke("compare", old, new)
    assert code == 0, errors
    assert lines[0] == "1 failure mode got worse, 1 is undecided."
    assert "worse" in lines[1]
    assert "all images" in lines[1]
    assert "dog-with-f0-" in lines[2]
    assert lines[-1] == str(new.resolve())
    assert f"barlow-report site {new}" in errors
    run = Run.open(new)
    assert {table.name for table in TABLES if run.has_table(table.name)} == {
        table.name for table in TABLES if table.name not in HISTORY_TABLES
    }
    assert set(run.read_table("flipped_images")["direction"]) == {"newly_wrong"}
    assert len(run.read_table("flipped_images")) == 20
    names = run.read_table("mode_names").set_index("rule_id")
    assert names["is_inherited"].to_dict() == {0: True, 1: False}
    changed = run.read_table("mode_changes").set_index("mode_name")["state"].to_dict()
    in_mode = run.read_table("flipped_images")["mode_names"]
    assert set(in_mode) == {name for name, state in changed.items() if state == "worse"}


def test_the_same_comparison_is_not_made_twice_and_has_the_same_bytes(old: Path, new: Path, tmp_path: Path) -> None:
    again = shutil.copytree(new, tmp_path / "again")
    first, second = compare([old, new]), compare([old, again])
    assert first.answer == second.answer
    for name in first.tables:
        assert (new / f"{name}.parquet").read_bytes() == (again / f"{name}.parquet").read_bytes()
    before = (new / "mode_changes.parquet").stat().st_mtime_ns
    code, _, errors = _invoke("compare", old, new)
    assert code == 0
    assert "up to date" in errors
    assert (new / "mode_changes.parquet").stat().st_mtime_ns == before
    assert compare([old, new], delta=0.5).tables["changes"]["delta"].tolist() == [0.5]
    assert (new / "mode_changes.parquet").stat().st_mtime_ns != before


def test_files_in_place_of_folders_give_the_same_tables(old: Path, new: Path, tmp_path: Path) -> None:
    for run in (old, new):
        export(run, tmp_path / f"{run.name}.zip")
    files = [tmp_path / "old.zip", tmp_path / "new.zip"]
    code, lines, _ = _invoke("compare", *files)
    assert (code, lines[0]) == (0, "1 failure mode got worse, 1 is undecided.")
    assert len(lines) == 4  # nothing is written, so no path is told
    compare(files, into=tmp_path / "tables")
    compare(files, into=new)
    alone, whole = TableFiles(tmp_path / "tables"), Run.open(new)
    for table in TABLES:
        assert alone.has_table(table.name) == whole.has_table(table.name)
    assert alone.read_table("mode_changes").equals(whole.read_table("mode_changes"))


def test_tables_are_not_written_to_another_run_or_among_other_files(old: Path, new: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="holds the run old"):
        compare([old, new], into=old)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("Dear")
    with pytest.raises(OutputError, match=r"letter\.txt"):
        compare([old, new], into=tmp_path / "full")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["old"], "expected two"),
        (["old", "new", "old"], "--history"),
        (["old", "new", "--delta", "0"], "--delta"),
        (["old", "new", "--delta", "nan"], "--delta"),
        ([], "Missing argument"),
    ],
)
def test_a_wrong_call_is_exit_code_2(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(old.parent)
    assert new.is_dir()
    code, _, errors = _invoke("compare", *arguments)
    assert code == 2
    assert words in errors


def test_a_run_that_cannot_be_read_is_exit_code_1(old: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.zip").write_text("no zip")
    for arguments in (("compare", tmp_path / "notes.zip", old), ("compare", old, tmp_path / "nowhere")):
        code, lines, errors = _invoke(*arguments)
        assert (code, lines) == (1, [])
        assert errors.startswith("Error: ")
    assert _invoke("export-results", tmp_path, tmp_path / "a.zip")[0] == 1


def test_results_are_exported_by_command(old: Path, tmp_path: Path) -> None:
    code, lines, _ = _invoke("export-results", old, tmp_path / "a.zip", "--all-features")
    assert (code, lines) == (0, [str((tmp_path / "a.zip").resolve())])


def test_what_the_command_wrote_stays_until_failures_are_explained_again(old: Path, new: Path) -> None:
    compare([old, new])
    run = Run.open(new)
    assert run.is_kept(_CHANGES)
    run.begin("explain", fingerprint="0")
    assert not run.is_kept(_CHANGES)
    assert not any(run.has_table(table.name) for table in TABLES)


def test_what_a_section_asked_for_goes_with_it(old: Path, new: Path) -> None:
    compare([old, new])
    run = Run.open(new)
    run.record_config({"changes": {"baseline": str(old)}})
    assert not run.is_kept(_CHANGES)
    run.drop(_CHANGES)
    assert "changes" not in run.info["config"]
    assert not run.has_table("mode_changes")
    compare([old, new])
    assert run.is_kept(_CHANGES)


def test_a_damaged_table_says_that_compare_makes_it_again(old: Path, new: Path) -> None:
    compare([old, new])
    (new / "mode_changes.parquet").write_bytes(b"")
    with pytest.raises(RunFolderError, match="barlow-report compare"):
        Run.open(new).read_table("mode_changes")


def test_a_run_is_compared_where_its_configuration_says_so_and_keeps_what_the_command_wrote(
    old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "LENSES", (_CHANGES,))
    plain = "name: new\ndata: {folder: images}\ninspected_model: {torchvision: resnet18}\n"
    (tmp_path / "with.yaml").write_text(f"{plain}changes: {{baseline: old, delta: 0.2}}\n")
    (tmp_path / "without.yaml").write_text(plain)
    asking, silent = (load_config(tmp_path / name) for name in ("with.yaml", "without.yaml"))
    run = Run.open(new)

    def compute(config: Config) -> list[float]:
        settings = config.model_dump(mode="json")
        _compute_lenses(config, settings, run, until="visualize", explained="", progress=SilentProgress())
        return run.read_table("changes")["delta"].tolist() if run.has_table("changes") else []

    assert compute(silent) == []
    compare([old, new])
    assert compute(silent) == [0.05]
    assert compute(asking) == [0.2]
    assert compute(silent) == []
    compare([old, new])
    assert compute(silent) == [0.05]
