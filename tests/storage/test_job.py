"""The whole job with data, weights, run folder and site on a server that speaks S3."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import s3fs
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task

pytestmark = pytest.mark.slow

DIFFERENT = {"run.json", "image_times.npy", "annotations/reports.json"}  # paths, times of files, the run's own name


@pytest.fixture
def system(bucket: str) -> Any:
    system = s3fs.S3FileSystem(use_listings_cache=False)
    for name in system.ls(bucket):
        system.rm(name, recursive=True)
    return system


def _put(system: Any, folder: Path, to: str) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    system.put([str(path) for path in files], [f"{to}/{path.relative_to(folder).as_posix()}" for path in files])


def _objects(system: Any, address: str) -> dict[str, bytes]:
    root = address.removeprefix("s3://")
    return {name.removeprefix(f"{root}/"): system.cat_file(name) for name in system.find(root)}


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def task(tmp_path: Path, system: Any, bucket: str) -> Path:
    """A configuration whose images are on the server; the one beside it has them on the disk."""
    path = write_task(tmp_path, n_per_class=40)
    _put(system, tmp_path / "images", f"{bucket}/data/images")
    config = yaml.safe_load(path.read_text())
    (tmp_path / "remote.yaml").write_text(yaml.safe_dump({**config, "data": {"folder": f"{bucket}/data/images"}}))
    return tmp_path / "remote.yaml"


def test_the_whole_job_gives_the_same_bytes(
    task: Path, system: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, site = f"{bucket}/runs/toy", f"{bucket}/site/toy"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    index = pipeline.run(load_config(task), folder=Path(run), site=Path(site))
    assert index == Path(f"{site}/index.html")
    pipeline.run(load_config(tmp_path / "toy.yaml"), folder=tmp_path / "run", site=tmp_path / "site")
    here, there = _files(tmp_path / "run"), _objects(system, run)
    assert here.keys() - {"run.lock"} == there.keys()
    assert {name for name in there if there[name] != here[name]} <= DIFFERENT
    assert any(name.startswith("media/") for name in there)
    here, pages = _files(tmp_path / "site"), _objects(system, site)
    assert here.keys() - {".gitignore"} == pages.keys()
    name_of_run = {json.loads(files["run.json"])["run_id"].encode() for files in (there, _files(tmp_path / "run"))}
    for name in pages:
        page, other = pages[name], here[name]
        for found in name_of_run:
            page, other = page.replace(found, b""), other.replace(found, b"")
        assert name.startswith("search/") or page == other or b"batch" in page, name
    for content in (*there.values(), *pages.values()):
        assert b"secret-that-nobody" not in content
        assert b"test-id" not in content
        assert str(tmp_path / "cache").encode() not in content
    assert system.info(f"{site}/index.html")["ContentType"] == "text/html"

    monkeypatch.setenv("BARLOW_REPORT_CACHE", str(tmp_path / "another-machine"))
    before = there
    pipeline.run(load_config(task), folder=Path(run), site=Path(site))
    assert _objects(system, run) == before
    assert len(Run.open(Path(run)).read_table("images")) == 80


KILLED = """
import os, sys
from pathlib import Path
from barlow_report.storage.mirror import Mirror

put, n_left = Mirror._put, [int(sys.argv[1])]

def dying(mirror, name):
    put(mirror, name)
    if {where}:
        n_left[0] -= 1
        if not n_left[0]:
            os.kill(os.getpid(), 9)

Mirror._put = dying
from barlow_report.cli import main
sys.argv = ["barlow-report", *sys.argv[2:]]
main()
"""


@pytest.mark.parametrize(
    ("where", "n"),
    [("name.startswith('work/extract/')", 3), ("name.startswith('media/')", 2), ("name.endswith('.parquet')", 9)],
    ids=["in the pass", "in the pictures", "between tables"],
)
def test_a_run_that_was_killed_goes_on_elsewhere_with_the_same_bytes(
    where: str, n: int, task: Path, system: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = f"{bucket}/runs/killed"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    command = [sys.executable, "-c", KILLED.format(where=where), str(n), "visualize", str(task), "--run", run]
    died = subprocess.run(command, env={**os.environ}, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    left = _objects(system, run)
    assert "run.writer.json" in left
    if "extract" in where:
        assert sum(name.startswith("work/extract/") for name in left) >= 3
    claim = {"claim": "dead", "renewed": time.time() - 1000}
    system.pipe_file(f"{run}/run.writer.json", json.dumps(claim).encode())
    monkeypatch.setenv("BARLOW_REPORT_CACHE", str(tmp_path / "another-machine"))
    config = load_config(task)
    pipeline.run(config, folder=Path(run), site=tmp_path / "site")
    pipeline.run(config, folder=tmp_path / "whole", site=tmp_path / "site")
    here, there = _files(tmp_path / "whole"), _objects(system, run)
    assert here.keys() - {"run.lock"} == there.keys()
    assert {name for name in there if there[name] != here[name]} <= {"run.json"}


def test_workers_of_ray_read_images_and_share_a_run_in_a_bucket(
    task: Path, system: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    by_workers = {**yaml.safe_load(task.read_text()), "engine": {"kind": "ray", "n_workers": 2}}
    (tmp_path / "workers.yaml").write_text(yaml.safe_dump(by_workers))
    run = f"{bucket}/runs/workers"
    code = "from barlow_report.cli import main; main()"
    command = [sys.executable, "-c", code, "visualize", str(tmp_path / "workers.yaml"), "--run", run]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pipeline.compute(load_config(tmp_path / "toy.yaml"), folder=tmp_path / "run")
    here, there = _files(tmp_path / "run"), _objects(system, run)
    assert here.keys() - {"run.lock"} == there.keys()
    assert {name for name in there if there[name] != here[name]} <= DIFFERENT
    assert any(name.startswith("media/") for name in there)


def test_commands_take_addresses(task: Path, system: Any, bucket: str, tmp_path: Path) -> None:
    run, site = f"{bucket}/runs/cli", f"{bucket}/site/cli"

    def barlow(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from barlow_report.cli import main; main()", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    done = barlow("run", str(task), "--run", run, "--site", site)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{site}/index.html"
    assert barlow("card", run, "card.md").returncode == 0
    assert "failure mode" in (tmp_path / "card.md").read_text()
    single = barlow("site", run, "--profile", "single", "--site", f"{bucket}/report.html")
    assert single.returncode == 0, single.stderr
    assert single.stdout.strip() == f"{bucket}/report.html"
    assert system.cat_file(f"{bucket}/report.html").startswith(b"<!doctype html>")
    written = barlow("card", run, f"{bucket}/card.md")
    assert written.returncode == 0, written.stderr
    assert written.stdout.strip() == f"{bucket}/card.md"
    assert system.cat_file(f"{bucket}/card.md") == (tmp_path / "card.md").read_bytes()
    refused = barlow("export-fiftyone", run, f"{bucket}/51")
    assert refused.returncode == 1
    assert "is an address; FOLDER takes a path of this machine" in refused.stderr
    refused = barlow("site", run, "--site", f"{bucket}/data")
    assert refused.returncode == 1
    assert f"{bucket}/data: holds objects that are no barlow-report site" in refused.stderr
    missing = barlow("site", f"{bucket}/runs/nowhere")
    assert missing.returncode == 1
    assert f"{bucket}/runs/nowhere: no run.json found" in missing.stderr


def test_a_site_is_replaced_and_what_it_had_is_deleted(task: Path, system: Any, bucket: str, tmp_path: Path) -> None:
    site = f"{bucket}/site/toy"
    pipeline.run(load_config(task), folder=tmp_path / "run", site=Path(site))
    marker = json.loads(system.cat_file(f"{site}/.barlow-report.json"))
    marker["files"] += ["classes/old/index.html", "../../data/images/red/0000.png"]
    system.pipe_file(f"{site}/.barlow-report.json", json.dumps(marker).encode())
    system.pipe_file(f"{site}/classes/old/index.html", b"old")
    system.pipe_file(f"{site}/of-somebody.txt", b"kept")
    pipeline.run(load_config(task), folder=tmp_path / "run", site=Path(site))
    assert not system.exists(f"{site}/classes/old/index.html")
    assert system.exists(f"{bucket}/data/images/red/0000.png")
    assert system.cat_file(f"{site}/of-somebody.txt") == b"kept"


def test_a_run_on_local_paths_imports_neither_fsspec_nor_ray(tmp_path: Path) -> None:
    path = write_task(tmp_path, n_per_class=30)
    code = (
        "import sys; from pathlib import Path; from barlow_report import pipeline; "
        "from barlow_report.config import load_config; "
        f"pipeline.run(load_config(Path({str(path)!r})), folder=Path('run'), site=Path('site')); "
        "print([name for name in ('fsspec', 's3fs', 'botocore', 'ray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
