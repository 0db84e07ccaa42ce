"""The device that models run on."""

import torch

from barlow_report.errors import ConfigError

__all__ = ["choose_device"]


def choose_device(name: str) -> torch.device:
    """Return the device that `name` stands for; "auto" is the first of cuda, mps and cpu that is there.

    Raises:
        ConfigError: The named device is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, is_there in available.items() if is_there))
    if not available.get(name, False):
        there = ", ".join(device for device, is_there in available.items() if is_there)
        raise ConfigError(f"device: {name!r} is not available here, found {there}. Set 'device: auto'.")
    return torch.device(name)
