"""Running the models of a pass on a decoded batch, within the memory there is.

On a GPU of CUDA nothing waits that need not: images are copied there from page-locked memory by a stream of its own
while the batch before is computed, and results are copied back as soon as they are there.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.errors import ModelError
from barlow_report.vision.acceleration import AcceleratedModel
from barlow_report.vision.decoding import Decoded, Plan, Stacked, check_sizes, join_decoded
from barlow_report.vision.memory import MemoryLimit, is_out_of_memory
from barlow_report.vision.models import LoadedModel

__all__ = ["Computed", "Outputs", "Staged", "Uploads", "fetch", "images_per_run", "run_models", "stage", "to_inputs"]

PIXELS_PER_PASS = 2**18
"""Pixels that a processor takes at a time, about: what the models compute in between should stay in its caches."""


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A batch on its way to the models.

    Attributes:
        decoded: Of the batch, without its pixels.
        pixels: Of its n images, uint8 or, of bands, float32 in [0, 1], one of shape (n, H, W, C) for each geometry.
    """

    decoded: Decoded
    pixels: list[torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the models give for a part of a batch, perhaps not computed yet.

    Attributes:
        features: float32, shape (n, n_features), or (n, 0) where they are not wanted.
        outputs: float32, shape (n, n_outputs); None without an inspected model.
        is_there: To wait for; None where they can be used at once.
    """

    features: torch.Tensor
    outputs: torch.Tensor | None
    is_there: torch.cuda.Event | None


@dataclass(frozen=True, kw_only=True)
class Computed:
    """A batch after the models; `decoded` is without its pixels."""

    decoded: Decoded
    features: npt.NDArray[np.float32]
    outputs: npt.NDArray[np.float64] | None


class Uploads:
    """The way of images to a device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def inputs(self, pixels: torch.Tensor) -> torch.Tensor:
        """Images (n, C, H, W) in [0, 1] on the device, of bytes (n, H, W, C): a quarter of the size to move."""
        if self._stream is None:
            return to_inputs(pixels.to(self._device))
        with torch.cuda.stream(self._stream):
            moved = pixels.to(self._device, non_blocking=True)
        current = torch.cuda.current_stream(self._device)
        current.wait_stream(self._stream)
        moved.record_stream(current)  # or its memory would be given to the next images too early
        return to_inputs(moved)


def stage(slices: Sequence[Stacked], device: torch.device) -> Staged:
    """Join the slices of a batch, in page-locked memory where a GPU of CUDA will copy them.

    Raises:
        DataError: Their images have different sizes.
    """
    filled = [part for part in slices if part.decoded.names]
    versions = []
    for parts in zip(*(part.pixels for part in filled), strict=True):
        check_sizes([part.shape[1:3] for part in parts], [part.decoded.names[0] for part in filled])
        tensors = [torch.from_numpy(part) for part in parts]
        if device.type == "cuda":
            shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
            versions.append(torch.cat(tensors, out=torch.empty(shape, dtype=tensors[0].dtype, pin_memory=True)))
        else:
            versions.append(tensors[0] if len(tensors) == 1 else torch.cat(tensors))
    return Staged(decoded=join_decoded([part.decoded for part in slices]), pixels=versions)


def run_models(plan: Plan, staged: Staged, limit: MemoryLimit, uploads: Uploads) -> list[Outputs]:
    """Start the models on one batch, in parts where memory or caches are too small for it."""
    outputs: list[Outputs] = []
    names, first = staged.decoded.names, 0
    while first < len(names):
        height, width = staged.pixels[0].shape[1:3]
        n = min(images_per_run(plan.feature.device, (height, width), limit), len(names) - first)
        try:
            outputs.append(_run_part(plan, [version[first : first + n] for version in staged.pixels], uploads))
        except ModelError:
            raise
        except Exception as error:  # somebody else's code
            if not is_out_of_memory(error):
                models = " and ".join(f"{model.role} {model.name}" for model in plan.models)
                raise ModelError(
                    f"{models}: cannot run on {n} images from {names[first]} on: {type(error).__name__}: {error}. "
                    "A model must run on batches of any size, and the last one is often smaller."
                ) from error
            if n == 1:
                raise ModelError(
                    f"{plan.feature.device}: its memory does not hold the models and one image, {names[first]} "
                    f"({height} × {width}). Set 'crop' or 'resize' in the preprocessing, 'precision: bfloat16' under "
                    "'extraction', or 'device: cpu'."
                ) from error
            limit.n_images = n // 2
        else:
            first += n
    return outputs


def images_per_run(device: torch.device, size: tuple[int, int], limit: MemoryLimit) -> int:
    """How many images of a size (height, width) to run at once, at most."""
    return limit.fitting(sys.maxsize if device.type != "cpu" else max(4, PIXELS_PER_PASS // (size[0] * size[1])))


def _run_part(plan: Plan, pixels: list[torch.Tensor], uploads: Uploads) -> Outputs:
    with torch.inference_mode():
        images = [uploads.inputs(version) for version in pixels]
        if plan.has_features:
            found, features, _ = plan.feature.features(_laid_out(plan.feature, images[0]))
        else:
            features = images[0].new_zeros(len(images[0]), 0)
        if plan.inspected is not None and not (plan.has_features and plan.inspected is plan.feature):
            found = plan.inspected.predict(_laid_out(plan.inspected, images[-1]))
        if plan.feature.device.type != "cuda":
            return Outputs(features=features, outputs=found if plan.has_inspected else None, is_there=None)
        # A copy that begins now does not wait for the batch that is started next; it is to page-locked memory.
        outputs = found.to("cpu", non_blocking=True) if plan.has_inspected else None
        features = features.to("cpu", non_blocking=True)
        is_there = torch.cuda.Event()  # type: ignore[no-untyped-call]
        is_there.record(torch.cuda.current_stream(plan.feature.device))
        return Outputs(features=features, outputs=outputs, is_there=is_there)


def _laid_out(model: LoadedModel, images: torch.Tensor) -> torch.Tensor:
    """Images as they were decoded have their channels last, which is not what every network can take."""
    return images if isinstance(model, AcceleratedModel) else images.contiguous()


def to_inputs(pixels: torch.Tensor) -> torch.Tensor:
    """Images (n, C, H, W) in [0, 1], float32, of bytes, or of bands in [0, 1], (n, H, W, C)."""
    images = pixels.permute(0, 3, 1, 2)
    return images.to(torch.float32).div_(255) if pixels.dtype == torch.uint8 else images


def fetch(plan: Plan, decoded: Decoded, parts: list[Outputs]) -> Computed:
    """Wait for the results of `run_models` and check them."""
    for part in parts:
        if part.is_there is not None:
            part.is_there.synchronize()
    n_features = plan.feature.n_features if plan.has_features else 0
    found = np.concatenate([np.zeros((0, n_features), np.float32), *(part.features.cpu().numpy() for part in parts)])
    _check(np.isfinite(found).all(axis=1), "features", plan.feature, decoded.names)
    if plan.inspected is None:
        return Computed(decoded=decoded, features=found, outputs=None)
    outputs = [part.outputs.cpu().numpy().astype(np.float64) for part in parts if part.outputs is not None]
    values: npt.NDArray[np.float64] = np.concatenate([np.zeros((0, plan.inspected.n_outputs)), *outputs])
    # −inf is an impossible class, as the logarithm of a probability of 0.
    _check(np.isfinite(values.max(axis=1)), "outputs", plan.inspected, decoded.names)
    return Computed(decoded=decoded, features=found, outputs=values)


def _check(has_values: npt.NDArray[np.bool_], kind: str, model: LoadedModel, names: list[str]) -> None:
    if not has_values.all():
        raise ModelError(
            f"{model.role}: {model.name} gives {kind} that are not finite numbers on {names[has_values.argmin()]}. "
            "Check its weights and the mean and std of its preprocessing; a model in half precision must not overflow."
        )
