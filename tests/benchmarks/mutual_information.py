"""Mutual information here and in scikit-learn: time, ratio and largest difference.

    python -m tests.benchmarks.mutual_information [--n-features 2048]

Both sides see the same rectified random features and are timed in one go: scikit-learn as it is called by default
and with one job per processor, this package with as many threads. The first line of a new size includes drawing
the noise, which later groups of a run share; both times are shown.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.feature_selection import mutual_info_classif

from barlow_report.rules import mutual_information
from barlow_report.rules.mutual_information import estimate
from barlow_report.rules.workers import count_processors

SIZES = ((1300, 260), (1300, 2), (910, 180), (260, 60), (50, 12))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-features", type=int, default=2048)
    n_features = parser.parse_args().n_features
    n_processors = count_processors()
    mutual_information(np.arange(40.0).reshape(20, 2), np.arange(20) % 3 == 0)  # compile
    print(f"{n_features} features, {n_processors} processors; seconds")
    print(
        f"{'images':>6} {'failures':>8} {'sklearn':>9} {'all jobs':>9} {'here':>8} {'shared':>8} "
        f"{'ratio':>6} {'all jobs':>8} {'difference':>11}"
    )
    for n_images, n_failures in SIZES:
        random = np.random.default_rng(n_images)
        features = np.maximum(0, random.standard_normal((n_images, n_features))).astype(np.float32)
        failure = random.permutation(n_images) < n_failures
        print(_line(features, failure, n_processors), flush=True)


def _line(features: npt.NDArray[np.float32], failure: npt.NDArray[np.bool_], n_processors: int) -> str:
    theirs, default_time = _timed(lambda: mutual_info_classif(features, failure, random_state=0))
    _, jobs_time = _timed(lambda: mutual_info_classif(features, failure, random_state=0, n_jobs=n_processors))
    ours, here_time = _timed(lambda: mutual_information(features, failure, seed=len(features)))
    ours, here_time = _timed(lambda: mutual_information(features, failure))  # another seed: draws its noise again
    _, shared_time = _timed(lambda: estimate(features, failure, n_neighbors=3, seed=0, n_workers=n_processors))
    return (
        f"{len(features):>6} {failure.sum():>8} {default_time:>9.2f} {jobs_time:>9.2f} {here_time:>8.3f} "
        f"{shared_time:>8.3f} {default_time / here_time:>6.0f} {jobs_time / here_time:>8.0f} "
        f"{np.abs(ours - theirs).max():>11.1e}"
    )


def _timed(
    compute: Callable[[], npt.NDArray[np.float64]],
) -> tuple[npt.NDArray[np.float64], float]:
    start = time.perf_counter()
    result = compute()
    return result, time.perf_counter() - start


if __name__ == "__main__":
    main()
