"""Rates to show for a rule that was chosen for its rate.

The best of a thousand cuts owes part of its error rate to chance, most of all in small groups: on planted failures it
is 28 points too high in groups of 60 images and 2 in groups of 1,400. Counts on images that were left out in turn
(cross-fitting) are still 15 points too high in small groups, once only rules that passed a test are looked at. So the
rate is estimated by averaging over what could be true, weighted by how well it explains what was seen (Bayesian model
averaging; Hoeting et al., Statistical Science 14, 1999). It needs no correction for the search, as it does not depend
on which cut was chosen. How far it is off is measured by tests/benchmarks/displayed_rates.py.

**Models.** None: all images of the group fail at one rate (prior 0.8). Or one of the C cuts (0.2 / C each): images
above it fail at one rate, the others at another. A rate has the prior Beta(a·b, a·(1 − b)) with b the group's base
error rate and a = 2. The marginal likelihood of k failures in n images is
B(ab + k, a(1 − b) + n − k) / B(ab, a(1 − b)).

**Rate of a region** R under a model: that of each side, mixed by how much of R lies on it. As no model is quite true,
the failures seen in the part of R on a side count as well: (k + m·e) / (n + m), e the side's mean, n and k the images
and failures of the part, m = 200 images. **Interval**: quantiles of the mixture of Beta distributions with these means,
whose variances add the side's and the binomial one of R's own images, as a model may be wrong.

**A region that no search chose** by the failures in it (a direction's, whose images are each scored without themselves)
is estimated likewise from two models: no effect and an effect, one half each, without the pull of the other cuts.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv, betaln, logsumexp, ndtri

from barlow_report.rules.bits import Bits, count_shared, pack

__all__ = ["Estimate", "estimate_region", "estimate_side", "with_further_images"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

_STRENGTH = 2.0
_NO_CUT = 0.8
_NO_EFFECT = 0.5
_OWN_IMAGES = 200.0
_GRID = np.linspace(0.0, 1.0, 2001)[1:-1]
_NEGLIGIBLE = 1e-6
_SMALLEST_RATE, _SMALLEST_SIZE = 1e-6, 1.0  # a Beta distribution of no width, or of less than one image, says nothing


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Mean and interval of a rate, 0 to 1."""

    rate: float
    low: float
    high: float


def estimate_side(above: Bits, failure: Booleans, region: Booleans, group: Booleans, *, level: float) -> Estimate:
    """Estimate the error rate of a region that was chosen among the sides of many cuts.

    Args:
        above: (n_cuts, n_words) the images above each cut.
        failure: (n_images,) bool.
        region: (n_images,) bool, one image of the group at least.
        group: (n_images,) bool, the images among which the region was chosen.
        level: Probability that the interval covers the rate, 0 to 1.
    """
    sets = [group, group & failure, group & region, group & region & failure]
    n_all, k_all, n_region, k_region = (int(images.sum()) for images in sets)
    n, k, shared, shared_failures = count_shared(above, pack(np.stack(sets))).astype(np.float64)
    base = k_all / n_all
    evidence = np.append(
        _log_marginal(k, n, base) + _log_marginal(k_all - k, n_all - n, base) + np.log((1 - _NO_CUT) / max(len(n), 1)),
        _log_marginal(np.float64(k_all), np.float64(n_all), base) + np.log(_NO_CUT),
    )
    weights = np.exp(evidence - logsumexp(evidence))
    mean_gt, variance_gt = _posterior(k, n, base)
    mean_le, variance_le = _posterior(k_all - k, n_all - n, base)
    share = shared / n_region
    part_gt = (shared_failures + _OWN_IMAGES * mean_gt) / (shared + _OWN_IMAGES)
    part_le = (k_region - shared_failures + _OWN_IMAGES * mean_le) / (n_region - shared + _OWN_IMAGES)
    means = np.append(
        share * part_gt + (1 - share) * part_le, (k_region + _OWN_IMAGES * base) / (n_region + _OWN_IMAGES)
    )
    variances = np.append(
        share**2 * variance_gt + (1 - share) ** 2 * variance_le, base * (1 - base) / (n_all + _STRENGTH + 1)
    )
    return _mix(weights, means, variances, n_region=n_region, level=level)


def estimate_region(
    n_images: int, n_failures: int, *, n_group_images: int, n_group_failures: int, level: float
) -> Estimate:
    """Estimate the error rate of a region that its own failures did not choose.

    Args:
        n_images: Images in the region, at least 1.
        n_failures: Failures among them.
        n_group_images: Images of the group.
        n_group_failures: Failures among them.
        level: Probability that the interval covers the rate, 0 to 1.
    """
    base = n_group_failures / n_group_images
    n, k = np.float64(n_images), np.float64(n_failures)
    rest, rest_failures = np.float64(n_group_images - n_images), np.float64(n_group_failures - n_failures)
    evidence = np.array(
        [
            _log_marginal(k, n, base) + _log_marginal(rest_failures, rest, base) + np.log(1 - _NO_EFFECT),
            _log_marginal(k + rest_failures, n + rest, base) + np.log(_NO_EFFECT),
        ]
    )
    weights = np.exp(evidence - logsumexp(evidence))
    mean, variance = _posterior(k, n, base)
    none = base * (1 - base) / (n_group_images + _STRENGTH + 1)
    return _mix(weights, np.array([mean, base]), np.array([variance, none]), n_region=n_images, level=level)


def with_further_images(estimate: Estimate, n_images: int, n_failures: int, *, level: float) -> Estimate:
    """Correct an estimate by images that were not looked at when the region was chosen.

    The estimate is taken for a Beta distribution of its mean whose standard deviation is its interval's, and that is
    the prior of a rate at which the further images fail: what they say needs no correction for the search, and counts
    the more the more of them there are.

    Args:
        estimate: Of the images that chose the region, with its interval of the same level.
        n_images: Further images in the region.
        n_failures: Failures among them.
        level: Probability that the interval covers the rate, 0 to 1.
    """
    if not n_images:
        return estimate
    deviation = (estimate.high - estimate.low) / (2 * ndtri((1 + level) / 2))
    mean = float(np.clip(estimate.rate, _SMALLEST_RATE, 1 - _SMALLEST_RATE))
    size = max(mean * (1 - mean) / max(deviation**2, _SMALLEST_RATE**2) - 1, _SMALLEST_SIZE)
    failing, right = mean * size + n_failures, (1 - mean) * size + n_images - n_failures
    low, high = betaincinv(failing, right, [(1 - level) / 2, (1 + level) / 2])
    rate = float(failing / (failing + right))
    return Estimate(rate=rate, low=float(min(low, rate)), high=float(max(high, rate)))


def _log_marginal(k: Floats | np.float64, n: Floats | np.float64, base: float) -> Floats:
    first, second = _STRENGTH * base, _STRENGTH * (1 - base)
    return np.asarray(betaln(first + k, second + n - k) - betaln(first, second), dtype=np.float64)


def _posterior(k: Floats | np.float64, n: Floats | np.float64, base: float) -> tuple[Floats, Floats]:
    mean = np.asarray((k + _STRENGTH * base) / (n + _STRENGTH), dtype=np.float64)
    return mean, mean * (1 - mean) / (n + _STRENGTH + 1)


def _mix(weights: Floats, means: Floats, variances: Floats, *, n_region: int, level: float) -> Estimate:
    """Mean and interval of a mixture of Beta distributions."""
    kept = weights > _NEGLIGIBLE
    weights, means, variances = weights[kept] / weights[kept].sum(), means[kept], variances[kept]
    rate = float(weights @ means)
    total = variances + rate * (1 - rate) / n_region
    sizes = np.maximum(means * (1 - means) / total - 1, 1e-2)
    # models in the order of their means, drawn together where they are many and alike
    order = np.argsort(means)
    below = np.zeros_like(_GRID)
    for part in np.array_split(order, min(len(order), 32)):
        weight = weights[part].sum()
        mean, size = float(weights[part] @ means[part] / weight), float(weights[part] @ sizes[part] / weight)
        below += weight * betainc(mean * size, (1 - mean) * size, _GRID)
    low, high = np.interp([(1 - level) / 2, (1 + level) / 2], below, _GRID)
    return Estimate(rate=rate, low=float(min(low, rate)), high=float(max(high, rate)))
