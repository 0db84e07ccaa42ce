"""Does it help to collect what the failure modes ask for? Further training with images chosen from a pool.

    python -m tests.benchmarks.repair --data cifar10|signed|twins --part test --folder FOLDER [--images CIFAR10]
    python -m tests.benchmarks.repair --show [--chart FILE]

The first form measures; each training is kept in FOLDER, so that a stopped run goes on, and what the part `test` gives
is written to repair.json beside this file. The second prints the tables of that file, and draws the chart.

Data: CIFAR-10's test images (folder as in configs/cifar10.yaml), or scenes of the demo. Of each split, some images
train, some are the pool, the product finds failure modes on some, and the rest measures and does nothing else. The
inspected model's first layers are those of a trained network and stay as they are; the others are a small network that
is trained on the first images. Then it is trained further, with images chosen from the pool or without, from the same
weights with as many steps; and without further images by the weights of `barlow-report weights`.

Gap of a mode: its failure rate less that of the rest of its class, after further training without further images.
"""

import argparse
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from barlow_report.files import atomic_write
from tests.benchmarks.repairs.choices import CHOICES, choose, rank, shuffled
from tests.benchmarks.repairs.images import DATA, Images, Parts, load_images, split_ids
from tests.benchmarks.repairs.product import Found, Mode, explain_split
from tests.benchmarks.repairs.results import FILE, WEIGHTS, plans
from tests.benchmarks.repairs.training import RECIPES, Recipe, probabilities, trained, untrained

SEEDS = (1, 2, 3)
MIN_MEASURED = 10
"""Images of a mode that measure, at least; whether they fail plays no part in it."""


def main() -> None:
    """Measure, or print and draw what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=DATA, action="append", help="what to measure; may be given again")
    parser.add_argument("--part", choices=("tuning", "test"), default="tuning")
    parser.add_argument("--images", type=Path, help="CIFAR-10 with its models, as configs/cifar10.yaml")
    parser.add_argument("--folder", type=Path, help="where images, runs and trainings are kept")
    parser.add_argument("--show", action="store_true", help="print the tables of repair.json")
    parser.add_argument("--chart", type=Path, help="draw them into this file, .webp")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for data in arguments.data or ():
        splits = [
            measure_split(data, part=arguments.part, split=split, folder=arguments.folder, cifar=arguments.images)
            for split in split_ids(data, arguments.part)
        ]
        kept = FILE if arguments.part == "test" else arguments.folder / "tuning.json"
        stored = json.loads(kept.read_text()) if kept.exists() else {}
        atomic_write(kept, json.dumps(stored | {data: splits}, separators=(",", ":")) + "\n")
    if arguments.show:
        from tests.benchmarks.repairs.tables import print_tables

        print_tables(json.loads(FILE.read_text()))
    if arguments.chart is not None:
        from tests.benchmarks.repairs.chart import draw_chart

        atomic_write(arguments.chart, draw_chart(json.loads(FILE.read_text())))


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """What all trainings of a split have in common: `start` is the inspected model, `rankings` are of the pool."""

    images: Images
    parts: Parts
    start: nn.Sequential
    found: Found
    modes: tuple[Mode, ...]
    rankings: dict[str, list[npt.NDArray[np.int64]]]
    recipe: Recipe


def measure_split(data: str, *, part: str, split: int, folder: Path, cifar: Path | None) -> dict[str, Any]:
    """Make all trainings of a split that are not kept yet, and return what they give, see `results`."""
    prepared = _prepare(data, part=part, split=split, folder=folder, cifar=cifar)
    path = folder / f"{data}-{part}-{split}.json"
    head = _head(prepared)
    stored = json.loads(path.read_text()) if path.exists() else {}
    if stored.get("identity") != head["identity"]:
        stored = head | {"trainings": []}
    done = {(row[0], row[1], row[2]) for row in stored["trainings"]}
    for seed in SEEDS:
        for name, k in plans(data, CHOICES):
            if (seed, k, name) not in done:
                stored["trainings"].append([seed, k, name, *_train_and_measure(prepared, name, k, seed=seed)])
                atomic_write(path, json.dumps(stored, separators=(",", ":")))
    return {key: value for key, value in stored.items() if key != "identity"}


def _prepare(data: str, *, part: str, split: int, folder: Path, cifar: Path | None) -> Split:
    images, parts = load_images(data, folder, cifar=cifar, part=part, split=split)
    recipe = RECIPES[data]
    start = trained(
        untrained(data, len(images.class_names), seed=0),
        images,
        parts.train,
        np.ones(len(parts.train)),
        n_steps=recipe.n_first,
        learning_rate=recipe.learning_rate,
        batch_size=recipe.batch_size,
        seed=0,
    )
    found = explain_split(images, parts, start, data=data, cifar=cifar, folder=folder / f"{data}-{part}-{split}-run")
    modes = tuple(mode for mode in found.modes if mode.members[parts.measure].sum() >= MIN_MEASURED)
    known = probabilities(start, images, np.arange(len(images.labels)))
    return Split(
        images=images,
        parts=parts,
        start=start,
        found=found,
        modes=modes,
        rankings=rank(images, modes, parts, known),
        recipe=recipe,
    )


def _head(split: Split) -> dict[str, Any]:
    """What is known before the trainings; `identity` changes with anything that they depend on but their code."""
    measure, labels = split.parts.measure, split.images.labels
    digest = sha256(repr(split.recipe).encode())
    for parameter in split.start.state_dict().values():
        digest.update(parameter.numpy().tobytes())
    for ranking in (ids for of_choice in split.rankings.values() for ids in of_choice):
        digest.update(ranking.tobytes())
    return {
        "identity": digest.hexdigest()[:16],
        "n_found": len(split.found.modes),
        "modes": [mode.name for mode in split.modes],
        "n_pool": [int(mode.members[split.parts.pool].sum()) for mode in split.modes],
        "n_inside": [int(mode.members[measure].sum()) for mode in split.modes],
        "n_rest": [int(((labels == mode.class_id) & ~mode.members)[measure].sum()) for mode in split.modes],
        "n_measured": len(measure),
    }


def _train_and_measure(split: Split, name: str, k: int, *, seed: int) -> tuple[int, list[int], list[int], int]:
    """The number of further images, and failures among the measuring ones: in each mode, beside it, and in all."""
    further = np.array(choose(shuffled(split.rankings, seed=seed), k)[name] if k else [], dtype=np.int64)
    weights = split.found.weights if name == WEIGHTS else np.ones(len(split.parts.train))
    model = trained(
        split.start,
        split.images,
        np.concatenate([split.parts.train, further]),
        np.concatenate([weights, np.full(len(further), split.recipe.times)]),
        n_steps=split.recipe.n_further,
        learning_rate=split.recipe.further_rate,
        batch_size=split.recipe.batch_size,
        seed=seed,
    )
    measure, labels = split.parts.measure, split.images.labels
    fails = probabilities(model, split.images, measure).argmax(axis=1) != labels[measure]
    of_class = [(labels == mode.class_id)[measure] for mode in split.modes]
    inside = [int(fails[mode.members[measure]].sum()) for mode in split.modes]
    rest = [int(fails[of & ~mode.members[measure]].sum()) for of, mode in zip(of_class, split.modes, strict=True)]
    return len(further), inside, rest, int(fails.sum())


if __name__ == "__main__":
    main()
