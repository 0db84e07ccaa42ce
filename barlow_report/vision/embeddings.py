"""Embeddings of images and texts in one space, from an image-text model such as CLIP.

Both are divided by their length: the space that such models are trained in is that of directions, and the two towers
may give vectors of different lengths.
"""

import difflib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from barlow_report.config import ClipConfig
from barlow_report.documents import parse_json
from barlow_report.errors import ModelError
from barlow_report.vision.factories import call_factory
from barlow_report.vision.memory import MemoryLimit, is_out_of_memory, within_memory

__all__ = ["ImageTextModel", "load_image_text_model"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageTextModel:
    """An image tower and, perhaps, a text tower.

    Attributes:
        name: Of its architecture, folder or factory.
        device: Where it runs.
        batch_size: Images or texts per forward pass.
        role: The section of the configuration that names it, for messages.
        spec: This section.
    """

    name: str
    device: torch.device
    batch_size: int
    role: str
    spec: ClipConfig
    _model: Any = field(repr=False)
    _preprocess: Callable[[Image.Image], torch.Tensor] = field(repr=False)
    _tokenizer: Callable[[list[str]], torch.Tensor] | None = field(repr=False)
    _limit: MemoryLimit = field(default_factory=MemoryLimit, repr=False)

    @property
    def has_text(self) -> bool:
        """Whether texts can be embedded."""
        return self._tokenizer is not None

    def embed_images(self, images: Sequence[Image.Image]) -> Floats:
        """Return embeddings (n_images, n_dimensions), float32, each of length 1.

        Raises:
            ModelError: The model fails, or gives something else than a finite vector for each image.
        """

        def encode(batch: Sequence[Image.Image]) -> Any:
            return self._model.encode_image(torch.stack([self._preprocess(image) for image in batch]).to(self.device))

        return self._embed(images, encode, what="image")

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Return embeddings (n_texts, n_dimensions), float32, each of length 1.

        Raises:
            ModelError: There is no text tower, it fails, or it gives something else than a finite vector for each.
        """
        tokenizer = self._tokenizer
        if tokenizer is None:
            raise ModelError(f"{self.role}: {self.name} has no text tower.")
        return self._embed(
            texts, lambda batch: self._model.encode_text(tokenizer(list(batch)).to(self.device)), what="text"
        )

    def _embed(self, items: Sequence[Any], encode: Callable[[Sequence[Any]], Any], *, what: str) -> Floats:
        def embed(n_at_once: int) -> Floats:
            parts = [vectors_of(items[i : i + n_at_once]) for i in range(0, len(items), n_at_once)]
            return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)

        def vectors_of(batch: Sequence[Any]) -> Floats:
            try:
                with torch.inference_mode():
                    found = encode(batch)
                    vectors: Floats = torch.nn.functional.normalize(found.float(), dim=-1).cpu().numpy()
            except Exception as error:  # somebody else's code
                if is_out_of_memory(error):
                    raise
                raise ModelError(
                    f"{self.role}: {self.name} fails on a batch of {what}s ({_describe(error)})."
                ) from error
            if vectors.ndim != 2 or len(vectors) != len(batch) or not np.isfinite(vectors).all():
                raise ModelError(
                    f"{self.role}: {self.name} gave an array of shape {vectors.shape} for {len(batch)} {what}s, "
                    "expected a finite vector for each."
                )
            return vectors

        where = f"{self.role} on {self.device}"
        return within_memory(embed, self.batch_size, limit=self._limit, what=where)


def load_image_text_model(spec: ClipConfig, *, device: torch.device, role: str = "directions.clip") -> ImageTextModel:
    """Load the model that a configuration names, from local files alone.

    Args:
        spec: The section of the configuration.
        device: Where it runs.
        role: The path of that section, for messages.

    Raises:
        ModelError: The extra `clip` is not installed, a file is missing, or the weights do not fit.
    """
    if spec.factory is not None:
        built, name, _ = call_factory(spec.factory, {}, role=role)
        if not (isinstance(built, tuple) and len(built) == 3 and callable(getattr(built[0], "encode_image", None))):
            raise ModelError(
                f"{role}: {name} returned {type(built).__name__}, expected a tuple of a model with encode_image and "
                "encode_text, a function from a PIL image to a tensor, and one from texts to tokens (or None)."
            )
        model, preprocess, tokenizer = built
    else:
        model, preprocess, tokenizer, name = _load_open_clip(spec, role=role)
    for change in ("eval", "requires_grad_"):
        with suppress(AttributeError):  # a factory's object need not be a torch.nn.Module
            getattr(model, change)(*([False] if change == "requires_grad_" else []))
    with suppress(AttributeError):
        model = model.to(device)
    return ImageTextModel(
        name=name,
        device=device,
        batch_size=spec.batch_size,
        role=role,
        spec=spec,
        _model=model,
        _preprocess=preprocess,
        _tokenizer=tokenizer,
    )


def _load_open_clip(spec: ClipConfig, *, role: str) -> tuple[Any, Any, Any, str]:
    try:
        import open_clip
    except ImportError as error:
        raise ModelError(
            f"{role}: open_clip is not installed ({error}). Install it: pip install 'barlow-report[clip]'."
        ) from error
    if spec.folder is not None:
        identifier, weights, name = f"local-dir:{spec.folder}", None, spec.folder.name
        if not (spec.folder / "open_clip_config.json").is_file():
            raise ModelError(f"{role}: found no open_clip_config.json in {spec.folder}; correct 'folder'.")
        _refuse_code(spec.folder / "open_clip_config.json", role=role)
    else:
        identifier, weights, name = str(spec.model), str(spec.weights), str(spec.model)
        if identifier not in open_clip.list_models():
            close = difflib.get_close_matches(identifier, open_clip.list_models(), n=3) or open_clip.list_models()[:3]
            raise ModelError(
                f"{role}: open_clip {metadata.version('open_clip_torch')} has no architecture {identifier!r}; it has "
                f"{', '.join(close)} and others."
            )
        if spec.weights is None or not spec.weights.is_file():
            raise ModelError(f"{role}: found no file of weights at {spec.weights}; correct 'weights'.")
    try:
        model, _, preprocess = open_clip.create_model_and_transforms(
            identifier, pretrained=weights, device="cpu", weights_only=True, require_pretrained=True
        )
        tokenizer = open_clip.get_tokenizer(identifier)
    except Exception as error:  # open_clip raises many kinds for files that do not fit
        raise ModelError(
            f"{role}: {name} cannot be loaded ({_describe(error)}). Check that the weights belong to it, and that the "
            "file holds nothing but weights."
        ) from error
    return model, preprocess, tokenizer, name


def _refuse_code(path: Path, *, role: str) -> None:
    """Refuse a configuration that asks for code from beside it to be run.

    Raises:
        ModelError: It does, or is no text.
    """
    try:
        text = json.dumps(parse_json(path.read_text(encoding="utf-8")))  # as written: no letters as numbers
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{role}: {path} cannot be read ({error}). Expected the JSON that open_clip writes."
        ) from error
    if "trust_remote_code" in text:
        raise ModelError(
            f"{role}: {path} asks for code from its folder to be run (trust_remote_code). Remove that line; a model "
            "that needs it goes into 'factory'."
        )


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}{'…' if len(text) > 300 else ''}"
