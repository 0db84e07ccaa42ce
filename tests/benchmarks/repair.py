"""Does it help to collect what the failure modes ask for? Retraining with images chosen from a pool in several ways.

    python -m tests.benchmarks.repair [--part tuning|test] --images FOLDER --folder FOLDER

CIFAR-10's test images (folder as in configs/cifar10.yaml). 2,000 of them measure the repairs and nothing else; the
others are split into 3,000 to train on, 2,500 that are the pool and 2,500 to analyse. The inspected model is the stem
and the first block of the standard model, frozen, with a small network trained on their outputs: less than a second of
one core. The modes are the verified ones by label that the rules find on the analysed images, in the robust model's
features, for a model trained with seed 0; what is measured are models of other seeds, with and without further images.
The part `tuning` has no image of the 2,000. Each training is kept in FOLDER, so that a stopped run goes on.

All choices take as many images: `k`, or as many as meet the rules. The pool's labels are known to every choice but
`random` and those over the whole pool. `of the classes` means as many of each class as the rules choose.
"""

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from barlow_report.config import ModelConfig, RulesConfig
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.scoring import Directions, find_directions
from barlow_report.rules import explain_failures, leaf_members
from barlow_report.vision.loading import load_model
from tests.benchmarks.peers.real_pool import read_pixels
from tests.benchmarks.repair_measures import count_off, ratio_of_closed, share_closed

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

KS = (50, 100, 200, 400)
SEEDS = (1, 2, 3)
SPLITS = {"tuning": (100,), "test": (0, 1, 2)}
SIZES = {"tuning": (3000, 2000, 2000), "test": (3000, 2500, 2500)}
N_JUDGING = 2000
CHOICES = (
    "rules",
    "directions",
    "both",
    "random",
    "random of the classes",
    "lowest confidence",
    "lowest confidence of the classes",
    "smallest margin",
)
N_CLASSES = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """All images: labels (n,), what the trained part of the inspected model sees (n, 256), robust features (n, 256)."""

    labels: Integers
    inputs: Singles
    features: Singles


@dataclass(frozen=True, kw_only=True, eq=False)
class Mode:
    """A verified mode: its class, and which of all images meet its rule and are of the class (n,)."""

    class_id: int
    members: Booleans


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=tuple(SPLITS), default="tuning")
    parser.add_argument("--images", type=Path, required=True, help="CIFAR-10 with its models, as configs/cifar10.yaml")
    parser.add_argument("--folder", type=Path, required=True, help="where features and trainings are kept")
    parser.add_argument("--n-splits", type=int, default=3, help="how many of the splits of the part")
    parser.add_argument("--copies", type=int, default=1, help="how often each further image is in an epoch")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    images = _load(arguments.folder, arguments.images)
    kept = arguments.folder / f"{arguments.part}-{arguments.copies}"
    kept.mkdir(parents=True, exist_ok=True)
    results = [
        row
        for split in SPLITS[arguments.part][: arguments.n_splits]
        for row in _repair(images, arguments.part, split, arguments.copies, kept)
    ]
    print_repairs(results)


def _load(folder: Path, source: Path) -> Images:
    path = folder / "repair-images.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        paths = [sorted(p.glob("*.jpg")) for p in sorted((source / "images").iterdir()) if p.is_dir()]
        pixels = torch.from_numpy(np.stack([read_pixels(p) for of_class in paths for p in of_class]))
        standard, robust = (
            load_model(
                ModelConfig(factory=f"{source / 'cifar_net.py'}:{name}", weights=source / f"{name}.pt"),
                device=torch.device("cpu"),
                role=name,
            )
            for name in ("standard", "robust")
        )
        inputs, features = [], []
        with torch.inference_mode():
            for batch in pixels.permute(0, 3, 1, 2).split(250):  # type: ignore[no-untyped-call]
                features.append(robust.features(batch)[1].numpy())
                inputs.append(_early(standard.module, batch).numpy())
        labels = np.repeat(np.arange(len(paths)), [len(of_class) for of_class in paths])
        np.savez(path, labels=labels, inputs=np.concatenate(inputs), features=np.concatenate(features))
    with np.load(path) as stored:
        return Images(**stored)


def _early(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Stem and first block, as means over a grid of 2 × 2."""
    x = model.get_submodule("stem")((batch - model.get_buffer("mean")) / model.get_buffer("std"))
    return nn.functional.adaptive_avg_pool2d(model.get_submodule("layers.0")(x), 2).flatten(1)


def split_images(n_images: int, *, part: str, split: int) -> tuple[Integers, Integers, Integers, Integers]:
    """Return the images to train on, the pool, those to analyse and those that measure; no image is in two of them."""
    order = np.random.default_rng(0).permutation(n_images)
    judging, others = order[:N_JUDGING], np.random.default_rng([split, 1]).permutation(order[N_JUDGING:])
    train, pool, analysed, rest = np.split(others, np.cumsum(SIZES[part]))
    return train, pool, analysed, (judging if part == "test" else rest)


def train_head(inputs: Singles, labels: Integers, *, seed: int, n_epochs: int = 15) -> nn.Module:
    """Return the trained part of the inspected model, which gives logits; inputs are standardised in it."""
    torch.manual_seed(seed)
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)
    model = nn.Sequential(
        nn.BatchNorm1d(x.shape[1]), nn.Dropout(0.3), nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Linear(128, N_CLASSES)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    for _ in range(n_epochs):
        for batch in torch.randperm(len(x)).split(256):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return model.eval()


def _probabilities(model: nn.Module, inputs: Singles) -> Singles:
    with torch.inference_mode():
        found: Singles = model(torch.from_numpy(inputs)).softmax(1).numpy()
        return found


def find_modes(images: Images, analysed: Integers, predicted: Integers) -> list[Mode]:
    """Return the verified failure modes by label on the analysed images; `predicted` is of all images."""
    settings = RulesConfig(groupings=("label",), n_workers=1)
    found = explain_failures(
        images.features[analysed], images.labels[analysed], predicted[analysed], settings=settings, seed=0
    )
    rules = found.rules[found.rules["verdict"] == "verified"].merge(found.groups[["group_id", "class_id"]])
    modes = []
    for rule_id, class_id in rules[["rule_id", "class_id"]].itertuples(index=False):
        conditions = found.conditions[found.conditions["rule_id"] == rule_id]
        members = leaf_members(images.features, conditions) & (images.labels == class_id)
        modes.append(Mode(class_id=int(class_id), members=members))
    return modes


def rank(
    images: Images, modes: list[Mode], pool: Integers, analysed: Integers, probabilities: Singles, *, seed: int
) -> dict[str, list[Integers]]:
    """Return rankings of the pool for each choice: one per mode, or one in all."""
    random = np.random.default_rng(seed)
    labels, confidence = images.labels, probabilities.max(axis=1)
    predicted = probabilities.argmax(axis=1)
    directions = find_directions(
        images.features[analysed],
        labels[analysed],
        predicted[analysed],
        is_held_out=np.zeros(len(analysed), dtype=np.bool_),
        n_classes=N_CLASSES,
        settings=DirectionsConfig(n_workers=1),
    )
    ordered = np.sort(probabilities, axis=1)
    whole = {
        "random": random.random(len(labels)),
        "lowest confidence": confidence,
        "smallest margin": ordered[:, -1] - ordered[:, -2],
    }
    rankings = {name: [_by(score, pool)] for name, score in whole.items()}
    of_modes: dict[str, list[Integers]] = {name: [] for name in CHOICES if name not in whole}
    for mode in modes:
        of_class = pool[labels[pool] == mode.class_id]
        in_mode = pool[mode.members[pool]]
        values, chance = _risk(images, mode, directions, analysed, predicted, confidence)
        of_modes["rules"].append(random.permutation(in_mode))
        of_modes["directions"].append(_by(values, of_class))
        of_modes["both"].append(_by(-chance, in_mode))
        of_modes["random of the classes"].append(random.permutation(of_class))
        of_modes["lowest confidence of the classes"].append(_by(confidence, of_class))
    return rankings | of_modes


def _by(score: npt.NDArray[np.floating], candidates: Integers) -> Integers:
    """The candidates, lowest score first."""
    return candidates[np.argsort(score[candidates], kind="stable")]


def _risk(
    images: Images, mode: Mode, found: Directions, analysed: Integers, predicted: Integers, confidence: Singles
) -> tuple[Floats, Floats]:
    """Decision values along the class's direction and estimated probabilities to fail, of all images."""
    values = found.by_class[mode.class_id].decision_values(found.whitening.apply(images.features))
    ids = analysed[images.labels[analysed] == mode.class_id]
    x = np.column_stack([values, confidence])
    x = (x - x[ids].mean(axis=0)) / x[ids].std(axis=0)
    fitted = LogisticRegression().fit(x[ids], predicted[ids] != mode.class_id)
    return values, fitted.predict_proba(x)[:, 1]


def choose(rankings: dict[str, list[Integers]], k: int) -> dict[str, list[int]]:
    """Return the images of each choice, all as many: `k`, or what meets the rules where that is less."""
    by_rules = count_off(rankings["rules"], k)
    quota = Counter(place for place, _ in by_rules)
    chosen = {"rules": [candidate for _, candidate in by_rules]}
    for name in CHOICES[1:]:
        ranking, taken = rankings[name], dict[int, None]()
        for place, candidates in enumerate(ranking):
            n = len(by_rules) if len(ranking) == 1 else quota[place]
            # a class may have two modes: what one has taken is not taken again
            taken |= dict.fromkeys([c for c in candidates.tolist() if c not in taken][:n])
        chosen[name] = list(taken)
    return chosen


def _repair(images: Images, part: str, split: int, copies: int, kept: Path) -> list[dict[str, object]]:
    """Train all models of a split, and return a row for each mode of each of them."""
    train, pool, analysed, judging = split_images(len(images.labels), part=part, split=split)
    first = train_head(images.inputs[train], images.labels[train], seed=0)
    probabilities = _probabilities(first, images.inputs)
    found = find_modes(images, analysed, probabilities.argmax(axis=1))
    modes = [mode for mode in found if mode.members[judging].any()]
    choices = rank(images, modes, pool, analysed, probabilities, seed=split)
    classes = [mode.class_id for mode in modes]
    print(f"split {split}: {len(found)} verified modes; measured are those of the classes {classes}", flush=True)
    rows: list[dict[str, object]] = []
    chosen = {k: choose(choices, k) for k in KS}
    plans = [("none", 0), *((name, k) for k in KS for name in CHOICES)]
    for seed in SEEDS:
        for name, k in plans:
            further = np.array(chosen[k][name] if k else [], dtype=np.int64)
            ids = np.concatenate([train, np.repeat(further, copies)])
            path = kept / f"{split}-{seed}-{k}-{name.replace(' ', '-')}-{_digest(images.inputs[ids], modes)}.json"
            if not path.exists():
                model = train_head(images.inputs[ids], images.labels[ids], seed=seed)
                measured = _measure(model, images, modes, judging)
                path.write_text(json.dumps({"n": len(further), "modes": measured}))
            stored = json.loads(path.read_text())
            rows += [
                {"split": split, "mode": i, "seed": seed, "k": k, "choice": name, "n": stored["n"]} | row
                for i, row in enumerate(stored["modes"])
            ]
    return rows


def _digest(inputs: Singles, modes: list[Mode]) -> str:
    """What a training depends on besides its recipe: after a change of `train_head`, take another folder."""
    return sha256(inputs.tobytes() + b"".join(mode.members.tobytes() for mode in modes)).hexdigest()[:12]


def _measure(model: nn.Module, images: Images, modes: list[Mode], judging: Integers) -> list[dict[str, float]]:
    """Failure rates on the judging images, for each mode: its own, the rest of its class, its class, all images."""
    labels = images.labels[judging]
    failed = _probabilities(model, images.inputs[judging]).argmax(axis=1) != labels
    rows = []
    for mode in modes:
        members, of_class = mode.members[judging], labels == mode.class_id
        sets = {"rate": members, "rest": of_class & ~members, "of_class": of_class, "all": labels >= 0}
        rates = {name: float(failed[which].mean()) for name, which in sets.items()}
        rows.append(rates | {"images": int(members.sum())})
    return rows


def print_repairs(rows: list[dict[str, object]]) -> None:
    """Print the table of all choices, then the rules against each other one over all `k`."""
    table = pd.DataFrame(rows)

    def values(name: str, k: int, column: str) -> Floats:
        """Of shape (n_modes, n_seeds)."""
        of_choice = table[(table["choice"] == name) & (table["k"] == k)]
        wide = of_choice.pivot_table(index=["split", "mode"], columns="seed", values=column)
        found: Floats = wide.to_numpy(dtype=np.float64)
        return found

    before, rest = values("none", 0, "rate"), values("none", 0, "rest")
    n_images = values("none", 0, "images").mean()
    print(f"{before.shape[0]} modes × {before.shape[1]} seeds; {n_images:.0f} images each on average")
    print(f"without further images: modes {before.mean():.3f}, rest of the class {rest.mean():.3f}, ", end="")
    print(f"class {values('none', 0, 'of_class').mean():.3f}, all {values('none', 0, 'all').mean():.3f}\n")
    columns = ("k", "choice", "images", "modes", "class", "all", "share closed", "over random", "… of the classes")
    print(f"| {' | '.join(columns)} |")
    print(f"|{' --- |' * len(columns)}")
    for k in KS:
        for name in CHOICES:
            after = values(name, k, "rate")
            versus = [
                "" if name == other else str(ratio_of_closed(before, after, values(other, k, "rate")))
                for other in ("random", "random of the classes")
            ]
            print(
                f"| {k} | {name} | {values(name, k, 'n').mean():.0f} | {after.mean():.3f} "
                f"| {values(name, k, 'of_class').mean():.3f} | {values(name, k, 'all').mean():.3f} "
                f"| {share_closed(before, after, rest)} | {versus[0]} | {versus[1]} |"
            )
    closed = {name: np.concatenate([values(name, k, "rate") for k in KS], axis=1) for name in CHOICES}
    repeated = np.concatenate([before] * len(KS), axis=1)
    for other in CHOICES[1:]:
        print(f"over all k, rules against {other}: {ratio_of_closed(repeated, closed['rules'], closed[other])}")


if __name__ == "__main__":
    main()
