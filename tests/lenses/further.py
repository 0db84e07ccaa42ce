"""The toy task with images beside the analysed ones, a pool and training images: for the lenses that pass over them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import Config, load_config
from tests.pipeline.toy import write_image, write_task

__all__ = ["N_POOL", "configure", "task", "toy", "write_pool", "write_training"]

N_POOL = 60


def write_pool(folder: Path) -> None:
    """20 red squares with a mark, 20 without, 20 blue ones, in folders of their classes."""
    for i in range(N_POOL):
        colour, kind = ("blue", "plain") if i % 3 == 2 else ("red", "marked" if i % 3 else "plain")
        write_image(folder / colour / f"{kind}-{i:03d}.png", colour=colour, marked=kind == "marked", seed=70_000 + i)


def write_training(folder: Path, *, n_marked: int = 5) -> None:
    """40 red squares, some with a mark, and 20 blue ones, in folders of their classes and of days within them."""
    for i in range(40):
        kind = "marked" if i < n_marked else "plain"
        path = folder / "red" / f"day {i % 2}" / f"{kind}-{i:03d}.png"
        write_image(path, colour="red", marked=kind == "marked", seed=50_000 + i)
    for i in range(20):
        write_image(folder / "blue" / f"{i}.png", colour="blue", marked=False, seed=60_000 + i)


def configure(task: Path, **sections: Any) -> Config:
    """Write these sections into the configuration of the task in place of what it has there, and load it."""
    path = task / "toy.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | sections))
    return load_config(path)


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the task, explained, with folders `pool` and `train` that nothing has passed over; only to read."""
    folder = tmp_path_factory.mktemp("further")
    path = write_task(folder)
    write_pool(folder / "pool")
    write_training(folder / "train")
    pipeline.compute(load_config(path), folder=folder / "run", until="explain")
    return folder


@pytest.fixture
def toy(task: Path, tmp_path: Path) -> Path:
    """A copy of the task for one test."""
    return Path(shutil.copytree(task, tmp_path / "toy", copy_function=shutil.copy2))
