"""Conditions whose true effect is known: scenes of the demo drawn twice, with one thing shown and without it.

The thing is a class's cue, which the demo's standard model relies on, or a decoy, which it never learned. A cue is
associated with the failures because it causes them; how strongly is set by how faint it is, where it is shown or where
it should be missing. A decoy is put into scenes after it is known which of them fail, so that it goes along with the
failures, or with their absence, as strongly as asked, and causes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from barlow_report import demo as demo_package
from barlow_report.config import Config, load_config
from barlow_report.demo.scenes import CLASSES, draw_scene
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import to_tensor

__all__ = [
    "Condition",
    "Models",
    "Scenes",
    "associated",
    "best_feature",
    "best_threshold",
    "choose_side",
    "make_scenes",
    "plan_conditions",
]

CUED_CLASSES = tuple(name for name, scene in CLASSES.items() if scene.cue is not None)
LEVELS = tuple(np.linspace(0.05, 1.0, 20).round(2).tolist())
_PER_CONDITION = 1000
_PILOT = 10_000_000

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What is drawn.

    Attributes:
        number: Of the condition; its scenes have indices of their own.
        kind: cue or decoy.
        class_name: The class of the scenes.
        phi: Association that is aimed at of the thing with the failures, 0 to 1.
        is_odd: Of a cue: it is faint where it should be missing, and not where it is shown. Of a decoy: it goes along
            with the failures, and not with their absence.
        n_scenes: Scenes, half of them with the thing.
        seed: Of the scenes.
    """

    number: int
    kind: str
    class_name: str
    phi: float
    is_odd: bool
    n_scenes: int
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenes:
    """Scenes of a condition, each as it is analysed, and what would be if the thing were changed alone.

    Attributes:
        condition: What was asked for.
        pictures: (n_scenes, side, side, 3): as analysed.
        is_shown: (n_scenes,): the thing is shown, or shown clearly.
        fails: (n_scenes,): the inspected model fails.
        fails_changed: (n_scenes,): it fails on the same scene with the thing left out, or drawn in.
        feature_id: The feature that tells best whether the thing is shown, on scenes of a pilot.
        is_raised: It is larger where the thing is shown.
    """

    condition: Condition
    pictures: Pixels
    is_shown: Booleans
    fails: Booleans
    fails_changed: Booleans
    feature_id: int
    is_raised: bool

    @property
    def on_failing_side(self) -> Booleans:
        """(n_scenes,): the thing is as it mostly is in failures."""
        goes_along = self.condition.kind == "decoy" and self.condition.is_odd
        return self.is_shown if goes_along else ~self.is_shown

    @property
    def phi(self) -> float:
        """Association of that side with the failures, −1 to 1; 0 where there are none, or only failures."""
        sides = np.stack([self.on_failing_side, self.fails]).astype(float)
        return float(np.corrcoef(sides)[0, 1]) if self.fails.any() and not self.fails.all() else 0.0

    def true_effect(self, direction: str) -> float:
        """Change of the failure rate when the thing alone is changed in scenes of one side, −1 to 1."""
        side = self.on_failing_side if direction == "repair" else ~self.on_failing_side
        change = float(self.fails[side].mean() - self.fails_changed[side].mean())
        return change if direction == "repair" else -change


class Models:
    """The demo's two models."""

    def __init__(self) -> None:
        folder = Path(demo_package.__file__).parent
        self.config: Config = load_config(folder / "demo.yaml")
        specs = (self.config.feature_model, self.config.inspected_model)
        if specs[0] is None or specs[1] is None:
            raise ValueError("the demo's configuration names no two models.")
        self.robust, self.standard = (
            load_model(spec, device=torch.device("cpu"), role="demo") for spec in specs if spec is not None
        )

    def features(self, pictures: Pixels) -> Floats:
        """Robust features, (n, n_features)."""
        with torch.inference_mode():
            return np.concatenate([self.robust.features(b)[1].numpy() for b in _batches(pictures, self.robust)])

    def fails(self, pictures: Pixels, class_name: str) -> Booleans:
        """Whether the standard model predicts another class, (n,)."""
        with torch.inference_mode():
            found = [self.standard.predict(b).argmax(dim=1).numpy() for b in _batches(pictures, self.standard)]
        return np.asarray(np.concatenate(found) != list(CLASSES).index(class_name), dtype=np.bool_)


def _batches(pictures: Pixels, model: LoadedModel) -> Sequence[torch.Tensor]:
    inputs = torch.stack([to_tensor(Image.fromarray(picture), model.preprocessing) for picture in pictures])
    return torch.split(inputs, 100)


def plan_conditions(*, n_per_class: int, n_scenes: int, seed: int) -> list[Condition]:
    """Cues and decoys of every class that has them, of `n_per_class` strengths from 0.3 to 0.95 each."""
    strengths = enumerate(np.linspace(0.3, 0.95, n_per_class).tolist())
    wanted = product(enumerate(CUED_CLASSES), enumerate(("cue", "decoy")), strengths)
    return [
        Condition(
            number=number,
            kind=kind,
            class_name=name,
            phi=phi,
            is_odd=(i + j + k) % 2 == 1,
            n_scenes=n_scenes,
            seed=seed,
        )
        for number, ((i, name), (j, kind), (k, phi)) in enumerate(wanted)
    ]


def _draw(job: tuple[int, bool, bool], *, class_name: str, seed: int) -> Pixels:
    index, cue, decoy = job
    return np.asarray(draw_scene(class_name, with_cue=cue, with_decoy=decoy, seed=seed, index=index))


def make_scenes(conditions: Sequence[Condition], models: Models, *, n_pilot: int, n_workers: int) -> list[Scenes]:
    """Draw the scenes of all conditions; `n_pilot` scenes of each class choose features and faintness."""
    found = []
    with get_context("spawn").Pool(n_workers) as pool:
        for name in dict.fromkeys(condition.class_name for condition in conditions):
            seed = conditions[0].seed
            pilot_jobs = [
                (_PILOT + i, cue, decoy) for cue in (False, True) for decoy in (False, True) for i in range(n_pilot)
            ]
            drawn = np.stack(pool.map(partial(_draw, class_name=name, seed=seed), pilot_jobs, chunksize=16))
            pilot = drawn.reshape(2, 2, n_pilot, *drawn.shape[1:])
            features = models.features(drawn).reshape(2, 2, n_pilot, -1)
            for condition in conditions:
                if condition.class_name == name:
                    jobs = _jobs(condition)
                    pictures = np.stack(pool.map(partial(_draw, class_name=name, seed=seed), jobs, chunksize=16))
                    pairs = pictures.reshape(condition.n_scenes, 2, *pictures.shape[1:])
                    found.append(_make(condition, pairs, pilot[:, 0], features, models))
    return found


def _jobs(condition: Condition) -> list[tuple[int, bool, bool]]:
    """Each scene without the thing and with it; of a decoy every second one has its cue."""
    first = condition.number * _PER_CONDITION
    indices = range(first, first + condition.n_scenes)
    if condition.kind == "cue":
        return [(index, shown, False) for index in indices for shown in (False, True)]
    return [(index, index % 2 == 0, shown) for index in indices for shown in (False, True)]


def _make(condition: Condition, pairs: Pixels, pilot: Pixels, features: Floats, models: Models) -> Scenes:
    axis = 0 if condition.kind == "cue" else 1
    missing, shown = (np.take(features, side, axis=axis).reshape(-1, features.shape[-1]) for side in (0, 1))
    feature_id, is_raised = best_feature(missing, shown)
    random = np.random.default_rng([condition.seed, condition.number])
    if condition.kind == "cue":
        low, high = _faintness(condition, pilot, models)
        pairs = np.stack([_blend(pairs, low), _blend(pairs, high)], axis=1)
    fails = np.stack([models.fails(pairs[:, side], condition.class_name) for side in (0, 1)], axis=1)
    if condition.kind == "cue":
        is_shown = random.permutation(np.arange(condition.n_scenes) % 2 == 0)
    else:
        is_shown = associated(fails[:, 0], condition.phi if condition.is_odd else -condition.phi, random)
    rows = np.arange(condition.n_scenes)
    side = is_shown.astype(int)
    return Scenes(
        condition=condition,
        pictures=pairs[rows, side],
        is_shown=is_shown,
        fails=fails[rows, side],
        fails_changed=fails[rows, 1 - side],
        feature_id=feature_id,
        is_raised=is_raised,
    )


def _blend(pairs: Pixels, level: float) -> Pixels:
    """Scenes with the thing as faint as `level`, 0 (missing) to 1 (plain)."""
    mixed = pairs[:, 0] * (1 - level) + pairs[:, 1] * level
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def _faintness(condition: Condition, pilot: Pixels, models: Models) -> tuple[float, float]:
    """The two levels of a cue whose failures are associated with it about as strongly as asked."""
    pairs = np.swapaxes(pilot, 0, 1)
    rates = {level: models.fails(_blend(pairs, level), condition.class_name).mean() for level in (0.0, *LEVELS)}
    choices = (
        [(level, 1.0) for level in (0.0, *LEVELS[:-1])] if condition.is_odd else [(0.0, level) for level in LEVELS]
    )

    def distance(levels: tuple[float, float]) -> float:
        missing, shown = (rates[level] for level in levels)
        mean = (missing + shown) / 2
        phi = 0.0 if mean in (0, 1) else (missing - shown) / 2 / np.sqrt(mean * (1 - mean))
        return float(abs(phi - condition.phi))

    return min(choices, key=distance)


def associated(fails: Booleans, phi: float, random: np.random.Generator) -> Booleans:
    """Which scenes show a decoy, so that it is associated with the failures by `phi`, −1 to 1."""
    shown = np.zeros(len(fails), dtype=np.bool_)
    for side, share in ((fails, (1 + phi) / 2), (~fails, (1 - phi) / 2)):
        rows = np.flatnonzero(side)
        shown[random.permutation(rows)[: round(share * len(rows))]] = True
    return shown


def best_feature(missing: Floats, shown: Floats) -> tuple[int, bool]:
    """The feature that tells two sets of images apart best, and whether it is larger in the second.

    Of those whose best threshold is as good, but for a hundredth, the one whose means are farthest apart, in standard
    deviations within the sets.
    """
    together = np.concatenate([missing, shown])
    is_shown = np.arange(len(together)) >= len(missing)
    right = np.array([best_threshold(values, is_shown)[1] for values in together.T])
    spread = np.sqrt((missing.var(axis=0) + shown.var(axis=0)) / 2)
    distance = (shown.mean(axis=0) - missing.mean(axis=0)) / np.maximum(spread, 1e-6)
    best = int(np.argmax(np.where(right >= right.max() - 0.01, np.abs(distance), -1.0)))
    return best, bool(distance[best] > 0)


def best_threshold(values: Floats, is_shown: Booleans) -> tuple[float, float]:
    """The threshold that tells best whether a thing is shown, and the mean share of both sides that it gets right."""
    order = np.argsort(values, kind="stable")
    ordered, shown = values[order].astype(np.float64), is_shown[order]
    below = np.cumsum(shown) / shown.sum(), np.cumsum(~shown) / (~shown).sum()
    right = np.abs(below[0] - below[1])[:-1]
    right[ordered[1:] <= ordered[:-1]] = 0.0
    if not right.any():
        return float(ordered[0]), 0.5
    best = int(np.argmax(right))
    return float(ordered[best] + ordered[best + 1]) / 2, float(1 + right[best]) / 2


def choose_side(values: Floats, scenes: Scenes) -> tuple[str, float]:
    """Branch and threshold of the condition of the failing side; `values` (n_scenes,) are of its feature."""
    threshold, _ = best_threshold(values, scenes.is_shown)
    failing_is_shown = bool(scenes.on_failing_side[scenes.is_shown].all())
    return ("gt" if failing_is_shown == scenes.is_raised else "le"), threshold
