"""A place to start from."""

from pathlib import Path

import pytest

from tests.pipeline.toy import write_task
from tests.starting.calling import PLUS_MINUS_ONE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with images of two classes in the folder images, and network.py."""
    write_task(tmp_path, n_per_class=24)
    (tmp_path / "toy.yaml").unlink()
    (tmp_path / "models.py").write_text(PLUS_MINUS_ONE)
    monkeypatch.chdir(tmp_path)
    return tmp_path
