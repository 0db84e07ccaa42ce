"""How many of the images that are chosen from a pool fail: candidates, lowest confidence, random ones.

    python -m tests.benchmarks.pool_quality --images FOLDER --folder DIR [--without-directions]

CIFAR-10's test images (folder as in configs/cifar10.yaml), split at random: 5,000 are analysed, the others are the
pool, whose labels say which of the chosen images fail and are not used to choose. Means over the verified failure modes
by label that have as many candidates. Also whether the probabilities are right: of the listed candidates, by fifths.
DIR keeps the run, so that a stopped measurement goes on.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.run_folder import Run

N_ANALYSED = 5000


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="CIFAR-10 with its models, as configs/cifar10.yaml")
    parser.add_argument("--folder", type=Path, required=True, help="where the run is kept")
    parser.add_argument("--without-directions", action="store_true", help="confidence alone tells candidates apart")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    config = load_config(_configure(arguments.images.resolve(), arguments.folder, not arguments.without_directions))
    folder = arguments.folder / "run"
    for until in ("pool",) if arguments.without_directions else ("directions", "pool"):
        pipeline.compute(config, folder=folder, until=until)
    run = Run.open(folder)
    print(mean_precision(run.read_table("pool_quality")).round(3).to_string())
    print(calibration(run.read_table("pool_candidates"), run.read_table("pool_images")).round(3).to_string())


def _configure(source: Path, folder: Path, has_directions: bool) -> Path:
    root = source / "images"
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    order = np.random.default_rng(0).permutation(len(paths))
    for name, rows in (("analysed", order[:N_ANALYSED]), ("pool", order[N_ANALYSED:])):
        chosen = [paths[row] for row in sorted(rows)]
        table = pd.DataFrame({"path": chosen, "label": [path.split("/")[0] for path in chosen]})
        table.to_csv(folder / f"{name}.csv", index=False)
    values: dict[str, Any] = {
        "name": "pool-quality",
        "data": {"manifest": "analysed.csv", "image_root": str(root)},
        "pool": {"manifest": "pool.csv", "image_root": str(root)},
        "inspected_model": _model(source, "standard"),
        "feature_model": _model(source, "robust"),
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values | ({"directions": {}} if has_directions else {})), encoding="utf-8")
    return path


def _model(source: Path, name: str) -> dict[str, str]:
    return {"factory": f"{source / 'cifar_net.py'}:{name}", "weights": str(source / f"{name}.pt")}


def mean_precision(quality: pd.DataFrame) -> pd.DataFrame:
    """Return, for each number of images, the mean share that fails, that fails in the mode, and how many modes count.

    Args:
        quality: Table `pool_quality`.
    """
    with_mode = quality.assign(of_mode=quality["n_mode_failures"] / quality["n_images"])
    means = with_mode.pivot_table(["precision", "of_mode"], index=["known", "k"], columns="choice")
    means["n_modes", ""] = quality.groupby(["known", "k"])["rule_id"].nunique()
    return means


def calibration(candidates: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return, for each fifth of the probabilities and for all, their mean, the share that fails, and the number."""
    rows = candidates.merge(images, on="pool_image_id")
    rows["fails"] = (rows["label"] != rows["prediction"]).astype(float)
    fifth = (rows["probability"] * 5).astype(int).clip(upper=4) / 5
    parts = [*((f"from {low:.0%}", of) for low, of in rows.groupby(fifth)), ("all", rows)]
    return pd.DataFrame(
        {
            name: {"probability": of["probability"].mean(), "fails": of["fails"].mean(), "n": len(of)}
            for name, of in parts
        }
    ).T


if __name__ == "__main__":
    main()
