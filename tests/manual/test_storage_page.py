"""The page on buckets: its configuration and its commands, with a server that speaks S3."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from barlow_report.cli import app
from tests.manual.commands import calls
from tests.manual.pages import page
from tests.manual.reader import write_reader
from tests.storage.server import store

BUCKET = "my-bucket"

pytestmark = pytest.mark.slow


@pytest.fixture
def system() -> Iterator[Any]:
    """The store, with the bucket of the page."""
    with store({}):
        import s3fs

        system = s3fs.S3FileSystem(use_listings_cache=False)
        system.mkdir(BUCKET)
        yield system


def test_a_run_lies_in_a_bucket_from_its_images_to_its_pages(
    system: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reader(tmp_path)
    monkeypatch.setenv("BARLOW_REPORT_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for image in sorted((tmp_path / "images" / "test").rglob("*.png")):
        system.put(str(image), f"{BUCKET}/{image.relative_to(tmp_path).as_posix()}")
    system.put(str(tmp_path / "model.safetensors"), f"{BUCKET}/models/model.safetensors")
    (config,) = page("storage").of("yaml")
    (tmp_path / "report.yaml").write_text(f"{config}visuals: {{n_images: 2, n_gallery: 2, attack: none}}\n")
    run, compare, site = [call for code in page("storage").of("sh") for call in calls(code)]
    assert [call[0] for call in (run, compare, site)] == ["run", "compare", "site"]
    _do(run)
    assert system.exists(f"{BUCKET}/runs/my-model/run.json")
    assert system.exists(f"{BUCKET}/site/my-model/index.html")
    for name in ("model-1", "model-2"):
        for file in system.find(f"{BUCKET}/runs/my-model"):
            system.copy(file, file.replace("/my-model/", f"/{name}/", 1))
    _do(compare)
    assert system.exists(f"{BUCKET}/runs/model-2/mode_changes.parquet")
    _do(site)
    assert (tmp_path / "site" / "my-model" / "index.html").is_file()


def _do(call: list[str]) -> None:
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, f"{' '.join(call)}: {done.output[-1500:]}"
