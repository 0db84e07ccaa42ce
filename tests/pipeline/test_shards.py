"""The pass in pieces: shards computed in any order by processes that share nothing give the same run folder."""

import multiprocessing
import random
from pathlib import Path

import pytest

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.image_pass import begin_extraction, compute_shards, count_shards
from barlow_report.vision.datasets import list_images
from tests.pipeline.toy import write_task

pytestmark = pytest.mark.slow


def _compute(task: tuple[Path, Path, int]) -> None:
    """What another machine would do: it knows the configuration, the folder, and which shard is its own."""
    config_path, work, shard_id = task
    config = load_config(config_path)
    compute_shards(config, list_images(config.data), [shard_id], work=work, progress=SilentProgress())


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _never(*_: object, **__: object) -> None:
    raise AssertionError("everything had been computed")


@pytest.mark.parametrize("n_times", [1, 4])
def test_shards_computed_elsewhere_in_any_order_give_the_same_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_times: int
) -> None:
    """With four times as many tasks, four processes are at the same shard at once, and all write what they share."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    config_path = write_task(tmp_path, n_per_class=30, settings={"extraction": {"batch_size": 4, "shard_size": 9}})
    (tmp_path / "images" / "red" / "broken.png").write_bytes(b"no image")
    config = load_config(config_path)
    pipeline.compute(config, folder=tmp_path / "here")

    run = Run.create(tmp_path / "elsewhere", info=Run.open(tmp_path / "here").info | {"stages": {}})
    images = list_images(config.data)
    work = begin_extraction(config, images, run)
    shard_ids = list(range(count_shards(config, images)))
    random.Random(0).shuffle(shard_ids)  # noqa: S311 - an order, no secret
    assert shard_ids != sorted(shard_ids)
    tasks = [(config_path, work, shard_id) for shard_id in shard_ids for _ in range(n_times)]
    with multiprocessing.get_context("spawn").Pool(max(2, n_times), maxtasksperchild=2 * n_times) as pool:
        pool.map(_compute, tasks, chunksize=1)
    assert not list(work.glob("*.partial"))
    assert {path.name for path in work.iterdir()} == {
        "fingerprint",
        "models.json",
        *(f"{index:06d}.npz" for index in shard_ids),
    }

    monkeypatch.setattr("barlow_report.stages.image_pass.compute_shards", _never)
    pipeline.compute(config, folder=tmp_path / "elsewhere")
    here, elsewhere = _files(tmp_path / "here"), _files(tmp_path / "elsewhere")
    assert len(run.read_table("skipped")) == 1
    assert sorted(here) == sorted(elsewhere)
    assert [name for name in here if here[name] != elsewhere[name]] == []
