"""Comparing many models: time and memory of its two parts, at the size of ImageNet's validation images.

    python -m tests.benchmarks.comparison [--n-models 100] [--n-proposing 10] [--n-images 50000] [--n-classes 1000]

Features are random half-precision numbers in a file. Each model fails on a fifth of the images, most of them on images
that are hard for all models; a tenth of the classes are hard where one feature is weak. Types are told from random
superclasses and multi-labels.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.config import RulesConfig
from barlow_report.lenses.error_types.inputs import TaxonomyInputs
from barlow_report.lenses.error_types.multi_labels import MultiLabels
from barlow_report.lenses.error_types.pairs import ClassPairs
from barlow_report.lenses.error_types.questions import FineGrained, MultiLabel, Overlapping, Stage, Unassessed
from barlow_report.lenses.error_types.superclasses import Superclasses
from barlow_report.lenses.models.classification import classify_models
from barlow_report.lenses.models.shared_modes import Proposal, merge_proposals, propose_modes, rate_modes
from barlow_report.rules import explain_failures

Integers = npt.NDArray[np.int64]
_ROWS = 5000


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-models", type=int, default=100)
    parser.add_argument("--n-proposing", type=int, default=10)
    parser.add_argument("--n-images", type=int, default=50_000)
    parser.add_argument("--n-classes", type=int, default=1000)
    parser.add_argument("--n-features", type=int, default=2048)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    labels = np.sort(np.arange(arguments.n_images) % arguments.n_classes).astype(np.int64)
    print(f"{arguments.n_models} models × {arguments.n_images:,} images, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "features.npy"
        hard = _write_features(path, labels, arguments.n_features, rng)
        features = np.load(path, mmap_mode="r")
        predictions = _predict(labels, hard, arguments.n_models, arguments.n_classes, rng)
        accuracy = (predictions == labels[:, None]).mean(axis=0)
        print(f"top-1 accuracy {accuracy.min():.1%} to {accuracy.max():.1%}")
        _time_types(labels, predictions, arguments.n_classes, rng)
        _time_modes(features, labels, predictions, n_proposing=arguments.n_proposing)
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.2f} GB")


def _write_features(path: Path, labels: Integers, n_features: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Write features; return which images are hard, those of every tenth class with a weak first feature."""
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(len(labels), n_features))
    for start in range(0, len(labels), _ROWS):
        array[start : start + _ROWS] = rng.random((min(_ROWS, len(labels) - start), n_features), dtype=np.float32)
    array.flush()
    return np.asarray((array[:, 0] < 0.4) & (labels % 10 == 0))


def _predict(
    labels: Integers, hard: npt.NDArray[np.bool_], n_models: int, n_classes: int, rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    difficulty = rng.random(len(labels))
    predictions = np.empty((len(labels), n_models), dtype=np.int32)
    for model in range(n_models):
        level = 0.1 + 0.25 * model / max(1, n_models - 1)
        wrong = 0.8 * difficulty + 0.2 * rng.random(len(labels)) > 1 - level
        wrong |= hard & (rng.random(len(labels)) < 0.7)
        near = (labels + 1 + rng.integers(0, 5, len(labels))) % n_classes
        predictions[:, model] = np.where(wrong, near, labels)
    return predictions


def _time_types(labels: Integers, predictions: npt.NDArray[np.int32], n_classes: int, rng: np.random.Generator) -> None:
    n = len(labels)
    groups: dict[str, list[int]] = {}
    for class_id in range(n_classes):
        groups.setdefault(f"group {class_id // 4}", []).append(class_id)
    superclasses = Superclasses.from_classes(groups, n_classes=n_classes, origin="given")
    second = rng.random(n) < 0.1
    owners = np.concatenate([np.arange(n), np.flatnonzero(second)])
    correct = np.concatenate([labels, (labels[second] + 1) % n_classes])
    order = np.argsort(owners, kind="stable")
    multi_labels = MultiLabels(
        is_annotated=np.ones(n, dtype=bool),
        is_problematic=rng.random(n) < 0.01,
        image_ids=owners[order],
        class_ids=correct[order],
    )
    names = [str(i) for i in range(n_classes)]
    pairs = ClassPairs.from_pairs([(i, i + 1) for i in range(0, n_classes - 1, 50)], n_classes=n_classes)
    stages: tuple[Stage, ...] = (
        Overlapping(pairs=pairs, names=names, source="pairs"),
        MultiLabel(names=names, source="labels"),
        FineGrained(superclasses=superclasses, source="superclasses"),
        *(Unassessed(error_type=t, source="none") for t in ("out_of_vocabulary", "co_occurrence", "non_prototypical")),
    )
    inputs = TaxonomyInputs(stages=stages, superclasses=superclasses, multi_labels=multi_labels)
    start = time.perf_counter()
    counts, _ = classify_models(labels, predictions, inputs=inputs)
    seconds = time.perf_counter() - start
    print(f"error types: {seconds:.1f} s, {int(counts['n_errors'].sum()):,} errors", flush=True)


def _time_modes(
    features: npt.NDArray[np.floating], labels: Integers, predictions: npt.NDArray[np.int32], *, n_proposing: int
) -> None:
    settings = RulesConfig(evaluation_depths=())
    held_out = np.random.default_rng(1).random(len(labels)) < settings.held_out_fraction
    start = time.perf_counter()
    proposals: list[Proposal] = []
    chosen = np.linspace(0, predictions.shape[1] - 1, min(n_proposing + 1, predictions.shape[1])).round().astype(int)
    for model_id in chosen.tolist():
        found = explain_failures(features, labels, predictions[:, model_id], settings=settings, held_out=held_out)
        proposals += propose_modes(model_id, groups=found.groups, rules=found.rules, conditions=found.conditions)
    trees = time.perf_counter() - start
    modes = merge_proposals(proposals)
    rates = rate_modes(
        modes, features=features, labels=labels, predictions=predictions, held_out=held_out, settings=settings
    )
    seconds = time.perf_counter() - start
    n_holds = int(rates["holds"].sum())
    print(
        f"failure modes: {seconds:.1f} s, of which {trees:.1f} s for trees; {len(modes):,} modes of {len(proposals):,} "
        f"proposals, {n_holds:,} times one holds for a model"
    )


if __name__ == "__main__":
    main()
