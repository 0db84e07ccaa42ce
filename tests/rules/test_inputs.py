"""Rows are read as they are stored, whatever their type."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from barlow_report.config import RulesConfig
from barlow_report.errors import DataError
from barlow_report.rules.explain import explain_failures
from barlow_report.rules.inputs import check_inputs, read_rows


def test_every_half_precision_number_is_read_as_what_it_is() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(-1, 32)
    rows = read_rows(halves, np.arange(len(halves)))
    assert rows.dtype == np.float32
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(rows, halves.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_rows_come_in_the_order_asked_for(dtype: type[np.generic]) -> None:
    features = np.arange(40).reshape(10, 4).astype(dtype)
    rows = read_rows(np.asfortranarray(features), np.array([7, 2]))
    np.testing.assert_array_equal(rows, [[28, 29, 30, 31], [8, 9, 10, 11]])


def test_numbers_beyond_float32_become_infinite_for_the_check_to_find() -> None:
    assert np.isinf(read_rows(np.array([[1e300, 1.0]]), np.array([0]))).tolist() == [[True, False]]


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_a_mapped_file_reads_the_same_twice_and_keeps_what_was_written_to_it(tmp_path: Path, mode: str) -> None:
    np.save(tmp_path / "features.npy", np.arange(40.0).reshape(10, 4))
    features = np.load(tmp_path / "features.npy", mmap_mode=mode)  # type: ignore[arg-type]
    if mode != "r":
        features[3] = -1
    part = features[2:]
    for _ in range(2):
        np.testing.assert_array_equal(read_rows(part, np.array([1]))[0], [-1] * 4 if mode != "r" else [12, 13, 14, 15])


def test_rows_of_a_mapped_file_that_is_gone_are_still_read(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    np.save(path, np.arange(40.0).reshape(10, 4))
    features = np.load(path, mmap_mode="r")
    path.unlink()
    np.testing.assert_array_equal(read_rows(features, np.array([7, 2])), [[28, 29, 30, 31], [8, 9, 10, 11]])


class Unconvertible:
    """As tensors with gradients, on a device or of bfloat16 are."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise self.error


@pytest.mark.parametrize("error", [TypeError("Got unsupported ScalarType BFloat16"), RuntimeError("requires grad")])
def test_a_tensor_that_is_no_array_is_an_error_that_says_how_to_make_it_one(error: Exception) -> None:
    features: Any = Unconvertible(error)
    with pytest.raises(DataError, match=rf"Unconvertible .*{error}.*features.detach\(\).cpu\(\).float\(\).numpy\(\)"):
        check_inputs(features, [0], [0], class_names=None)
    with pytest.raises(DataError, match=r"^labels: Unconvertible cannot be read"):
        check_inputs([[1.0]], features, [0], class_names=None)


def test_pandas_columns_in_another_order_than_the_features_are_refused() -> None:
    features = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)))
    labels = pd.Series(["mug", "vase"] * 20)
    settings = RulesConfig(n_shuffles=99)
    with pytest.raises(DataError, match=r"predictions: its index has the rows of features in another order\. Give"):
        explain_failures(features, labels, labels[::-1], settings=settings)
    explain_failures(features, labels, labels[::-1].to_numpy(), settings=settings)
    named = features.set_axis([f"{i}.png" for i in range(40)])  # another index says nothing about the order
    explain_failures(named, labels, labels, settings=settings)
