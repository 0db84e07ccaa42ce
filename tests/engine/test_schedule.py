"""The schedule: everybody has work while there is any, what fails is done again, and nobody waits for a straggler."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barlow_report.engine.schedule import LEAST_PATIENCE, MOST_FAILURES, Schedule
from tests.engine.simulation import simulate


def test_units_are_given_once_and_in_order() -> None:
    schedule = Schedule(3)
    assert [schedule.take(0.0) for _ in range(4)] == [0, 1, 2, None]
    assert [schedule.finish(unit, 1.0) for unit in (2, 0, 1)] == [True, True, True]
    assert schedule.is_done


def test_what_has_failed_comes_before_what_nobody_has_begun() -> None:
    schedule = Schedule(3)
    assert schedule.take(0.0) == 0
    assert not schedule.fail(0)
    assert schedule.take(0.0) == 0
    assert schedule.n_failures(0) == 1


def test_a_unit_that_fails_three_times_is_given_up() -> None:
    schedule = Schedule(2)
    for _ in range(MOST_FAILURES - 1):
        assert schedule.take(0.0) == 0
        assert not schedule.fail(0)
    schedule.take(0.0)
    assert schedule.fail(0)


def test_a_lost_machine_is_no_failure_of_the_unit() -> None:
    schedule = Schedule(1)
    for _ in range(10):
        assert schedule.take(0.0) == 0
        assert not schedule.fail(0, is_to_blame=False)
    assert schedule.n_failures(0) == 0


def test_a_straggler_is_given_out_once_more_and_its_first_result_counts() -> None:
    schedule = Schedule(3)
    for unit in range(3):
        schedule.take(0.0)
        if unit < 2:
            schedule.finish(unit, 1.0)
    assert schedule.take(LEAST_PATIENCE) is None, "it is not late yet"
    assert schedule.take(LEAST_PATIENCE + 1) == 2
    assert schedule.take(LEAST_PATIENCE + 99) is None, "two are at it already"
    assert schedule.finish(2, LEAST_PATIENCE + 100)
    assert not schedule.finish(2, LEAST_PATIENCE + 101)
    assert schedule.is_done


def test_a_copy_that_fails_leaves_the_other_one_at_work() -> None:
    schedule = Schedule(2)
    schedule.take(0.0)
    schedule.take(0.0)
    schedule.finish(0, 1.0)
    assert schedule.take(60.0) == 1
    assert not schedule.fail(1)
    assert schedule.finish(1, 61.0)
    assert not schedule.fail(1)  # of a worker that nobody waits for any more
    assert schedule.is_done


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=60), st.integers(1, 9))
def test_uneven_units_make_nobody_wait_longer_than_for_one_unit(times: list[float], n_workers: int) -> None:
    even = sum(times) / n_workers
    assert simulate(times, n_workers=n_workers) <= even + max(times) + 1e-6


def test_a_machine_that_is_a_hundred_times_slower_holds_the_others_up_for_one_unit() -> None:
    times = [20.0] * 64
    assert simulate(times, n_workers=8) == pytest.approx(160)
    # seven workers do 64 units in ten rounds; the slow one's unit is done again when it is late
    assert simulate(times, n_workers=8, slowness={3: 100.0}) <= 200 + 2 * 20 + 1
