"""A device whose memory is full: work goes on with half of the images at a time, and gives the same bytes."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from barlow_report.config import AttackConfig, ClipConfig
from barlow_report.errors import ModelError
from barlow_report.vision.attack import FeatureAttack
from barlow_report.vision.decisions import Decision
from barlow_report.vision.embeddings import ImageTextModel
from barlow_report.vision.intervention import Interventions
from barlow_report.vision.memory import is_out_of_memory
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.outcomes import Change, Task
from barlow_report.vision.preprocessing import to_tensor
from barlow_report.vision.sources.folder import FolderSource
from barlow_report.vision.tiles import compute_tiles
from barlow_report.vision.trial import try_models
from tests.vision.toys import ColourNet, noise_image, wrap

IMAGES = [noise_image(seed) for seed in range(8)]


class Hungry(ColourNet):
    """Takes so many images at a time at most, as a device with little memory would."""

    largest: ClassVar[int] = 16
    refused: ClassVar[list[int]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.largest:
            self.refused.append(len(x))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(x)


def tiles(model: LoadedModel) -> list[Any]:
    attack = FeatureAttack(model, AttackConfig(n_steps=3, step_size=1, batch_size=8))
    found = compute_tiles(attack, IMAGES, feature_ids=[0, 1, 2, 0, 1, 2, 0, 1])
    return [found.activations, found.attacked_activations, found.heatmaps, found.ranges, *found.attacks]


def experiment(model: LoadedModel) -> list[Any]:
    change = Change(
        feature_id=1,
        sign=1,
        target=0.7,
        radius=8.0,
        share=None,
        controls=np.array([0, 2]),
        class_controls=np.array([2]),
        seed=0,
    )
    interventions = Interventions(model, model, decision=Decision(), n_steps=4, batch_size=8)
    (found,) = interventions.run([Task(images=IMAGES, labels=np.zeros(len(IMAGES), dtype=np.int64), change=change)])
    return [found.moved, found.controls, found.noise, found.length, found.activation_moved, *found.moved_images]


def embeddings(model: LoadedModel) -> list[Any]:
    tower = ImageTextModel(
        name="toy",
        device=model.device,
        batch_size=8,
        role="directions.clip",
        spec=ClipConfig(factory="toy:clip"),
        _model=SimpleNamespace(encode_image=model.predict),
        _preprocess=lambda image: to_tensor(image, model.preprocessing),
        _tokenizer=None,
    )
    return [tower.embed_images(IMAGES)]


@pytest.mark.parametrize("work", [tiles, experiment, embeddings])
def test_work_that_does_not_fit_is_done_with_half_of_the_rows(
    work: Callable[[LoadedModel], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = work(wrap(ColourNet()))
    model = wrap(Hungry())
    monkeypatch.setattr(Hungry, "largest", 3)
    Hungry.refused.clear()
    found = work(model)
    assert {4, 8} <= set(Hungry.refused)
    assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("work", "what"), [(tiles, "feature attack on"), (experiment, "features on"), (embeddings, "directions.clip on")]
)
def test_work_on_one_image_that_does_not_fit_says_which_and_what_to_do(
    work: Callable[[LoadedModel], list[Any]], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = wrap(Hungry())
    monkeypatch.setattr(Hungry, "largest", 0)
    with pytest.raises(ModelError, match=rf"{what}.*does not hold the models and one image. Set 'crop'"):
        work(model)


def test_models_are_tried_on_as_many_images_as_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"{seed}.png" for seed in range(16)]
    for seed, path in enumerate(paths):
        noise_image(seed).save(tmp_path / path)
    model = wrap(Hungry())
    monkeypatch.setattr(Hungry, "largest", 3)
    Hungry.refused.clear()
    about: dict[str, Any] = {"source": FolderSource(tmp_path), "feature_model": model, "inspected_model": model}
    assert try_models(paths, np.arange(16) % 3, **about) == {}
    assert {4, 8, 16} <= set(Hungry.refused)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_full_memory_is_known_by_type_or_words(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected
