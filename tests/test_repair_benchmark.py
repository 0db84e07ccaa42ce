"""The parts of the measured repair that can be computed by hand."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import nn

from tests.benchmarks import repair
from tests.benchmarks.repairs.chart import draw_chart
from tests.benchmarks.repairs.choices import CHOICES, DRAWN, choose, shuffled
from tests.benchmarks.repairs.images import Images, Parts, split_cifar
from tests.benchmarks.repairs.measures import Interval, count_off, difference_of_closed, ratio_of_closed, share_closed
from tests.benchmarks.repairs.product import Found, Mode
from tests.benchmarks.repairs.results import FILE, KS, plans, read_rates
from tests.benchmarks.repairs.tables import (
    closed,
    manual_table,
    more_closed,
    more_table,
    print_tables,
    share_table,
    summary,
    target,
    times_closed,
)
from tests.benchmarks.repairs.training import Recipe, probabilities, trained

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]

BEFORE = np.array([[0.8, 0.8], [0.6, 0.6]])
ONE_SPLIT = np.zeros(2, dtype=np.int64)


def test_share_closed_is_the_fall_of_the_rate_over_the_gap_before() -> None:
    rest = np.array([[0.4, 0.4], [0.2, 0.2]])
    after = np.array([[0.7, 0.6], [0.5, 0.6]])
    # falls 0.1, 0.2, 0.1, 0 with mean 0.1; all gaps are 0.4
    assert share_closed(BEFORE, after, rest, ONE_SPLIT).value == pytest.approx(0.25)


def test_ratio_is_of_means_not_a_mean_of_ratios() -> None:
    after, other = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.7, 0.7], [0.5, 0.5]])
    # falls 0.3 and 0.1 against 0.1 and 0.1: 0.4 / 0.2; the mean of 3 and 1 is 2 as well, so weigh them differently
    assert ratio_of_closed(BEFORE, after, other, ONE_SPLIT).value == pytest.approx(2)
    other = np.array([[0.6, 0.6], [0.5, 0.5]])
    assert ratio_of_closed(BEFORE, after, other, ONE_SPLIT).value == pytest.approx(0.4 / 0.3)  # mean of ratios: 1.25


def test_difference_is_a_share_of_the_gap() -> None:
    rest = np.array([[0.4, 0.4], [0.2, 0.2]])
    found = difference_of_closed(BEFORE, BEFORE - 0.2, BEFORE - 0.1, rest, ONE_SPLIT)
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))  # 0.1 of 0.4


def test_interval_of_two_modes_has_the_ends_that_drawing_one_of_them_twice_gives() -> None:
    other = np.array([[0.7, 0.7], [0.5, 0.5]])
    found = ratio_of_closed(BEFORE, np.full((2, 2), 0.5), other, ONE_SPLIT)
    # each mode is drawn twice in a quarter of the draws: 0.3 / 0.1 and 0.1 / 0.1
    assert (found.low, found.high) == pytest.approx((1, 3))


def test_interval_of_two_splits_has_the_ends_that_drawing_one_of_them_twice_gives() -> None:
    splits = np.repeat([0, 1], 3)
    before, other = np.full((6, 2), 0.8), np.full((6, 2), 0.7)
    after = np.where(splits[:, None] == 0, 0.5, 0.7) + np.zeros((6, 2))
    found = ratio_of_closed(before, after, other, splits)
    assert (found.value, found.low, found.high) == pytest.approx((2, 1, 3))
    # were all six modes drawn alike, three in four of 64 draws would have modes of both splits
    alike = ratio_of_closed(before, after, other, np.zeros(6, dtype=np.int64))
    assert alike.low > 1.2
    assert alike.high < 2.8


def test_interval_of_two_seeds_has_the_ends_that_drawing_one_of_them_twice_gives() -> None:
    after = np.array([[0.7, 0.5], [0.5, 0.3]])  # falls 0.1 with the first seed, 0.3 with the second
    found = ratio_of_closed(BEFORE, after, BEFORE - 0.1, ONE_SPLIT)
    assert (found.value, found.low, found.high) == pytest.approx((2, 1, 3))


def test_intervals_say_where_they_have_no_end() -> None:
    assert str(Interval(value=2.664, low=1.455, high=8)) == "2.66 (1.46 to 8.00)"
    assert str(Interval(value=2.66, low=-0.004, high=np.inf)) == "2.66 (0.00 or more)"
    assert str(Interval(value=2.35, low=1.43, high=996.7)) == "2.35 (1.43 or more)"
    assert str(Interval(value=313.4, low=2.71, high=np.inf)) == "at least 2.71"
    assert str(Interval(value=np.inf, low=2.9, high=np.inf)) == "at least 2.90"
    assert str(Interval(value=np.inf, low=np.inf, high=np.inf)) == "at least ∞"
    assert Interval(value=-0.014, low=-0.1, high=0.266).percent == "−1 % (−10 to 27)"


def test_interval_is_a_point_where_all_modes_and_seeds_agree() -> None:
    found = ratio_of_closed(BEFORE, BEFORE - 0.2, BEFORE - 0.1, ONE_SPLIT)
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))


def test_ratio_to_what_closes_nothing_is_infinite_or_zero() -> None:
    assert ratio_of_closed(BEFORE, BEFORE - 0.1, BEFORE, ONE_SPLIT).value == np.inf
    assert ratio_of_closed(BEFORE, BEFORE + 0.1, BEFORE + 0.2, ONE_SPLIT).value == 0


def test_an_infinite_draw_leaves_the_lower_end_finite() -> None:
    other = np.array([[0.8, 0.8], [0.5, 0.5]])
    found = ratio_of_closed(BEFORE, BEFORE - 0.2, other, ONE_SPLIT)
    # the first mode alone: 0.2 / 0; the second alone: 0.2 / 0.1; both: 0.4 / 0.1
    assert (found.value, found.low, found.high) == pytest.approx((4, 2, np.inf))


def test_rankings_take_turns_and_nothing_is_taken_twice() -> None:
    rankings = [np.array([5, 6, 7]), np.array([5, 8])]
    assert count_off(rankings, 3) == [(0, 5), (1, 8), (0, 6)]


def test_what_is_missing_in_one_ranking_comes_from_the_others() -> None:
    assert count_off([np.array([1]), np.array([2, 3, 4]), np.array([], dtype=np.int64)], 10) == [
        (0, 1),
        (1, 2),
        (1, 3),
        (1, 4),
    ]


@pytest.mark.parametrize("part", ["tuning", "test"])
@pytest.mark.parametrize("split", [0, 1])
def test_no_image_is_in_two_parts_and_tuning_sees_none_that_measures(part: str, split: int) -> None:
    parts = split_cifar(10_000, part=part, split=split)
    ids = [parts.train, parts.pool, parts.find, parts.measure]
    assert len(np.unique(np.concatenate(ids))) == sum(map(len, ids))
    judging = [split_cifar(10_000, part="test", split=i).measure for i in range(3)]
    assert len(np.unique(np.concatenate(judging))) == 5000
    if part == "tuning":
        assert not np.isin(np.concatenate(ids), np.concatenate(judging)).any()


def test_every_choice_takes_as_many_images_and_of_the_same_classes_where_it_says_so() -> None:
    two_modes = [np.array([1, 2]), np.array([5])]
    classes = [np.array([4, 3, 2, 1]), np.array([5, 6, 7])]
    whole = [np.arange(20)[::-1]]
    rankings = {"rules": two_modes, "collect": [two_modes[0][::-1], two_modes[1]]}
    rankings |= {"directions": classes, "random_of_class": classes, "lowest_confidence_of_class": classes}
    rankings |= dict.fromkeys(("random", "lowest_confidence", "smallest_margin"), whole)
    chosen = choose(rankings, 50)
    assert chosen.keys() == CHOICES.keys()
    assert chosen["rules"] == [1, 5, 2]
    assert chosen["directions"] == chosen["random_of_class"] == [4, 3, 5]
    assert chosen["random"] == [19, 18, 17]
    assert {len(ids) for ids in chosen.values()} == {3}


def test_each_seed_draws_what_is_in_random_order_anew() -> None:
    rankings = {name: [np.arange(30), np.arange(30, 50)] for name in CHOICES}
    first, again, other = (shuffled(rankings, seed=seed) for seed in (1, 1, 2))
    assert set(DRAWN) == {"rules", "random", "random_of_class"}
    for name in CHOICES:
        for place, ids in enumerate(rankings[name]):
            assert sorted(first[name][place]) == ids.tolist()
            assert (first[name][place] == again[name][place]).all()
            assert (first[name][place] == other[name][place]).all() == (name not in DRAWN)
            assert (first[name][place] == ids).all() == (name not in DRAWN)


def _split(data: str = "cifar10", **failures: int) -> dict[str, Any]:
    """Two modes of 10 images each, with 20 further images of their classes; as many fail in each of them."""
    trainings = [
        [seed, k, choice, k, [failures.get(choice, 7)] * 2, [4, 4], 30]
        for seed in (1, 2, 3)
        for choice, k in plans(data, CHOICES)
    ]
    found = {"n_found": 3, "modes": ["dog", "cat"], "n_pool": [50, 50], "n_inside": [10, 10], "n_rest": [20, 20]}
    return found | {"n_measured": 100, "trainings": trainings}


def test_rates_are_failures_over_the_images_that_measure() -> None:
    splits = [_split(rules=6, none=8), _split(rules=6, none=8)]
    rates = read_rates(splits, "rules", 50)
    assert rates.inside.shape == rates.rest.shape == rates.of_class.shape == rates.overall.shape == (4, 3)
    assert rates.inside == pytest.approx(0.6)
    assert rates.rest == pytest.approx(0.2)
    assert rates.of_class == pytest.approx(1 / 3)
    assert rates.overall == pytest.approx(0.3)
    assert rates.n_further == 50
    assert rates.splits.tolist() == [0, 0, 1, 1]
    assert closed(splits, "rules", 50).value == pytest.approx(0.2 / 0.6)  # from 80 to 60 %, the gap is 60
    assert times_closed(splits, "rules", "random", 50).value == pytest.approx(2)
    assert more_closed(splits, "rules", "random", 50).value == pytest.approx(0.1 / 0.6)


def test_over_all_k_is_the_mean_of_the_rates() -> None:
    split = _split(none=8, rules=6)
    for row in split["trainings"]:
        if row[1:3] == [400, "rules"]:
            row[4] = [2, 2]
    # falls 0.2, 0.2, 0.2 and 0.6, of gaps of 0.6; random images: 0.1
    assert closed([split], "rules", None).value == pytest.approx(0.3 / 0.6)
    assert times_closed([split], "rules", "random", None).value == pytest.approx(3)
    assert more_closed([split], "rules", "random", None).value == pytest.approx(0.2 / 0.6)


def test_the_tables_compare_rates_of_the_same_modes_and_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables({"cifar10": [_split(rules=6, none=8)]})
    lines = capsys.readouterr().out.splitlines()
    said = next(line for line in lines if line.startswith("3 verified failure modes in 1 split, 2 measured"))
    fails = "80.0 % fail, 20.0 % of the rest of the class, 40.0 % of the class, 30.0 % of all."
    assert said.endswith(f"3 seeds. Without further images {fails}")
    shares = " | ".join(["33 % (33 to 33)"] * 5)
    assert f"| {CHOICES['rules']} | {shares} | 60.0 % | 20.0 % | 33.3 % | 30.0 % |" in lines
    more = " | ".join(["17 % (17 to 17)"] * 5)
    assert f"| rules against any at random | {more} | 2.00 (2.00 to 2.00) |" in lines
    assert "| rules, times as much as any at random | 2.00 (2.00 to 2.00) |" in lines
    assert "2.00 (2.00 to 2.00) with 400, 2.00 (2.00 to 2.00) with all k." in lines[-1]


class _Recorded(nn.Module):
    """Learns nothing and counts how often it saw each image, by its only input."""

    def __init__(self, n_images: int) -> None:
        super().__init__()
        self.seen = np.zeros(n_images, dtype=np.int64)
        self.layer = nn.Linear(1, 2)

    def __deepcopy__(self, _: object) -> "_Recorded":
        return self

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.training:
            np.add.at(self.seen, inputs.detach().numpy().ravel().astype(int), 1)
        logits: torch.Tensor = self.layer(inputs.flatten(1))
        return logits


def _images(inputs: npt.NDArray[np.float16], labels: npt.NDArray[np.int64]) -> Images:
    n = len(labels)
    return Images(
        root=Path(),
        paths=tuple(map(str, range(n))),
        class_names=("a", "b"),
        labels=labels,
        inputs=inputs,
        features=np.zeros((n, 1), dtype=np.float32),
    )


def test_images_are_drawn_as_often_as_their_weights_say() -> None:
    images = _images(np.arange(4, dtype=np.float16).reshape(4, 1, 1, 1, 1), np.array([0, 1, 0, 1]))
    model = _Recorded(4)
    settings = {"n_steps": 200, "learning_rate": 1e-3, "batch_size": 50, "seed": 0}
    trained(model, images, np.array([0, 1, 3]), np.array([1.0, 3.0, 1.0]), **settings)  # type: ignore[arg-type]
    assert model.seen[2] == 0
    assert model.seen.sum() == 10_000
    assert model.seen[1] / 10_000 == pytest.approx(0.6, abs=0.02)


def test_a_training_learns_and_leaves_what_it_starts_from_as_it_was() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(2, size=200)
    inputs = (random.normal(size=(200, 2, 1, 1, 1)) + 6 * labels[:, None, None, None, None]).astype(np.float16)
    images, ids = _images(inputs, labels), np.arange(200)
    torch.manual_seed(0)
    layer = nn.Linear(1, 2)
    start = nn.Sequential(nn.Flatten(), layer)
    before = layer.weight.detach().clone()
    models = [
        trained(start, images, ids, np.ones(200), n_steps=100, learning_rate=0.1, batch_size=32, seed=seed)
        for seed in (1, 1, 2)
    ]
    found = [probabilities(model, images, ids) for model in models]
    assert (found[0].argmax(axis=1) == labels).mean() > 0.95
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()
    assert torch.equal(layer.weight, before)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Images:
    """Images of two classes by one number; those of class 1 below 3 are a mode, which the product is taken to find."""
    random = np.random.default_rng(0)
    labels = np.tile([0, 1], 100)
    values = random.normal(size=200) + np.where(labels == 1, np.where(random.random(200) < 0.5, 6, 0), 0)
    images = _images(values[:, None, None, None, None].astype(np.float16), labels)
    images = replace(images, features=values[:, None].astype(np.float32))
    parts = Parts(**dict(zip(("train", "pool", "find", "measure"), np.split(np.arange(200), 4), strict=True)))
    members = (labels == 1) & (values < 3)
    mode = Mode(name="b", class_id=1, members=members, ranked=parts.pool[members[parts.pool]])
    found = Found(modes=(mode,), weights=np.ones(50))
    recipe = Recipe(n_first=20, n_further=2, learning_rate=0.1, further_rate=0.1, batch_size=8)
    monkeypatch.setattr(repair, "SEEDS", (1, 2))
    monkeypatch.setattr(repair, "RECIPES", {"cifar10": recipe})
    monkeypatch.setattr(repair, "load_images", lambda *_, **__: (images, parts))
    monkeypatch.setattr(repair, "explain_split", lambda *_, **__: found)
    torch.manual_seed(0)
    fresh = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    monkeypatch.setattr(repair, "untrained", lambda *_, **__: fresh)
    return images


def test_a_split_is_measured_with_every_choice_and_goes_on_where_it_was(
    tiny: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = repair.measure_split("cifar10", part="test", split=0, folder=tmp_path, cifar=None)
    done = {(row[0], row[1], row[2]) for row in measured["trainings"]}
    assert len(done) == len(measured["trainings"]) == 2 * (2 + len(KS) * len(CHOICES))
    rows = np.arange(150, 200)
    n_inside = int((np.asarray(tiny.features)[rows, 0] < 3)[tiny.labels[rows] == 1].sum())
    assert (measured["n_inside"], measured["n_rest"], measured["n_measured"]) == ([n_inside], [25 - n_inside], 50)
    assert all(0 <= row[4][0] <= n_inside and row[4][0] + row[5][0] <= row[6] <= 50 for row in measured["trainings"])
    assert read_rates([measured], "rules", 400).inside.shape == (1, 2)

    kept = tmp_path / "cifar10-test-0.json"
    stored = json.loads(kept.read_text())
    kept.write_text(json.dumps(stored | {"trainings": stored["trainings"][:-2]}))
    calls: list[int] = []

    def note(start: nn.Sequential, *args: Any, **kwargs: Any) -> nn.Sequential:
        calls.append(1)
        return trained(start, *args, **kwargs)

    monkeypatch.setattr(repair, "trained", note)
    again = repair.measure_split("cifar10", part="test", split=0, folder=tmp_path, cifar=None)
    assert again == measured
    assert len(calls) == 1 + 2  # the inspected model, and the two that were missing
    kept.write_text(json.dumps(stored | {"identity": "of other modes"}))
    assert repair.measure_split("cifar10", part="test", split=0, folder=tmp_path, cifar=None) == measured
    assert len(calls) == 1 + 2 + 1 + len(done)


def test_twins_are_measured_with_most_images_alone() -> None:
    assert {k for _, k in plans("twins", CHOICES)} == {0, 400}
    assert len(plans("cifar10", CHOICES)) == 2 + len(KS) * len(CHOICES)
    twins = _split("twins", rules=6, none=8)
    assert f"| {CHOICES['rules']} | 33 % (33 to 33) | 60.0 % | 20.0 % | 33.3 % | 30.0 % |" in share_table([twins])
    assert more_table([twins])[0] == "| more of the gap with k further images | 400 | times as much, 400 |"
    assert target([twins]) == "Rules close, times as much as any at random: 2.00 (2.00 to 2.00) with 400."
    assert (
        manual_table({"cifar10": [_split()], "twins": [twins]})[0]
        == "| gap closed | CIFAR-10 | Scenes of the demo, 400 images |"
    )


def test_the_tables_of_the_manual_and_of_the_benchmarks_are_what_was_measured() -> None:
    results = json.loads(FILE.read_text(encoding="utf-8"))
    manual = (ROOT / "barlow_report/manual/collecting.md").read_text(encoding="utf-8")
    assert "\n".join(manual_table(results)) in manual
    benchmarks = (ROOT / "tests/benchmarks/README.md").read_text(encoding="utf-8")
    for splits in results.values():
        assert (
            "\n".join([summary(splits), "", *share_table(splits), "", *more_table(splits), "", target(splits)])
            in benchmarks
        )


def test_the_chart_has_a_panel_for_each_kind_of_data() -> None:
    one, two = draw_chart({"cifar10": [_split()]}), draw_chart({"cifar10": [_split()], "signed": [_split()]})
    with Image.open(BytesIO(one)) as narrow, Image.open(BytesIO(two)) as wide:
        assert (narrow.format, wide.format) == ("WEBP", "WEBP")
        assert wide.width > 1.5 * narrow.width
        assert wide.height == narrow.height
