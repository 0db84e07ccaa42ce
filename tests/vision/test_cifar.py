"""Real models on real images: CIFAR-10 with a standard and an adversarially trained network."""

from pathlib import Path

import numpy as np
import pytest
import torch

from barlow_report.config import AttackConfig, DataConfig, ModelConfig
from barlow_report.vision.attack import attack_features
from barlow_report.vision.datasets import ImageList, list_images
from barlow_report.vision.extraction import ShardResult, extract_shard
from barlow_report.vision.images import read_image
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.output_counts import check_outputs
from barlow_report.vision.preprocessing import to_tensor
from tests.vision.toys import CPU

STEP = 20


def load(folder: Path, name: str) -> LoadedModel:
    spec = ModelConfig(factory=f"{folder / 'cifar_net.py'}:{name}", weights=folder / f"{name}.pt")
    return load_model(spec, device=CPU, role=name, image_size=(32, 32))


@pytest.fixture(scope="module")
def robust(shared_cifar: Path) -> LoadedModel:
    return load(shared_cifar, "robust")


@pytest.fixture(scope="module")
def images(shared_cifar: Path) -> ImageList:
    return list_images(DataConfig(folder=shared_cifar / "images"))


@pytest.fixture(scope="module")
def result(shared_cifar: Path, robust: LoadedModel, images: ImageList) -> ShardResult:
    return extract_shard(
        images.paths[::STEP],
        source=images.source,
        feature_model=robust,
        inspected_model=load(shared_cifar, "standard"),
        batch_size=64,
    )


def test_all_images_and_classes_are_listed(images: ImageList) -> None:
    assert len(images.paths) == 10_000
    assert images.class_names[:3] == ("airplane", "automobile", "bird")
    assert np.bincount(images.labels).tolist() == [1000] * 10


def test_the_models_are_understood(robust: LoadedModel) -> None:
    check_outputs(robust, 10)
    assert (robust.n_features, robust.feature_place.module) == (256, "fc")
    assert robust.map_place is not None
    assert (robust.map_place.module, robust.map_place.is_exact) == ("layers", True)


def test_accuracy_on_a_sample_is_the_documented_one(images: ImageList, result: ShardResult) -> None:
    labels = images.labels[::STEP][result.kept]
    assert len(labels) == 500
    assert result.predictions is not None
    # 82.6 % of all 10,000; four standard errors of a sample of 500
    assert np.mean(result.predictions == labels) == pytest.approx(0.826, abs=0.07)
    assert result.outputs is not None
    assert 0.1 <= result.outputs["softmax"].min() <= result.outputs["softmax"].max() <= 1


def test_attacks_raise_features_and_do_not_depend_on_the_batch(
    robust: LoadedModel, images: ImageList, result: ShardResult
) -> None:
    paths = images.paths[::STEP]
    ids = np.array([3, 50, 111, 200, 255])
    top = result.features[:, ids].argmax(axis=0)
    batch = torch.stack([to_tensor(read_image(images.root / paths[i]), robust.preprocessing) for i in top])
    settings = AttackConfig(n_steps=20)
    together = attack_features(robust, batch, ids, settings=settings)
    assert np.allclose(together.activation, result.features[top, ids], atol=1e-4)
    assert bool((together.attacked_activation > 1.5 * together.activation).all())
    assert float(together.images.min()) >= 0
    assert float(together.images.max()) <= 1
    alone = attack_features(robust, batch[2:3], ids[2:3], settings=settings)
    assert torch.allclose(alone.images[0], together.images[2], atol=1e-4)
