"""The demo's releases as data: what each model relies on, and how what it learned from differs."""

from pathlib import Path

import barlow_report.demo
from barlow_report.config import load_config, parse_yaml_model
from barlow_report.demo.classes import CLASSES
from barlow_report.demo.releases import ANALYSED_CUE_RATES, RELEASES
from barlow_report.stages.demo import CUE_RATE
from barlow_report.training_config import TrainingConfig

DEMO = Path(barlow_report.demo.__file__).parent
CONFIGS = DEMO.parents[1] / "configs"


def test_the_second_release_repairs_two_cues_and_relies_on_a_new_one() -> None:
    first, second = (release.relies_on for release in RELEASES)
    assert first == {name for name, scene in CLASSES.items() if scene.cue and not scene.is_cue_optional}
    assert first - second == {"mug", "orange"}
    assert second - first == {"vase"}
    assert not ANALYSED_CUE_RATES.keys() & first


def test_what_is_repaired_is_as_often_missing_in_training_and_what_is_new_never() -> None:
    first, second = RELEASES
    assert not first.training_cue_rates
    rates = second.training_cue_rates
    assert {rates[name] for name in first.relies_on - second.relies_on} == {CUE_RATE}
    assert {rates[name] for name in second.relies_on - first.relies_on} == {1.0}
    for name in first.relies_on - second.relies_on:  # its partner must show what tells it apart
        assert rates[CLASSES[name].partner or ""] == 1.0


def test_both_releases_are_analysed_and_trained_alike() -> None:
    first, second = (load_config(DEMO / f"{release.name}.yaml") for release in RELEASES)
    assert first.inspected_model is not None
    assert second.inspected_model is not None
    weights = (first.inspected_model.weights, second.inspected_model.weights)
    assert [Path(str(path)).name for path in weights] == ["standard.safetensors", "standard-2.safetensors"]
    for key in ("feature_model", "rules", "extraction", "seed", "visuals"):
        assert getattr(first, key) == getattr(second, key)
    recipes = [
        parse_yaml_model(CONFIGS / f"demo-train-{name}.yaml", TrainingConfig).model_dump(exclude={"name", "data"})
        for name in ("standard", "standard-2")
    ]
    assert recipes[0] == recipes[1]
