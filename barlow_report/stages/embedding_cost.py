"""How long an image-text model takes for each image and each text, measured on a few."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barlow_report.config import ClipConfig, Config
from barlow_report.formatting import counted
from barlow_report.stages.measuring import seconds_each, timed
from barlow_report.stages.prospect import Prospect

if TYPE_CHECKING:
    from barlow_report.vision.embeddings import ImageTextModel

__all__ = ["EmbeddingCost", "embedding_cost"]

_SECONDS = 2.0
_N_FIRST, _N_MOST = 4, 64


@dataclass(frozen=True, kw_only=True)
class EmbeddingCost:
    """What embeddings take.

    Attributes:
        seconds: For all images of the run, with loading the model; without, where a lens before has them.
        n_bytes: Of the embeddings, likewise.
        n_dimensions: Of an embedding.
        seconds_each_text: For each text; 0 without a text tower.
        words: Half a sentence on it.
    """

    seconds: float
    n_bytes: int
    n_dimensions: int
    seconds_each_text: float
    words: str


def embedding_cost(config: Config, spec: ClipConfig, prospect: Prospect, *, role: str) -> EmbeddingCost:
    """Load an image-text model and time it; images that a lens before embeds with it are not counted again.

    Args:
        config: The configuration.
        spec: Its section about the model.
        prospect: What is known of the run.
        role: The path of that section, for messages.

    Raises:
        DataError: No image can be read.
        ModelError: The model cannot be loaded or used.
    """
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.embeddings import load_image_text_model

    found: list[ImageTextModel] = []
    loading = timed(lambda: found.append(load_image_text_model(spec, device=choose_device(config.device), role=role)))
    model = found[0]
    sizes: list[int] = []

    def embed(n: int) -> None:
        sizes.append(model.embed_images([loaded.image for loaded in prospect.some_images(n)]).shape[1])

    each = seconds_each(embed, n_first=_N_FIRST, n_most=min(_N_MOST, prospect.n_images), seconds=_SECONDS)
    text = 0.0
    if model.has_text:
        texts = ["a photo of a thing"] * _N_MOST
        text = seconds_each(
            lambda n: model.embed_texts(texts[:n]), n_first=_N_FIRST, n_most=_N_MOST, seconds=_SECONDS / 4
        )
    n = prospect.n_images
    if spec in prospect.counted:
        words = f"the embeddings of {model.name} are there by then"
        return EmbeddingCost(seconds=loading, n_bytes=0, n_dimensions=sizes[-1], seconds_each_text=text, words=words)
    prospect.counted.add(spec)
    return EmbeddingCost(
        seconds=loading + each * n,
        n_bytes=4 * sizes[-1] * n,
        n_dimensions=sizes[-1],
        seconds_each_text=text,
        words=f"{model.name} embeds {counted(n, 'image')} at {1 / each:,.1f} a second, {sizes[-1]} numbers each",
    )
