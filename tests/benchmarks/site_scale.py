"""Time and memory of `barlow-report site` at 1,000 classes and 5,000 features, and how they grow.

    python -m tests.benchmarks.site_scale [--n-classes 1000] [--profile standalone]

Builds the site of a made-up run with half as many classes and features, and with all of them, each in a process of
its own; the ratio of the two times says whether the work grows with the number of pages or faster.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.site_run import make_run

__all__ = ["SiteBuild", "measure_build"]

_COMMAND = "from barlow_report.cli import main; main()"


@dataclass(frozen=True)
class SiteBuild:
    """One build: wall-clock and processor seconds, peak memory of the process, and what it made."""

    n_classes: int
    n_features: int
    n_pages: int
    seconds: float
    cpu_seconds: float
    megabytes: float
    size: int


def measure_build(folder: Path, *, n_classes: int, n_features: int, profile: str = "standalone") -> SiteBuild:
    """Make up a run below `folder`, build its site and return what that took."""
    run = folder / f"run-{n_classes}"
    # In a process of its own: a child's peak counts its parent's, until it has become another program.
    making = multiprocessing.get_context("spawn").Process(target=_make, args=(run, n_classes, n_features))
    making.start()
    making.join()
    if making.exitcode:
        raise RuntimeError(f"making up a run ended with {making.exitcode}")
    site = folder / f"site-{n_classes}"
    where = ["--site", str(site)] if profile == "standalone" else ["--profile", profile, "--into", str(site)]
    command = [sys.executable, "-c", _COMMAND, "site", str(run), *where]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    pages = list(site.rglob("index.html" if profile == "standalone" else "index.md"))
    return SiteBuild(
        n_classes=n_classes,
        n_features=n_features,
        n_pages=len(pages),
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        megabytes=usage.ru_maxrss / 1024,
        size=sum(path.stat().st_size for path in site.rglob("*") if path.is_file()),
    )


def _make(folder: Path, n_classes: int, n_features: int) -> None:
    make_run(folder, n_classes=n_classes, n_features=n_features)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-classes", type=int, default=1000)
    parser.add_argument("--profile", default="standalone")
    arguments = parser.parse_args()
    n = arguments.n_classes
    print(
        f"{'classes':>8} {'features':>8} {'pages':>7} {'seconds':>8} {'of CPU':>8} {'ms/page':>8} "
        f"{'peak MB':>8} {'site MB':>8}"
    )
    builds = []
    with tempfile.TemporaryDirectory() as folder:
        for n_classes in (n // 2, n):
            build = measure_build(
                Path(folder), n_classes=n_classes, n_features=5 * n_classes, profile=arguments.profile
            )
            builds.append(build)
            print(
                f"{build.n_classes:>8} {build.n_features:>8} {build.n_pages:>7} {build.seconds:>8.1f} "
                f"{build.cpu_seconds:>8.1f} "
                f"{1000 * build.seconds / build.n_pages:>8.1f} {build.megabytes:>8.0f} {build.size / 1e6:>8.0f}",
                flush=True,
            )
    print(f"time(2n)/time(n): {builds[1].seconds / builds[0].seconds:.2f}")


if __name__ == "__main__":
    main()
