"""The fast estimator equals scikit-learn's on anything it accepts."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_selection import mutual_info_classif

from barlow_report.errors import DataError
from barlow_report.rules import mutual_information

Array = npt.NDArray[np.generic]


def expected(features: Array, failure: Array, *, n_neighbors: int = 3, seed: int = 0) -> npt.NDArray[np.float64]:
    return np.asarray(mutual_info_classif(features, failure, n_neighbors=n_neighbors, random_state=seed))


def failures(n_images: int, n_failures: int, *, seed: int = 0) -> npt.NDArray[np.bool_]:
    failure = np.zeros(n_images, dtype=np.bool_)
    failure[np.random.default_rng(seed).permutation(n_images)[:n_failures]] = True
    return failure


def relu(n_images: int, n_features: int, *, seed: int = 0) -> npt.NDArray[np.float32]:
    normal = np.random.default_rng(seed).standard_normal((n_images, n_features))
    return np.maximum(0, normal).astype(np.float32)


@pytest.mark.parametrize("n_failures", [0, 1, 2, 3, 7, 8, 9, 50, 149, 150])
@pytest.mark.parametrize("n_features", [1, 2, 40])
def test_any_number_of_failures_and_features(n_failures: int, n_features: int) -> None:
    features, failure = relu(150, n_features), failures(150, n_failures)
    np.testing.assert_allclose(mutual_information(features, failure), expected(features, failure), rtol=0, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1000.1, -3.3, 1e8 + 0.1, 1e20])
def test_constant_features_with_and_without_rounding_in_their_deviation(value: float) -> None:
    features = np.full((90, 5), value)
    failure = failures(90, 20)
    np.testing.assert_allclose(mutual_information(features, failure), expected(features, failure), rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8, np.bool_])
def test_any_real_dtype(dtype: type[np.generic]) -> None:
    features = (relu(120, 12) * 2).astype(dtype)
    failure = failures(120, 40)
    np.testing.assert_allclose(mutual_information(features, failure), expected(features, failure), rtol=0, atol=1e-9)


def test_features_far_from_zero_where_distances_by_matrix_product_lose_most_digits() -> None:
    features = np.random.default_rng(0).standard_normal((60, 30)) * 1e-3 + 1e6
    for n_failures in (2, 3, 5, 7):
        failure = failures(60, n_failures)
        np.testing.assert_allclose(
            mutual_information(features, failure), expected(features, failure), rtol=0, atol=1e-9
        )


def test_column_order_of_the_memory_does_not_matter() -> None:
    features, failure = relu(100, 9), failures(100, 30)
    np.testing.assert_array_equal(
        mutual_information(np.asfortranarray(features), failure), mutual_information(features, failure)
    )
    np.testing.assert_allclose(
        mutual_information(features, failure), expected(np.asfortranarray(features), failure), rtol=0, atol=1e-9
    )


def test_result_does_not_depend_on_the_number_of_threads_nor_on_who_asked_before() -> None:
    features, failure = relu(200, 150), failures(200, 60)
    alone = mutual_information(features, failure, seed=11, n_workers=1)
    mutual_information(features[:, :20], failure, seed=4)
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(mutual_information, features[:n], failure[:n], seed=11) for n in (200, 90, 150, 200)]
        np.testing.assert_array_equal(jobs[0].result(), alone)
        np.testing.assert_array_equal(jobs[3].result(), alone)
        np.testing.assert_allclose(jobs[1].result(), expected(features[:90], failure[:90], seed=11), rtol=0, atol=1e-9)


def test_a_feature_that_separates_the_failures_is_the_most_informative() -> None:
    features, failure = relu(300, 10), failures(300, 100)
    features[:, 4] += 3 * failure
    assert int(np.argmax(mutual_information(features, failure))) == 4


@pytest.mark.parametrize("exponent", [-990, -100, -45, 100, 900])
def test_information_does_not_depend_on_the_scale_of_a_feature(exponent: int) -> None:
    features, failure = relu(150, 5).astype(np.float64), failures(150, 40)
    scaled = mutual_information(np.ldexp(features, exponent), failure)
    assert scaled.tolist() == mutual_information(features, failure).tolist()


@st.composite
def cases(draw: st.DrawFn) -> tuple[Array, Array, int, int]:
    n_images, n_features = draw(st.integers(3, 130)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features = random.standard_normal((n_images, n_features))
    kind = draw(st.sampled_from(["normal", "relu", "grid", "constant", "offset", "half", "scaled"]))
    if kind == "relu":
        features = np.maximum(0, features).astype(np.float32)
    elif kind == "grid":
        features = np.round(features, draw(st.integers(0, 2)))
    elif kind == "constant":
        features[:] = draw(st.floats(-1e6, 1e6))
    elif kind == "offset":
        features = features * 1e-3 + 10.0 ** draw(st.integers(0, 9))
    elif kind == "half":
        features = features.astype(np.float16)
    elif kind == "scaled":
        features = features * 10.0 ** random.integers(-12, 30, n_features)
    failure = failures(n_images, draw(st.integers(0, n_images)), seed=draw(st.integers(0, 9)))
    return features, failure, draw(st.sampled_from([1, 2, 3, 3, 5, 20])), draw(st.integers(0, 2**32 - 1))


@settings(deadline=None, max_examples=300)
@given(cases())
def test_equal_to_scikit_learn_on_anything(case: tuple[Array, Array, int, int]) -> None:
    features, failure, n_neighbors, seed = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = expected(features, failure, n_neighbors=n_neighbors, seed=seed)
    result = mutual_information(features, failure, n_neighbors=n_neighbors, seed=seed)
    np.testing.assert_allclose(result, reference, rtol=0, atol=1e-9)
    assert result.dtype == np.float64
    assert result.shape == (features.shape[1],)


@pytest.mark.parametrize(
    ("features", "failure", "n_neighbors", "message"),
    [
        (np.ones(5), np.ones(5, bool), 3, "shape"),
        (np.ones((5, 2)), np.ones(4, bool), 3, "shape"),
        (np.ones((0, 2)), np.ones(0, bool), 3, "at least one image"),
        (np.ones((2, 2)), np.array([True, False]), 3, "no two images share an outcome"),
        (np.ones((5, 2)), np.ones(5, bool), 0, "n_neighbors is 0"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), np.ones(2, bool), 3, "feature 1 of image 1 is nan"),
    ],
)
def test_input_that_cannot_be_used_is_refused(features: Array, failure: Array, n_neighbors: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        mutual_information(features, failure, n_neighbors=n_neighbors)
