"""Groups are names and memberships; the split is stratified, seeded and shared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barlow_report.errors import DataError
from barlow_report.rules.groups import Grouping, group_by_class, number_groups, split_images

LABELS = np.array([2, 0, 2, 0, 0])


def test_a_group_for_every_class_with_its_images_in_order_and_empty_ones_too() -> None:
    grouping = group_by_class("label", LABELS, class_names=["cat", "dog", "owl"])
    assert grouping.names == ("cat", "dog", "owl")
    assert grouping.class_ids == (0, 1, 2)
    assert [ids.tolist() for ids in grouping.image_ids] == [[1, 3, 4], [], [0, 2]]


def test_group_ids_follow_the_order_of_groupings_then_of_classes() -> None:
    first = group_by_class("label", LABELS, class_names=["a", "b", "c"])
    second = group_by_class("prediction", 2 - LABELS, class_names=["a", "b", "c"])
    groups = number_groups([first, second], n_images=5)
    assert [group.group_id for group in groups] == list(range(6))
    assert [(group.grouping, group.class_id) for group in groups[2:4]] == [("label", 2), ("prediction", 0)]


def test_any_other_set_of_images_is_a_group_without_a_class() -> None:
    night = Grouping(name="night", names=("at night",), class_ids=(None,), image_ids=(np.array([4, 1]),))
    (group,) = number_groups([night], n_images=5)
    assert (group.class_id, group.name, group.image_ids.tolist()) == (None, "at night", [1, 4])


@pytest.mark.parametrize(
    ("grouping", "message"),
    [
        (Grouping(name="x", names=("a",), class_ids=(), image_ids=(LABELS,)), "as many of each"),
        (Grouping(name="x", names=("a",), class_ids=(None,), image_ids=(np.array([1, 1]),)), "distinct"),
        (Grouping(name="x", names=("a",), class_ids=(None,), image_ids=(np.array([5]),)), "from 0 to 4"),
        (Grouping(name="x", names=("a",), class_ids=(None,), image_ids=(np.array([-1]),)), "from 0 to 4"),
    ],
)
def test_groupings_that_do_not_fit_the_images_are_refused(grouping: Grouping, message: str) -> None:
    with pytest.raises(DataError, match=message):
        number_groups([grouping], n_images=5)


def test_two_groupings_with_one_name_are_refused() -> None:
    grouping = group_by_class("label", LABELS, class_names=["a", "b", "c"])
    with pytest.raises(DataError, match="each name once"):
        number_groups([grouping, grouping], n_images=5)


@given(
    st.integers(1, 300),
    st.integers(1, 6),
    st.floats(0, 0.9, allow_subnormal=False),
    st.integers(0, 2**32 - 1),
)
def test_every_stratum_class_and_the_whole_are_within_one_image_of_the_fraction(
    n_images: int, n_classes: int, fraction: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, n_classes, n_images)
    failure = random.random(n_images) < 0.3
    held_out = split_images(labels, failure, held_out_fraction=fraction, seed=seed)
    for class_id in range(n_classes):
        for members in (labels == class_id, (labels == class_id) & failure, (labels == class_id) & ~failure):
            assert abs(held_out[members].sum() - fraction * members.sum()) < 1 + 1e-9
    assert abs(held_out.sum() - fraction * n_images) < 1 + 1e-9


def test_the_split_is_a_function_of_data_and_seed_and_changes_with_the_seed() -> None:
    labels, failure = np.arange(400) % 4, np.arange(400) % 5 == 0
    first = split_images(labels, failure, held_out_fraction=0.3, seed=1)
    np.testing.assert_array_equal(first, split_images(labels, failure, held_out_fraction=0.3, seed=1))
    assert (first != split_images(labels, failure, held_out_fraction=0.3, seed=2)).any()


def test_nothing_is_held_out_with_a_fraction_of_zero() -> None:
    assert not split_images(np.arange(9) % 3, np.arange(9) > 4, held_out_fraction=0.0, seed=0).any()


def test_strata_of_one_image_are_held_out_as_often_as_the_fraction_says() -> None:
    labels, failure = np.arange(2000), np.zeros(2000, dtype=np.bool_)
    shares = [split_images(labels, failure, held_out_fraction=0.3, seed=seed).mean() for seed in range(5)]
    np.testing.assert_allclose(shares, 0.3, atol=1 / 2000)
    once = np.mean([split_images(labels[:1], failure[:1], held_out_fraction=0.3, seed=seed) for seed in range(1000)])
    assert once == pytest.approx(0.3, abs=0.05)
