"""Many models in one pass: each answers as it does alone, and one that fails does not stop the others."""

from pathlib import Path

import numpy as np
import pytest
import torch

from barlow_report.config import PreprocessingConfig
from barlow_report.errors import DataError, ModelError
from barlow_report.vision import passes
from barlow_report.vision.decoding import Decoder
from barlow_report.vision.extraction import extract_shard
from barlow_report.vision.kept_pixels import KeptPixels, bytes_of_images
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.predicting import Answers, ShardAnswers, predict_shards
from barlow_report.vision.preprocessing import geometry
from barlow_report.vision.sources.folder import FolderSource
from tests.vision.toys import ColourNet, noise_image, wrap

SHARDS = [[f"{i}.png" for i in range(7)], [f"{i}.png" for i in range(7, 12)]]


class Failing(ColourNet):
    """Fails on a batch of four or fewer images: the end of a shard."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) == 4:
            raise ValueError("four is too few")
        return super().forward(x)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(12):
        noise_image(seed, size=(10, 10)).save(tmp_path / f"{seed}.png")
    return tmp_path


def _models() -> tuple[LoadedModel, ...]:
    return wrap(ColourNet()), wrap(ColourNet(), preprocessing=PreprocessingConfig(crop=4)), wrap(ColourNet())


def _decoder(folder: Path, models: tuple[LoadedModel, ...]) -> Decoder:
    geometries = tuple(dict.fromkeys(geometry(model.preprocessing) for model in models))
    return Decoder(source=FolderSource(folder), geometries=geometries)


def _answers(found: ShardAnswers, place: int) -> Answers:
    answers = found.answers[place]
    assert isinstance(answers, Answers)
    return answers


@pytest.mark.parametrize("is_device", [False, True])
def test_each_model_answers_as_it_does_alone(folder: Path, monkeypatch: pytest.MonkeyPatch, is_device: bool) -> None:
    if is_device:
        monkeypatch.setattr(passes, "_on_processor", passes._on_device)
    models = _models()
    alone = [
        [
            extract_shard(shard, source=FolderSource(folder), feature_model=m, inspected_model=m, batch_size=3)
            for m in models
        ]
        for shard in SHARDS
    ]
    keep = KeptPixels().keep
    for _ in range(2):  # the second time from memory
        found = predict_shards(SHARDS, decoder=_decoder(folder, models), models=models, keep=keep, batch_size=3)
        for answered, expected in zip(found, alone, strict=True):
            for place, one in enumerate(expected):
                assert one.predictions is not None
                assert one.outputs is not None
                assert _answers(answered, place).largest.tolist() == one.predictions.tolist()
                assert _answers(answered, place).outputs.tobytes() == one.outputs.tobytes()
                assert answered.digests == one.digests
        for path in folder.glob("*.png"):
            path.unlink()


def test_a_model_that_fails_stops_alone_and_says_why(folder: Path) -> None:
    models = (*_models()[:1], wrap(Failing()))
    advanced: list[int] = []
    decoder = _decoder(folder, models)
    found = list(
        predict_shards(SHARDS, decoder=decoder, models=models, batch_size=4, n_workers=1, advance=advanced.append)
    )
    assert sum(advanced) == 12
    for shard, answered in zip(SHARDS, found, strict=True):
        assert len(_answers(answered, 0).largest) == len(shard)
        error = answered.answers[1]
        assert isinstance(error, ModelError)
        assert "cannot run on 4 images from 0.png on: ValueError: four is too few" in str(error)


def test_an_image_that_cannot_be_read_any_more_is_named(folder: Path) -> None:
    (folder / "8.png").unlink()
    models = _models()[:1]
    with pytest.raises(DataError, match=r"8\.png: could be read before and cannot be read now \(no such file\)"):
        list(predict_shards(SHARDS, decoder=_decoder(folder, models), models=models))


def test_the_memory_of_decoded_images_counts_every_geometry(folder: Path) -> None:
    decoder = _decoder(folder, _models())
    assert bytes_of_images(decoder, SHARDS[0], n_images=100) == 100 * 3 * (8 * 8 + 4 * 4)
    joined = Answers.joined([])
    assert len(joined.largest) == len(joined.outputs) == 0
    assert np.issubdtype(joined.largest.dtype, np.integer)
