"""explain at ImageNet's size: time, how it grows, where it goes, and memory.

    python -m tests.benchmarks.scale [--n-images 1300000] [--sizes 250000 500000 1000000 1300000] [--folder DIR]

Writes a feature file of the largest size (1.3 million × 2,048 float16: 5.3 GB) into a temporary folder and removes
it at the end. Classes have 1,300 images each, scattered over the file, one image in five is a failure, and each
class has a feature that explains half of its failures. Memory is that of the whole process, in GB: `anonymous` is
what it allocated, `resident` includes the pages of the file that are mapped at the moment.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from barlow_report.config import RulesConfig
from barlow_report.rules import explain_failures
from barlow_report.rules.inputs import read_rows
from barlow_report.rules.mutual_information import estimate
from barlow_report.rules.trees import fit_tree, select_features
from barlow_report.rules.workers import count_processors

IMAGES_PER_CLASS = 1300
_CHUNK = 20_000


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[250_000, 500_000, 1_000_000, 1_300_000])
    parser.add_argument("--n-features", type=int, default=2048)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--n-workers", type=int, default=None)
    parser.add_argument("--folder", type=Path, default=None, help="where the temporary folder is made")
    arguments = parser.parse_args()
    settings = RulesConfig(max_depth=arguments.depth, n_workers=arguments.n_workers)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "features.npy"
        start = time.perf_counter()
        _write(path, max(arguments.sizes), arguments.n_features)
        size = path.stat().st_size / 1e9
        print(f"features: {max(arguments.sizes)} x {arguments.n_features}, {size:.2f} GB, written in {_since(start)}")
        print(f"workers: {arguments.n_workers or count_processors()}, depth {arguments.depth}")
        print(
            f"{'images':>9} {'classes':>7} {'groups':>6} {'seconds':>8} {'ms/group':>8} "
            f"{'anonymous':>9} {'resident':>8}"
        )
        for n_images in sorted(arguments.sizes):
            _measure(np.load(path, mmap_mode="r")[:n_images], settings)
        _split(np.load(path, mmap_mode="r")[: min(arguments.sizes)], settings)


def _measure(features: npt.NDArray[np.float16], settings: RulesConfig) -> None:
    labels, predictions = _classes(features)
    start = time.perf_counter()
    with Memory() as memory:
        explanation = explain_failures(features, labels, predictions, settings=settings)
    seconds = time.perf_counter() - start
    n_groups = len(explanation.groups)
    print(
        f"{len(features):>9} {labels.max() + 1:>7} {n_groups:>6} {seconds:>8.1f} {1000 * seconds / n_groups:>8.1f} "
        f"{memory.anonymous:>9.2f} {memory.resident:>8.2f}   "
        f"{(explanation.rules['verdict'] == 'verified').sum()} verified",
        flush=True,
    )


def _split(features: npt.NDArray[np.float16], settings: RulesConfig) -> None:
    """Time the parts of a group with one worker, as means over ten groups."""
    labels, predictions = _classes(features)
    parts: dict[str, list[float]] = {}

    def timed(name: str, compute: Callable[..., Any], *args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = compute(*args, **options)
        parts.setdefault(name, []).append(time.perf_counter() - start)
        return result

    for class_id in range(10):
        image_ids = np.flatnonzero(labels == class_id)
        failure = labels[image_ids] != predictions[image_ids]
        rows = timed("read", read_rows, features, image_ids)
        timed("check", lambda x: np.isfinite(x).all(), rows)
        fitted = np.arange(len(rows)) % 10 >= 3
        x, y = timed("take the fitted part", rows.__getitem__, fitted), failure[fitted]
        information = timed("mutual information", estimate, x, y, n_neighbors=3, seed=0)
        selected = select_features(information, n_selected=settings.n_selected_features)
        for depth in sorted({settings.depth, *settings.evaluation_depths}):
            tree = timed(f"tree of depth {depth}", fit_tree, x, y, feature_ids=selected, max_depth=depth, seed=0)
            timed(f"leaves at depth {depth}", tree.find_leaves, rows)
    print("one group, one worker, milliseconds:")
    for name, seconds in parts.items():
        print(f"  {name:<22} {1000 * sum(seconds[2:]) / (len(seconds) - 2):8.2f}")


def _write(path: Path, n_images: int, n_features: int) -> None:
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(n_images, n_features))
    random = np.random.default_rng(0)
    for start in range(0, n_images, _CHUNK):
        n_rows = min(_CHUNK, n_images - start)
        file[start : start + n_rows] = np.maximum(0, random.standard_normal((n_rows, n_features), dtype=np.float32))
    file.flush()


def _classes(features: npt.NDArray[np.float16]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw labels, and predictions that fail more often where the class's own feature is high."""
    n_images, n_features = features.shape
    random = np.random.default_rng(1)
    n_classes = max(2, n_images // IMAGES_PER_CLASS)
    labels = random.permutation(np.arange(n_images) % n_classes)
    high = np.empty(n_images, dtype=np.bool_)
    for start in range(0, n_images, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, n_images))
        # not through the map, whose pages would count as memory of what is measured afterwards
        values = read_rows(features, rows)
        high[rows] = values[np.arange(len(rows)), labels[rows] % n_features] > ndtri(0.8)
    fails = random.random(n_images) < np.where(high, 0.5, 0.125)
    return labels, np.where(fails, (labels + random.integers(1, n_classes, n_images)) % n_classes, labels)


class Memory:
    """Watches the memory of the process while a block runs; the peaks are in GB."""

    def __enter__(self) -> "Memory":
        self.anonymous = self.resident = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            status = Path("/proc/self/status")
            if not status.exists():
                return
            kilobytes = {
                line.split(":")[0]: int(line.split()[1])
                for line in status.read_text().splitlines()
                if line.startswith(("RssAnon", "VmRSS"))
            }
            self.anonymous = max(self.anonymous, kilobytes["RssAnon"] / 1e6)
            self.resident = max(self.resident, kilobytes["VmRSS"] / 1e6)


def _since(start: float) -> str:
    return f"{time.perf_counter() - start:.0f} s"


if __name__ == "__main__":
    main()
