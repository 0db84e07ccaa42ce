"""A run folder says what its results were computed with, whatever was asked of it in between."""

import os
from pathlib import Path

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.errors import ConfigError, RunFolderError
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.tables import empty_table
from tests.pipeline.toy import write_task

pytestmark = pytest.mark.slow


class Spoken(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(tmp_path_factory.mktemp("task"), n_per_class=40)


def _changed(config: Path, **sections: object) -> Path:
    path = config.with_name("changed.yaml")
    path.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **sections}))
    return path


def test_settings_are_noted_when_their_stage_has_finished(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = pipeline.compute(load_config(config), folder=folder)
    assert run.info["config"]["rules"]["rho"] == 0.1
    changed = load_config(_changed(config, rules={"rho": 0.5, "held_out_fraction": 0.0}, seed=7))
    pipeline.compute(changed, folder=folder, until="extract")
    assert run.info["config"]["rules"]["rho"] == 0.1
    assert run.info["config"]["seed"] == 0
    pipeline.compute(changed, folder=folder)
    assert run.info["config"]["rules"]["rho"] == 0.5
    assert run.info["config"]["seed"] == 7


def test_a_refused_second_command_changes_nothing(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = pipeline.compute(load_config(config), folder=folder)
    before = (folder / "run.json").read_bytes()
    with run.locked(), pytest.raises(RunFolderError, match="another process is writing"):
        pipeline.compute(load_config(_changed(config, seed=7)), folder=folder)
    assert (folder / "run.json").read_bytes() == before


def test_what_was_planted_is_forgotten_with_the_rules_it_is_about(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = pipeline.compute(load_config(config), folder=folder)
    run.write_table("planted", empty_table("planted"))
    pipeline.compute(load_config(config), folder=folder)
    assert run.has_table("planted")
    pipeline.compute(load_config(_changed(config, seed=7)), folder=folder)
    assert not run.has_table("planted")


def test_a_changed_neighbour_of_the_factory_is_noticed(config: Path, tmp_path: Path) -> None:
    run = pipeline.compute(load_config(config), folder=tmp_path / "run", until="extract")
    mark = run.info["stages"]["extract"]
    layers = config.with_name("layers.py")
    layers.write_text("SIZE = 3\n")
    try:
        pipeline.compute(load_config(config), folder=tmp_path / "run", until="extract")
        assert run.info["stages"]["extract"] != mark
    finally:
        layers.unlink()


def test_what_the_factory_imports_and_images_of_the_same_size_and_time_are_noticed(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=6)
    network, blocks = tmp_path / "network.py", tmp_path / "my_blocks" / "parts.py"
    blocks.parent.mkdir()
    blocks.write_text("SCALE = 1\n")
    network.write_text(f"{network.read_text()}\nfrom my_blocks.parts import SCALE\n")
    spoken, run = Spoken(), Run(tmp_path / "run")

    def is_redone() -> bool:
        spoken.lines.clear()
        pipeline.compute(load_config(config), folder=run.folder, until="extract", progress=spoken)
        return "Features and predictions are up to date" not in spoken.lines

    assert is_redone()
    first = run.info["stages"]["extract"]
    assert not is_redone()
    blocks.write_text("SCALE = 2\n")
    assert is_redone()
    second = run.info["stages"]["extract"]
    image = next((tmp_path / "images").rglob("*.png"))
    status, content = image.stat(), image.read_bytes()
    for data, redone in ((content, False), (content[:-1] + b"#", True)):  # the last byte is no pixel
        image.write_bytes(data)
        os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert is_redone() == redone
        assert not is_redone()
    assert len({first, second, run.info["stages"]["extract"]}) == 3


def test_the_clock_can_be_set_and_nothing_else(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    run = pipeline.compute(load_config(config), folder=tmp_path / "run", until="explain")
    assert Run.open(run.folder).info["created_at"] == "1970-01-02T00:00:00+00:00"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "tomorrow")
    with pytest.raises(ConfigError, match="SOURCE_DATE_EPOCH"):
        pipeline.compute(load_config(config), folder=tmp_path / "run", until="explain")
