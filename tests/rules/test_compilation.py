"""Compiled kernels also work where their machine code cannot be stored."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from barlow_report.rules import compilation

PROGRAM = """
import numpy as np
from barlow_report.rules import mutual_information
print(mutual_information(np.arange(20.0)[:, None] % 7, np.arange(20) % 3 == 0)[0])
"""


def double(x: float) -> float:
    return 2 * x


def test_a_kernel_gives_what_the_function_gives() -> None:
    assert compilation.compile_inline(double)(2.5) == 5.0


def test_without_any_folder_to_write_the_kernel_is_compiled_without_storing(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(*, nogil: bool, cache: bool = False) -> object:
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        return lambda function: function if nogil else None

    monkeypatch.setattr(numba, "njit", njit)
    assert compilation.compile_kernel(double)(3.0) == 6.0


def test_a_full_disk_while_storing_does_not_reach_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(*, nogil: bool, cache: bool = False) -> object:
        def fail(_: float) -> float:
            raise OSError(28, "No space left on device")

        return lambda function: fail if cache and nogil else function

    monkeypatch.setattr(numba, "njit", njit)
    kernel = compilation.compile_kernel(double)
    assert [kernel(1.0), kernel(2.0)] == [2.0, 4.0]


@pytest.mark.slow
def test_the_same_result_with_a_cache_folder_and_without(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder is expected")
    results = []
    for folder in (tmp_path / "cache", blocked):
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        results.append(float(done.stdout))
    assert results[0] == results[1]
