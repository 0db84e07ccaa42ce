"""The feature attack: time against a loop over features, and what step sizes and numbers of steps reach.

    python -m tests.benchmarks.feature_attack [--run runs/cifar10] [--part speed] [--part table]

Needs a run folder of configs/cifar10.yaml for the features that its rules use and their most activating images.

speed: a loop attacks one feature at a time, its six images in one batch, as the published code does, written plainly
here; this package attacks the same pairs with the same settings. Both are timed in turn. The ratio of activations is
that of the sums over all pairs.

table: activation reached relative to the published setting (step 1, 1,000 steps of one length, float32), as the mean
over pairs of the ratio, with the smallest of any feature (its pairs summed).
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from barlow_report.config import AttackConfig, load_config
from barlow_report.run_folder import Run
from barlow_report.stages.pictures import feature_model_config
from barlow_report.vision.attack import FeatureAttack
from barlow_report.vision.datasets import open_source
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import to_tensor

ROOT = Path(__file__).resolve().parents[2]
PAPER = AttackConfig(step_size=1.0, n_steps=1000, schedule="constant", precision="float32", batch_size=128)


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
        settings = {"step_size": step_size, "n_steps": n_steps, "schedule": "constant", "batch_size": 128}
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
    paper = FeatureAttack(model, PAPER).run(images, ids).attacked_activation
    print(f"published setting: {time.perf_counter() - start:.0f} s")
    print("precision  schedule  steps  " + "  ".join(f"{size:>13}" for size in ("1", "2", "4", "8", "10", "16", "24")))
    for precision, schedule, n_steps in (
        *(("float32", schedule, 100) for schedule in ("constant", "linear")),
        *(("bfloat16", schedule, n) for schedule in ("constant", "linear") for n in (25, 50, 100)),
    ):
        cells = []
        for size in (1.0, 2.0, 4.0, 8.0, 10.0, 16.0, 24.0):
            settings = {"step_size": size, "n_steps": n_steps, "schedule": schedule, "batch_size": 128}
            attack = FeatureAttack(model, AttackConfig.model_validate({**settings, "precision": precision}))
            reached = attack.run(images, ids).attacked_activation
            weakest = min(float(reached[ids == i].sum() / paper[ids == i].sum()) for i in torch.unique(ids))
            cells.append(f"{float((reached / paper).mean()):>6.3f} ({weakest:.2f})")
        print(f"{precision:<9}  {schedule:<8}  {n_steps:>5}  " + "  ".join(cells), flush=True)


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
