"""The pass, the feature attack and the experiments of causes on a GPU, against the bare networks and the processor.

    python -m tests.benchmarks.gpu [--json gpu.json]
    python -m tests.benchmarks.gpu --device cpu        # the same on tiny networks and images, to check the script

Needs a CUDA machine with torch, torchvision, numpy and Pillow, and this checkout; no network, no data, no weights, and
three minutes. Without CUDA it says so and exits with 2. Networks are torchvision's with random weights, batch
normalisation set to what smooth random JPEGs of 500 × 375 pixels give; the JPEGs are made in a temporary folder.

* *equality*: features by the largest difference relative to the largest value; predictions that differ where the two
  largest outputs do not are wrong, others are ties.
* *bare forward*: the network alone, channels last, on float32 images that are on the device already. *prepared*: the
  same with `accelerate`, features and normalisation included. *decoding*: as the pass does it, and no network runs.
  *pass*: from files; *pass, pixels at hand*: from decoded images of the right size, which shows what else it costs.
* *share of peak*: floating-point operations of the network's forward, as torch counts them, times images per second,
  of what a product of two large bfloat16 matrices reaches on the same card. Attacks count each gradient as a forward.
* *memory*: largest of the process at the end of a shard, and largest that torch had on the device.
"""

import argparse
import copy
import gc
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.resnet import BasicBlock, Bottleneck

from barlow_report.vision.acceleration import Precision, accelerate
from barlow_report.vision.attack import FeatureAttack
from barlow_report.vision.decisions import Decision
from barlow_report.vision.decoding import Batch, Stacked, in_slices, make_plan
from barlow_report.vision.decoding_processes import decoding_processes
from barlow_report.vision.devices import choose_device
from barlow_report.vision.extraction import ShardResult, extract_shards
from barlow_report.vision.images import AS_SEEN, DecodedImage, keep_memory
from barlow_report.vision.inference import stage
from barlow_report.vision.intervention import Interventions
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.outcomes import Change, Task
from barlow_report.vision.passes import default_batch_size
from barlow_report.vision.preprocessing import to_tensor
from barlow_report.vision.probing import difference
from barlow_report.vision.reading import read_file
from barlow_report.vision.sources.source import LoadedImage, load_bytes
from barlow_report.vision.tiles import compute_tiles
from barlow_report.vision.workers import pool_of
from barlow_report.vision.wrapping import wrap_model

SHARD_SIZE = 1024
TIE = 1e-4
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Stands for `PreprocessingConfig` where pydantic is not installed."""

    resize: int | None = 256
    crop: int | None = 224
    interpolation: str = "bilinear"
    bands: None = None
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """Stands for `AttackConfig`, with its defaults."""

    step_size: float = 16.0
    n_steps: int = 20
    schedule: str = "linear"
    radius: str = "auto"
    batch_size: int = 64
    precision: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is done; `n_` are images."""

    networks: tuple[str, ...] = ("resnet50", "convnext_tiny", "vit_b_16")
    jpeg: tuple[int, int] = (500, 375)
    preprocessing: Preprocessing = Preprocessing()
    n_files: int = 1024
    n_compared: int = 64
    n_pass: int = 20_480
    n_bare: int = 4096
    n_tiles: int = 512
    n_steps: int = 20
    n_changed: int = 48
    n_memory: tuple[int, int] = (5_000, 50_000)
    side: int = 8192


TINY = Sizes(
    networks=("shufflenet_v2_x0_5",),
    jpeg=(64, 48),
    preprocessing=Preprocessing(resize=32, crop=32),
    n_files=4,
    n_compared=4,
    n_pass=8,
    n_bare=4,
    n_tiles=2,
    n_steps=1,
    n_changed=2,
    n_memory=(4, 8),
    side=128,
)


@dataclass(frozen=True)
class Files:
    """Images that `load_bytes` decodes; path `i` is file i modulo their number."""

    root: Path
    n_files: int

    def read(self, path: str) -> LoadedImage:
        """Read and decode one image."""
        return load_bytes(read_file(self.root / f"{int(path) % self.n_files}.jpg"), AS_SEEN)

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield nothing that matters here."""
        return iter(paths)

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield each image's file."""
        return (self.root / f"{int(path) % self.n_files}.jpg" for path in paths)


class AtHand(Files):
    """The same images as the model sees them, decoded beforehand."""

    def prepare(self, preprocessing: Preprocessing) -> "AtHand":
        """Decode them all, with as many threads as there are processors."""
        side = preprocessing.crop or 0

        def load(i: int) -> LoadedImage:
            image = super(AtHand, self).read(str(i)).image.resize((side, side))
            return LoadedImage(decoded=DecodedImage(image=image), digest="")

        with pool_of(os.cpu_count() or 1, name="prepare") as pool:
            object.__setattr__(self, "_images", list(pool.map(load, range(self.n_files))))
        return self

    def read(self, path: str) -> LoadedImage:
        """Return one image."""
        image: LoadedImage = self.__dict__["_images"][int(path) % self.n_files]
        return image

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield None: they are in memory, so that threads take them."""
        return (None for _ in paths)


class Report:
    """Rows of the table, and what they say for programs."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.values: dict[str, Any] = {}
        self.began = time.perf_counter()

    def add(self, name: str, text: str, **values: Any) -> None:
        """Note one row, and say it at once on stderr: the table comes at the end."""
        self.rows.append((name, text))
        self.values[name] = values
        print(f"[{time.perf_counter() - self.began:5.0f} s] {name}: {text}", file=sys.stderr, flush=True)

    def print(self, path: Path | None) -> None:
        """Print the table, then the JSON, or write that to a file."""
        print("\n| | |\n| --- | --- |")
        print("\n".join(f"| {name} | {text} |" for name, text in self.rows))
        text = json.dumps(self.values, indent=1)
        if path is None:
            print(f"\n{text}")
        else:
            path.write_text(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here instead of printing them")
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        print(
            "gpu.py: torch finds no CUDA device here. It needs an NVIDIA GPU, its driver, and a torch with CUDA; "
            "'--device cpu' checks the script on tiny networks.",
            file=sys.stderr,
        )
        return 2
    device, sizes, report = choose_device(given.device), Sizes() if given.device == "cuda" else TINY, Report()
    with tempfile.TemporaryDirectory() as folder:
        source = _write_jpegs(Path(folder), sizes)
        at_hand = AtHand(source.root, source.n_files).prepare(sizes.preprocessing)
        peak = _machine(report, device, sizes)
        models = {name: _model(name, sizes, at_hand, device) for name in sizes.networks}
        for model in models.values():
            _equality(report, model, source, sizes)
        n_decoded = _decoding(report, next(iter(models.values())), source, sizes)
        for model in models.values():
            for precision in PRECISIONS:
                _speed(report, model, (source, at_hand), sizes, precision=precision, peak=peak, n_decoded=n_decoded)
        first = next(iter(models.values()))
        _attack(report, first, at_hand, sizes, peak=peak)
        _causes(report, first, at_hand, sizes)
        _memory(report, first, source, sizes)
        if device.type == "cuda":
            _full_memory(report, first, at_hand, sizes)
    report.add("time", f"{time.perf_counter() - report.began:.0f} s")
    report.print(given.json)
    return 0


def _write_jpegs(folder: Path, sizes: Sizes) -> Files:
    """Smooth images, as photographs are: noise would cost the decoder more."""

    def write(i: int) -> None:
        pixels = np.random.default_rng(i).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize(sizes.jpeg, Image.Resampling.BICUBIC)
        image.save(folder / f"{i}.jpg", quality=90)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(sizes.n_files)))
    return Files(folder, sizes.n_files)


def _machine(report: Report, device: torch.device, sizes: Sizes) -> float:
    """Name the machine; return the floating-point operations per second of a product of bfloat16 matrices."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    one, other = (torch.randn(sizes.side, sizes.side, device=device, dtype=torch.bfloat16) for _ in range(2))
    _seconds(lambda: [one @ other for _ in range(3)], device)
    peak = 10 * 2 * sizes.side**3 / _seconds(lambda: [one @ other for _ in range(10)], device)
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    report.add("machine", f"{name}, {os.cpu_count()} processors, {versions}", device=name, n_cpus=os.cpu_count())
    report.add("peak, bfloat16", f"{peak / 1e12:.3g} TFLOP/s in a {sizes.side}³ product", flops=peak)
    return peak


def _model(name: str, sizes: Sizes, at_hand: AtHand, device: torch.device) -> LoadedModel:
    """A network with random weights, always the same ones, whose batch normalisation fits the images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torchvision.models.get_model(name).to(device)
    for block in network.modules():  # as in trained networks: else rounding grows from block to block
        if isinstance(block, Bottleneck | BasicBlock):
            nn.init.constant_((block.bn3 if isinstance(block, Bottleneck) else block.bn2).weight, 0.2)
    preprocessing: Any = sizes.preprocessing
    images = _inputs(at_hand, sizes.n_compared, sizes).to(device)
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (preprocessing.mean, preprocessing.std))
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train().momentum = None  # the mean over all that is seen
    head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        network((images - mean) / std)
        head.bias.sub_(network.eval()((images - mean) / std).mean(dim=0))  # else all images are of a few classes
    return wrap_model(network, preprocessing=preprocessing, device=device, role="feature_model", name=name)


def _inputs(source: Files, n_images: int, sizes: Sizes) -> torch.Tensor:
    preprocessing: Any = sizes.preprocessing
    return torch.stack([to_tensor(source.read(str(i)).image, preprocessing) for i in range(n_images)])


def _equality(report: Report, model: LoadedModel, source: Files, sizes: Sizes) -> None:
    """The pass on the device against the pass on the processor."""
    cpu = torch.device("cpu")
    reference = wrap_model(
        copy.deepcopy(model.module), preprocessing=model.preprocessing, device=cpu, role="feature_model", name="cpu"
    )
    expected = _pass(accelerate(reference), source, sizes.n_compared, batch_size=4)  # so that all threads have some
    differs: dict[str, Any] = {}
    for precision in ("float32", "TF32", "bfloat16"):
        if model.device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "TF32"
        fast = accelerate(model, precision="bfloat16" if precision == "bfloat16" else "float32")
        found = _pass(fast, source, sizes.n_compared)
        differs[precision] = difference(torch.from_numpy(found.features), torch.from_numpy(expected.features))
        if precision != "float32":
            continue
        others = np.flatnonzero(found.predictions != expected.predictions)
        n_ties = _n_ties(reference, source, others, sizes)
        n_classes = len(set(np.asarray(expected.predictions).tolist()))
        n_same = sizes.n_compared - len(others)
    words = f"{n_same} of {sizes.n_compared} predictions the same, of {n_classes} classes, {n_ties} ties"
    if model.device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    report.add(
        f"equality, {model.name}",
        f"features differ by {differs['float32']:.1e}, {words}; "
        f"TF32 {differs['TF32']:.1e}, bfloat16 {differs['bfloat16']:.1e}",
        **differs,
        n_same=n_same,
        n_ties=n_ties,
        n_classes=n_classes,
        is_equal=differs["float32"] <= 1e-3 and n_same + n_ties == sizes.n_compared,
    )


def _n_ties(model: LoadedModel, source: Files, positions: Any, sizes: Sizes) -> int:
    """How many of these images have two largest outputs that differ by rounding alone."""
    preprocessing: Any = sizes.preprocessing
    n_ties = 0
    for i in positions:
        with torch.inference_mode():
            outputs = model.predict(to_tensor(source.read(str(i)).image, preprocessing)[None])[0]
        largest, second = outputs.topk(2).values.tolist()
        n_ties += largest - second <= TIE * float(outputs.abs().max())
    return n_ties


def _decoding(report: Report, model: LoadedModel, source: Files, sizes: Sizes) -> float:
    """Images per second of decoding alone."""
    plan, size = make_plan(source, model, model), default_batch_size(model.device)
    paths = [str(i) for i in range(sizes.n_pass)]
    batches = [Batch(paths=paths[i : i + size], first=i) for i in range(0, len(paths), size)]

    n_cpus = os.cpu_count() or 1

    def decode_all(stack: Callable[[Batch], Stacked]) -> None:
        with pool_of(n_cpus, name="decode") as pool:
            for parts in in_slices(pool, stack, batches):
                stage(parts, model.device)

    def by_processes() -> None:
        with decoding_processes(plan.decoder, batches) as stack:
            decode_all(stack)

    keep_memory(n_cpus)
    by_threads = sizes.n_pass / _seconds(lambda: decode_all(plan.decoder.stack), model.device)
    n_per_s = sizes.n_pass / _seconds(by_processes, model.device)
    text = f"{n_per_s:,.0f} images/s as the pass does it on {n_cpus} processors, {by_threads:,.0f} by threads alone"
    report.add("decoding", text, images_per_s=n_per_s, images_per_s_by_threads=by_threads)
    return n_per_s


def _speed(
    report: Report,
    model: LoadedModel,
    sources: tuple[Files, AtHand],
    sizes: Sizes,
    *,
    precision: Precision,
    peak: float,
    n_decoded: float,
) -> None:
    """Images per second of the bare network, of the prepared one, and of the pass."""
    source, at_hand = sources
    device, size = model.device, min(default_batch_size(model.device), sizes.n_bare)
    batch = _inputs(at_hand, min(size, sizes.n_files), sizes).to(device)
    bare = copy.deepcopy(model.module).to(memory_format=torch.channels_last)
    fast = accelerate(model, precision=precision)

    def forward() -> None:
        images = batch.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            for _ in range(sizes.n_bare // len(batch)):
                bare(images)

    def prepared() -> None:
        with torch.inference_mode():
            for _ in range(sizes.n_bare // len(batch)):
                fast.features(batch)

    own = replace(fast, preprocessing=replace(sizes.preprocessing, resize=None, crop=None))  # type: ignore[arg-type]
    sides: dict[str, tuple[Callable[[], object], int]] = {
        "bare forward": (forward, sizes.n_bare // len(batch) * len(batch)),
        "prepared": (prepared, sizes.n_bare // len(batch) * len(batch)),
        "pass, pixels at hand": (lambda: _pass(own, at_hand, sizes.n_bare), sizes.n_bare),
        "pass": (lambda: _pass(fast, source, sizes.n_pass), sizes.n_pass),
    }
    for warm_up in (forward, prepared):
        warm_up()
    _pass(fast, at_hand, 2 * size)
    n_per_s = {name: n / _seconds(side, device) for name, (side, n) in sides.items()}
    flops = _flops(model, batch[:1])
    share = {name: n * flops / peak for name, n in n_per_s.items()}
    report.add(
        f"{model.name}, {precision}",
        f"bare forward {n_per_s['bare forward']:,.0f} images/s ({share['bare forward']:.0%} of peak), prepared "
        f"{n_per_s['prepared']:,.0f} ({share['prepared']:.0%}); pass, pixels at hand "
        f"{n_per_s['pass, pixels at hand']:,.0f}; pass {n_per_s['pass']:,.0f}, "
        f"{n_per_s['pass'] / min(n_per_s['bare forward'], n_decoded):.2f} of the slower of bare forward and decoding",
        images_per_s=n_per_s,
        share_of_peak=share,
        flops_per_image=flops,
    )


def _attack(report: Report, model: LoadedModel, at_hand: AtHand, sizes: Sizes, *, peak: float) -> None:
    """Tiles per second of the feature attack, with the default settings, and whether they are always the same."""
    images = [at_hand.read(str(i)).image for i in range(sizes.n_tiles)]
    ids = [i * 7 % model.n_features for i in range(sizes.n_tiles)]
    own = replace(model, preprocessing=replace(sizes.preprocessing, resize=None, crop=None))  # type: ignore[arg-type]
    flops = (2 * sizes.n_steps + 2) * _flops(model, _inputs(at_hand, 1, sizes).to(model.device))
    for precision in PRECISIONS:
        settings: Any = Attack(precision=precision, n_steps=sizes.n_steps)
        attack = FeatureAttack(own, settings)
        first = compute_tiles(attack, images, feature_ids=ids)  # warms up
        second = first

        def again(attack: FeatureAttack = attack) -> None:
            nonlocal second
            second = compute_tiles(attack, images, feature_ids=ids)

        n_per_s = len(ids) / _seconds(again, model.device)
        is_same = all(np.array_equal(a, b) for a, b in zip(first.attacks, second.attacks, strict=True))
        rise = float(second.attacked_activations.sum() / first.activations.sum())
        report.add(
            f"feature attack, {model.name}, {precision}",
            f"{n_per_s:,.1f} tiles/s of {sizes.n_steps} steps ({n_per_s * flops / peak:.0%} of peak), activations "
            f"{rise:.1f} times as high, {'the same' if is_same else 'other'} bytes when repeated",
            tiles_per_s=n_per_s,
            share_of_peak=n_per_s * flops / peak,
            rise=rise,
            is_same=is_same,
        )


def _causes(report: Report, model: LoadedModel, at_hand: AtHand, sizes: Sizes) -> None:
    """Images per second of an experiment of causes: a move, nine controls, noise, and all answers."""
    own = replace(model, preprocessing=replace(sizes.preprocessing, resize=None, crop=None))  # type: ignore[arg-type]
    images = [at_hand.read(str(i)).image for i in range(sizes.n_changed)]
    experiments = Interventions(own, own, decision=Decision(), n_steps=4, batch_size=64)
    with torch.inference_mode():
        _, features, _ = own.features(_inputs(at_hand, sizes.n_changed, sizes).to(own.device))
    change = Change(
        feature_id=0,
        sign=1,
        target=float(features[:, 0].max()),
        radius=None,
        share=None,
        controls=np.arange(1, 9),
        class_controls=np.arange(9, 13),
        seed=0,
    )
    tasks = [Task(images=images, labels=np.zeros(len(images), dtype=np.int64), change=change)]
    reached = experiments.run(tasks)[0].is_reached  # warms up
    n_per_s = sizes.n_changed / _seconds(lambda: experiments.run(tasks), model.device)
    report.add(
        f"causes, {model.name}, float32",
        f"{n_per_s:,.1f} images/s with 9 controls; {reached.mean():.0%} reach the target",
        images_per_s=n_per_s,
    )


def _memory(report: Report, model: LoadedModel, source: Files, sizes: Sizes) -> None:
    """Peaks of the pass over few and over many images."""
    fast = accelerate(model, precision="bfloat16")
    cells, values = [], {}
    for n_images in sizes.n_memory:
        gc.collect()
        if model.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(model.device)
        peak = 0.0
        for _ in _shards(fast, source, n_images):
            peak = max(peak, _resident())
        on_device = torch.cuda.max_memory_allocated(model.device) / 1e6 if model.device.type == "cuda" else 0.0
        cells.append(f"{n_images:,} images: process {peak:,.0f} MB, device {on_device:,.0f} MB")
        values[str(n_images)] = {"process_mb": peak, "device_mb": on_device}
    report.add(f"memory of the pass, {model.name}, bfloat16", "; ".join(cells), **values)


def _full_memory(report: Report, model: LoadedModel, at_hand: AtHand, sizes: Sizes) -> None:
    """The pass and the attack with a third of the device memory that they take otherwise."""
    own = replace(model, preprocessing=replace(sizes.preprocessing, resize=None, crop=None))  # type: ignore[arg-type]
    fast, settings = accelerate(own), Attack(n_steps=2)
    images = _inputs(at_hand, settings.batch_size, sizes)
    ids = torch.zeros(len(images), dtype=torch.int64)

    def work() -> tuple[Any, Any]:
        attack = FeatureAttack(own, settings)  # type: ignore[arg-type]
        return _pass(fast, at_hand, 512), attack.run(images, ids).attacked_activation.cpu()

    index = torch.cuda.current_device()
    total = torch.cuda.get_device_properties(index).total_memory
    floor = torch.cuda.memory_allocated(index)
    results: list[tuple[Any, Any]] = []
    peaks: list[int] = []
    for is_full in (False, True):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(index)
        allowed = (floor + (peaks[0] - floor) / 3) / total if is_full else 1.0
        torch.cuda.set_per_process_memory_fraction(allowed, index)
        results.append(work())
        peaks.append(torch.cuda.max_memory_reserved(index))
    torch.cuda.set_per_process_memory_fraction(1.0, index)
    differs = difference(torch.from_numpy(results[1][0].features), torch.from_numpy(results[0][0].features))
    rises = difference(results[1][1], results[0][1])
    n_same = int((results[0][0].predictions == results[1][0].predictions).sum())
    report.add(
        "memory that is full",
        f"{peaks[1] / 1e6:,.0f} MB instead of {peaks[0] / 1e6:,.0f}: pass and attack go on, features differ by "
        f"{differs:.1e}, attacked activations by {rises:.1e}, {n_same} of 512 predictions the same",
        features=differs,
        attacked=rises,
        n_same=n_same,
        reserved_mb=[peak / 1e6 for peak in peaks],
    )


def _pass(model: LoadedModel, source: Files, n_images: int, *, batch_size: int | None = None) -> ShardResult:
    """The first shard of a pass over so many images, all of which are done."""
    first, *_ = _shards(model, source, n_images, batch_size=batch_size)
    return first


def _shards(
    model: LoadedModel, source: Files, n_images: int, *, batch_size: int | None = None
) -> Iterator[ShardResult]:
    paths = [str(i) for i in range(n_images)]
    shards = [paths[i : i + SHARD_SIZE] for i in range(0, n_images, SHARD_SIZE)]
    return extract_shards(shards, source=source, feature_model=model, inspected_model=model, batch_size=batch_size)


def _flops(model: LoadedModel, image: torch.Tensor) -> float:
    """Floating-point operations of one forward pass, each multiplication and addition counted."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.predict(image)
    return float(counter.get_total_flops())


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Time on the clock, until the device has done it all."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _resident() -> float:
    """MB that this process has in memory now, or has had at most where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    sys.exit(main())
