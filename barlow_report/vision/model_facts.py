"""What is known of a model beside its outputs: its family, size and input, and what its library states of its weights.

Nothing is looked up anywhere: what the library does not state is not known. Parameters are counted.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torchvision

from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import probe_size

if TYPE_CHECKING:
    from barlow_report.config import ModelConfig

__all__ = ["ModelFacts", "find_facts", "pretraining_of_tag"]

DATA_SETS = {
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "imagenet1k": "ImageNet-1k",
    "laion2b": "LAION-2B",
    "laion400m": "LAION-400M",
    "laiona": "LAION-Aesthetic",
    "openai": "OpenAI's image-text pairs",
    "dfn2b": "DFN-2B",
    "dfn5b": "DFN-5B",
    "datacomp": "DataComp",
    "datacomp1b": "DataComp-1B",
    "datacompxl": "DataComp-XL",
    "metaclip": "MetaCLIP",
    "webli": "WebLI",
    "merged2b": "Merged-2B",
    "m30m": "Merged-30M",
    "m38m": "Merged-38M",
    "yfcc100m": "YFCC-100M",
    "ig1b": "Instagram-1B",
    "swag": "Instagram hashtags (SWAG)",
    "jft": "JFT-300M",
    "jft300m": "JFT-300M",
    "sa1b": "SA-1B",
    "lvd142m": "LVD-142M",
    "lvd1689m": "LVD-1689M",
    "inat21": "iNaturalist 2021",
    "cc12m": "CC-12M",
    "redcaps": "RedCaps",
    "dfndr2b": "DFNDR-2B",
}
"""Data sets by what the tags of published weights call them."""

NOT_FAMILIES = ("torchvision.models", "timm.models")


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What is known of a model; None where it is not.

    Attributes:
        family: Of its architecture, as its library groups it.
        n_parameters: Numbers that training has set.
        input_height: In pixels.
        input_width: In pixels.
        pretraining: The data that its weights were trained on, as their name states it, the last ones last.
        published_accuracy: Top-1 on ImageNet-1k's validation images as the library states it, 0 to 1.
    """

    family: str | None
    n_parameters: int | None
    input_height: int | None
    input_width: int | None
    pretraining: str | None
    published_accuracy: float | None


def find_facts(spec: "ModelConfig", model: LoadedModel) -> ModelFacts:
    """Return what is known of a model that was loaded as `spec` says."""
    height, width = probe_size(model.preprocessing) or (None, None)
    tag, accuracy = _published(spec, model)
    n_parameters = sum(tensor.numel() for tensor in model.module.parameters())
    return ModelFacts(
        family=_family(spec, model),
        n_parameters=n_parameters or None,
        input_height=height,
        input_width=width,
        pretraining=None if tag is None else pretraining_of_tag(tag),
        published_accuracy=accuracy,
    )


def pretraining_of_tag(tag: str) -> str | None:
    """Return the data sets in the name of published weights: of sw_in12k_ft_in1k ImageNet-12k, then ImageNet-1k.

    None where it names none that is known.
    """
    words = dict.fromkeys(DATA_SETS[word] for word in re.split(r"[^a-z0-9]+", tag.lower()) if word in DATA_SETS)
    # torchvision names the data of the last step first: IMAGENET1K_SWAG
    return ", then ".join(sorted(words, key=lambda word: word == DATA_SETS["in1k"])) or None


def _family(spec: "ModelConfig", model: LoadedModel) -> str | None:
    """The module of the library that the architecture is in, or the type that a configuration of the model names."""
    if spec.transformers is not None:
        return getattr(getattr(model.module, "config", None), "model_type", None)
    for part in type(model.module).__mro__:
        package, _, module = part.__module__.rpartition(".")
        if package in NOT_FAMILIES:
            return module
    return None


def _published(spec: "ModelConfig", model: LoadedModel) -> tuple[str | None, float | None]:
    """The name of the published weights and their accuracy, where they are what the model has."""
    if not spec.pretrained or spec.weights is not None:
        return None, None
    if spec.torchvision is not None:
        choices = torchvision.models.get_model_weights(spec.torchvision.lower())
        member = "DEFAULT" if spec.pretrained is True else str(spec.pretrained).rpartition(".")[2]
        return choices[member].name, _stated_accuracy(choices[member].meta)
    settings = getattr(model.module, "pretrained_cfg", None) or {}
    return settings.get("tag") or None, None


def _stated_accuracy(meta: dict[str, Any]) -> float | None:
    value = meta.get("_metrics", {}).get("ImageNet-1K", {}).get("acc@1")
    return None if value is None else round(float(value) / 100, 6)
