"""Failure directions here and by scikit-learn's SVC, class by class: time, ratio, difference; then a whole run.

    python -m tests.benchmarks.directions [--n-classes 1000] [--n-images 1300] [--n-dimensions 512] [--n-compared 3]

Both sides fit the same images with the same settings: seven penalties, two folds, the best one fitted again. The run
is `find_directions` on as many classes, 70 % of the images to fit on; processor time is shown beside the time on the
clock, because a machine may have other work to do.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.fitting import fit_direction
from barlow_report.lenses.directions.scoring import find_directions
from barlow_report.lenses.directions.whitening import fit_whitening

PENALTIES = tuple(10.0**k for k in range(-6, 1))
ERROR_RATES = (0.1, 0.24, 0.5)
FIT = 0.7


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-classes", type=int, default=1000)
    parser.add_argument("--n-images", type=int, default=1300)
    parser.add_argument("--n-dimensions", type=int, default=512)
    parser.add_argument("--n-compared", type=int, default=len(ERROR_RATES))
    arguments = parser.parse_args()
    print(f"{'images':>6} {'failures':>8} {'SVC':>8} {'here':>8} {'ratio':>6} {'C':>8} {'difference':>10}   seconds")
    for seed in range(arguments.n_compared):
        _compare(arguments.n_images, arguments.n_dimensions, seed=seed)
    _run(arguments.n_classes, arguments.n_images, arguments.n_dimensions)


def _class(n_images: int, n_dimensions: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of one class, and which of them are correct: weakly related to a direction, as in real data."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(n_images, n_dimensions)).astype(np.float32)
    signal = embeddings[:, :20].sum(axis=1) / np.sqrt(20) + rng.normal(size=n_images)
    return embeddings, signal > np.quantile(signal, ERROR_RATES[seed % len(ERROR_RATES)])


def _compare(n_images: int, n_dimensions: int, *, seed: int) -> None:
    embeddings, is_correct = _class(n_images, n_dimensions, seed=seed)
    whitened = fit_whitening(embeddings, np.arange(n_images)).apply(embeddings)

    start = time.perf_counter()
    scores = [
        cross_val_score(_machine(penalty), whitened, is_correct, cv=2, scoring="balanced_accuracy").mean()
        for penalty in PENALTIES
    ]
    machine = _machine(PENALTIES[int(np.argmax(scores))]).fit(whitened, is_correct)
    theirs = time.perf_counter() - start

    start = time.perf_counter()
    direction = fit_direction(whitened, is_correct)
    ours = time.perf_counter() - start
    difference = np.abs(direction.decision_values(whitened) - machine.decision_function(whitened)).max()
    print(
        f"{n_images:>6} {(~is_correct).sum():>8} {theirs:>8.2f} {ours:>8.2f} {theirs / ours:>6.1f} "
        f"{direction.penalty:>8g} {difference:>10.1e}",
        flush=True,
    )


def _machine(penalty: float) -> SVC:
    return SVC(kernel="linear", C=penalty, class_weight="balanced")


def _run(n_classes: int, n_images: int, n_dimensions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "embeddings.npy"
        shape = (n_classes * n_images, n_dimensions)
        stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        labels = np.repeat(np.arange(n_classes), n_images)
        predictions = labels.copy()
        for c in range(n_classes):
            embeddings, is_correct = _class(n_images, n_dimensions, seed=c)
            members = slice(c * n_images, (c + 1) * n_images)
            stored[members] = embeddings
            predictions[members][~is_correct] = (c + 1) % n_classes
        stored.flush()
        del stored
        held_out = np.random.default_rng(0).random(len(labels)) > FIT
        start, processor = time.perf_counter(), time.process_time()
        found = find_directions(
            np.load(path, mmap_mode="r"),
            labels,
            predictions,
            is_held_out=held_out,
            n_classes=n_classes,
            settings=DirectionsConfig(),
        )
        clock, processor = time.perf_counter() - start, time.process_time() - processor
    n_verified = (found.class_directions["verdict"] == "verified").sum()
    print(
        f"{n_classes} classes × {n_images} images × {n_dimensions} dimensions: {clock:.0f} s, {processor:.0f} s of "
        f"processors; {clock / n_classes:.2f} s and {processor / n_classes:.2f} s per class; {n_verified} verified"
    )


if __name__ == "__main__":
    main()
