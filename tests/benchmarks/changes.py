"""How often two runs without a change are said to differ, and how often a change is seen.

    python -m tests.benchmarks.changes --pairs 200

A release is drawn: images with features, failure probabilities that depend on one of them in half of the classes, and
failures. It is explained as in any run, and compared with another release.

*Nothing changed*: both releases' failures are drawn from the same probabilities, on the same images or on others of the
same kind. Of these pairs of releases at most 5 % may have anything that is worse or new: a failure mode, a class, or
all images. *Worse*: the failures of one mode, 100 images (that test it), go from 20 % to 40 %, and all that failed
still fail.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.lenses.changes.comparing import Comparison, compare_runs
from barlow_report.lenses.changes.results import RunResults
from barlow_report.rules import explain_failures
from barlow_report.significance import wilson_interval

__all__ = ["Design", "compare_unchanged", "compare_worse"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Design:
    """What is drawn."""

    evidence: str = "shuffles"
    paired: bool = True
    spread: float = 0.0
    """How much images of one kind differ in how likely they fail: 0 not at all, 1 each fails always or never."""
    rates: tuple[float, float] = (0.45, 0.12)
    """Failure rates of images in a mode and of others, in every second class; others have no mode."""
    n_classes: int = 4
    n_per_class: int = 150
    share: float = 0.4
    """Of a class's images in its mode."""
    n_features: int = 24

    @property
    def settings(self) -> RulesConfig:
        """The rules' settings: what takes time and is not compared is left out."""
        return RulesConfig.model_validate(
            {"evidence": self.evidence, "n_resamples": 0, "evaluation_depths": [], "n_workers": 1}
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Images:
    features: npt.NDArray[np.float32]
    labels: Integers
    chances: Floats
    taken_for: Integers
    digests: list[str]


def compare_unchanged(design: Design, seed: int) -> Comparison:
    """Compare two releases of one model: whatever differs is chance."""
    rng = np.random.default_rng(seed)
    first = _images(design, rng, prefix="a")
    second = first if design.paired else _images(design, rng, prefix="b")
    runs = []
    for name, images in (("old", first), ("new", second)):
        fails = rng.random(len(images.labels)) < images.chances
        runs.append(_run(design, images, np.where(fails, images.taken_for, images.labels), name=name))
    return compare_runs(*runs, delta=0.05)


def compare_worse(design: Design, seed: int) -> Comparison:
    """Compare a release with one in which a mode of 100 images of class 0 fails for 40 instead of 20 of them."""
    rng = np.random.default_rng(seed)
    images = _images(design, rng, prefix="a")
    is_mode = (images.labels == 0) & (images.features[:, 0] > 0)
    chances = np.where(images.labels == 0, np.where(is_mode, 0.2, 0.01), images.chances)
    drawn = rng.random(len(chances))
    old, new = drawn < chances, drawn < np.where(is_mode, 0.4, chances)
    runs = [
        _run(design, images, np.where(fails, images.taken_for, images.labels), name=name)
        for name, fails in (("old", old), ("new", new))
    ]
    return compare_runs(*runs, delta=0.05)


def _images(design: Design, rng: np.random.Generator, *, prefix: str) -> _Images:
    n = design.n_classes * design.n_per_class
    labels = np.repeat(np.arange(design.n_classes), design.n_per_class)
    features = rng.normal(size=(n, design.n_features)).astype(np.float32)
    # each feature says whether an image has some thing; that of its class's number makes it fail in every second class
    has = rng.random((n, design.n_features)) < design.share
    place = np.tile(np.arange(design.n_per_class), design.n_classes)
    own = place < round(design.share * design.n_per_class)
    has[np.arange(n), labels] = own
    features = (features * 0.7 + np.where(has, 1.5, -1.5)).astype(np.float32)
    chances = np.where(own & (labels % 2 == 0), *design.rates)
    if design.spread:
        chances = rng.beta(chances * (1 / design.spread - 1), (1 - chances) * (1 / design.spread - 1))
    taken_for = (labels + rng.integers(1, design.n_classes, n)) % design.n_classes
    order = rng.permutation(n)
    return _Images(
        features=features[order],
        labels=labels[order],
        chances=chances[order],
        taken_for=taken_for[order],
        digests=[f"{prefix}{i:031x}" for i in range(n)],
    )


def _run(design: Design, images: _Images, predictions: Integers, *, name: str) -> RunResults:
    names = [f"class {i}" for i in range(design.n_classes)]
    found = explain_failures(images.features, images.labels, predictions, class_names=names, settings=design.settings)
    ids = np.arange(len(images.labels))
    tables = {
        "classes": pd.DataFrame({"class_id": range(len(names)), "name": names, "slug": names}),
        "images": pd.DataFrame({"image_id": ids, "label": images.labels, "prediction": predictions, "confidence": 1.0}),
        "contents": pd.DataFrame({"image_id": ids, "digest": images.digests}),
        **{
            table: getattr(found, table)
            for table in ("splits", "groups", "group_classes", "memberships", "rules", "conditions")
        },
    }
    info = {
        "name": name,
        "models": {"feature": {"sha256": "cd" * 32}},
        "config": {"rules": design.settings.model_dump(mode="json")},
    }
    return RunResults(
        info=info,
        tables=tables,
        activations=lambda feature, rows: images.features[rows, feature],
        source=name,
    )


def _states(comparison: Comparison) -> Counter[str]:
    states = Counter(mode.judged.state for mode in comparison.modes)
    states["modes"] = len(comparison.modes)
    states["any class worse"] = any(found.state == "worse" for found in comparison.classes.values())
    states["whole worse"] = comparison.whole.state == "worse"
    states["any worse"] = states["worse"] + states["new"] + states["any class worse"] + states["whole worse"] > 0
    return states


def _unchanged(design: Design, seed: int) -> Counter[str]:
    return _states(compare_unchanged(design, seed))


def _worse(design: Design, seed: int) -> Counter[str]:
    comparison = compare_worse(design, seed)
    counts = _states(comparison)
    found = [
        m for m in comparison.modes if m.mode.identity.group_name == "class 0" and m.mode.identity.grouping == "label"
    ]
    counts["tested in old"] = any(m.old is not None for m in found)
    counts["planted worse"] = any(m.judged.state == "worse" for m in found)
    counts["planted worse or new"] = any(m.judged.state in ("worse", "new") for m in found)
    return counts


def _power_lines(pool: ProcessPoolExecutor, n_pairs: int) -> Iterator[str]:
    yield "| 20 % → 40 %, nested | pairs | mode worse | worse or new | found in the old run | any other better |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for evidence in ("held_out", "shuffles"):
        n_per_class = 1000 if evidence == "shuffles" else 3333  # of which 30 % are held out
        design = Design(evidence=evidence, n_classes=3, n_per_class=n_per_class, share=0.1)
        found = list(pool.map(_worse, repeat(design), range(n_pairs), chunksize=4))
        keys = ("planted worse", "planted worse or new", "tested in old", "better")
        cells = " | ".join(_share(sum(states[key] > 0 for states in found), n_pairs) for key in keys)
        yield f"| {evidence} | {n_pairs} | {cells} |"


def _unchanged_lines(pool: ProcessPoolExecutor, n_pairs: int) -> Iterator[str]:
    yield "| nothing changed | pairs | any worse | mode worse | new | better | gone | class worse | all worse | modes |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, design in _designs():
        found = list(pool.map(_unchanged, repeat(design), range(n_pairs), chunksize=4))
        keys = ("any worse", "worse", "new", "better", "gone", "any class worse", "whole worse")
        cells = " | ".join(_share(sum(states[key] > 0 for states in found), n_pairs) for key in keys)
        n_modes = np.mean([states["modes"] for states in found])
        yield f"| {name} | {n_pairs} | {cells} | {n_modes:.1f} |"


def _designs() -> Iterator[tuple[str, Design]]:
    for n_classes in (4, 16):
        for evidence in ("held_out", "shuffles"):
            plain = Design(evidence=evidence, n_classes=n_classes)
            name = f"{evidence}, {n_classes} classes"
            yield f"{name}, same images", plain
            yield f"{name}, other images", replace(plain, paired=False)
            if n_classes == 4:
                yield f"{name}, same images, failures that recur", replace(plain, spread=0.5)
                weak = replace(plain, rates=(0.48, 0.2), n_per_class=100, n_features=60)
                yield f"{name}, same images, weak modes", weak
                yield f"{name}, other images, weak modes", replace(weak, paired=False)


def _share(count: int, n: int) -> str:
    low, high = wilson_interval(count, n)
    return f"{count / n:.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.workers) as pool:
        for lines in (_power_lines, _unchanged_lines):
            for line in lines(pool, arguments.pairs):
                print(line, flush=True)
            print(flush=True)


if __name__ == "__main__":
    main()
