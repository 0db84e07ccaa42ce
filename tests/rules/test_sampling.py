"""Large groups: what is drawn, what the sample decides, and that everything else is counted on all images."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, hypergeom

from barlow_report.config import RulesConfig
from barlow_report.errors import DataError
from barlow_report.rules import controls, counting, explain_failures, group_work, leaf_members
from barlow_report.rules.controls import ControlFinder
from barlow_report.rules.estimates import Estimate, with_further_images
from barlow_report.rules.explain import Explanation
from barlow_report.rules.groups import Group
from barlow_report.rules.inputs import check_inputs, read_rows
from barlow_report.rules.joint import fit_joint
from barlow_report.rules.ridge import fit_ridge
from barlow_report.rules.sampling import draw_sample
from tests.rules.synthetic import Data, draw

N_SAMPLED = 240
SETTINGS = RulesConfig(n_shuffles=199, n_resamples=20, n_workers=2)


def _sampling(n: int = N_SAMPLED, **changes: Any) -> RulesConfig:
    """Settings with a limit below what a configuration may say."""
    return SETTINGS.model_copy(update={"max_fitted_images": n, **changes})


@pytest.fixture(scope="module")
def data() -> Data:
    return draw(n_images=3000, n_classes=2, seed=3)


def _explain(data: Data, settings: RulesConfig, **options: Any) -> Explanation:
    return explain_failures(data.features, data.labels, data.predictions, settings=settings, **options)


@given(st.integers(0, 400), st.integers(0, 2**16), st.booleans())
def test_a_sample_has_the_group_s_shares_of_failures_and_of_held_out_images(
    n_failures: int, seed: int, is_shuffled: bool
) -> None:
    random = np.random.default_rng(seed)
    failure, held_out, labels = np.arange(400) < n_failures, random.random(400) < 0.3, random.integers(0, 3, 400)
    settings = _sampling(100, evidence="shuffles" if is_shuffled else "held_out", min_failures=3)
    sample = draw_sample(failure, held_out, labels, settings=settings, seed=seed, group_id=2)
    assert sample is not None
    assert len(sample) == 100
    assert (np.diff(sample) > 0).all()
    pool = np.ones(400, dtype=np.bool_) if is_shuffled else ~held_out
    n_all, k_all = int(pool.sum()), int(failure[pool].sum())
    k = int(failure[sample].sum())
    if min(k_all, n_all - k_all) * 100 / n_all >= 3:
        assert abs(k - 100 * k_all / n_all) < 1
    assert k >= min(k_all, 3)
    assert 100 - k >= min(n_all - k_all, 3)
    if not is_shuffled:
        assert not held_out[sample].any()
    for outcome in (failure & pool, ~failure & pool):
        n_drawn, n_of_outcome = int(outcome[sample].sum()), max(int(outcome.sum()), 1)
        for stratum in (held_out, *(labels == label for label in range(3))):
            share = (outcome & stratum).sum() / n_of_outcome
            assert abs((outcome & stratum)[sample].sum() - share * n_drawn) < 2  # of labels, in both parts
    again = draw_sample(failure, held_out, labels, settings=settings, seed=seed, group_id=2)
    assert again is not None
    assert np.array_equal(sample, again)


def test_of_a_group_of_several_classes_each_is_drawn_alike() -> None:
    # 8 failures and 24 others of class 3, 4 failures and 12 others of class 9: a quarter is 2, 6, 1 and 3
    labels = np.repeat([3, 9], [32, 16])
    failure = np.concatenate([np.arange(32) < 8, np.arange(16) < 4])
    nothing = np.zeros(48, dtype=np.bool_)
    samples = set()
    for seed in range(20):
        sample = draw_sample(failure, nothing, labels, settings=_sampling(12, min_failures=1), seed=seed, group_id=0)
        assert sample is not None
        drawn = [int((failure[sample] & (labels[sample] == 3)).sum()), int((labels[sample] == 3).sum())]
        assert [len(sample), int(failure[sample].sum()), *drawn] == [12, 3, 2, 8]
        samples.add(tuple(sample))
    assert len(samples) == 20


def test_every_image_is_as_likely_to_be_drawn_and_small_groups_are_not_sampled() -> None:
    failure, held_out, labels = np.arange(60) < 20, np.arange(60) % 3 == 0, np.arange(60) % 7
    counts = np.zeros(60)
    for seed in range(600):
        found = draw_sample(failure, held_out, labels, settings=_sampling(30), seed=seed, group_id=0)
        assert found is not None
        counts[found] += 1
    assert np.abs(counts / 600 - 0.5).max() < 5 * np.sqrt(0.25 / 600)
    assert draw_sample(failure, held_out, labels, settings=_sampling(60), seed=0, group_id=0) is None


def test_groups_up_to_the_limit_are_explained_as_they_were(data: Data) -> None:
    plain, limited = _explain(data, SETTINGS), _explain(data, _sampling(3000))
    assert plain.group_samples.empty
    for name, table in plain.tables.items():
        pd.testing.assert_frame_equal(table, limited.tables[name])


def test_small_groups_are_explained_as_they_were_beside_large_ones() -> None:
    data = draw(n_images=1200, n_classes=2, seed=3)
    data.labels[:1000], data.labels[1000:] = 0, 1
    predictions = np.where(np.random.default_rng(0).random(1200) < 0.3, 1 - data.labels, data.labels)
    data = Data(features=data.features, labels=data.labels, predictions=predictions)
    plain, limited = (_explain(data, settings) for settings in (SETTINGS, _sampling(500)))
    large = limited.group_samples["group_id"].tolist()
    small = set(plain.groups["group_id"]) - set(large)
    assert large
    assert small
    for name in ("groups", "selection", "nodes", "rules", "evaluations"):
        tables = [
            t.tables[name].drop(columns=["rule_id", "q_value", "verdict"], errors="ignore") for t in (plain, limited)
        ]
        before, after = (table[table["group_id"].isin(small)].reset_index(drop=True) for table in tables)
        pd.testing.assert_frame_equal(before, after)


def _sample_of(data: Data, group: pd.Series, explanation: Explanation, settings: RulesConfig) -> npt.NDArray[np.int64]:
    classes = data.labels if group["grouping"] == "label" else data.predictions
    ids = np.flatnonzero(classes == group["class_id"])
    failure = (data.labels != data.predictions)[ids]
    held_out = (explanation.splits["split"] == "held_out").to_numpy()[ids]
    sample = draw_sample(
        failure, held_out, data.labels[ids], settings=settings, seed=0, group_id=int(group["group_id"])
    )
    assert sample is not None
    return np.asarray(ids[sample])


def test_rules_and_tests_are_those_of_the_sample_alone(data: Data) -> None:
    changes: dict[str, Any] = {"evaluation_depths": (1,), "groupings": ("label",)}
    nothing = np.zeros(len(data.labels), dtype=np.bool_)  # nothing is held out for the evaluation
    found = _explain(data, _sampling(**changes), held_out=nothing)
    for _, group in found.groups.iterrows():  # a group's id goes into the seeds of its tests, and stays the same
        ids = _sample_of(data, group, found, _sampling(**changes))
        part = Data(features=data.features[ids], labels=data.labels[ids], predictions=data.predictions[ids])
        alone = explain_failures(
            part.features,
            part.labels,
            part.predictions,
            class_names=["0", "1"],
            settings=SETTINGS.model_copy(update=changes),
            held_out=nothing[ids],
        )
        for name, columns in (("nodes", ("feature_id", "threshold")), ("rules", ("node_id", "p_value", "stability"))):
            mine, same = (
                t.tables[name][t.tables[name]["group_id"] == group["group_id"]].sort_values("node_id")
                for t in (found, alone)
            )
            assert len(mine)
            for column in columns:
                values = [table[column].to_numpy(dtype=np.float64, na_value=np.nan) for table in (mine, same)]
                assert np.array_equal(values[0], values[1], equal_nan=True), (name, column)
        sizes = found.group_samples.set_index("group_id").loc[group["group_id"]]
        assert sizes.tolist() == [N_SAMPLED, int((part.labels != part.predictions).sum())]


@pytest.mark.parametrize("evidence", ["shuffles", "held_out"])
def test_all_images_are_counted(data: Data, evidence: str) -> None:
    found = _explain(data, _sampling(evidence=evidence))
    failure = data.labels != data.predictions
    tests = (found.splits["split"] == "held_out").to_numpy()
    assert tests.any() == (evidence == "held_out")
    assert (found.rules["is_failure_mode"]).any()
    for _, rule in found.rules.iterrows():
        group = found.groups.set_index("group_id").loc[rule["group_id"]]
        classes = data.labels if group["grouping"] == "label" else data.predictions
        inside = classes == group["class_id"]
        assert group["n_images"] == (inside & ~tests).sum()
        assert group["n_failures_held_out"] == (inside & tests & failure).sum()
        path = found.conditions[found.conditions["rule_id"] == rule["rule_id"]]
        leaf = inside & leaf_members(data.features, path)
        assert rule["n_images"] == (leaf & ~tests).sum()
        assert rule["n_failures"] == (leaf & ~tests & failure).sum()
        assert rule["n_images_held_out"] == (leaf & tests).sum()
        assert rule["base_error_rate"] == pytest.approx((inside & ~tests & failure).sum() / (inside & ~tests).sum())
        assert rule["error_rate"] == pytest.approx(rule["n_failures"] / rule["n_images"])
        assert rule["error_coverage"] == pytest.approx(rule["n_failures"] / (inside & ~tests & failure).sum())
        assert rule["importance_value"] == pytest.approx(rule["error_rate"] * rule["error_coverage"])
        for threshold, printed, feature in zip(
            path["threshold"], path["printed_threshold"], path["feature_id"], strict=True
        ):
            values = data.features[inside, feature].astype(np.float64)
            assert np.array_equal(values <= threshold, values <= printed)
    for _, group in found.groups.iterrows():
        leaves = found.rules[found.rules["group_id"] == group["group_id"]]
        rate = (leaves["n_failures"] ** 2 / leaves["n_images"]).sum() / group["n_failures"]
        assert group["average_leaf_error_rate"] == pytest.approx(rate)
    run = found.explained[found.explained["scope"] == "run"].iloc[0]
    assert run["n_images"] == (~tests).sum()


def test_blocks_do_not_matter_and_no_more_than_a_sample_is_read_at_a_time(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _sampling(evidence="shuffles")
    whole = _explain(data, settings)
    sizes: list[int] = []

    def read(features: npt.NDArray[np.float32], image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        sizes.append(len(image_ids))
        return read_rows(features, image_ids)

    for module in (group_work, controls):
        monkeypatch.setattr(module, "read_rows", read)
    monkeypatch.setattr(counting, "_ROWS_AT_A_TIME", 97)
    in_blocks = _explain(data, settings.model_copy(update={"n_workers": 1}))
    assert max(sizes) == N_SAMPLED
    assert sum(size == N_SAMPLED for size in sizes) >= len(whole.groups)
    for name, table in whole.tables.items():
        pd.testing.assert_frame_equal(table, in_blocks.tables[name])


def test_held_out_images_test_all_of_them_exactly(data: Data) -> None:
    found = _explain(data, _sampling(evidence="held_out", groupings=("label",)))
    for _, rule in found.rules.iterrows():
        group = found.groups.set_index("group_id").loc[rule["group_id"]]
        expected = hypergeom.sf(
            rule["n_failures_held_out"] - 1,
            group["n_images_held_out"],
            group["n_failures_held_out"],
            rule["n_images_held_out"],
        )
        assert rule["p_value"] == pytest.approx(expected)


def test_evaluations_are_fitted_to_the_sample_and_counted_on_all_held_out_images(data: Data) -> None:
    found = _explain(data, _sampling(groupings=("label",)))
    plain = _explain(data, SETTINGS.model_copy(update={"groupings": ("label",)}))
    for name in ("n_images_held_out", "base_error_rate_held_out"):
        assert found.evaluations[name].tolist() == plain.evaluations[name].tolist()
    assert found.evaluations["base_error_rate"].tolist() != plain.evaluations["base_error_rate"].tolist()


def test_a_planted_failure_is_found_and_its_rate_is_the_true_one(data: Data) -> None:
    found = _explain(data, _sampling(groupings=("label",)))
    modes = found.rules[found.rules["verdict"] == "verified"]
    assert len(modes) == 2  # one of each class
    for _, mode in modes.iterrows():
        path = found.conditions[found.conditions["rule_id"] == mode["rule_id"]]
        assert set(path["feature_id"]) == {7}
        above = data.features[:, 7] > path["threshold"].iloc[0]
        truth = float(np.where(data.features[above, 7] > 0.8, 0.7, 0.1).mean())
        assert mode["error_rate_held_out_low"] < truth < mode["error_rate_held_out_high"]


def test_further_images_correct_an_estimate_as_a_beta_distribution_says() -> None:
    prior = Estimate(rate=0.5, low=0.5 - 1.959964 * 0.1, high=0.5 + 1.959964 * 0.1)
    found = with_further_images(prior, 76, 19, level=0.95)  # a standard deviation of 0.1 is Beta(12, 12)
    assert found.rate == pytest.approx((12 + 19) / (24 + 76))
    assert (found.low, found.high) == pytest.approx(tuple(beta(31, 69).ppf([0.025, 0.975])))
    assert with_further_images(prior, 0, 0, level=0.95) is prior
    many = with_further_images(prior, 1_000_000, 250_000, level=0.95)
    assert many.rate == pytest.approx(0.25, abs=1e-4)
    assert many.high - many.low < 0.002
    for rate in (0.0, 1.0):
        edge = with_further_images(Estimate(rate=rate, low=rate, high=rate), 10, 5, level=0.95)
        assert 0 <= edge.low <= edge.rate <= edge.high <= 1


def test_a_direction_gives_images_that_it_was_not_fitted_to_the_score_of_the_fit() -> None:
    random = np.random.default_rng(0)
    for shape, scale in (((40, 60), 1.0), ((90, 12), 1e-20), ((90, 12), 1e20)):
        features = (random.normal(size=shape) * scale + 3 * scale).astype(np.float32)
        features[:, 4] = 7.0
        failure = random.random(shape[0]) < 0.3
        ridge = fit_ridge(features)
        fitted = ridge.fit(failure.astype(np.float32)[:, None])[:, 0]
        assert ridge.direction(failure).scores(features) == pytest.approx(fitted, abs=2e-4)


def test_members_of_a_direction_are_counted_among_all_images() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(2000, 40)).astype(np.float32)
    fails = random.random(2000) < 1 / (1 + np.exp(2.5 - features[:, :20].sum(axis=1) / 3))
    data = Data(features=features, labels=np.zeros(2000, dtype=np.int64), predictions=fails.astype(np.int64))
    settings = _sampling(600, groupings=("label",), n_resamples=0)
    found = _explain(data, settings, held_out=np.zeros(2000, dtype=np.bool_))
    joint = found.joint_modes.iloc[0]
    ids = _sample_of(data, found.groups.iloc[0], found, settings)
    rest = np.setdiff1d(np.arange(2000), ids)
    fit = fit_joint(features[ids], fails[ids], settings=settings, random=np.random.default_rng(0), is_sample=True)
    assert fit is not None
    assert fit.direction is not None
    scores = fit.direction.scores(features[rest])
    inside = scores > joint["threshold"]
    assert joint["n_images"] == fit.n_images + inside.sum()
    assert joint["n_failures"] == fit.n_failures + fails[rest][inside].sum()
    assert joint["error_rate"] == pytest.approx(joint["n_failures"] / joint["n_images"], abs=0.01)
    shown = found.joint_images["image_id"]
    assert set(shown) <= set(ids.tolist())
    low, high = scores[~inside].max(), scores[inside].min()
    assert low <= joint["printed_threshold"] < high


def test_controls_of_a_sample_are_no_more_than_the_sample() -> None:
    labels = np.repeat([0, 1, 1], 100)
    predictions = np.concatenate([np.zeros(100), np.zeros(50), np.ones(150)]).astype(np.int64)
    features = np.arange(600, dtype=np.float32).reshape(300, 2)
    inputs = check_inputs(features, labels, predictions, class_names=None)
    group = Group(group_id=0, grouping="prediction", class_id=0, name="0", image_ids=np.arange(150))
    finder = ControlFinder(inputs, seed=0)
    sizes = []
    for limit in (None, 110, 60, 10):
        found = finder(group, group.image_ids, limit=limit)
        assert found is not None
        sizes.append(len(found.features))
    assert sizes == [150, 100, 50, 50]


def test_no_image_of_the_group_is_a_control_of_its_sample() -> None:
    labels = np.repeat([0, 1], [10, 40])  # ten of class 1 are taken for class 0, twenty for class 2
    predictions = np.repeat([0, 0, 2, 1], [10, 10, 20, 10])
    features = np.arange(100, dtype=np.float32).reshape(50, 2)
    inputs = check_inputs(features, labels, predictions, class_names=["0", "1", "2"])
    group = Group(group_id=0, grouping="unions_by_prediction", class_id=None, name="0 or 2", image_ids=np.arange(40))
    found = ControlFinder(inputs, seed=0)(group, np.arange(5, 15), limit=100)  # none of them was taken for class 2
    assert found is not None
    assert found.features[:, 0].tolist() == [2 * image for image in range(40, 50)]
    assert found.failure_strata.tolist() == [1] * 5


def test_a_value_that_is_no_number_is_found_wherever_it_is(data: Data) -> None:
    features = data.features.copy()
    settings, nothing = _sampling(groupings=("label",)), np.zeros(len(data.labels), dtype=np.bool_)
    found = _explain(data, settings, held_out=nothing)
    ids = _sample_of(data, found.groups.iloc[0], found, settings)
    outside = np.setdiff1d(np.flatnonzero(data.labels == 0), ids)[0]
    features[outside, 2] = np.nan
    with pytest.raises(DataError, match=f"feature 2 of image {outside}"):
        explain_failures(features, data.labels, data.predictions, settings=settings, held_out=nothing)


def test_rare_failures_are_not_lost_by_the_draw() -> None:
    data = draw(n_images=4000, n_classes=1, seed=5)
    predictions = np.zeros(4000, dtype=np.int64)
    predictions[[5, 77, 900, 2000, 3000]] = 1
    found = explain_failures(data.features, np.zeros(4000, dtype=np.int64), predictions, settings=_sampling())
    assert found.groups.loc[0, "n_failures"] == 5
    assert found.group_samples["n_failures"].iloc[0] == SETTINGS.min_failures
    assert found.groups.loc[0, "status"] in ("fitted", "no_split")
