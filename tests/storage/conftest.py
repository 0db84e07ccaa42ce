"""A store for all tests of this folder, and a cache of its own for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.server import store


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """The address of an empty bucket of a server that speaks S3."""
    with store({}) as address:
        yield address


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine's folder of copies."""
    monkeypatch.setenv("BARLOW_REPORT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
