"""The benchmark of planted failures runs, and its scores are what they claim to be."""

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from barlow_report.config import RulesConfig
from tests.benchmarks import forecast
from tests.benchmarks.displayed_rates import modes_shown
from tests.benchmarks.known_causes import Condition, Scenes, associated, best_feature, best_threshold, plan_conditions
from tests.benchmarks.on_paper import DECODED_PER_SECOND, hand_out, simulate
from tests.benchmarks.peers.experiments import Experiment, Plan, make_experiment
from tests.benchmarks.peers.oracles import slice_by_answer, slice_by_ridge, slice_by_threshold
from tests.benchmarks.peers.pools import CUED_CLASSES, Pool, load_pool
from tests.benchmarks.peers.product import explain_experiments
from tests.benchmarks.peers.real_experiments import KINDS, make_real_experiment, plan_real_experiments
from tests.benchmarks.peers.real_images import EDITS, STATISTICS
from tests.benchmarks.peers.real_pool import RealPool, load_real_pool
from tests.benchmarks.peers.scoring import count_outcomes, score_slices, summarize
from tests.benchmarks.peers.selection import select_in_sample, select_verified
from tests.benchmarks.peers.slicers import slice_by_direction, slice_by_error_tree, slice_by_spotlight
from tests.benchmarks.peers.table import print_table


def _pool() -> Pool:
    """Feature 0 is the cue; the rest is noise."""
    random = np.random.default_rng(0)
    features = random.random((2, 300, 2, 12), dtype=np.float32)
    features[..., 1, 0] += 2
    return Pool(features=features, fails=np.zeros((2, 300, 2), dtype=np.bool_))


def _experiment(*, strength: float) -> Experiment:
    plan = Plan(
        kind="cue missing" if strength else "none",
        classes=(0,),
        n_images=240,
        rate=0.4,
        base=0.1,
        strength=strength,
        seed=3,
    )
    return make_experiment(_pool(), plan)


def test_a_pool_is_drawn_once_and_differs_with_the_cue(tmp_path: Path) -> None:
    pool = load_pool(tmp_path, seed=1, n_per_class=2, class_names=CUED_CLASSES[:1])
    again = load_pool(tmp_path, seed=1, n_per_class=2, class_names=CUED_CLASSES[:1])
    assert pool.features.shape[:3] == (1, 2, 2)
    assert (pool.features[:, :, 0] != pool.features[:, :, 1]).any()
    assert (pool.features == again.features).all()


def test_the_slice_that_was_planted_is_discovered_and_its_complement_is_false() -> None:
    experiment = _experiment(strength=0.6)
    planted = np.where(experiment.judge_condition, 1.0, -1.0)
    found = score_slices(experiment, np.stack([planted, -planted], axis=1))
    assert (found.is_discovered, found.n_returned, found.n_false, found.n_spurious) == (True, 2, 1, 1)
    assert found.precision_at_10 == 1.0


def test_a_slice_of_mixed_images_is_discovered_at_60_and_is_a_true_slice() -> None:
    experiment = _experiment(strength=0.6)
    mixed = np.where(experiment.judge_condition, 1.0, -1.0)
    # with every fifth scene besides: 0.4 of weight of the condition and 0.6 / 5 of others
    mixed[::5] = 1.0
    found = score_slices(experiment, mixed[:, None])
    assert (found.is_discovered, found.is_discovered_at_60, found.n_spurious) == (False, True, 0)
    assert count_outcomes([found]) == {
        "discovery": (0, 1),
        "discovery at 60": (1, 1),
        "true slice": (1, 1),
        "false": (1, 1),
        "spurious": (0, 1),
        "any in null": (0, 0),
    }


def test_every_slice_is_false_where_nothing_is_planted() -> None:
    experiment = _experiment(strength=0.0)
    found = score_slices(experiment, np.ones((len(experiment.judge_condition), 3)))
    assert (found.is_discovered, found.n_false, found.n_spurious) == (False, 3, 3)
    assert summarize([found])["any in null"] == 1.0


def test_the_product_discovers_a_strong_planted_failure_and_nothing_in_noise() -> None:
    experiments = [_experiment(strength=0.6), _experiment(strength=0.0)]
    returned = explain_experiments(experiments, settings=RulesConfig())
    strong, null = (score_slices(e, s) for e, s in zip(experiments, returned, strict=True))
    assert strong.is_discovered
    assert strong.precision_at_10 == 1.0
    assert null.n_returned == 0


@pytest.mark.parametrize("slicer", [slice_by_error_tree, slice_by_direction, slice_by_spotlight])
def test_each_peer_returns_scores_of_the_judging_images(slicer: object) -> None:
    experiments = [_experiment(strength=0.6), _experiment(strength=0.0)]
    for select in (select_in_sample, select_verified):
        for experiment, scores in zip(experiments, select(slicer, experiments), strict=True):  # type: ignore[arg-type]
            assert len(scores) == len(experiment.judge_features)
            assert np.isfinite(scores).all()


def _real_pool() -> RealPool:
    """Noise, of which the first feature alone tells edited images from others."""
    random = np.random.default_rng(0)
    features = random.random((3, 5000, 4), dtype=np.float32)
    features[1:, :, 0] += 2
    return RealPool(
        labels=np.repeat(np.arange(5), 1000),
        features=features,
        statistics=random.random((3, 5000)),
        hidden_features=random.random((5000, 3), dtype=np.float32),
    )


def _network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


def test_a_pool_of_real_images_takes_every_other_class_and_is_computed_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("ape", "bee", "cow"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(2):
            pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.jpg")
    source = f"from torch import nn\n\n{inspect.getsource(_network)}\nrobust = standard = _network\n"
    (tmp_path / "cifar_net.py").write_text(source)
    for name in ("robust", "standard"):
        torch.save(_network().state_dict(), tmp_path / f"{name}.pt")
    pool = load_real_pool(tmp_path / "pools", tmp_path, part="tuning")
    assert pool.labels.tolist() == [0, 0, 1, 1]
    assert pool.features.shape == (1 + len(EDITS["tuning"]), 4, 8)
    assert pool.statistics.shape == (len(STATISTICS["tuning"]), 4)
    assert (pool.hidden_features != pool.features[0]).any()
    assert load_real_pool(tmp_path / "pools", tmp_path, part="test").labels.tolist() == [0, 0]
    again = load_real_pool(tmp_path / "pools", tmp_path / "gone", part="tuning")
    assert (again.features == pool.features).all()


def test_plants_in_real_images_hold_in_their_share_and_fail_at_their_rates() -> None:
    plans = plan_real_experiments(n_planted=12, n_null=6, n_classes=5, seed=0)
    assert [plan.kind for plan in plans] == [*KINDS, *KINDS, *["none"] * 6]
    for plan, experiment in zip(plans, [make_real_experiment(_real_pool(), plan) for plan in plans], strict=True):
        assert experiment.features.shape == (plan.n_images, 4)
        noise = 4 * np.sqrt(plan.rate * (1 - plan.rate) / len(experiment.failure))
        assert experiment.condition.mean() == pytest.approx(plan.rate, abs=noise)
        for condition, failure in (
            (experiment.condition, experiment.failure),
            (experiment.judge_condition, experiment.judge_failure),
        ):
            excess = failure[condition].mean() - failure[~condition].mean()
            assert excess == pytest.approx(plan.strength, abs=2 / np.sqrt(condition.sum()))
        assert set(experiment.judge_risk[experiment.judge_condition]) == {plan.base + plan.strength}
        if plan.sources == ("edit",):
            assert (experiment.condition == (experiment.features[:, 0] >= 2)).all()


def test_parts_share_no_statistic_and_no_edit_and_each_says_something_about_pixels() -> None:
    pixels = np.random.default_rng(0).random((3, 32, 32, 3), dtype=np.float32)
    for table in (STATISTICS, EDITS):
        assert not set(table["tuning"]) & set(table["test"])
    for part in STATISTICS:
        for statistic in STATISTICS[part].values():
            assert len(set(statistic(pixels))) == len(pixels)
        for edit in EDITS[part].values():
            edited = edit(pixels, np.random.default_rng(0))
            assert edited.shape == pixels.shape
            assert edited.dtype == np.float32
            assert (edited != pixels).any(axis=(1, 2, 3)).all()
            assert 0 <= edited.min() <= edited.max() <= 1


def test_what_is_shown_of_a_mode_stands_beside_the_truth_about_it() -> None:
    (mode,) = [mode for mode in modes_shown(_experiment(strength=0.6)) if mode.kind == "named"]
    assert mode.truth == pytest.approx(mode.rate, abs=0.1)
    assert mode.low < mode.truth < mode.high
    assert mode.seen >= mode.rate
    assert all(mode.kind == "joint" for mode in modes_shown(_experiment(strength=0.0)))


@pytest.mark.parametrize("slicer", [slice_by_threshold, slice_by_ridge, slice_by_answer])
@pytest.mark.parametrize("held_out", [True, False])
def test_an_oracle_finds_a_condition_that_one_feature_shows_where_it_fails(slicer: object, held_out: bool) -> None:
    experiments = [_experiment(strength=0.6), _experiment(strength=0.0)]
    found = select_verified(slicer, experiments, is_oracle=True, held_out=held_out)  # type: ignore[arg-type]
    strong, null = (score_slices(e, s) for e, s in zip(experiments, found, strict=True))
    assert (strong.is_discovered, strong.n_returned, null.n_returned) == (True, 1, 0)


def test_a_row_of_the_table_says_counts_and_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    experiments = [_experiment(strength=0.6), _experiment(strength=0.0)]
    methods = {name: partial(select_verified, slice_by_answer, is_oracle=True) for name in ("the answer", "another")}
    print_table(methods, experiments, columns=("discovery", "any in null", "false", "slices"), only="answer")
    assert capsys.readouterr().out.splitlines() == [
        "| method | discovery | any in null | false | slices |",
        "| --- | --- | --- | --- | --- |",
        "| the answer | 100.0 % (1 of 1; 21 % to 100 %) | 0.0 % (0 of 1; 0 % to 79 %) | "
        "0.0 % (0 of 1; 0 % to 79 %) | 0.50 |",
        "    discovery: cue missing 100%",
        "    true slice: cue missing 100%",
    ]


def test_known_causes_are_of_every_class_kind_and_strength() -> None:
    plan = plan_conditions(n_per_class=5, n_scenes=80, seed=1)
    assert len(plan) == 2 * 5 * len(CUED_CLASSES)
    assert len({(c.kind, c.class_name, c.phi) for c in plan}) == len(plan)
    assert {(c.kind, c.is_odd) for c in plan} == {("cue", True), ("cue", False), ("decoy", True), ("decoy", False)}


@pytest.mark.parametrize("phi", [0.3, -0.6, 0.95])
def test_a_decoy_is_associated_with_failures_as_strongly_as_asked(phi: float) -> None:
    fails = np.arange(400) % 2 == 0
    shown = associated(fails, phi, np.random.default_rng(0))
    assert np.corrcoef(shown, fails)[0, 1] == pytest.approx(phi, abs=0.02)


def test_a_true_effect_is_the_change_of_the_failure_rate_on_its_side() -> None:
    shown = np.array([False, False, False, False, True, True, True, True])
    fails = np.array([True, True, True, False, False, False, True, False])
    changed = np.array([False, False, True, False, True, True, True, False])
    effects = {}
    for kind, is_odd in (("cue", False), ("decoy", True)):
        about: dict[str, Any] = {"number": 0, "class_name": "mug", "phi": 0.5, "n_scenes": 8, "seed": 0}
        scenes = Scenes(
            condition=Condition(kind=kind, is_odd=is_odd, **about),
            pictures=np.zeros((8, 1, 1, 3), dtype=np.uint8),
            is_shown=shown,
            fails=fails,
            fails_changed=changed,
            feature_id=0,
            is_raised=True,
        )
        effects[kind] = [scenes.true_effect(direction) for direction in ("repair", "break")]
        assert scenes.phi == pytest.approx(0.5 if kind == "cue" else -0.5)
    assert effects == {"cue": [0.5, 0.5], "decoy": [-0.5, -0.5]}


def test_the_feature_and_the_threshold_that_tell_best_what_is_shown() -> None:
    missing = np.array([[0, 5, 1], [0, 6, 2], [0, 7, 3]], dtype=np.float32)
    shown = np.array([[0, 1, 2], [0, 2, 5], [0, 3, 6]], dtype=np.float32)
    assert best_feature(missing, shown) == (1, False)
    values = np.concatenate([missing, shown])
    is_shown = np.arange(6) >= 3
    assert best_threshold(values[:, 1], is_shown) == (4.0, 1.0)
    assert best_threshold(values[:, 0], is_shown) == (0.0, 0.5)


def test_units_of_a_job_on_paper_go_to_the_worker_that_is_free_first() -> None:
    assert hand_out([3.0, 1.0, 1.0, 1.0], n_workers=1, call=0.0, load=2.0) == 8.0
    assert hand_out([3.0, 1.0, 1.0, 1.0], n_workers=2, call=0.0, load=2.0) == 5.0
    assert hand_out([1.0] * 4, n_workers=4, call=0.5, load=0.0) == 3.0  # the last one is handed out after two seconds
    assert hand_out([], n_workers=4, call=0.5, load=1.0) == 0.0


def test_a_job_on_paper_takes_no_less_than_its_work_and_is_bound_by_the_driver_in_the_end() -> None:
    one, many = (simulate(1_300_000, 1_000, n_gpus=n) for n in (1, 4096))
    work = 1_300_000 / DECODED_PER_SECOND
    assert one.wall > work
    assert one.bottleneck == "pass: decoding JPEGs"
    assert many.wall > sum(seconds for name, seconds in many.by_stage.items() if name.endswith("the driver"))
    assert many.bottleneck.endswith("the driver")
    assert 0 < many.efficiency < one.efficiency <= 1


def test_what_was_said_of_each_part_of_a_run_stands_beside_what_it_took() -> None:
    parts = [{"key": "pass", "seconds": 4.0}, {"key": "images", "seconds": None}, {"key": "errors", "seconds": 0.1}]
    said = {"parts": parts, "total": {"seconds": 4.1, "bytes": 3_000_000, "site_bytes": 5_000_000}}
    took = {
        "seconds": {"pass": 8.0, "errors": 0.2, "joint": 2.0},
        "total": 10.0,
        "bytes": {"run": 1_500_000, "site": 0},
    }
    rows = forecast.compared("a case", said, took)
    assert [(row.part, row.said, row.took) for row in rows] == [
        ("pass", 4.0, 8.0),
        ("joint", 0.0, 2.0),
        ("all, seconds", 4.1, 10.0),
        ("run folder, MB", 3.0, 1.5),
        ("site, MB", 5.0, 0.0),
    ]
    assert [row.ratio for row in rows[:4]] == [0.5, 0.0, 0.41, 2.0]
    assert forecast.table(rows).splitlines()[2:4] == [
        "| a case | pass | 4.0 | 8.0 | 0.50 |",
        "| a case | joint | 0.0 | 2.0 | 0.00 |",
    ]
