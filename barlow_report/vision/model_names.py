"""The models of a library that fit a pattern, without building any."""

from fnmatch import fnmatchcase

import torchvision

from barlow_report.vision.published import import_timm

__all__ = ["timm_models", "torchvision_models"]


def torchvision_models(pattern: str) -> list[str]:
    """Return the names of torchvision's classification models that fit a pattern; `all` fits all.

    Args:
        pattern: With * and ?, in small letters.
    """
    names = torchvision.models.list_models(module=torchvision.models)
    return sorted(name for name in names if pattern == "all" or fnmatchcase(name, pattern.lower()))


def timm_models(pattern: str, *, pretrained: bool, where: str) -> list[str]:
    """Return the names of timm's models that fit a pattern; `all` fits all.

    Args:
        pattern: With * and ?; without a dot, or a * for it, architectures.
        pretrained: Whether names are with the tags of their published weights; otherwise of architectures alone.
        where: Names the source in errors.

    Raises:
        ModelError: timm is not installed.
    """
    timm = import_timm(where)
    names = timm.list_models(pretrained=pretrained)
    return sorted(name for name in names if pattern == "all" or _fits(name, pattern))


def _fits(name: str, pattern: str) -> bool:
    """Whether a name, or its architecture alone, fits: resnet?? finds all weights of resnet18 and its like."""
    return fnmatchcase(name, pattern) or ("." not in pattern and fnmatchcase(name.partition(".")[0], pattern))
