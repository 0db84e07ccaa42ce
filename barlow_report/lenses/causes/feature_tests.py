"""Is a feature more than one of the controls' kind? A t-test of one value against K others, for all effects of a run.

Features differ in what they do to a model, so a feature that was picked at random lies above the mean of its controls
half of the time; how far above is common, the spread of the controls says. Eight controls tell their spread badly, and
a t-test must allow for that. But the spreads of a run's effects resemble each other, so each is moderated by all of
them: the variances are taken as draws from a scaled inverse chi-square distribution, whose two parameters are fitted to
their logarithms, and the posterior mean of each variance takes its place, with the degrees of freedom that this adds
(Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
Statistical Applications in Genetics and Molecular Biology 3, 2004).

Fitted to a few effects alone, the second parameter can be far too large by chance. So it counts for at most half a
degree of freedom for each other effect of the run: then the test keeps its level whatever the spreads are like, for one
effect it is the usual t-test, and tests/lenses/causes/test_feature_tests.py simulates it. On CIFAR-10 a control feature
in place of the moved one has a p-value of at most 0.05 in 5 % of cases (tests/benchmarks/README.md).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["feature_tests"]

SHARE = 0.5
"""Degrees of freedom that each other effect may add, at most."""

Floats = npt.NDArray[np.float64]


def feature_tests(values: Floats, controls: Sequence[Floats], *, n_images: Floats) -> Floats:
    """One-sided p-values that features are of their controls' kind, (n_effects,).

    Args:
        values: What the feature does, (n_effects,): the share of the images that fail after the move; minus that share
            where it is to repair.
        controls: The same of each control, at least two, of each effect.
        n_images: Images that were changed, (n_effects,). Controls that all do the same still differ by the images'
            chance: their variance is at least that of one image more or less.
    """
    from scipy.stats import t

    if not len(values):
        return np.zeros(0)
    counts = np.array([float(len(each)) for each in controls])
    means = np.array([each.mean() for each in controls])
    variances = np.array([each.var(ddof=1) for each in controls])
    moderated, degrees = _moderate(np.maximum(variances, 1 / (12.0 * n_images**2)), counts - 1)
    return np.asarray(t.sf((values - means) / np.sqrt(moderated * (1 + 1 / counts)), df=degrees), dtype=np.float64)


def _moderate(variances: Floats, degrees: Floats) -> tuple[Floats, Floats]:
    """Posterior means of variances, all above 0, and their degrees of freedom; both (n_effects,)."""
    prior, added = _prior(variances, degrees)
    added = min(added, SHARE * (len(variances) - 1))
    return (degrees * variances + added * prior) / (degrees + added), degrees + added


def _prior(variances: Floats, degrees: Floats) -> tuple[float, float]:
    """The scale and the degrees of freedom of the distribution of the true variances; infinite where they are equal."""
    from scipy.special import digamma, polygamma

    logs = np.log(variances) - digamma(degrees / 2) + np.log(degrees / 2)
    if len(logs) < 2:
        return float(np.exp(logs.mean())), 0.0
    spread = float(logs.var(ddof=1) - polygamma(1, degrees / 2).mean())
    if spread <= 0:
        return float(np.exp(logs.mean())), np.inf
    half = _inverse_trigamma(spread)
    return float(np.exp(logs.mean() + digamma(half) - np.log(half))), 2 * half


def _inverse_trigamma(value: float) -> float:
    """The number whose trigamma function has a value above 0, by Newton's method on its reciprocal, which converges."""
    from scipy.special import polygamma

    found = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, found))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, found))
        found += step
        if abs(step) < 1e-9 * found:
            break
    return found
