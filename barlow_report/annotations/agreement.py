"""How much alike the descriptions of one feature are, and how much alike descriptions are anyway.

Agreement is the mean cosine of pairs of descriptions of the same item by different people, averaged over
items. Any two descriptions are somewhat alike, so it stands beside a shuffled baseline: pairs by different
people of different features. Both get a bootstrap interval over items, and so does their difference.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Agreement", "Estimate", "Texts", "agreement", "item_agreement", "shuffled_quantile"]

_MAX_TEXTS = 2500  # beyond it, a seeded sample of items: the matrix of all pairs would not fit
_N_BOOTSTRAP = 1000
_N_SHUFFLED = 2000


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Descriptions of one kind (short or long).

    Attributes:
        vectors: (n, d), of length 1 or 0.
        items: For each text its item, a (group, feature) pair.
        features: For each text its feature; one feature can be in several items.
        people: For each text who wrote it.
    """

    vectors: np.ndarray
    items: Sequence[Hashable]
    features: Sequence[Hashable]
    people: Sequence[Hashable]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its 95 % bootstrap interval; None where there is nothing to compute it from."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement within items, the shuffled baseline, and the difference; `n_items` have at least two texts."""

    within: Estimate
    baseline: Estimate
    above_baseline: Estimate
    n_items: int


_NOTHING = Estimate(value=None, low=None, high=None)


def item_agreement(vectors: np.ndarray) -> float | None:
    """Return the mean cosine of all pairs of rows (n, d); None below two rows."""
    n = len(vectors)
    if n < 2:
        return None
    total = vectors.sum(axis=0)
    return float((total @ total - (vectors * vectors).sum()) / (n * (n - 1)))


def agreement(texts: Texts, *, seed: int) -> Agreement:
    """Measure agreement and its baseline with intervals; deterministic given the seed."""
    rng = np.random.default_rng([seed, 17])
    items, members = _members(texts, rng)
    within = np.array([_none_as_nan(item_agreement(texts.vectors[m])) for m in members])
    has_pairs = ~np.isnan(within)
    n_items = int(has_pairs.sum())
    if not n_items:
        return Agreement(within=_NOTHING, baseline=_NOTHING, above_baseline=_NOTHING, n_items=0)
    weights = rng.multinomial(len(items), np.full(len(items), 1 / len(items)), size=_N_BOOTSTRAP).astype(float)
    weights = np.concatenate([np.ones((1, len(items))), weights])
    values = _ratio(weights @ np.where(has_pairs, within, 0.0), weights @ has_pairs)
    similarity, pairs = _between(texts, members)
    shuffled = _ratio(
        np.einsum("bi,bi->b", weights @ similarity, weights), np.einsum("bi,bi->b", weights @ pairs, weights)
    )
    return Agreement(
        within=_estimate(values),
        baseline=_estimate(shuffled),
        above_baseline=_estimate(values - shuffled),
        n_items=n_items,
    )


def _members(texts: Texts, rng: np.random.Generator) -> tuple[list[Hashable], list[np.ndarray]]:
    """Return the items and the rows of each; a sample of items where there are too many texts."""
    rows: dict[Hashable, list[int]] = {}
    for row, item in enumerate(texts.items):
        rows.setdefault(item, []).append(row)
    chosen = list(rows)
    if len(texts.items) > _MAX_TEXTS:
        share = _MAX_TEXTS / len(texts.items)
        kept = np.sort(rng.choice(len(chosen), size=max(int(len(chosen) * share), 1), replace=False))
        chosen = [chosen[i] for i in kept]
    return chosen, [np.array(rows[item]) for item in chosen]


def _between(texts: Texts, members: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of cosines and numbers of pairs between items, (I, I): other feature and other person only."""
    rows = np.concatenate(members)
    item_of_row = np.repeat(np.arange(len(members)), [len(m) for m in members])
    allowed = _codes(texts.features, rows)[:, None] != _codes(texts.features, rows)[None, :]
    allowed &= _codes(texts.people, rows)[:, None] != _codes(texts.people, rows)[None, :]
    vectors = texts.vectors[rows]
    cosines = np.where(allowed, vectors @ vectors.T, 0.0)
    starts = np.searchsorted(item_of_row, np.arange(len(members)))
    sums = np.add.reduceat(np.add.reduceat(cosines, starts, axis=0), starts, axis=1)
    pairs = np.add.reduceat(np.add.reduceat(allowed.astype(float), starts, axis=0), starts, axis=1)
    return sums, pairs


def _codes(values: Sequence[Hashable], rows: np.ndarray) -> np.ndarray:
    index: dict[Hashable, int] = {}
    return np.array([index.setdefault(values[row], len(index)) for row in rows])


def shuffled_quantile(texts: Texts, *, n_people: int, seed: int, quantile: float = 0.95) -> float | None:
    """Return what the agreement of `n_people` descriptions of different features exceeds in 1 of 20 draws.

    Returns:
        The quantile; None where fewer than 20 draws of texts of different features and people can be made.
    """
    n = len(texts.items)
    if n_people < 2 or n < n_people:
        return None
    rng = np.random.default_rng([seed, 23, n_people])
    draws = rng.integers(0, n, size=(_N_SHUFFLED, n_people))
    everything = np.arange(n)
    is_distinct = np.ones(_N_SHUFFLED, dtype=bool)
    for codes in (_codes(texts.features, everything), _codes(texts.people, everything)):
        drawn = np.sort(codes[draws], axis=1)
        is_distinct &= (np.diff(drawn, axis=1) > 0).all(axis=1)
    draws = draws[is_distinct]
    if len(draws) < 20:
        return None
    means = [_none_as_nan(item_agreement(texts.vectors[rows])) for rows in draws]
    return float(np.quantile(means, quantile))


def _none_as_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    quotient = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _estimate(values: np.ndarray) -> Estimate:
    """The first value is that of the data, the others are those of the bootstrap samples."""
    if np.isnan(values[0]):
        return _NOTHING
    samples = values[1:][~np.isnan(values[1:])]
    if len(samples) < _N_BOOTSTRAP // 2:
        return Estimate(value=float(values[0]), low=None, high=None)
    low, high = np.quantile(samples, [0.025, 0.975])
    return Estimate(value=float(values[0]), low=float(low), high=float(high))
