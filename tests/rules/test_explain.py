"""explain_failures: the tables fit their schemas and each other, whatever the data."""

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from barlow_report.config import RulesConfig
from barlow_report.errors import DataError
from barlow_report.rules import Explanation, Grouping, explain_failures, leaf_members, list_groups, metrics
from barlow_report.rules.evidence import adjust_p_values, exact_test
from barlow_report.tables import check_table
from tests.rules.synthetic import Data, draw

DATA = draw()


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    return explain_failures(
        DATA.features, DATA.labels, DATA.predictions, settings=RulesConfig(evidence="held_out", max_depth=2), seed=3
    )


def explain(data: Data, *, extra: tuple[Grouping, ...] = (), **settings: object) -> Explanation:
    return explain_failures(
        data.features,
        data.labels,
        data.predictions,
        settings=RulesConfig.model_validate({"evidence": "held_out", **settings}),
        groupings=extra,
    )


def assert_same(first: Explanation, second: Explanation) -> None:
    assert list(first.tables) == list(second.tables)
    for name, table in first.tables.items():
        pd.testing.assert_frame_equal(table, second.tables[name])


def assert_valid(explanation: Explanation) -> None:
    for name, table in explanation.tables.items():
        check_table(name, table, where="test")


def test_every_table_fits_its_schema(explanation: Explanation) -> None:
    assert_valid(explanation)


def test_the_planted_feature_is_found_and_verified_in_every_group() -> None:
    explanation = explain(DATA)
    modes = explanation.rules[explanation.rules["verdict"] == "verified"]
    assert set(modes["group_id"]) == set(range(8))
    first = explanation.conditions[explanation.conditions["position"] == 0]
    assert set(first[first["rule_id"].isin(modes["rule_id"])]["feature_id"]) == {7}


def test_rules_are_numbered_by_group_then_failure_modes_first_then_importance(explanation: Explanation) -> None:
    rules = explanation.rules
    assert rules["rule_id"].tolist() == list(range(len(rules)))
    assert rules["group_id"].is_monotonic_increasing
    for _, group in rules.groupby("group_id"):
        assert group["rank"].tolist() == list(range(1, len(group) + 1))
        keys = list(zip(~group["is_failure_mode"], -group["importance_value"], group["node_id"], strict=True))
        assert keys == sorted(keys)


def test_counts_of_leaves_and_groups_are_those_of_the_images(explanation: Explanation) -> None:
    failure = DATA.predictions != DATA.labels
    held_out = (explanation.splits["split"] == "held_out").to_numpy()
    classes = {"label": DATA.labels, "prediction": DATA.predictions}
    groups = explanation.groups.set_index("group_id")
    for rule in explanation.rules.itertuples():
        group = groups.loc[rule.group_id]
        conditions = explanation.conditions[explanation.conditions["rule_id"] == rule.rule_id]
        members = leaf_members(DATA.features, conditions) & (classes[group["grouping"]] == group["class_id"])
        assert rule.n_images == (members & ~held_out).sum()
        assert rule.n_failures == (members & ~held_out & failure).sum()
        assert rule.n_images_held_out == (members & held_out).sum()
        assert rule.n_failures_held_out == (members & held_out & failure).sum()
    for group_id, rules in explanation.rules.groupby("group_id"):
        group = groups.loc[group_id]
        for count in ("n_images", "n_failures", "n_images_held_out", "n_failures_held_out"):
            assert rules[count].sum() == group[count]
        assert rules["error_coverage"].sum() == pytest.approx(1)
        assert rules["importance_value"].sum() == pytest.approx(group["average_leaf_error_rate"])
        assert rules["importance_value_held_out"].sum() == pytest.approx(group["average_leaf_error_rate_held_out"])
        assert group["average_leaf_error_rate"] >= group["base_error_rate"]


def test_evidence_is_that_of_the_held_out_counts(explanation: Explanation) -> None:
    rules = explanation.rules
    groups = explanation.groups.set_index("group_id").loc[rules["group_id"]]
    p_values = exact_test(
        rules["n_images_held_out"],
        rules["n_failures_held_out"],
        n_group_images=groups["n_images_held_out"],
        n_group_failures=groups["n_failures_held_out"],
    )
    np.testing.assert_array_equal(rules["p_value"], p_values)
    tested = np.where(rules["is_failure_mode"], p_values, np.nan)
    for grouping in ("label", "prediction"):
        family = (groups["grouping"] == grouping).to_numpy()
        np.testing.assert_array_equal(rules["q_value"][family], adjust_p_values(tested[family]))
    np.testing.assert_array_equal(rules["verdict"].isna(), ~rules["is_failure_mode"])
    modes = metrics.is_failure_mode(
        rules["error_rate"], rules["error_coverage"], base_rate=rules["base_error_rate"], rho=0.1, tau=0.2
    )
    np.testing.assert_array_equal(rules["is_failure_mode"], modes)


def test_nodes_are_consistent_with_rules_and_selection(explanation: Explanation) -> None:
    for group_id, nodes in explanation.nodes.groupby("group_id"):
        leaves = nodes[nodes["feature_id"].isna()]
        rules = explanation.rules[explanation.rules["group_id"] == group_id]
        assert set(leaves["node_id"]) == set(rules["node_id"])
        selection = explanation.selection[explanation.selection["group_id"] == group_id]
        assert set(nodes["feature_id"].dropna()) <= set(selection["feature_id"])
        assert selection["rank"].tolist() == list(range(1, len(selection) + 1))
        assert selection["mutual_information"].is_monotonic_decreasing


def test_results_do_not_depend_on_the_number_of_workers() -> None:
    one, three = (explain(DATA, max_depth=3, n_permutations=3, n_workers=n) for n in (1, 3))
    assert_same(one, three)


def test_memory_mapped_half_precision_features_give_what_they_give_in_memory(tmp_path: Path) -> None:
    data = draw(dtype=np.float16)
    np.save(tmp_path / "features.npy", data.features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    assert_same(explain(data), explain(Data(features=mapped, labels=data.labels, predictions=data.predictions)))


def test_in_sample_mode_has_no_held_out_values_and_says_so_in_every_verdict() -> None:
    explanation = explain(DATA, held_out_fraction=0.0)
    assert_valid(explanation)
    assert set(explanation.splits["split"]) == {"fit"}
    assert set(explanation.rules["verdict"][explanation.rules["is_failure_mode"]]) == {"in_sample_only"}
    for table in (explanation.rules, explanation.groups):
        without_value = [c for c in table.columns if "_held_out" in c and not c.startswith("n_")]
        assert table[without_value].isna().all().all()
        assert (table["n_images_held_out"] == 0).all()
    assert explanation.rules[["p_value", "q_value"]].isna().all().all()


def statuses(labels: list[int], predictions: list[int], features: npt.NDArray[np.float32]) -> list[str]:
    data = Data(features=features, labels=np.array(labels), predictions=np.array(predictions))
    explanation = explain(data, groupings=("label",), held_out_fraction=0.0, min_failures=1)
    assert_valid(explanation)
    return list(explanation.groups["status"])


def test_a_group_without_a_tree_says_why() -> None:
    features = np.ones((100, 3), dtype=np.float32)
    features[:50, 0] = np.arange(50)
    labels = [0] * 25 + [1] * 25 + [2] * 25 + [3] * 24 + [4]
    predictions = [0] * 25 + [2] * 25 + [2] * 20 + [0] * 5 + [0] * 12 + [3] * 12 + [4]
    assert statuses(labels, predictions, features) == [
        "no_failures",
        "only_failures",
        "no_split",
        "no_split",
        "too_few_images",
    ]


def test_one_class_without_failures_gives_empty_tables() -> None:
    assert statuses([0] * 40, [0] * 40, np.ones((40, 2), dtype=np.float32)) == ["no_failures"]


def test_one_image_is_enough_for_an_answer() -> None:
    assert statuses([0], [1], np.ones((1, 2), dtype=np.float32)) == ["too_few_images", "too_few_images"]


def test_two_failures_and_a_dead_feature_are_enough_for_a_tree() -> None:
    features = np.zeros((30, 2), dtype=np.float32)
    features[:, 1] = np.arange(30)
    assert statuses([0] * 30, [0] * 28 + [1] * 2, features) == ["fitted", "too_few_images"]


@pytest.mark.parametrize("evidence", ["shuffles", "held_out"])
def test_groups_of_one_failure_and_one_success_are_no_error(evidence: Literal["shuffles", "held_out"]) -> None:
    settings = RulesConfig(min_images=2, min_failures=1, n_shuffles=99, evidence=evidence)
    explanation = explain_failures(np.eye(4), [0, 0, 1, 1], [0, 1, 1, 0], settings=settings)
    assert len(explanation.groups) == 4


def test_a_single_failure_is_enough_for_a_tree() -> None:
    features = np.arange(60, dtype=np.float32).reshape(30, 2)
    assert statuses([0] * 30, [0] * 29 + [1], features)[0] == "fitted"


def test_the_noise_floor_is_below_the_gain_of_a_planted_cause_and_near_that_of_noise() -> None:
    planted = explain(DATA, n_permutations=20).groups
    assert (planted["noise_floor"] < planted["average_leaf_error_rate"] - planted["base_error_rate"]).all()
    assert (planted["noise_floor"] > 0).all()
    assert explain(DATA).groups["noise_floor"].isna().all()
    by_shuffles = explain(DATA, n_permutations=2, evidence="shuffles", n_shuffles=99, n_resamples=0).groups
    assert by_shuffles["noise_floor"].isna().all()


def test_only_groups_with_a_candidate_get_a_noise_floor() -> None:
    explanation = explain(DATA, n_permutations=2, rho=1.0)
    assert not explanation.rules["is_failure_mode"].any()
    assert explanation.groups["noise_floor"].isna().all()


def test_any_set_of_images_passes_through_the_same_code() -> None:
    everything = Grouping(name="all", names=("everything",), class_ids=(None,), image_ids=(np.arange(900),))
    explanation = explain(DATA, extra=(everything,))
    assert_valid(explanation)
    last = explanation.groups.iloc[-1]
    assert (last["group_id"], last["grouping"], last["name"]) == (8, "all", "everything")
    assert pd.isna(last["class_id"])
    assert last["n_images"] + last["n_images_held_out"] == 900
    assert last["status"] == "fitted"


def test_leaf_members_of_some_images_are_those_of_all_at_their_places(explanation: Explanation) -> None:
    conditions = explanation.conditions[explanation.conditions["rule_id"] == 0]
    image_ids = np.array([5, 0, 77])
    everywhere = leaf_members(DATA.features, conditions)
    np.testing.assert_array_equal(leaf_members(DATA.features, conditions, image_ids=image_ids), everywhere[image_ids])


def test_progress_is_told_once_for_each_group() -> None:
    calls: list[int] = []
    explain_failures(DATA.features, DATA.labels, DATA.predictions, advance=calls.append)
    assert calls == [1] * 8


@pytest.mark.parametrize("exponent", [-30, -9, -6, 30])
@pytest.mark.parametrize(
    "settings", [RulesConfig(), RulesConfig(evidence="held_out"), RulesConfig(held_out_fraction=0)]
)
def test_failure_modes_do_not_depend_on_the_scale_of_features(exponent: int, settings: RulesConfig) -> None:
    data = draw()
    usual = explain_failures(data.features, data.labels, data.predictions, settings=settings)
    scaled = (data.features.astype(np.float64) * 10.0**exponent).astype(np.float32)
    found = explain_failures(scaled, data.labels, data.predictions, settings=settings)
    assert usual.rules["is_failure_mode"].any()
    numbers = ["group_id", "n_images", "n_failures", "n_images_held_out", "n_failures_held_out", "verdict"]
    pd.testing.assert_frame_equal(found.rules[numbers], usual.rules[numbers])
    assert found.conditions["feature_id"].tolist() == usual.conditions["feature_id"].tolist()
    np.testing.assert_allclose(found.conditions["threshold"], usual.conditions["threshold"] * 10.0**exponent, rtol=1e-6)
    rule = int(found.rules["rule_id"].iloc[0])
    members = leaf_members(scaled, found.conditions[found.conditions["rule_id"] == rule])
    expected = leaf_members(data.features, usual.conditions[usual.conditions["rule_id"] == rule])
    assert members.tolist() == expected.tolist()


def test_class_names_name_the_groups_and_may_hold_classes_that_never_occur() -> None:
    names = ["a", "b", "<b>|*", "d", "never"]
    explanation = explain_failures(DATA.features, DATA.labels, DATA.predictions, class_names=names)
    assert explanation.groups["name"].tolist() == names * 2
    assert explanation.groups["status"].tolist()[4] == "too_few_images"
    assert np.isnan(explanation.groups["base_error_rate"].iloc[4])


def test_ids_of_classes_may_be_any_whole_numbers() -> None:
    ids = np.array([3, 7, 10**9, 2**62])
    sparse = Data(features=DATA.features, labels=ids[DATA.labels], predictions=ids[DATA.predictions])
    plain, found = (explain(data, confused_pairs=2, min_images=20) for data in (DATA, sparse))
    assert found.groups["class_id"].dropna().tolist() == ids.tolist() * 2
    assert found.groups["name"].tolist()[:4] == [str(i) for i in ids]
    assert found.group_classes["class_id"].tolist() == ids[plain.group_classes["class_id"]].tolist()
    for table in ("splits", "memberships", "rules", "conditions"):
        pd.testing.assert_frame_equal(getattr(found, table), getattr(plain, table))


def test_numbers_that_single_precision_can_tell_apart_are_explained_as_they_are() -> None:
    far = DATA.features.astype(np.float64) + 1e5
    found = explain_failures(far, DATA.labels, DATA.predictions)
    assert set(found.conditions["feature_id"]) >= {7}
    assert found.rules["verdict"].eq("verified").any()


BAD = DATA.features.copy()
BAD[800, 2], BAD[412, 9], BAD[412, 11] = np.nan, np.inf, np.nan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": BAD}, "feature 9 of image 412 is inf"),
        ({"features": np.full((900, 2), 1e300)}, "feature 0 of image 0 is 1e[+]300"),
        ({"features": DATA.features.astype(np.float64) + 1e9}, "feature 0 has values around 1e[+]09 that differ"),
        ({"features": np.arange(1800).reshape(900, 2) % 7 + 2**30}, "feature 0 has values around 1.07374e[+]09"),
        ({"features": np.ones(900)}, r"shape \(900,\)"),
        ({"features": np.ones((0, 4))}, "at least one of each"),
        ({"features": np.full((900, 2), "x")}, "expected real numbers"),
        ({"labels": np.zeros(899, int)}, r"labels: found shape \(899,\)"),
        ({"predictions": np.zeros(900)}, "predictions: found type float64"),
        ({"labels": np.full(900, -1)}, "labels: image 0 has class -1"),
        ({"class_names": ["a", "b"]}, "expected 0 to 1"),
    ],
)
def test_input_that_does_not_fit_is_named(changes: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {
        "features": DATA.features,
        "labels": DATA.labels,
        "predictions": DATA.predictions,
        **changes,
    }
    with pytest.raises(DataError, match=message):
        explain_failures(**arguments)  # type: ignore[arg-type]


def test_without_features_there_are_the_same_groups_and_no_rules() -> None:
    random = np.random.default_rng(3)
    labels, predictions = random.integers(0, 4, 200), random.integers(0, 4, 200)
    names = ("a", "b", "c", "d")
    settings = RulesConfig(unions={"both": ["a", "b"]}, confused_pairs=2)
    listed = list_groups(labels, predictions, class_names=names, settings=settings)
    found = explain_failures(random.normal(size=(200, 2)), labels, predictions, class_names=names, settings=settings)
    counted = ["group_id", "grouping", "name", "n_images", "n_failures"]
    pd.testing.assert_frame_equal(listed.groups[counted], found.groups[counted])
    assert set(listed.groups["status"]) == {"no_features"}
    assert listed.rules.empty
    assert listed.nodes.empty
