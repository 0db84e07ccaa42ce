"""The feature attack: time against a loop over features, and what it reaches within which radius.

    python -m tests.benchmarks.feature_attack [--run runs/cifar10] [--part speed] [--part table]

Needs a run folder of configs/cifar10.yaml for the features that its rules use and their most activating images.

speed: a loop attacks one feature at a time, its six images in one batch, as the published code does, written plainly
here; this package attacks the same pairs with the same settings. Both are timed in turn. The ratio of activations is
that of the sums over all pairs.

table: for several radii, as root mean squares over the pixels, the activation reached relative to the published setting
(step 1, 1,000 steps of one length, no radius, float32), as the mean over pairs of the ratio, with the smallest of any
feature (its pairs summed); and what is left of the image: structural similarity to it, the share of attacked images to
which their own is the most similar of all images, the share that the feature model gives the class it gave the image,
and the share of values that are black or white.
"""

import argparse
import functools
import os
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from barlow_report.config import AttackConfig, load_config
from barlow_report.run_folder import Run
from barlow_report.stages.pictures import feature_model_config
from barlow_report.vision.attack import AttackResult, FeatureAttack
from barlow_report.vision.datasets import open_source
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import to_tensor

ROOT = Path(__file__).resolve().parents[2]
PAPER = AttackConfig(
    step_size=1.0, n_steps=1000, schedule="constant", radius="none", precision="float32", batch_size=128
)
RADII = (0.025, 0.05, 0.1, 0.15, 0.2)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=ROOT / "runs" / "cifar10")
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "cifar10.yaml")
    parser.add_argument("--part", choices=("speed", "table"), action="append")
    parser.add_argument("--n-features", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    model, images, ids = _pairs(arguments.config, arguments.run, arguments.n_features)
    print(f"{len(ids)} pairs of {len(torch.unique(ids))} features, {torch.get_num_threads()} threads; load {_load()}")
    parts = arguments.part or ["speed", "table"]
    if "speed" in parts:
        _speed(model, images, ids, arguments.repeats)
    if "table" in parts:
        _table(model, images, ids)
    print(f"load {_load()}")


def _pairs(config_path: Path, folder: Path, n_features: int) -> tuple[LoadedModel, torch.Tensor, torch.Tensor]:
    config, run = load_config(config_path), Run.open(folder)
    model = load_model(feature_model_config(config), device=torch.device("cpu"), role="feature_model")
    tiles = run.read_table("tiles").drop_duplicates(["group_id", "feature_id", "image_id"])
    groups = [rows for _, rows in tiles.groupby(["group_id", "feature_id"])]
    chosen = pd.concat(groups[:: max(1, len(groups) // n_features)][:n_features])
    paths, source = run.read_table("images")["path"], open_source(config.data)
    tensors = [to_tensor(source.read(paths[i]).image, model.preprocessing) for i in chosen["image_id"]]
    return model, torch.stack(tensors), torch.tensor(chosen["feature_id"].to_numpy())


def _speed(model: LoadedModel, images: torch.Tensor, ids: torch.Tensor, repeats: int) -> None:
    for n_steps, step_size in ((20, 10.0),):
        settings = {
            "step_size": step_size,
            "n_steps": n_steps,
            "schedule": "constant",
            "radius": "none",
            "batch_size": 128,
        }
        sides = {
            precision: FeatureAttack(model, AttackConfig.model_validate({**settings, "precision": precision}))
            for precision in ("float32", "bfloat16")
        }
        times: dict[str, list[float]] = {"loop": [], **{name: [] for name in sides}}
        reached: dict[str, float] = {}
        for _ in range(repeats):
            start = time.perf_counter()
            reached["loop"] = float(_loop(model, images, ids, step_size=step_size, n_steps=n_steps).sum())
            times["loop"].append(time.perf_counter() - start)
            for name, attack in sides.items():
                start = time.perf_counter()
                reached[name] = float(attack.run(images, ids).attacked_activation.sum())
                times[name].append(time.perf_counter() - start)
        print(f"step {step_size:g} × {n_steps}: milliseconds per pair and step, times faster, activation")
        for name, seconds in times.items():
            ratios = [a / b for a, b in zip(times["loop"], seconds, strict=True)]
            print(
                f"  {name:<10} {1000 * statistics.median(seconds) / len(ids) / n_steps:>7.2f} "
                f"{statistics.median(ratios):>6.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                f"{reached[name] / reached['loop']:>7.3f}",
                flush=True,
            )


def _loop(
    model: LoadedModel, images: torch.Tensor, ids: torch.Tensor, *, step_size: float, n_steps: int
) -> torch.Tensor:
    """One feature at a time; the strongest activations on the way."""
    best = torch.zeros(len(ids))
    for start in range(0, len(ids), 6):
        feature, x = int(ids[start]), images[start : start + 6].clone()
        strongest = torch.full((len(x),), -np.inf)
        for step in range(n_steps + 1):
            x.requires_grad_()
            activation = model.features(x)[1][:, feature]
            strongest = torch.maximum(strongest, activation.detach())
            if step == n_steps:
                break
            (gradient,) = torch.autograd.grad(activation.sum(), x)
            length = gradient.flatten(1).norm(dim=1).clamp_min(1e-30).view(-1, 1, 1, 1)
            x = (x.detach() + step_size * gradient / length).clamp(0, 1)
        best[start : start + 6] = strongest
    return best


def _table(model: LoadedModel, images: torch.Tensor, ids: torch.Tensor) -> None:
    start = time.perf_counter()
    paper = FeatureAttack(model, PAPER).run(images, ids)
    print(f"published setting: {time.perf_counter() - start:.0f} s")
    print("radius  steps  activation reached    L2  SSIM  own image nearest  same class  black or white")
    for radius, n_steps in (*((r, n) for r in RADII for n in (10, 20, 50)), (None, 20), (None, 50)):
        limit = "none" if radius is None else radius * images[0].numel() ** 0.5
        settings = AttackConfig.model_validate({"radius": limit, "n_steps": n_steps, "batch_size": 128})
        _print_row(
            f"{radius or 'none':>6}  {n_steps:>5}",
            FeatureAttack(model, settings).run(images, ids),
            images,
            paper,
            ids,
            model,
        )
    _print_row("published    ", paper, images, paper, ids, model)


def _print_row(
    name: str, found: AttackResult, images: torch.Tensor, paper: AttackResult, ids: torch.Tensor, model: LoadedModel
) -> None:
    reached = found.attacked_activation
    weakest = min(float(reached[ids == i].sum() / paper.attacked_activation[ids == i].sum()) for i in torch.unique(ids))
    length = float((found.images - images).flatten(1).norm(dim=1).mean())
    alike = torch.stack([_similarity(image.expand_as(images), images) for image in found.images])
    is_own = alike.argmax(1) == torch.arange(len(images))
    is_same = _classes(model, found.images) == _classes(model, images)
    is_extreme = (found.images < 0.01) | (found.images > 0.99)
    kept = float(alike.diagonal().mean())
    print(
        f"{name}  {float((reached / paper.attacked_activation).mean()):>6.2f} ({weakest:.2f})  {length:>9.1f}  "
        f"{kept:.2f}  {_mean(is_own):>17.2f}  {_mean(is_same):>10.2f}  {_mean(is_extreme):>14.2f}",
        flush=True,
    )


def _similarity(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The structural similarity of grey images (Wang et al., 2004) over windows of 7 pixels, shape (B,)."""
    (a, b), mean = (
        (x.mean(1, keepdim=True) for x in (first, second)),
        functools.partial(F.avg_pool2d, kernel_size=7, stride=1),
    )
    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    return (light * (2 * covariance + 0.03**2) / (variances + 0.03**2)).mean(dim=(1, 2, 3))


def _classes(model: LoadedModel, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.features(images)[0].argmax(1)


def _mean(values: torch.Tensor) -> float:
    return float(values.float().mean())


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
