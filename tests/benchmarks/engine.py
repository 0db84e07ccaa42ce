"""The same job by this process and by workers of Ray: every byte, and how long it takes.

    python -m tests.benchmarks.engine [--config configs/cifar10.yaml | --demo] [--n-workers 2] [--repeats 1]
    python -m tests.benchmarks.engine --simulate

Each side is a process of its own that does the whole job, from the images to the site, in a new folder; the sides take
turns. The table has seconds on the clock, stage by stage, and the ratio that is promised: the time by Ray without the
start of Ray over the local time. Afterwards all files of both run folders and of both sites are compared, and the exit
code is 1 if one differs. One worker of Ray beside two says how much the second one adds.

`--simulate` is the schedule alone, with workers that are numbers: how well 1 to 512 workers are used by shards and
groups of uneven size, with and without a machine that is slow, while one caller handles each result.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from barlow_report import pipeline
from barlow_report.config import Config, EngineConfig, load_config
from barlow_report.engine import ray_engine
from barlow_report.engine.ray_cluster import join
from barlow_report.progress import Advance, SilentProgress
from barlow_report.stages.demo import demo_config, draw
from tests.engine.simulation import simulate

CIFAR10 = Path(__file__).resolve().parents[2] / "configs" / "cifar10.yaml"
HANDLING = 0.003
"""Seconds of the caller for each unit: sending it, waiting, taking its result; 200 calls take 0.13 s in all."""


class _Stopwatch(SilentProgress):
    """Keeps how long each piece of work takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:
        """Measure until the block ends."""
        start = time.perf_counter()
        with super().task(description, total=total, unit=unit, n_done=n_done) as advance:
            yield advance
        self.seconds[description] = self.seconds.get(description, 0.0) + time.perf_counter() - start


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CIFAR10)
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--n-workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--side", choices=("local", "ray"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--images", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side is not None:
        print(json.dumps(_measure(arguments)))
    elif arguments.simulate:
        _print_simulation()
    else:
        sys.exit(_compare(arguments))


def _compare(arguments: argparse.Namespace) -> int:
    measured: dict[str, list[dict[str, float]]] = {"local": [], "ray": []}
    n_different = 0
    with tempfile.TemporaryDirectory() as name:
        images = Path(name) / "images"
        if arguments.demo:
            draw(images, progress=SilentProgress())
        for repeat in range(arguments.repeats):
            folders = {side: Path(name) / f"{side}-{repeat}" for side in measured}
            for side, folder in folders.items():
                measured[side].append(_run(arguments, side, folder, images))
            n_different += _differences(*folders.values())
    medians = {
        side: {stage: statistics.median(run.get(stage, 0.0) for run in runs) for stage in runs[0]}
        for side, runs in measured.items()
    }
    print(f"{'seconds':<28}{'local':>9}{arguments.n_workers:>5} workers")
    for stage in {**medians["local"], **medians["ray"]}:
        print(f"{stage:<28}{medians['local'].get(stage, 0.0):>9.1f}{medians['ray'].get(stage, 0.0):>13.1f}")
    ratios = [
        (ray["all"] - ray["start of Ray"]) / local["all"]
        for local, ray in zip(measured["local"], measured["ray"], strict=True)
    ]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"(Ray − its start) / local: {shown} (at most 1.25); files that differ: {n_different}")
    return 1 if n_different else 0


def _run(arguments: argparse.Namespace, side: str, folder: Path, images: Path) -> dict[str, float]:
    """Do the job in a process of its own; return the seconds of each stage."""
    command = [sys.executable, "-m", "tests.benchmarks.engine", "--side", side, "--folder", str(folder)]
    command += ["--n-workers", str(arguments.n_workers), "--config", str(arguments.config)]
    command += ["--images", str(images)] if arguments.demo else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(arguments: argparse.Namespace) -> dict[str, float]:
    start, joining = time.perf_counter(), [0.0]

    def timed_join(settings: EngineConfig) -> bool:
        begun = time.perf_counter()
        joined = join(settings)
        joining[0] += time.perf_counter() - begun
        return joined

    setattr(ray_engine, "join", timed_join)  # noqa: B010 - a stopwatch around it
    config: Config = demo_config(arguments.images) if arguments.images is not None else load_config(arguments.config)
    if arguments.side == "ray":
        config = config.model_copy(update={"engine": EngineConfig(kind="ray", n_workers=arguments.n_workers)})
    stopwatch = _Stopwatch()
    folder = arguments.folder
    pipeline.run(config, folder=folder / "run", site=folder / "site", progress=stopwatch)
    return {**stopwatch.seconds, "start of Ray": joining[0], "all": time.perf_counter() - start}


def _differences(first: Path, second: Path) -> int:
    """How many files of two folders are not the same, but for locks and the time in run.json and what names it."""
    files = [
        {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file() and path.name != "run.lock"}
        for folder in (first, second)
    ]
    different = set(files[0]) ^ set(files[1])
    different |= {
        name for name in set(files[0]) & set(files[1]) if files[0][name].read_bytes() != files[1][name].read_bytes()
    }
    for name in sorted(different)[:20]:
        print(f"differs: {name}")
    return len(different)


def _print_simulation() -> None:
    random = np.random.default_rng(0)
    works = {
        "1,270 shards of 1.3 M images, 512 s each": np.full(1270, 512.0),
        "the same, of uneven images": 512 * random.lognormal(-0.125, 0.5, 1270),
        "2,000 groups, 0.6 s each, uneven": 0.6 * random.lognormal(-0.125, 0.5, 2000),
    }
    sizes = (1, 8, 64, 512)
    print(f"share of the workers' time that is used{'':<8}" + "".join(f"{n:>8}" for n in sizes) + "  workers")
    for name, times in works.items():
        for slowness, what in (({}, ""), ({0: 10.0}, ", one 10 times slower")):
            row = [
                float(times.sum()) / n / simulate(times.tolist(), n_workers=n, slowness=slowness, handling=HANDLING)
                for n in sizes
            ]
            print(f"{name + what:<64}" + "".join(f"{share:>8.0%}" for share in row))


if __name__ == "__main__":
    main()
