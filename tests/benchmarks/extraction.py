"""The pass against its limit: the time of bare decoding plus that of the bare networks, on the same images.

    python -m tests.benchmarks.extraction [--cifar10 FOLDER] [--n-images 128] [--n-cifar 3000] [--repeats 5]
    python -m tests.benchmarks.extraction --memory

Three sides run in turn in each repeat: Pillow alone on all cores (open, convert, resize, crop, array), the networks
alone on all cores (tensors that are ready, batches of 64, as people write it), and the pass. Twice: with the networks
as they were loaded, and with the networks as the pass prepares them, which is the stricter limit. Ratios are pass /
(decoding + networks), medians over the repeats with their range, in time on the clock and, for machines that are busy
with other things, in time of the processors. ResNet-50 has random weights and gets JPEGs of
500 × 375 pixels that the script makes; the CIFAR-10 models are the two of configs/cifar10.yaml.

`--memory` runs the stage on 5,000 and on 50,000 small images in processes of their own and prints their peaks.
"""

import argparse
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from barlow_report import pipeline
from barlow_report.config import Config, DataConfig, ModelConfig, PreprocessingConfig
from barlow_report.vision.acceleration import Precision, accelerate
from barlow_report.vision.datasets import list_images
from barlow_report.vision.extraction import extract_shards
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.sources.folder import FolderSource

CPU = torch.device("cpu")
BATCH_SIZE = 64
CIFAR10 = Path(__file__).resolve().parents[3] / "shared" / "data" / "cifar10"
SMALL_NETWORK = """
from torch import nn
def network():
    return nn.Sequential(nn.Conv2d(3, 64, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))
"""


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Images, and the models that are to run on them."""

    name: str
    root: Path
    paths: Sequence[str]
    models: tuple[LoadedModel, ...]
    resize: int | None = None
    crop: int | None = None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar10", type=Path, default=CIFAR10)
    parser.add_argument("--n-images", type=int, default=128)
    parser.add_argument("--n-cifar", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", type=int, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak is not None:
        _peak(arguments.peak)
    elif arguments.memory:
        for n_images in (5_000, 50_000):
            subprocess.run([sys.executable, "-m", "tests.benchmarks.extraction", "--peak", str(n_images)], check=True)
    else:
        _speed(arguments)


def _speed(arguments: argparse.Namespace) -> None:
    print(f"{torch.get_num_threads()} threads; load {os.getloadavg()[0]:.1f}; ms per image")
    titles = "".join(f"{title:>9}" for title in ("decode", "networks", "prepared", "pass"))
    print(f"{'':>46}{titles}   ratio                 strict ratio")
    with tempfile.TemporaryDirectory() as folder:
        tasks = [_imagenet_task(Path(folder), arguments.n_images)]
        if arguments.cifar10.is_dir():
            tasks.append(_cifar_task(arguments.cifar10, arguments.n_cifar))
        for task in tasks:
            precisions: tuple[Precision, ...] = ("float32", "bfloat16")
            for precision in precisions:
                _measure(task, precision, arguments.repeats)
    print(f"load {os.getloadavg()[0]:.1f}")


def _measure(task: _Task, precision: Precision, repeats: int) -> None:
    prepared = tuple(accelerate(model, precision=precision) for model in task.models)
    pixels = torch.from_numpy(np.stack(_decode(task))).permute(0, 3, 1, 2)
    images = pixels.contiguous().float() / 255
    rows = []
    for repeat in range(repeats + 1):
        row = (
            _timed(lambda: _decode(task)),
            _timed(lambda: _run(task.models, images, precision)),
            _timed(lambda: _run(prepared, images, "float32")),  # brings its own precision
            _timed(lambda: _extract(task, prepared)),
        )
        if repeat:  # the first warms up
            rows.append(row)
    for clock, kind in enumerate(("on the clock", "of processors")):
        times = [tuple(1000 * side[clock] / len(task.paths) for side in row) for row in rows]
        ratios = [run / (decode + networks) for decode, networks, _, run in times]
        strict = [run / (decode + networks) for decode, _, networks, run in times]
        medians = [statistics.median(column) for column in zip(*times, strict=True)]
        print(
            f"{task.name + ', ' + precision if clock == 0 else '':<32} {kind:<13}"
            + "".join(f"{t:>9.2f}" for t in medians)
            + "".join(f"   {statistics.median(r):.2f} ({min(r):.2f} to {max(r):.2f})" for r in (ratios, strict)),
            flush=True,
        )


def _decode(task: _Task) -> list[npt.NDArray[np.uint8]]:
    def decode(path: str) -> npt.NDArray[np.uint8]:
        with Image.open(task.root / path) as file:
            image = file.convert("RGB")
        if task.resize is not None and task.crop is not None:
            scale = task.resize / min(image.size)
            image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BILINEAR)
            left, top = (image.width - task.crop) // 2, (image.height - task.crop) // 2
            image = image.crop((left, top, left + task.crop, top + task.crop))
        return np.asarray(image)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(decode, task.paths))


def _run(models: Sequence[LoadedModel], images: torch.Tensor, precision: Precision) -> None:
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        for batch in torch.split(images, BATCH_SIZE):
            for model in models:
                model.predict(batch)


def _extract(task: _Task, models: tuple[LoadedModel, ...]) -> None:
    (_,) = extract_shards(
        [task.paths], source=FolderSource(task.root), feature_model=models[0], inspected_model=models[-1]
    )


def _timed(compute: Callable[[], object]) -> tuple[float, float]:
    start, worked = time.perf_counter(), time.process_time()
    compute()
    return time.perf_counter() - start, time.process_time() - worked


def _imagenet_task(folder: Path, n_images: int) -> _Task:
    random = np.random.default_rng(0)
    names = [f"{i}.jpg" for i in range(n_images)]
    for name in names:  # smooth, as photographs are: noise would cost the decoder more
        coarse = Image.fromarray(random.integers(0, 256, (48, 64, 3), dtype=np.uint8))
        coarse.resize((500, 375), Image.Resampling.BICUBIC).save(folder / name, quality=90)
    spec = ModelConfig(
        torchvision="resnet50",
        preprocessing=PreprocessingConfig(resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    )
    model = load_model(spec, device=CPU, role="feature_model")
    return _Task(name="ResNet-50, 224 px", root=folder, paths=names, models=(model,), resize=256, crop=224)


def _cifar_task(folder: Path, n_images: int) -> _Task:
    images = list_images(DataConfig(folder=folder / "images"))
    models = [
        load_model(
            ModelConfig(factory=f"{folder / 'cifar_net.py'}:{name}", weights=folder / f"{name}.pt"),
            device=CPU,
            role=name,
            image_size=(32, 32),
        )
        for name in ("robust", "standard")
    ]
    step = max(1, len(images.paths) // n_images)
    return _Task(name="CIFAR-10, two models", root=folder / "images", paths=images.paths[::step], models=tuple(models))


def _peak(n_images: int) -> None:
    """Print the peak memory of this process after it has extracted features of so many images."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "network.py").write_text(SMALL_NETWORK)
        random = np.random.default_rng(0)
        for class_name in ("a", "b"):
            (folder / "images" / class_name).mkdir(parents=True)
        for i in range(n_images):
            file = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(file, format="JPEG")
            (folder / "images" / "ab"[i % 2] / f"{i:06d}.jpg").write_bytes(file.getvalue())
        config = Config(
            name="memory",
            data=DataConfig(folder=folder / "images"),
            inspected_model=ModelConfig(factory=f"{folder / 'network.py'}:network"),
        )
        start = time.perf_counter()
        pipeline.compute(config, folder=folder / "run", until="extract")
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{n_images:>6} images: peak {peak:.0f} MB, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
