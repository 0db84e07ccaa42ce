"""Models of torchvision and timm by name, and the preprocessing that belongs to their published weights."""

import difflib
import importlib
import math
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torchvision
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.hub import asking_hub, why_unreachable

__all__ = ["PublishedModel", "build_timm", "build_torchvision", "import_timm"]

INTERPOLATIONS = ("bilinear", "bicubic")
HUB_PREFIXES = ("hf_hub:", "hf-hub:")


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A model of a library.

    Attributes:
        module: With the published weights if they were asked for and downloaded, else with random ones.
        name: As the library writes it.
        version: The library's, and the name.
        preprocessing: Keys of `PreprocessingConfig` that belong to the published weights; empty without them.
    """

    module: nn.Module
    name: str
    version: str
    preprocessing: Mapping[str, Any] = field(default_factory=dict)


def build_torchvision(
    name: str, arguments: Mapping[str, Any], *, pretrained: bool | str, download: bool, where: str
) -> PublishedModel:
    """Build a classification model of torchvision.

    Args:
        name: Such as resnet50.
        arguments: Keyword arguments of its builder.
        pretrained: Member of its weights enumeration, such as IMAGENET1K_V2, or true for the default one.
        download: Whether to fetch those weights; otherwise only their preprocessing is used.
        where: Names the model in errors.

    Raises:
        ModelError: There is no such model or no such weights, or it cannot be built or downloaded.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name.lower() not in known:
        close = difflib.get_close_matches(name.lower(), known, n=3) or known
        raise ModelError(f"{where}: torchvision has no classification model {name!r}; it has {', '.join(close)}.")
    if "weights" in arguments:
        raise ModelError(
            f"{where}: 'weights' under 'arguments' would download; give a file under the model's own "
            "'weights', or the name of published ones under 'pretrained'."
        )
    weights = _torchvision_weights(name.lower(), pretrained, where=where) if pretrained else None
    fetched = weights if download else None
    if fetched is not None:
        _refuse_other_classes(arguments, len(fetched.meta["categories"]), where=where)
        if not _is_cached(fetched.url) and (reason := why_unreachable(fetched.url)) is not None:
            raise ModelError(_no_download(f"torchvision's {name}", reason, where=where, file=fetched.url))
    try:
        with warnings.catch_warnings():
            # about the initial weights of some models, which a file of weights replaces
            warnings.simplefilter("ignore", FutureWarning)
            module = torchvision.models.get_model(name.lower(), weights=fetched, **arguments)
    except Exception as error:  # whatever the arguments or the network lead to
        if fetched is not None and _is_of_network(error):
            reason = _describe(error)
            raise ModelError(_no_download(f"torchvision's {name}", reason, where=where, file=fetched.url)) from error
        raise ModelError(
            f"{where}: torchvision's {name} with 'arguments' {dict(arguments)} failed: {_describe(error)}."
        ) from error
    return PublishedModel(
        module=module,
        name=name.lower(),
        version=f"torchvision {torchvision.__version__} {name.lower()}",
        preprocessing={} if weights is None else _torchvision_preprocessing(weights, where=where),
    )


def _is_cached(url: str) -> bool:
    """Whether torch has the file of an address from before."""
    return (Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]).is_file()


def _torchvision_weights(name: str, pretrained: bool | str, *, where: str) -> Any:
    choices = torchvision.models.get_model_weights(name)
    wanted = "DEFAULT" if pretrained is True else str(pretrained).rpartition(".")[2]
    if wanted not in choices.__members__:
        raise ModelError(
            f"{where}: torchvision has no weights {pretrained!r} for {name}; it has "
            f"{', '.join(choices.__members__)}. Correct 'pretrained'."
        )
    return choices[wanted]


def _torchvision_preprocessing(weights: Any, *, where: str) -> dict[str, Any]:
    preset = weights.transforms()
    (crop,), resize = preset.crop_size, preset.resize_size
    return {
        "resize": resize[0] if len(resize) == 1 else tuple(resize),
        "crop": crop,
        "interpolation": _interpolation(preset.interpolation.value, where=where),
        "mean": tuple(preset.mean),
        "std": tuple(preset.std),
    }


def build_timm(
    name: str, arguments: Mapping[str, Any], *, pretrained: bool | str, download: bool, where: str
) -> PublishedModel:
    """Build a model of timm; see `build_torchvision`.

    Args:
        name: Such as resnet50, or with the tag of its weights, resnet50.a1_in1k.
        arguments: Further arguments of timm.create_model.
        pretrained: True for the weights of the name, or a tag.
        download: Whether to fetch them; otherwise only their preprocessing is used.
        where: Names the model in errors.

    Raises:
        ModelError: timm is not installed, has no such model or weights, or the model cannot be built or downloaded.
    """
    timm = import_timm(where)
    full_name = name if pretrained in (True, False) else f"{name.partition('.')[0]}.{pretrained}"
    if not full_name.startswith(HUB_PREFIXES):
        _check_timm_name(timm, full_name, where=where)
    fetch = bool(pretrained) and download
    reason = None
    try:
        with warnings.catch_warnings(), asking_hub() if fetch else nullcontext() as reason:
            warnings.simplefilter("ignore")  # of timm's own parts about each other
            module = timm.create_model(full_name, pretrained=fetch, **arguments)
    except Exception as error:  # whatever the arguments or the network lead to
        if fetch and _is_of_network(error):
            why = reason or _describe(error)
            raise ModelError(_no_download(f"timm's {full_name}", why, where=where, file="the file")) from error
        raise ModelError(
            f"{where}: timm's {full_name} with 'arguments' {dict(arguments)} failed: {_describe(error)}."
        ) from error
    if fetch:
        _refuse_other_classes(arguments, module.pretrained_cfg.get("num_classes"), where=where)
    return PublishedModel(
        module=module,
        name=full_name,
        version=f"timm {timm.__version__} {full_name}",
        preprocessing=_timm_preprocessing(timm, module, where=where) if pretrained else {},
    )


def import_timm(where: str) -> ModuleType:
    """Return the library timm; `where` names what needs it in errors.

    Raises:
        ModelError: It is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its dependencies
            return importlib.import_module("timm")
    except ImportError as error:
        raise ModelError(
            f"{where}: 'timm' cannot be imported ({error}). Install it: pip install 'barlow-report[timm]'."
        ) from error


def _check_timm_name(timm: ModuleType, name: str, *, where: str) -> None:
    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        close = difflib.get_close_matches(base, timm.list_models(), n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "see timm.list_models()."
        raise ModelError(f"{where}: timm {timm.__version__} has no model {base!r}; {hint}")
    tags = [found.partition(".")[2] for found in timm.list_models(f"{base}.*", pretrained=True)]
    if tag and tag not in tags:
        raise ModelError(
            f"{where}: timm {timm.__version__} has no weights {tag!r} for {base}; it has {', '.join(tags) or 'none'}."
        )


def _timm_preprocessing(timm: ModuleType, module: nn.Module, *, where: str) -> dict[str, Any]:
    """What timm.data.create_transform does with the model's data configuration, in our keys."""
    config = timm.data.resolve_model_data_config(module)
    _, height, width = config["input_size"]
    mode = config.get("crop_mode", "center")
    if height != width or mode not in ("center", "squash"):
        raise ModelError(
            f"{where}: timm prepares images for this model by {mode!r} to {height} × {width} pixels, which is not "
            "supported. Leave 'pretrained' out, and give 'weights' and 'preprocessing'."
        )
    scaled = math.floor(height / config.get("crop_pct", 1.0))
    return {
        "resize": (scaled, scaled) if mode == "squash" else scaled,
        "crop": height,
        "interpolation": _interpolation(config["interpolation"], where=where),
        "mean": tuple(config["mean"]),
        "std": tuple(config["std"]),
    }


def _interpolation(name: str, *, where: str) -> str:
    if name not in INTERPOLATIONS:
        raise ModelError(
            f"{where}: the published weights expect the interpolation {name!r}, known are "
            f"{' and '.join(INTERPOLATIONS)}. Leave 'pretrained' out, and give 'weights' and 'preprocessing'."
        )
    return name


def _refuse_other_classes(arguments: Mapping[str, Any], n_classes: int | None, *, where: str) -> None:
    """Published weights with another number of classes would leave the last layer random."""
    wanted = arguments.get("num_classes", n_classes)
    if wanted != n_classes:
        raise ModelError(
            f"{where}: the published weights tell {n_classes} classes apart, 'arguments' ask for {wanted}: the last "
            "layer would be random. Leave 'num_classes' out, or give your own file under 'weights'."
        )


def _is_of_network(error: Exception) -> bool:
    origin = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or origin in ("httpx", "httpx2", "huggingface_hub", "requests")


def _no_download(what: str, reason: str, *, where: str, file: str) -> str:
    return (
        f"{where}: downloading the weights of {what} failed ({reason}). Fetch {file} where there is a "
        "network, and name it under 'weights'."
    )


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
