"""The device that models run on."""

import torch

from barlow_report.errors import ConfigError

__all__ = ["choose_device"]


def choose_device(name: str) -> torch.device:
    """Return the device that `name` stands for; "auto" is the first of cuda, mps and cpu that is there.

    On CUDA float32 then means float32 in the whole process: convolutions would otherwise round their factors to 11
    bits (TF32), which changed features of a ResNet-50 by 2e-3 of the largest, a thousand times as much. And cuDNN is
    asked for algorithms that add up in one order: gradients in float32 differed from run to run.

    Raises:
        ConfigError: The named device is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, is_there in available.items() if is_there)
    if not available.get(name, False):
        there = ", ".join(device for device, is_there in available.items() if is_there)
        raise ConfigError(f"device: {name!r} is not available here, found {there}. Set 'device: auto'.")
    if name == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(name)
