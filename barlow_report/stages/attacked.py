"""Which images of a triptych the feature attack changes, and why not all."""

import re
from pathlib import Path

from barlow_report.config import Config
from barlow_report.config.models import ModelConfig

__all__ = ["N_ATTACKED", "attacked_words", "is_presumed_robust", "n_attacked"]

N_ATTACKED = 2
"""Images of each triptych where the feature model is not known to be robust: enough to see whether it is noise."""

_ROBUST = re.compile(r"robust|(?:^|[^a-z0-9])(?:adv|advprop|ap)(?:[^a-z0-9]|$)", re.IGNORECASE)
"""In names of weights: what was trained against an adversary, AdvProp's weights in timm (ap, adv) included."""

_OF_INSPECTED = "the features are those of the inspected model, which is not known to be robust"
_OF_LIBRARY = "the feature model is one of a library, which is not known to be robust"


def is_presumed_robust(model: ModelConfig) -> bool:
    """Whether a feature model of its own is taken for robust.

    One with code or weights of somebody's own is there to be robust: a factory, a program, a folder of transformers, a
    file of weights. Weights that a library publishes (`pretrained`, also where `weights` is their file) are not, nor is
    a library's model without weights, unless a name says so.
    """
    names = [model.name, model.torchvision, model.timm, model.transformers, model.pretrained]
    file = "" if model.weights is None else model.weights.stem
    if any(isinstance(name, str) and _ROBUST.search(name) for name in (*names, file)):
        return True
    if model.transformers is not None:
        return Path(model.transformers).is_absolute()  # a folder; else a name on the hub
    if model.torchvision is None and model.timm is None:
        return True
    return model.weights is not None and not model.pretrained


def n_attacked(config: Config) -> int:
    """Return how many images of each triptych are attacked, the most activating ones: 0 without attack or model.

    All of them where the feature model is taken for robust. Attacks of another cost as much and show little, so that a
    few have to do unless `visuals.n_attacked` says otherwise.
    """
    settings = config.visuals
    if settings.attack == "none" or not config.data.asks_models:
        return 0
    is_robust = config.feature_model is not None and is_presumed_robust(config.feature_model)
    usual = settings.n_images if is_robust else N_ATTACKED
    return min(usual if settings.n_attacked is None else settings.n_attacked, settings.n_images)


def attacked_words(config: Config) -> str | None:
    """Say that only some images are attacked; None where all are, or none."""
    n, n_images = n_attacked(config), config.visuals.n_images
    if n in (0, n_images):
        return None
    why = f": {_why(config)}" if config.visuals.n_attacked is None else ""
    return f"Of the {n_images} images of a triptych, the first {n} have a feature attack (visuals.n_attacked){why}."


def _why(config: Config) -> str:
    whose = _OF_INSPECTED if config.feature_model is None else _OF_LIBRARY
    return f"{whose}, so that attacks may look like noise"
