"""A pass over a pool that is killed goes on where it was, and ends with the same tables."""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.lenses.pool.tables import TABLES
from barlow_report.run_folder import Run
from tests.lenses.further import write_pool
from tests.pipeline.test_resume import COMMAND, kill_when
from tests.pipeline.toy import write_task

pytestmark = pytest.mark.slow


def _arguments(task: Path) -> list[str]:
    return [*COMMAND, "collect", str(task / "toy.yaml"), "--run", str(task / "run")]


def test_a_killed_pass_over_the_pool_goes_on_and_ends_with_the_same_tables(tmp_path: Path) -> None:
    task = tmp_path / "task"
    path = write_task(task, settings={"extraction": {"batch_size": 2, "shard_size": 4, "n_workers": 1}})
    write_pool(task / "pool")
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"pool": {"folder": "pool"}}))
    pipeline.compute(load_config(path), folder=task / "run", until="explain")
    alone = Path(shutil.copytree(task, tmp_path / "alone", copy_function=shutil.copy2))
    subprocess.run(_arguments(alone), check=True, capture_output=True)

    work = task / "run/pass_pool"
    kill_when(_arguments(task), work, n=4, how=signal.SIGKILL)
    kept = {shard.name: shard.stat().st_mtime_ns for shard in work.glob("*.npz")}
    assert 0 < len(kept) < 15
    assert not Run.open(task / "run").is_finished("pool")
    subprocess.run(_arguments(task), check=True, capture_output=True)
    assert {name: (work / name).stat().st_mtime_ns for name in kept} == kept
    for table in TABLES:
        name = f"{table.name}.parquet"
        assert (task / "run" / name).read_bytes() == (alone / "run" / name).read_bytes(), name
