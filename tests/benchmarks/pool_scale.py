"""A pool of a million images: how long its candidates take to be ranked, and in how much memory.

    python -m tests.benchmarks.pool_scale [--n-images 250000 1000000] [--n-features 512] [--n-modes 20]

No image is decoded: features, predictions and confidences are drawn, a shard at a time, so that what is measured is
the ranking itself, in a process of its own for each size. What a pass keeps of each image besides (its path, its
label) is not part of it. Memory is the peak of the process above what it had before the first shard. Candidates are
also compared with 50,000 analysed images, which are in memory here and on the disk in a run.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from barlow_report.lenses.pool.calibration import Calibration
from barlow_report.lenses.pool.candidates import BASES, Images, Mode, Predictors
from barlow_report.lenses.pool.nearness import Near
from barlow_report.lenses.pool.ranking import Ranking

SHARD = 4096
N_CLASSES = 100
N_LISTED = 100
N_ANALYSED = 50_000


def main() -> None:
    """Print a table, a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-images", type=int, nargs="+", default=[250_000, 500_000, 1_000_000])
    parser.add_argument("--n-features", type=int, default=512)
    parser.add_argument("--n-modes", type=int, default=20)
    parser.add_argument("--one", type=int, help="measure this size here, and print time and memory")
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(*measure(arguments.one, n_features=arguments.n_features, n_modes=arguments.n_modes))
        return
    print("| images | ranking, s | comparing, s | memory above the start, MB | candidates |\n|" + " --- |" * 5)
    same = ["--n-features", str(arguments.n_features), "--n-modes", str(arguments.n_modes)]
    for n_images in arguments.n_images:
        command = [sys.executable, "-m", "tests.benchmarks.pool_scale", "--one", str(n_images), *same]
        seconds, near, megabytes, n = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        times = f"{float(seconds):.1f} | {float(near):.1f}"
        print(f"| {n_images:,} | {times} | {float(megabytes):.0f} | {int(n):,} |")


def measure(n_images: int, *, n_features: int, n_modes: int) -> tuple[float, float, float, int]:
    """Return seconds of ranking and of comparing, megabytes, and how many candidates were found."""
    rankings = [Ranking(mode, n=N_LISTED) for mode in draw_modes(n_features, n_modes)]
    near = _near([ranking.mode for ranking in rankings], n_features=n_features)
    blocks = draw_images(n_images, n_features=n_features)
    first = next(blocks)
    start = _peak()
    seconds = comparing = 0.0
    for images in _with(first, blocks):
        began = time.perf_counter()
        images = images[~near.find(images)]
        comparing += time.perf_counter() - began
        began = time.perf_counter()
        for ranking in rankings:
            ranking.add(images)
        seconds += time.perf_counter() - began
    n = sum(int(ranking.counts["n_candidates"]) for ranking in rankings)
    return seconds, comparing, _peak() - start, n


def _near(modes: Sequence[Mode], *, n_features: int) -> Near:
    """What the images of a pool are compared with: analysed ones, of which nine in ten are right."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, N_CLASSES, N_ANALYSED)
    predictions = np.where(rng.random(N_ANALYSED) < 0.1, rng.integers(0, N_CLASSES, N_ANALYSED), labels)
    features = rng.standard_normal((N_ANALYSED, n_features), dtype=np.float32)
    return Near(features, labels, predictions, modes, seed=0)


def draw_modes(n_features: int, n_modes: int) -> Iterator[Mode]:
    """Modes of classes one after the other, each with two conditions and a confidence that counts."""
    rng = np.random.default_rng(0)
    for rule_id in range(n_modes):
        features = rng.choice(n_features, 2, replace=False)
        yield Mode(
            rule_id=rule_id,
            class_ids=np.array([rule_id % N_CLASSES]),
            taken_for=np.array([(rule_id + 1) % N_CLASSES, (rule_id + 2) % N_CLASSES]),
            conditions=pd.DataFrame({"feature_id": features, "branch": ["gt", "le"], "threshold": [0.5, 1.0]}),
            predictors=Predictors(has_confidence=True),
            calibrations=dict.fromkeys(BASES, Calibration(rate=0.4, weights=np.array([-0.8]), intercept=1.0)),
        )


def draw_images(n_images: int, *, n_features: int) -> Iterator[Images]:
    """Images of a pool a shard at a time: a third has a label."""
    for first in range(0, n_images, SHARD):
        rng, n = np.random.default_rng([1, first]), min(SHARD, n_images - first)
        yield Images(
            features=rng.standard_normal((n, n_features), dtype=np.float32),
            labels=np.where(rng.random(n) < 1 / 3, rng.integers(0, N_CLASSES, n), -1),
            predictions=rng.integers(0, N_CLASSES, n),
            confidences=rng.random(n),
            digests=np.array([f"{value:032x}" for value in rng.integers(0, 2**62, n)], dtype="S32"),
            rows=np.arange(first, first + n),
        )


def _with(first: Images, others: Iterator[Images]) -> Iterator[Images]:
    yield first
    yield from others


def _peak() -> float:
    """The most memory that this process ever had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
