"""The manual's snippets that need files beside them; `test_pages.py` runs the others."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manual.pages import page
from tests.pipeline.toy import write_task


def _run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page's own
    return names


def test_a_run_is_made_and_read_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_task(tmp_path, n_per_class=40, settings={"visuals": {"n_images": 2, "n_gallery": 2}})
    settings = {**yaml.safe_load(config.read_text(encoding="utf-8")), "name": "my-model"}
    (tmp_path / "report.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (code,) = [block.code for block in page("arrays").blocks if "test_python" in block.tested_by]
    names = _run(code)
    assert names["index_html"].resolve() == tmp_path / "site" / "my-model" / "index.html"
    assert names["index_html"].is_file()
    assert len(names["rules"]) > 0
    assert len(names["features"]) == len(names["run"].read_table("images"))
