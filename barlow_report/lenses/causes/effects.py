"""What a change of images did to their failures: effect, interval, tests and verdict (METHOD: "Causes").

The effect of an image is the share of its controls that fail minus its own failure after the move, with the opposite
sign where the move is meant to break. Where the model fails, or is right, whatever is done to the images, that is 0
although the feature may matter; so the same is computed of the confidence in the label, too, which has no such limits.
Two things can make it large by chance, and each has a test:

* **The images.** Another draw of images would give another mean: a one-sided sign-flip test, and a bootstrap over
  images for the interval.
* **The features.** Features differ in what they do to a model, and one that was picked at random lies above the mean of
  the controls half of the time; with enough images the first test would call that an effect. So the feature is also
  compared with the controls one by one: how often would a further feature of their kind do as much
  (`feature_tests.py`)? The p-value of an effect is the larger one of the two.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

__all__ = ["Effect", "image_effects", "judge_effect", "mean_effect", "sign_flip_test"]

Floats = npt.NDArray[np.float64]

N_RESAMPLES = 2000
"""Of the bootstrap."""

N_FLIPS = 9999
"""Of the sign-flip test, where there are too many for all."""

MAX_EXACT = 12
"""Up to so many images all flips are done."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A mean effect, −1 to 1, with its interval."""

    value: float
    low: float
    high: float


def image_effects(moved: Floats, controls: Floats, *, direction: str) -> Floats:
    """Return the effect of each image, −1 to 1, shape (n_images,).

    Args:
        moved: 1 if the image fails after the move, else 0, (n_images,); or 1 − the confidence in its label.
        controls: The same after each control, (n_images, n_controls).
        direction: repair or break.
    """
    difference: Floats = controls.mean(axis=1) - moved
    return difference if direction == "repair" else -difference


def mean_effect(effects: Floats, *, seed: int, level: float) -> Effect:
    """Return the mean of the effects of images (n_images,), with a bootstrap interval of `level`, 0 to 1."""
    rng = np.random.default_rng([seed, len(effects)])
    means = effects[rng.integers(len(effects), size=(N_RESAMPLES, len(effects)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    value = float(effects.mean())
    return Effect(value=value, low=min(float(low), value), high=max(float(high), value))


def sign_flip_test(effects: Floats, *, seed: int) -> float:
    """One-sided p-value that effects (n_images,) are symmetric about 0 or below: as large a mean after random signs.

    All signs up to 12 images, else 9,999 random ones, and the observed ones among them (Phipson and Smyth, 2010).
    """
    others = effects[effects != 0]  # a flip changes nothing about the rest
    observed = others.sum() - 1e-9  # equal sums in another order are equal
    if len(others) <= MAX_EXACT:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(others)))).reshape(2 ** len(others), len(others))
        return float((signs @ others >= observed).mean())
    rng = np.random.default_rng([seed, len(others)])
    signs = rng.integers(0, 2, size=(N_FLIPS, len(others))) * 2.0 - 1
    return float(((signs @ others >= observed).sum() + 1) / (N_FLIPS + 1))


def judge_effect(effect: Effect, confidence: Effect, q_value: float, *, max_q_value: float, least: float) -> str:
    """Return causal, weak or undecided.

    Args:
        effect: The effect on failures.
        confidence: The effect on the confidence in the label: weak is what changes neither.
        q_value: Of the effect's p-value, over all effects of a run.
        max_q_value: Largest q-value of what is called causal.
        least: Smallest effect that counts, as a share.
    """
    if q_value <= max_q_value and effect.value >= least:
        return "causal"
    return "weak" if max(effect.high, confidence.high) < least else "undecided"
