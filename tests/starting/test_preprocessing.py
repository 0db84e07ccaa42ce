"""Which sizes and normalisations `barlow-report init` tries, and which of them it proposes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from barlow_report.config import PreprocessingConfig
from barlow_report.starting import Trial, data_section, look_at_data
from barlow_report.starting.pixels import own_normalisation
from barlow_report.starting.preprocessing import is_clearly_better
from barlow_report.starting.sizes import sizes_to_try
from barlow_report.starting.stated import Stated
from barlow_report.vision.factories import call_factory
from tests.starting.calling import init, values, write_grey


def _names(sizes: list[tuple[int, int]], stated: Stated) -> list[str]:
    return [size.name for size in sizes_to_try(sizes, stated)]


def test_small_images_are_tried_as_they_are_and_in_the_usual_sizes() -> None:
    assert _names([(64, 64)] * 3, Stated()) == ["images as they are", "resized to 32 × 32", "resized to 224 × 224"]
    assert _names([(24, 24)], Stated()) == ["images as they are", "resized to 224 × 224"]


def test_large_images_are_made_small_only_where_nothing_else_does_better_than_guessing() -> None:
    found = list(sizes_to_try([(500, 375), (375, 500)], Stated()))
    assert [(size.name, size.is_unlikely) for size in found] == [
        ("resized to 256, 224 of it", False), ("resized to 64 × 64", True), ("resized to 32 × 32", True),
    ]  # fmt: skip


def test_the_size_that_a_model_states_comes_first_and_alone_if_it_takes_no_other() -> None:
    assert _names([(64, 64)], Stated(size=(32, 32)))[:2] == ["resized to 32 × 32", "images as they are"]
    assert _names([(64, 64)], Stated(size=(32, 32))).count("resized to 32 × 32") == 1
    assert _names([(64, 64)], Stated(size=(32, 48), is_only_size=True))[0] == "resized to 32 × 48"
    # width and height of images, height and width of models
    assert _names([(48, 32)], Stated(size=(32, 48), is_only_size=True)) == ["images as they are"]
    assert _names([(500, 375)], Stated(size=(96, 96), is_only_size=True)) == ["resized to 96 × 96"]


def _trial(n_right: int, *, n: int = 48, n_classes: int = 4, **preprocessing: object) -> Trial:
    labels = np.arange(n, dtype=np.int64) % n_classes
    shift = 1 + np.arange(n) // n_classes % (n_classes - 1)  # no class is always taken for the same other one
    return Trial(
        name="net",
        n_outputs=n_classes,
        n_features=1,
        preprocessing=PreprocessingConfig.model_validate(preprocessing),
        labels=labels,
        predictions=np.where(np.arange(n) < n_right, labels, (labels + shift) % n_classes),
        assumptions=(),
    )


@pytest.mark.parametrize(("told", "found", "is_better"), [(6, 24, True), (20, 24, False), (48, 48, False)])
def test_what_files_say_is_left_only_for_what_is_clearly_better(told: int, found: int, is_better: bool) -> None:
    # 6 and 24 of 48: together 0.3125, the difference's deviation (2 · 0.3125 · 0.6875 / 48)^½ = 0.095, the bound 0.189
    assert is_clearly_better(_trial(found), _trial(told), class_names=list("abcd")) is is_better


def test_means_of_0_and_deviations_of_1_say_nothing() -> None:
    assert not _trial(3).is_told
    assert not _trial(3, mean=[0.0], std=[1.0]).is_told, "as channels are settled"
    assert _trial(3, mean=0.5).is_told
    assert _trial(3, crop=32).is_told


def test_the_images_own_mean_and_deviation_are_those_of_their_pixels(folder: Path) -> None:
    for index, colour in enumerate([(51, 0, 255), (153, 51, 0)]):  # 0.2 and 0.6; 0 and 0.2; 1 and 0
        path = folder / "two" / "ab"[index] / "x.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (4, 4), colour).save(path)
    assert own_normalisation(look_at_data(data_section("two"))) == {
        "mean": pytest.approx([0.4, 0.1, 0.5]), "std": pytest.approx([0.2, 0.1, 0.5]),
    }  # fmt: skip
    Image.new("RGB", (4, 4), (51, 0, 255)).save(folder / "two" / "b" / "x.png")
    assert own_normalisation(look_at_data(data_section("two"))) is None, "all pixels are the same"


def test_a_grey_model_is_tried_with_the_images_own_mean_and_deviation(folder: Path) -> None:
    for label, levels in (("bright", (90, 100)), ("dark", (70, 80))):  # around 85 of 255, far from one half
        for index in range(24):
            path = folder / "grey" / label / f"{index:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (24, 24), levels[index % 2]).save(path)
    result = init("--images", "grey", "--model", "models.py:grey", "--yes")
    assert result.exit_code == 0, result.output
    assert "images as they are, no normalisation: 24 of 48 images right" in result.stderr
    assert "images as they are, the images' own mean and deviation: 48 of 48 images right" in result.stderr
    # 90, 100, 70 and 80 equally often: mean 85, variance (25 + 225 + 225 + 25) / 4 = 125
    assert values()["inspected_model"] == {
        "factory": "models.py:grey", "preprocessing": {"mean": 0.333, "std": round(125**0.5 / 255, 3)},
    }  # fmt: skip


def test_what_a_file_says_is_doubted_where_the_model_then_only_guesses(folder: Path) -> None:
    write_grey(folder / "grey")
    told = {"preprocessing": json.dumps({"resize": 24, "crop": 24})}  # and nothing of how to normalise
    model, _, _ = call_factory(str(folder / "models.py:bright"), {}, role="inspected_model")
    save_file(model.state_dict(), folder / "mine.safetensors", metadata=told)
    result = init("--images", "grey", "--model", "models.py:bright", "--weights", "mine.safetensors", "--yes")
    assert result.exit_code == 0, result.output
    assert "as its files say: 24 of 48 images right" in result.stderr
    inspected = values()["inspected_model"]
    assert isinstance(inspected, dict)
    assert inspected["preprocessing"] == {"resize": 256, "crop": 224, "mean": 0.5, "std": 0.5}
