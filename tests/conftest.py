"""Fixtures that more than one package's tests use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

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


def chromium() -> str | None:
    """The path of Chromium, if there is one."""
    names = [os.environ.get("BARLOW_REPORT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without it the test is skipped, or fails where CI is set."""
    path = chromium()
    if path is None:
        reason = "Chromium not found; install it or name it in BARLOW_REPORT_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
