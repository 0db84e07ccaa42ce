"""What 1.3, 14 and 100 million images cost on 1, 8 and 64 GPUs: computed from measured unit costs, not measured.

    python -m tests.benchmarks.on_paper             # the table
    python -m tests.benchmarks.on_paper --measure   # the unit costs of the driver, on this machine

A job is the stages of a run, one after the other. A stage is units that workers take one at a time, as they come free,
and a part that the driver does alone. Units differ in length (a log-normal factor), cost a call, and a worker loads the
models once; the simulation hands the units out as the engine does. Where a unit needs processors and a GPU at the same
time, the slower of the two decides.

What was measured where: the GPU by `gpu` on one NVIDIA H200 with 16 processors; rules by `scale`, pages by `site_scale`
and the driver by `--measure` on two cores of a server; calls by a pool of two of Ray's actors on the same. Nothing of
this was measured with more than one GPU, nor with more than two workers.
"""

import argparse
import heapq
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

SIZES = {
    "1.3 million, 1,000 classes": (1_300_000, 1_000),
    "14 million, 10,000": (14_000_000, 10_000),
    "100 million, 10,000": (100_000_000, 10_000),
}
GPUS = (1, 8, 64)
N_FEATURES = 2048

# Measured.
PASS_PER_SECOND = (
    5352  # images of 224 pixels, ResNet-50 in bfloat16, decoded before; inspected and feature model are one
)
DECODED_PER_SECOND = 3498  # JPEGs of 500 × 375 pixels by 16 processors, which is what a GPU has here
TILES_PER_SECOND = 237  # feature attacks of 10 steps, bfloat16
RULES_SECONDS = 620 * 2 / (2_000 * 1_300)  # of one processor, for an image of a group: 2,000 groups of 1,300, two cores
PAGE_SECONDS = 50.9 * 2 / 9_870  # of one processor, for a page
CALL_SECONDS = 0.7e-3  # of the driver, to hand out a unit and take its result
START_SECONDS = 3.8
PICTURE_SECONDS = 0.0086  # of the driver, to write a picture of 224 pixels
DRIVER_BYTES = 469  # of the driver's memory for an image: its row while tables are written
JOIN_BYTES_PER_SECOND = 2.73e8  # features brought together into one file with a checksum
MAX_FITTED = 50_000  # images of a group that rules are fitted to; the others are counted
READ_BYTES_PER_SECOND = 1.394e9  # features read and checked, which is what counting an image takes

# Assumed.
LOAD_SECONDS = 20.0  # a worker starts, imports and loads the models
SPREAD = 0.15  # standard deviation of the logarithm of a unit's length
SHARD = 8192
N_TILES, N_MODES = 5, 1.0  # pictures of a feature; verified modes of a group of which half has some
PROCESSORS_OF_GPU = 16


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage: the lengths of its units in seconds, what the driver does alone, and what a unit waits for most."""

    name: str
    units: npt.NDArray[np.float64]
    driver: float
    bottleneck: str
    is_on_gpu: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The wall clock of a job in seconds, and of its stages; GPU hours count GPUs while a stage uses them."""

    wall: float
    by_stage: dict[str, float]
    gpu_hours: float
    efficiency: float
    bottleneck: str


def hand_out(units: Sequence[float], *, n_workers: int, call: float, load: float) -> float:
    """Return when the last unit is done: each goes to the worker that is free first.

    The driver hands out one unit at a time, which takes `call` seconds; a worker begins after `load` seconds.
    """
    free = [load] * min(n_workers, max(len(units), 1))
    heapq.heapify(free)
    end, handed = 0.0, 0.0
    for unit in units:
        handed += call
        done = max(heapq.heappop(free), handed) + unit
        heapq.heappush(free, done)
        end = max(end, done)
    return end


def stages_of(n_images: int, n_classes: int, random: np.random.Generator) -> Iterator[Stage]:
    """The stages of a run with both groupings, pictures and causes left out of no group."""
    n_groups = 2 * n_classes
    of_a_group = n_images / n_classes
    image = max(1 / PASS_PER_SECOND, 1 / DECODED_PER_SECOND)
    decoding = DECODED_PER_SECOND < PASS_PER_SECOND

    def spread(n: int, seconds: float) -> npt.NDArray[np.float64]:
        return seconds * np.exp(random.normal(-(SPREAD**2) / 2, SPREAD, n))

    yield Stage(
        name="pass",
        units=spread(-(-n_images // SHARD), SHARD * image),
        driver=n_images * N_FEATURES * 4 / JOIN_BYTES_PER_SECOND,
        bottleneck="decoding JPEGs" if decoding else "the networks",
        is_on_gpu=True,
    )
    fitted = min(of_a_group, MAX_FITTED)
    rules = fitted * RULES_SECONDS + (of_a_group - fitted) * N_FEATURES * 4 / READ_BYTES_PER_SECOND
    yield Stage(
        name="rules",
        units=spread(n_groups, rules / PROCESSORS_OF_GPU),
        driver=0.0,
        bottleneck="shuffles of rules",
        is_on_gpu=False,
    )
    n_pictures = n_groups / 2 * N_MODES * N_TILES * 2
    yield Stage(
        name="pictures",
        units=spread(max(int(n_pictures // 64), 1), 64 / TILES_PER_SECOND * 2),
        driver=3 * n_pictures * PICTURE_SECONDS,
        bottleneck="feature attacks",
        is_on_gpu=True,
    )
    n_pages = n_classes + 2 * n_groups + 2 * N_FEATURES
    yield Stage(name="site", units=np.zeros(0), driver=n_pages * PAGE_SECONDS, bottleneck="pages", is_on_gpu=False)


def simulate(n_images: int, n_classes: int, *, n_gpus: int, seed: int = 0) -> Outcome:
    """Return what a job takes on so many GPUs, each with its processors, and one driver."""
    stages = list(stages_of(n_images, n_classes, np.random.default_rng(seed)))
    parts: dict[str, float] = {}
    hours, alone = 0.0, START_SECONDS
    for stage in stages:
        wall = (
            hand_out(stage.units.tolist(), n_workers=n_gpus, call=CALL_SECONDS, load=LOAD_SECONDS)
            if len(stage.units)
            else 0
        )
        parts[f"{stage.name}: {stage.bottleneck}"] = wall
        parts[f"{stage.name}: the driver"] = stage.driver
        alone += float(stage.units.sum()) + stage.driver
        hours += wall * n_gpus / 3600 if stage.is_on_gpu else 0.0
    total = START_SECONDS + sum(parts.values())
    return Outcome(
        wall=total,
        by_stage=parts,
        gpu_hours=hours,
        efficiency=alone / (total * n_gpus),
        bottleneck=max(parts, key=lambda name: parts[name]),
    )


def storage_bytes(n_images: int) -> float:
    """The run folder: features and the rows of its tables; while shards are brought together both are there twice."""
    return 2 * n_images * (N_FEATURES * 4 + 120)


def main() -> None:
    """Print the table, or measure."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--measure", action="store_true")
    if parser.parse_args().measure:
        measure()
        return
    rows = []
    for name, (n_images, n_classes) in SIZES.items():
        found = {n: simulate(n_images, n_classes, n_gpus=n) for n in GPUS}
        rows.append(
            [
                name,
                f"{found[8].gpu_hours:,.1f}",
                f"{storage_bytes(n_images) / 1e12:,.2f} TB",
                f"{(0.5e9 + n_images * DRIVER_BYTES) / 1e9:,.1f} GB",
                *(_duration(found[n].wall) for n in GPUS),
                *(f"{found[n].efficiency:.0%}" for n in GPUS[1:]),
                found[1].bottleneck,
                found[64].bottleneck,
            ]
        )
    header = ["images, classes", "GPU hours", "storage", "driver", *(f"{n} GPU{'s' * (n > 1)}" for n in GPUS)]
    columns = [*header, *(f"efficiency, {n}" for n in GPUS[1:]), "longest on 1 GPU", "longest on 64"]
    print("\n".join(f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)))


def _duration(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:,.1f} h"


def measure(n_images: int = 400_000, n_features: int = 256) -> None:
    """Print the driver's unit costs: memory for an image's row, bytes of features in a second, time for a picture."""
    from barlow_report.run_folder import Run
    from barlow_report.visuals.thumbnails import encode_thumbnail

    with tempfile.TemporaryDirectory() as scratch:
        run = Run.create(Path(scratch) / "run", info={})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run.write_table("images", _images(n_images))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        block = np.random.default_rng(0).random((SHARD, n_features), dtype=np.float32)
        n_blocks = 100
        start = time.perf_counter()
        run.write_features((block for _ in range(n_blocks)), shape=(SHARD * n_blocks, n_features), dtype="float32")
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        _ = Run.open(run.folder).features()
        checked = time.perf_counter() - start
    photograph = Image.fromarray(
        np.kron(block[:56, :168].reshape(56, 56, 3), np.ones((4, 4, 1)) * 255).astype(np.uint8)
    )
    start = time.perf_counter()
    for _ in range(50):
        encode_thumbnail(photograph, max_side=224)
    picture = (time.perf_counter() - start) / 50
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"memory of the driver for an image: {(after - before) * unit / n_images:.0f} bytes")
    joined, read = (block.nbytes * n_blocks / took / 1e6 for took in (seconds, checked))
    print(f"features joined: {joined:.0f} MB a second; read and checked: {read:.0f}")
    print(f"a picture of 224 pixels: {picture * 1000:.1f} ms")


def _images(n: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "image_id": np.arange(n),
            "path": [f"class-{i % 1000:04}/ILSVRC2012_val_{i:08}.JPEG" for i in range(n)],
            "label": random.integers(0, 1000, n),
            "prediction": random.integers(0, 1000, n),
            "confidence": random.random(n),
        }
    )


if __name__ == "__main__":
    main()
