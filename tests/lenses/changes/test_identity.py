"""Failure modes keep their names from run to run."""

import re

import pytest

from barlow_report.lenses.changes.identity import Identity, name_modes
from tests.report.synthetic import PAYLOADS

_MODE = Identity(
    grouping="label", group_name="dog", classes=("dog",), feature_model="cd" * 32, conditions=((22, "le"),)
)


def _but(**other: object) -> Identity:
    return Identity(**{**vars(_MODE), **other})


def test_a_name_says_group_and_features_and_is_the_same_every_time() -> None:
    (name,) = name_modes([_MODE])
    assert re.fullmatch(r"dog-without-f22-[a-z2-7]{4}", name)
    assert name_modes([_but()]) == [name]


@pytest.mark.parametrize(
    "other",
    [
        {"grouping": "prediction"},
        {"feature_model": None},
        {"conditions": ((22, "gt"),)},
        {"conditions": ((7, "le"), (22, "le"))},
        {"group_name": "Dog!"},
    ],
)
def test_what_makes_another_mode_gives_another_name(other: dict[str, object]) -> None:
    assert name_modes([_MODE])[0] != name_modes([_but(**other)])[0]


def test_names_are_unique_and_do_not_take_those_of_others() -> None:
    once, again = name_modes([_MODE, _MODE])
    assert again == f"{once}-2"
    assert name_modes([_MODE], taken=frozenset({once})) == [again]


def test_any_class_name_gives_a_name_that_is_safe_in_a_path_and_a_policy() -> None:
    modes = [_but(group_name=payload, classes=(payload,)) for payload in (*PAYLOADS, "猫", "", "con")]
    names = name_modes(modes)
    assert len(set(names)) == len(modes)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,79}", name) for name in names)
