"""The candidates of a pool as files."""

import csv
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from barlow_report import pipeline
from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.errors import DataError, OutputError, RunFolderError
from barlow_report.lenses.pool.exporting import CSV_COLUMNS, export_candidates
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from tests.lenses.further import write_pool
from tests.pipeline.toy import write_task
from tests.vision.sources.writers import write_tar


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool-files")
    path = write_task(folder)
    write_pool(folder / "pool")
    next((folder / "pool/red").glob("marked-*")).rename(folder / "pool/red/=1+1.png")
    values = yaml.safe_load(path.read_text())
    values |= {"pool": {"folder": "pool"}, "rules": {"unions": {"any colour": ["red", "blue"]}}}
    path.write_text(yaml.safe_dump(values))
    pipeline.compute(load_config(path), folder=folder / "run", until="pool")
    return folder


def exported(task: Path, folder: Path, *, copies: bool = False, n: int | None = None) -> list[dict[str, str]]:
    export_candidates(task / "run", folder, copies=copies, n=n, progress=SilentProgress())
    with (folder / "candidates.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_candidate_is_a_link_to_its_file_and_a_row_of_the_table(task: Path, tmp_path: Path) -> None:
    rows = exported(task, tmp_path / "out")
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == 40  # 20 images in two failure modes
    for row in rows:
        link = tmp_path / "out" / row["file"]
        assert link.is_symlink()
        assert link.resolve() == (task / "pool" / row["path"]).resolve()
        assert (row["label"], row["prediction"], row["basis"]) == ("red", "blue", "label")
    assert {Path(row["file"]).parts[0] for row in rows} == {"mode-0-red", f"mode-{rows[-1]['rule_id']}"}
    assert [int(row["rank"]) for row in rows] == [*range(1, 21), *range(1, 21)]


def test_copies_do_not_need_the_pool_any_more(task: Path, tmp_path: Path) -> None:
    rows = exported(task, tmp_path / "out", copies=True, n=3)
    assert len(rows) == 6
    for row in rows:
        copy = tmp_path / "out" / row["file"]
        assert not copy.is_symlink()
        assert copy.read_bytes() == (task / "pool" / row["path"]).read_bytes()


def test_label_studio_gets_a_task_for_each_image_and_a_choice_for_each_class(task: Path, tmp_path: Path) -> None:
    exported(task, tmp_path / "out")
    tasks = [entry["data"] for entry in json.loads((tmp_path / "out/label-studio.json").read_text(encoding="utf-8"))]
    assert len(tasks) == 20
    assert all(len(task["rule_ids"].split()) == 2 for task in tasks)
    for entry in tasks:
        below = unquote(entry["image"].removeprefix("/data/local-files/?d="))
        assert (tmp_path / below).is_file()
    labelling = (tmp_path / "out/label-studio.xml").read_text(encoding="utf-8")
    assert re.findall(r'<Choice value="([^"]*)"', labelling) == ["blue", "red", "none of these"]


def test_images_in_archives_are_written_as_they_were_decoded(task: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(task, tmp_path / "task", copy_function=shutil.copy2))
    files = sorted((copy / "pool/red").iterdir())
    members = [(f"{i:03d}.png", file.read_bytes()) for i, file in enumerate(files)]
    write_tar(copy / "pool.tar", members)
    values = yaml.safe_load((copy / "toy.yaml").read_text()) | {"pool": {"webdataset": {"shards": "pool.tar"}}}
    (copy / "toy.yaml").write_text(yaml.safe_dump(values))
    pipeline.compute(load_config(copy / "toy.yaml"), folder=copy / "run", until="pool")
    rows = exported(copy, tmp_path / "out")
    assert {row["basis"] for row in rows} == {"taken_for", "prediction"}
    for row in rows[:5]:
        name = row["path"].removeprefix("pool.tar/")
        original = files[int(Path(name).stem)]
        written = Image.open(tmp_path / "out" / row["file"])
        assert written.format == "PNG"
        assert written.tobytes() == Image.open(original).convert("RGB").tobytes()


def test_a_folder_that_holds_something_is_left_alone(task: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds something already\. Give a new or empty folder"):
        exported(task, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_image_that_has_changed_stops_the_export_and_leaves_nothing(task: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(task, tmp_path / "task", copy_function=shutil.copy2))
    run = Run.open(copy / "run")
    config = run.info["config"]
    run.update_info(config={**config, "pool": {**config["pool"], "folder": str(copy / "pool")}})
    path = copy / "pool" / run.read_table("pool_images")["path"].iloc[0]
    Image.new("RGB", (24, 24)).save(path)
    with pytest.raises(DataError, match=r"pool: .* has changed since its features were computed"):
        exported(copy, tmp_path / "out")
    path.unlink()
    with pytest.raises(DataError, match=r"pool: .* could be read before and cannot be read now"):
        exported(copy, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["task"]


def test_a_run_without_a_pool_says_what_to_do(tmp_path: Path) -> None:
    run = pipeline.compute(load_config(write_task(tmp_path, n_per_class=20)), folder=tmp_path / "run", until="extract")
    with pytest.raises(RunFolderError, match=r"has no pool\. Add a section pool to its configuration"):
        exported(run.folder.parent, tmp_path / "out")


def test_the_command_says_where_the_folder_is(task: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["collect-files", str(task / "run"), str(tmp_path / "out"), "--n", "2"])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(tmp_path / "out")
    assert "images to collect" in result.stderr
