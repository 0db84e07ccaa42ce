"""Image classifiers of Hugging Face's transformers, with the preprocessing of their image processor.

Weights are read from safetensors only, and code that comes with a model is never run.
"""

import importlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from barlow_report.config import PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.hub import asking_hub
from barlow_report.vision.bands import BandImage, Content
from barlow_report.vision.preprocessing import to_tensor
from barlow_report.vision.published import PublishedModel

__all__ = ["Logits", "build_transformers"]

_RESAMPLE = {2: "bilinear", 3: "bicubic"}
_CROPPED_BELOW = 384
"""ConvNeXt's processor resizes to size / crop_pct and crops where the size is smaller than this."""
_TOLERANCE = 1 / 255
"""Of the mean difference of pixels in [0, 1]: rounding to bytes on the way is less, another crop or size more."""


class Logits(nn.Module):
    """A classifier of transformers that returns its logits, (B, n_classes), instead of an object that holds them."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of images (B, C, H, W)."""
        logits: torch.Tensor = self.model(pixel_values=images).logits
        return logits


def build_transformers(source: str, arguments: Mapping[str, Any], *, where: str) -> PublishedModel:
    """Load a classifier and the preprocessing that belongs to it.

    Args:
        source: A folder that `save_pretrained` wrote, or a name on the hub.
        arguments: Further arguments of `AutoModelForImageClassification.from_pretrained`, such as `revision`.
        where: Names the model in errors.

    Raises:
        ModelError: transformers is not installed, there is no such model, it is no image classifier, its weights are
            no safetensors, or its processor does what `preprocessing` cannot say.
    """
    library = _import(where)
    if refused := sorted({"trust_remote_code", "use_safetensors"} & set(arguments)):
        raise ModelError(f"{where}: 'arguments' must not have {refused[0]!r}: code of a model is never run.")
    is_folder = Path(source).is_absolute()
    with nullcontext() if is_folder else asking_hub() as reason:
        module, report = _load(library, source, arguments, is_folder=is_folder, reason=reason, where=where)
        preprocessing = _preprocessing(library, source, arguments, is_folder=is_folder, where=where)
    if missing := sorted(report.get("missing_keys", ())):
        raise ModelError(
            f"{where}: {Path(source).name} has no weights for {', '.join(missing[:3])}: they would be random. Give a "
            "model that was trained to classify images."
        )
    name = Path(source).name if is_folder else source
    return PublishedModel(
        module=Logits(module),
        name=name,
        version=f"transformers {library.__version__} {_settings(module)}",
        preprocessing=preprocessing,
    )


def _load(
    library: ModuleType, source: str, arguments: Mapping[str, Any], *, is_folder: bool, reason: str | None, where: str
) -> tuple[nn.Module, Mapping[str, Any]]:
    """The model, and what the library says of its weights; `reason` is why the hub cannot be asked."""
    try:
        with warnings.catch_warnings(), _without_bars(library):
            warnings.simplefilter("ignore")
            module, report = library.AutoModelForImageClassification.from_pretrained(
                source,
                **{
                    "use_safetensors": True,
                    "trust_remote_code": False,
                    "local_files_only": is_folder or reason is not None,
                    "output_loading_info": True,
                    **arguments,
                },
            )
    except Exception as error:  # whatever the folder or the network lead to
        what = "no model that can be read there" if is_folder else "no folder of that name, and the hub gave no model"
        raise ModelError(
            f"{where}: transformers: {source}: {what} ({reason or _first_line(error)}). Give a folder that "
            "save_pretrained wrote, with its weights as model.safetensors, or fetch the model where there is a network."
        ) from error
    return module, report


@contextmanager
def _without_bars(library: ModuleType) -> Iterator[None]:
    """Keep the library's progress bars from running between lines of ours; loading takes seconds."""
    logging: Any = importlib.import_module(f"{library.__name__}.utils.logging")
    was_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_shown:
            logging.enable_progress_bar()


def _settings(module: Any) -> str:
    return json.dumps(module.config.to_dict(), sort_keys=True, default=str)


def _import(where: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its dependencies
            return importlib.import_module("transformers")
    except ImportError as error:
        raise ModelError(
            f"{where}: 'transformers' cannot be imported ({error}). Install it: pip install "
            "'barlow-report[transformers]'."
        ) from error


def _preprocessing(
    library: ModuleType, source: str, arguments: Mapping[str, Any], *, is_folder: bool, where: str
) -> dict[str, Any]:
    """The keys of `PreprocessingConfig` that do what the image processor does; empty where there is no processor.

    What its file leaves out or writes in an older way depends on the kind of processor, so the library reads it; and
    some kinds do more than they say, so what follows is compared with what the processor makes of an image.
    """
    options = {"local_files_only": is_folder, **{key: arguments[key] for key in ("revision",) if key in arguments}}
    try:
        library.ImageProcessingMixin.get_image_processor_dict(source, **options)
    except OSError:
        return {}
    try:
        processor = library.AutoImageProcessor.from_pretrained(source, trust_remote_code=False, **options)
        values: dict[str, Any] = processor.to_dict()
    except Exception as error:  # of a kind that the library does not know, or with values that it refuses
        raise ModelError(
            f"{where}: the image processor of {Path(source).name} cannot be made ({_first_line(error)}). Correct its "
            "preprocessor_config.json, or delete the file and give 'preprocessing'."
        ) from error
    unusual = _unusual(values)
    found = {} if unusual else _keys(values)
    if not unusual and not _does_the_same(processor, found):
        unusual = "does more than its settings say"
    if unusual:
        raise ModelError(
            f"{where}: the image processor of {Path(source).name} {unusual}, which 'preprocessing' cannot say. Export "
            "the model with that step inside of it, and name it by 'factory' or 'program'."
        )
    return found


def _does_the_same(processor: Any, found: Mapping[str, Any]) -> bool:
    """Compare one image before the normalisation.

    It is coarse noise, so that another crop or size shows, of a shape whose crops begin at whole pixels: where they do
    not, libraries round differently.
    """
    n_channels = max(len(found["mean"]), len(found["std"]))
    noise = np.random.default_rng(0).integers(0, 256, (9, 13, max(n_channels, 3)), dtype=np.uint8)
    bands = [Image.fromarray(band).resize((480, 320), Image.Resampling.BICUBIC) for band in np.moveaxis(noise, 2, 0)]
    image = Image.merge("RGB", bands[:3])
    given: Any = image
    content: Content = image
    if n_channels == 1:  # of a model that takes images in grey
        given = image.convert("L")
        content = given.convert("RGB")
    elif n_channels != 3:
        given = np.stack([np.asarray(band) for band in bands], axis=2)
        content = BandImage(pixels=given.astype(np.float32) / 255, shown=image)
    options = {} if n_channels in (1, 3) else {"input_data_format": "channels_last"}
    theirs = torch.as_tensor(np.asarray(processor(given, return_tensors="pt", **options)["pixel_values"]))[0]
    mean, std = (torch.tensor(found[key])[:, None, None] for key in ("mean", "std"))
    ours = to_tensor(content, PreprocessingConfig.model_validate(found))
    return ours.shape == theirs.shape and float((theirs * std + mean - ours).abs().mean()) < _TOLERANCE


def _keys(values: Mapping[str, Any]) -> dict[str, Any]:
    normalises = values.get("do_normalize", True)
    return {
        **_sizes(values),
        "interpolation": _RESAMPLE.get(_resample(values), "bilinear"),  # another one only where nothing is resized
        "mean": tuple(_numbers(values.get("image_mean", 0.0))) if normalises else (0.0, 0.0, 0.0),
        "std": tuple(_numbers(values.get("image_std", 1.0))) if normalises else (1.0, 1.0, 1.0),
    }


def _resample(values: Mapping[str, Any]) -> int:
    """The number of PIL's method; the library may hold a member of an enumeration, or nothing."""
    found = values.get("resample")
    return 2 if found is None else int(found)


def _unusual(values: Mapping[str, Any]) -> str:
    if values.get("do_resize", True) and _resample(values) not in _RESAMPLE:
        return f"resizes by PIL's method {_resample(values)}"
    if not values.get("do_rescale", True) or abs(values.get("rescale_factor", 1 / 255) * 255 - 1) > 1e-3:
        return "does not bring pixels to [0, 1]"
    for key in ("do_pad", "do_flip_channel_order", "do_thumbnail", "do_align_long_axis", "rescale_offset"):
        if values.get(key):
            return f"has {key}"
    size, crop = values.get("size"), values.get("crop_size")
    if values.get("do_center_crop") and isinstance(crop, Mapping) and crop["height"] != crop["width"]:
        return "crops to a rectangle"
    if values.get("do_resize", True) and not (isinstance(size, int) or set(size or {}) & {"height", "shortest_edge"}):
        return f"resizes to {size}"
    return ""


def _sizes(values: Mapping[str, Any]) -> dict[str, Any]:
    size: Any = values.get("size") if values.get("do_resize", True) else None
    if size is None:
        return {}
    crop_pct = values.get("crop_pct")
    if isinstance(size, Mapping) and "shortest_edge" in size:
        edge = int(size["shortest_edge"])
        if crop_pct is not None:
            return {"resize": int(edge / crop_pct), "crop": edge} if edge < _CROPPED_BELOW else _square(edge)
        resize: Any = edge
    else:
        resize = (size["height"], size["width"]) if isinstance(size, Mapping) else (size, size)
    if not values.get("do_center_crop", False):
        return {
            "resize": resize,
            **({"crop": resize[0]} if isinstance(resize, tuple) and len(set(resize)) == 1 else {}),
        }
    crop = values.get("crop_size", size)
    return {"resize": resize, "crop": crop if isinstance(crop, int) else crop["height"]}


def _square(edge: int) -> dict[str, Any]:
    return {"resize": (edge, edge), "crop": edge}


def _numbers(values: Any) -> list[float]:
    return [float(values)] * 3 if isinstance(values, int | float) else [float(value) for value in values]


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
