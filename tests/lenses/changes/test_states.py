"""q-values over families of comparisons: failure modes, classes, all images."""

import itertools

import numpy as np
import pytest

from barlow_report.lenses.changes.states import Compared, q_values_of_families
from barlow_report.significance import adjust_p_values


def _q_values(*families: list[float]) -> list[list[float]]:
    return q_values_of_families([[Compared(p_value=p) for p in family] for family in families])


def test_where_one_family_has_a_change_its_q_values_are_those_of_as_many_families() -> None:
    modes, classes, whole = _q_values([0.01, 0.5], [1.0, 1.0, 1.0], [1.0])
    assert modes == pytest.approx([3 * 0.02, 1.0])
    assert (classes, whole) == ([1.0, 1.0, 1.0], [1.0])


def test_where_all_families_have_changes_nothing_is_added() -> None:
    modes, classes, whole = _q_values([0.01, 0.02], [0.001], [0.02])
    assert modes == pytest.approx([0.02, 0.02])
    assert classes == pytest.approx([0.003])  # at its own level no other family has one
    assert whole == pytest.approx([0.02])


def test_what_was_not_tested_is_no_test_and_a_family_without_any_does_not_count() -> None:
    modes, classes, whole = _q_values([np.nan], [0.01, np.nan], [])
    assert np.isnan(modes).all()
    assert classes[0] == pytest.approx(0.01)
    assert np.isnan(classes[1])
    assert whole == []


@pytest.mark.parametrize("seed", range(20))
def test_a_test_passes_at_its_q_value_as_the_procedure_has_it(seed: int) -> None:
    """Benjamini and Bogomolov: choose families by Benjamini-Hochberg, then test each at the share of those chosen."""
    random = np.random.default_rng(seed)
    families = [list(random.random(size) ** 3) for size in (5, 3, 1)]
    found = _q_values(*families)
    for level in np.linspace(0.01, 0.99, 60):
        within = [adjust_p_values(family) for family in families]
        chosen = adjust_p_values([q.min() for q in within]) <= level
        passes = [
            (q <= level * chosen.sum() / 3).tolist() if is_chosen else [False] * len(q)
            for q, is_chosen in zip(within, chosen, strict=True)
        ]
        assert passes == [[q <= level for q in family] for family in found]


def test_without_any_change_the_families_together_report_one_in_at_most_one_in_twenty() -> None:
    random = np.random.default_rng(0)
    families = [random.random((4000, size)) for size in (12, 8, 1)]
    draws = zip(*families, strict=True)
    reported = [min(itertools.chain(*_q_values(*map(list, draw)))) <= 0.05 for draw in draws]
    assert np.mean(reported) == pytest.approx(0.05, abs=0.01)
