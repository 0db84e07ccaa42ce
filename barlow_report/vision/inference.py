"""Running the models of a pass on a decoded batch, within the memory there is."""

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.errors import DataError, ModelError
from barlow_report.vision.acceleration import AcceleratedModel
from barlow_report.vision.decoding import Decoded, Pixels, Plan
from barlow_report.vision.models import LoadedModel

__all__ = ["Computed", "MemoryLimit", "Outputs", "fetch", "images_per_run", "run_models", "stack"]

Outputs = tuple[torch.Tensor, torch.Tensor | None]
"""Features and, with an inspected model, its outputs for a part of a batch."""

PIXELS_PER_PASS = 2**18
"""Pixels that a processor takes at a time, about: what the models compute in between should stay in its caches."""


@dataclass(frozen=True, kw_only=True)
class Computed:
    """A batch after the models."""

    decoded: Decoded
    features: npt.NDArray[np.float32]
    outputs: npt.NDArray[np.float64] | None


class MemoryLimit:
    """How many images a device's memory was seen to hold, once it was full."""

    n_images: int | None = None


def run_models(plan: Plan, decoded: Decoded, limit: MemoryLimit) -> list[Outputs]:
    """Start the models on one batch, in parts where memory or caches are too small for it."""
    versions = [[pixels[i] for pixels in decoded.pixels] for i in range(len(plan.preprocessings))]
    for version in versions:
        _check_sizes(version, decoded.names)
    outputs: list[Outputs] = []
    first = 0
    while first < len(decoded.names):
        n = min(images_per_run(plan.feature.device, versions[0][0].shape, limit), len(decoded.names) - first)
        part = slice(first, first + n)
        try:
            outputs.append(_run_part(plan, [version[part] for version in versions]))
        except torch.OutOfMemoryError as error:
            if n == 1:
                raise ModelError(
                    f"{plan.feature.device}: its memory does not hold the models and one image, {decoded.names[first]} "
                    f"({versions[0][0].shape[0]} × {versions[0][0].shape[1]}). Set 'crop' or 'resize' in the "
                    "preprocessing, 'precision: bfloat16' under 'extraction', or 'device: cpu'."
                ) from error
            limit.n_images = n // 2
        except ModelError:
            raise
        except Exception as error:  # somebody else's code
            names = " and ".join(f"{model.role} {model.name}" for model in plan.models)
            raise ModelError(
                f"{names}: cannot run on {n} images from {decoded.names[first]} on: {type(error).__name__}: {error}. "
                "A model must run on batches of any size, and the last one is often smaller."
            ) from error
        else:
            first += n
    return outputs


def images_per_run(device: torch.device, shape: tuple[int, ...], limit: MemoryLimit) -> int:
    """How many images of a shape (H, W, 3) to run at once, at most."""
    if device.type != "cpu":
        return limit.n_images or sys.maxsize
    return min(limit.n_images or sys.maxsize, max(4, PIXELS_PER_PASS // (shape[0] * shape[1])))


def _run_part(plan: Plan, versions: list[list[Pixels]]) -> Outputs:
    with torch.inference_mode():
        images = [stack(version, device=plan.feature.device) for version in versions]
        found, features, _ = plan.feature.features(_laid_out(plan.feature, images[0]))
        if plan.inspected is None:
            return features, None
        if plan.inspected is not plan.feature:
            found = plan.inspected.predict(_laid_out(plan.inspected, images[-1]))
        return features, found


def _laid_out(model: LoadedModel, images: torch.Tensor) -> torch.Tensor:
    """Images as they were decoded have their channels last, which is not what every network can take."""
    return images if isinstance(model, AcceleratedModel) else images.contiguous()


def stack(pixels: list[Pixels], *, device: torch.device) -> torch.Tensor:
    """Images (B, 3, H, W) in [0, 1]; moved as bytes, a quarter of their size as numbers."""
    tensor = torch.from_numpy(np.stack(pixels))
    if device.type == "cuda":
        tensor = tensor.pin_memory()  # else the copy would wait for the device
    return tensor.to(device, non_blocking=True).permute(0, 3, 1, 2).to(torch.float32).div_(255)


def _check_sizes(pixels: list[Pixels], names: list[str]) -> None:
    for other, name in zip(pixels, names, strict=True):
        if other.shape != pixels[0].shape:
            sizes = [f"{name} ({p.shape[0]} × {p.shape[1]})" for name, p in ((names[0], pixels[0]), (name, other))]
            raise DataError(
                f"images have different sizes (height × width) where the model needs one: {' and '.join(sizes)}. Set "
                "'crop', or 'resize: [height, width]', in the model's preprocessing."
            )


def fetch(plan: Plan, decoded: Decoded, outputs: list[Outputs]) -> Computed:
    """Wait for the results of `run_models` and check them."""
    features = [np.zeros((0, plan.feature.n_features), np.float32), *(part.cpu().numpy() for part, _ in outputs)]
    found = np.concatenate(features)
    _check(np.isfinite(found).all(axis=1), "features", plan.feature, decoded.names)
    if plan.inspected is None:
        return Computed(decoded=decoded, features=found, outputs=None)
    parts = [part.cpu().numpy().astype(np.float64) for _, part in outputs if part is not None]
    values: npt.NDArray[np.float64] = np.concatenate([np.zeros((0, plan.inspected.n_outputs)), *parts])
    # −inf is an impossible class, as the logarithm of a probability of 0.
    _check(np.isfinite(values.max(axis=1)), "outputs", plan.inspected, decoded.names)
    return Computed(decoded=decoded, features=found, outputs=values)


def _check(has_values: npt.NDArray[np.bool_], kind: str, model: LoadedModel, names: list[str]) -> None:
    if not has_values.all():
        raise ModelError(
            f"{model.role}: {model.name} gives {kind} that are not finite numbers on {names[has_values.argmin()]}. "
            "Check its weights and the mean and std of its preprocessing; a model in half precision must not overflow."
        )
