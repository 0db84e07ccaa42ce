"""Lenses that test on held-out images draw a split of their own where the rules hold nothing out."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from barlow_report.config import RulesConfig
from barlow_report.lenses.models.stage import _rate
from barlow_report.progress import SilentProgress
from barlow_report.rules import Explanation, explain_failures
from barlow_report.rules.groups import split_images
from barlow_report.stages.holding_out import images_to_test_with
from tests.rules.synthetic import draw

DATA = draw()
N = len(DATA.labels)


class _Run:
    """As much of a run folder as the lenses ask for, its rules fitted on all images."""

    def __init__(self, explanation: Explanation, **info: Any) -> None:
        self.explanation = explanation
        self.info = info

    def read_table(self, name: str) -> pd.DataFrame:
        if name == "images":
            return pd.DataFrame({"label": DATA.labels, "prediction": DATA.predictions})
        if name == "classes":
            return pd.DataFrame({"name": list("abcd")})
        table: pd.DataFrame = getattr(self.explanation, name)
        return table

    def features(self) -> np.ndarray:
        return DATA.features


@pytest.fixture(scope="module")
def run() -> Any:
    settings = RulesConfig(held_out_fraction=0, thresholds="natural")
    return _Run(explain_failures(DATA.features, DATA.labels, DATA.predictions, settings=settings))


def _config(rules: RulesConfig) -> Any:
    return SimpleNamespace(rules=rules, seed=0)


def test_a_lens_holds_out_what_the_rules_do_or_three_tenths_of_its_own(run: Any) -> None:
    assert not images_to_test_with(_config(RulesConfig(held_out_fraction=0)), run).any()
    own = images_to_test_with(_config(RulesConfig()), run)
    assert own.sum() == pytest.approx(0.3 * N, abs=1)
    np.testing.assert_array_equal(own, images_to_test_with(_config(RulesConfig()), run))


def test_where_a_threshold_was_chosen_the_split_depends_on_labels_alone(run: Any) -> None:
    chosen = _Run(run.explanation, outputs={"positive": {"maximises": "f1"}})
    given = _Run(run.explanation, outputs={"positive": {"maximises": None}})
    config: Any = _config(RulesConfig())
    found: Any = images_to_test_with(config, chosen)  # type: ignore[arg-type]
    expected = split_images(DATA.labels, np.zeros(N, dtype=bool), held_out_fraction=0.3, seed=0)
    np.testing.assert_array_equal(found, expected)
    usual = images_to_test_with(config, run)
    assert (found != usual).any()
    np.testing.assert_array_equal(images_to_test_with(config, given), usual)  # type: ignore[arg-type]


def test_models_are_compared_by_trees_that_the_tested_images_had_no_part_in(run: Any) -> None:
    other = np.where(np.arange(N) % 7 == 0, (DATA.labels + 2) % 4, DATA.predictions)
    models = np.column_stack([DATA.predictions, other])
    config, progress = _config(RulesConfig()), SilentProgress()
    modes, rates = _rate(config, run, DATA.labels, models, proposing=[0, 1], progress=progress)
    held_out = images_to_test_with(config, run)
    of_label = [i for i, mode in enumerate(modes) if mode.best.grouping == "label"]
    for mode_id in of_label:
        in_group = held_out & (DATA.labels == modes[mode_id].best.class_id)
        assert (rates.loc[rates["mode_id"] == mode_id, "n_group_images"] == in_group.sum()).all()

    own = run.explanation.conditions.set_index("rule_id")
    found = [mode.best for mode in modes if mode.best.model_id == 0]
    assert any(best.rule_id is not None for best in found)
    for best in found:
        if best.rule_id is not None:  # the same feature on the same side, at a threshold of another tree
            assert own.loc[best.rule_id, "feature_id"] == best.conditions[0].feature_id
            assert own.loc[best.rule_id, "branch"] == best.conditions[0].branch
    planted = rates[rates["mode_id"].isin([i for i in of_label if modes[i].best.conditions[0].feature_id == 7])]
    assert planted["holds"].any()
