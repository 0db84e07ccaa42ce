"""Fixtures that more than one package's tests use."""

import os
from pathlib import Path

import pytest

SHARED_VARIABLE = "BARLOW_REPORT_SHARED"


@pytest.fixture(scope="session")
def shared_cifar() -> Path:
    """The CIFAR-10 data set with its two models, in the folder `shared` beside the checkout.

    Tests that need it are skipped where it is missing, except under CI, where a missing folder is a failure.
    """
    default = Path(__file__).resolve().parents[1].parent / "shared"
    folder = Path(os.environ.get(SHARED_VARIABLE, default)) / "data" / "cifar10"
    if not (folder / "cifar_net.py").is_file():
        message = f"CIFAR-10 not found at {folder}; set {SHARED_VARIABLE} to the folder that holds data/cifar10"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder
