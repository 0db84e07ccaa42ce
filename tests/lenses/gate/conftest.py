"""Two releases, explained once."""

from pathlib import Path

import pytest

from tests.lenses.gate.releases import write_releases

__all__ = ["releases"]


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The run folders of a good and of a bad release."""
    return write_releases(tmp_path_factory.mktemp("releases"))
