"""Image-text models: a tiny randomly initialised open_clip model, a Python factory, and what can go wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from barlow_report.config import ClipConfig
from barlow_report.errors import ModelError
from barlow_report.vision.embeddings import load_image_text_model

CPU = torch.device("cpu")
TINY = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "patch_size": 16, "head_width": 8},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
FACTORY = """
import torch


class Colours:
    def encode_image(self, images):
        return images.mean(dim=(2, 3)) * 7

    def encode_text(self, tokens):
        return tokens.float()


def colours():
    def preprocess(image):
        return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).float().reshape(3, 1, -1)

    words = {"red": [1, 0, 0], "green": [0, 1, 0], "blue": [0, 0, 1]}
    return Colours(), preprocess, lambda texts: torch.tensor([words[text] for text in texts])


def no_text():
    model, preprocess, _ = colours()
    return model, preprocess, None


def wrong():
    return 3
"""


def write_tiny_clip(folder: Path) -> Path:
    """Write a randomly initialised model in open_clip's own layout."""
    import open_clip

    torch.manual_seed(0)
    model = open_clip.CLIP(**TINY)
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY, "preprocess_cfg": {}}))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_clip(tmp_path_factory.mktemp("clip") / "tiny")


def _images(n: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)) for _ in range(n)]


def test_both_towers_of_an_open_clip_model_are_those_of_open_clip(tiny: Path) -> None:
    import open_clip

    images, texts = _images(3), ["a photo of a cat", "a photo of a red cat"]
    model = load_image_text_model(ClipConfig(folder=tiny, batch_size=2), device=CPU)
    found_images, found_texts = model.embed_images(images), model.embed_texts(texts)

    original, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tiny}")
    original.eval()
    with torch.inference_mode():
        expected = original.encode_image(torch.stack([preprocess(image) for image in images]), normalize=True)
        words = original.encode_text(open_clip.get_tokenizer(f"local-dir:{tiny}")(texts), normalize=True)
    np.testing.assert_allclose(found_images, expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(found_texts, words.numpy(), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found_images, axis=1), 1, atol=1e-6)
    assert found_images.dtype == np.float32
    assert not np.allclose(found_texts[0], found_texts[1])


def test_an_architecture_takes_its_weights_from_a_file(tiny: Path, tmp_path: Path, monkeypatch: Any) -> None:
    import open_clip

    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny-test", TINY)
    by_name = load_image_text_model(
        ClipConfig(model="tiny-test", weights=tiny / "open_clip_model.safetensors"), device=CPU
    )
    by_folder = load_image_text_model(ClipConfig(folder=tiny), device=CPU)
    assert np.array_equal(by_name.embed_images(_images(2)), by_folder.embed_images(_images(2)))

    with pytest.raises(ModelError, match="found no file of weights"):
        load_image_text_model(ClipConfig(model="tiny-test", weights=tmp_path / "none.pt"), device=CPU)
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="Check that the weights belong to it"):
        load_image_text_model(ClipConfig(model="tiny-test", weights=tmp_path / "other.safetensors"), device=CPU)


def test_a_file_that_can_run_code_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    import open_clip

    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny-test", TINY)
    torch.save({"state_dict": {}, "code": Path("x")}, tmp_path / "evil.pt")
    with pytest.raises(ModelError, match="holds nothing but weights"):
        load_image_text_model(ClipConfig(model="tiny-test", weights=tmp_path / "evil.pt"), device=CPU)


def test_an_unknown_architecture_or_folder_is_an_error_that_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no architecture 'ViT-B-33'; it has .*ViT-B-32"):
        load_image_text_model(ClipConfig(model="ViT-B-33", weights=tmp_path / "x.pt"), device=CPU)
    with pytest.raises(ModelError, match=r"found no open_clip_config.json"):
        load_image_text_model(ClipConfig(folder=tmp_path), device=CPU)


def test_a_folder_without_weights_is_not_taken_for_a_model(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text((tiny / "open_clip_config.json").read_text())
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_image_text_model(ClipConfig(folder=tmp_path), device=CPU)


@pytest.mark.parametrize("key", ["trust_remote_code", "trust_remote\\u005fcode"])
def test_a_folder_that_asks_for_its_own_code_is_refused(tmp_path: Path, key: str) -> None:
    text = json.dumps({"model_cfg": {**TINY, "text_cfg": {"tokenizer_kwargs": {"KEY": True}}}})
    (tmp_path / "open_clip_config.json").write_text(text.replace("KEY", key))
    with pytest.raises(ModelError, match=r"asks for code from its folder to be run"):
        load_image_text_model(ClipConfig(folder=tmp_path), device=CPU)


def test_any_model_with_two_towers_can_be_a_factory(tmp_path: Path) -> None:
    (tmp_path / "colours.py").write_text(FACTORY)
    model = load_image_text_model(ClipConfig(factory=f"{tmp_path}/colours.py:colours"), device=CPU)
    red = Image.new("RGB", (4, 4), (200, 0, 0))
    assert model.embed_texts(["red", "blue"]).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert model.embed_images([red, red]).shape == (2, 3)

    silent = load_image_text_model(ClipConfig(factory=f"{tmp_path}/colours.py:no_text"), device=CPU)
    assert not silent.has_text
    with pytest.raises(ModelError, match="no text tower"):
        silent.embed_texts(["red"])
    with pytest.raises(ModelError, match="fails on a batch of texts"):
        model.embed_texts(["mauve"])
    with pytest.raises(ModelError, match="expected a tuple of a model"):
        load_image_text_model(ClipConfig(factory=f"{tmp_path}/colours.py:wrong"), device=CPU)
