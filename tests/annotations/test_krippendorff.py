"""Alpha, against the values that are published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barlow_report.annotations.krippendorff import Level, alpha

# Three coders, 15 units: https://en.wikipedia.org/wiki/Krippendorff%27s_alpha, "A computational example"
THREE_CODERS: list[list[int | None]] = [
    [None, None, None, None, None, 3, 4, 1, 2, 1, 1, 3, 3, None, 3],
    [1, None, 2, 1, 3, 3, 4, 3, None, None, None, None, None, None, None],
    [None, None, 2, 1, 3, 4, 4, None, 2, 1, 1, 3, 3, None, 4],
]
# Four observers, 12 units: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), parts C and D
FOUR_OBSERVERS: list[list[int | None]] = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def _units(raters: list[list[int | None]]) -> list[list[float]]:
    return [[float(v) for v in unit if v is not None] for unit in zip(*raters, strict=True)]


@pytest.mark.parametrize(
    ("raters", "level", "published"),
    [
        (THREE_CODERS, "nominal", 0.691),
        (THREE_CODERS, "interval", 0.811),
        (FOUR_OBSERVERS, "nominal", 0.743),
        (FOUR_OBSERVERS, "ordinal", 0.815),
        (FOUR_OBSERVERS, "interval", 0.849),
    ],
)
def test_alpha_is_the_published_one(raters: list[list[int | None]], level: Level, published: float) -> None:
    assert alpha(_units(raters), level=level) == pytest.approx(published, abs=0.0006)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_perfect_agreement_is_one_and_two_values_make_all_levels_equal(level: Level) -> None:
    assert alpha([[1, 1], [2, 2], [3, 3, 3]], level=level) == pytest.approx(1.0)
    binary = [[0.0, 1.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0, 0.0]]
    assert alpha(binary, level=level) == pytest.approx(alpha(binary, level="nominal"))


@pytest.mark.parametrize("units", [[], [[1.0]], [[1.0], [2.0]], [[3.0, 3.0], [3.0, 3.0]]])
def test_below_two_raters_or_without_any_difference_it_is_not_computable(units: list[list[float]]) -> None:
    assert alpha(units, level="ordinal") is None


def test_random_answers_are_near_zero() -> None:
    units = np.random.default_rng(0).integers(1, 6, size=(2000, 4)).astype(float).tolist()
    levels: tuple[Level, ...] = ("nominal", "ordinal", "interval")
    for level in levels:
        assert alpha(units, level=level) == pytest.approx(0, abs=0.03)


@given(st.lists(st.lists(st.integers(1, 5).map(float), min_size=0, max_size=5), max_size=12))
def test_alpha_is_at_most_one_and_does_not_depend_on_the_order(units: list[list[float]]) -> None:
    found = alpha(units, level="ordinal")
    assert found is None or found <= 1 + 1e-9
    other = alpha([list(reversed(unit)) for unit in reversed(units)], level="ordinal")
    assert (found is None) == (other is None)
    assert found is None or found == pytest.approx(other)
