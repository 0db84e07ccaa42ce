"""How many images a class needs for a failure mode of a given size to be found, before anything was found.

A mode is a condition that a share s of the class's images meet; of these a share p₁ fails, of the others p₀. On n
images the difference of both rates is tested at level α, one-sided. The classic answer, from the normal approximation
to two proportions (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 2003, chapter 4), finds it
with probability 1 − β from

    n = (z(α) · √(p(1 − p)) + z(β) · √((1 − s) p₁(1 − p₁) + s p₀(1 − p₀)))² / (s (1 − s) (p₁ − p₀)²)

images on, with p = s p₁ + (1 − s) p₀ and z(α) the normal deviate that is exceeded with probability α.

**What α is.** Nobody says beforehand which feature it is, so the level is shared by all cuts that are tried, and by all
groups of a grouping, of which this mode may be the only true one: Benjamini and Hochberg's procedure then asks for the
false-discovery rate divided by the number of groups. Both are Bonferroni's bound: so many images are enough, and often
fewer are. Where failures are shuffled, five cuts of each feature are tried, on either side, and directions take half of
the level. On held-out images one rule of a group is tested, but it must have been the best of all cuts on the others
first: on each part it is missed with half of the probability β. In simulations three quarters of the images are enough.
"""

from dataclasses import dataclass
from math import ceil, sqrt

from scipy.special import ndtri

from barlow_report.config import RulesConfig

__all__ = ["POWER", "Effect", "images_needed"]

POWER = 0.8
"""Probability of finding a mode that is asked for."""

_N_CUTS = 5  # of a feature, see `barlow_report.rules.shuffles`
_N_SIDES = 2
_N_TESTS = 2  # of a group: its best cut and its direction, by Simes' p-value


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The size of a failure mode: `share` of the images meet its condition and fail more often by `difference`.

    All are between 0 and 1; `base` is the error rate of the other images.
    """

    share: float
    base: float
    difference: float


def images_needed(
    effect: Effect, *, settings: RulesConfig, n_features: int, n_groups: int, power: float = POWER
) -> int:
    """Return how many images of a class are enough to find a failure mode.

    Args:
        effect: Its size; `base + difference` is at most 1.
        settings: The section `rules`: evidence, false-discovery rate, share of held-out images. In-sample mode tests
            nothing; the answer is then that for evidence by shuffles.
        n_features: Features that may be the one, at least 1.
        n_groups: Groups that are tested together, at least 1.
        power: Probability of finding it, 0 to 1.
    """
    level = settings.max_q_value / n_groups
    n_cuts = n_features * _N_CUTS * _N_SIDES
    if settings.evidence_kind != "held_out":
        needed = _size(effect, level=level / _N_TESTS / n_cuts, power=power)
        return max(ceil(needed), settings.min_images)
    each = 1 - (1 - power) / 2
    fitted = _size(effect, level=1 - 0.5 ** (1 / n_cuts), power=each)  # the best of all cuts, as often as not
    tested = _size(effect, level=level, power=each)
    share = settings.held_out_fraction
    return ceil(max(fitted / (1 - share), tested / share, settings.min_images / (1 - share)))


def _size(effect: Effect, *, level: float, power: float) -> float:
    """The formula above."""
    s, p0, p1 = effect.share, effect.base, effect.base + effect.difference
    p = s * p1 + (1 - s) * p0
    spread = (1 - s) * p1 * (1 - p1) + s * p0 * (1 - p0)
    deviates = -float(ndtri(level)) * sqrt(p * (1 - p)) + float(ndtri(power)) * sqrt(spread)
    return float(deviates**2 / (s * (1 - s) * effect.difference**2))
