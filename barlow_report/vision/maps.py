"""Finding the map that a model's features are pooled from, and reading it as (B, D, h, w).

* The map is the last tensor with a channel per feature and more than one position, that goes into or comes out of a
  module and whose mean over the positions is the features. Where a function outside of modules rectifies the map
  before pooling, the rectified map is compared too.
* Where the pooled map is not the features themselves (a normalisation lies between), the last such tensor is taken
  if feature i depends mostly on channel i, which the gradient tells; a heatmap of an unrelated channel would lie.
* Transformers keep their positions as a sequence of tokens or as (B, h, w, D); both are read as maps. Where the
  features are a class token, nothing is pooled: the map is the other tokens of the same layer, which share the class
  token's channels. It shows where the feature's direction is present, and not what the class token took from where.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F

from barlow_report.vision.probing import Place, Probe, equal

__all__ = ["find_map", "read_map", "readings"]

N_CHANNELS_TESTED = 16
N_MAPS_TESTED = 4
MAX_PREFIX = 16
"""Class tokens, distillation tokens and registers before the tokens of the positions, at most."""


def find_map(probe: Probe, features: torch.Tensor, *, before: str) -> Place | None:
    """Return the place of the map that features (B, D) are pooled from, or None where there is none.

    Args:
        probe: The run that gave `features`.
        features: The input of the module `before`, of that run.
        before: Only tensors that were seen before this module are considered.
    """
    until = max(i for i, (place, _) in enumerate(probe.places) if (place.module, place.side) == (before, "input"))
    maps = [
        (reading, tensor)
        for place, tensor in probe.places[:until]
        for reading in readings(place, tensor, features, probe=probe)
    ]
    for rectified in (False, True):
        for side in ("output", "input"):
            for place, tensor in reversed(maps):
                chosen = replace(place, rectified=rectified, is_exact=True)
                if place.side == side and equal(_pooled(tensor, chosen, probe.size), features):
                    return chosen
    tested: list[tuple[torch.Tensor, str]] = []
    for place, tensor in reversed(maps):
        if place.side == "output" and not any(tensor is other and place.layout == how for other, how in tested):
            tested.append((tensor, place.layout))
            if len(tested) > N_MAPS_TESTED:
                break
            if _depend_on_own_channel(features, tensor, channels=1 if place.layout == "channels_first" else -1):
                return place
    return None


def readings(place: Place, tensor: torch.Tensor, features: torch.Tensor, *, probe: Probe) -> Iterator[Place]:
    """The ways to read a tensor as a map with a channel per feature and more than one position."""
    if not tensor.is_floating_point() or tensor.shape[:1] != features.shape[:1]:
        return
    n_features = features.shape[1]
    if tensor.ndim == 4 and tensor.shape[1] == n_features and tensor.shape[2] * tensor.shape[3] > 1:
        yield place
    if tensor.ndim == 4 and tensor.shape[3] == n_features and tensor.shape[1] * tensor.shape[2] > 1:
        yield replace(place, layout="channels_last")
    if tensor.ndim == 3 and tensor.shape[2] == n_features:
        n_prefix = _n_prefix(tensor.shape[1], probe)
        if n_prefix is not None:
            yield replace(place, layout="tokens", n_prefix=n_prefix)


def read_map(tensor: torch.Tensor, place: Place, *, size: tuple[int, int]) -> torch.Tensor:
    """Return the tensor at a map's place as float32 (B, D, h, w).

    Args:
        tensor: As recorded at `place`.
        place: Says how it is laid out.
        size: Height and width of the images, which a sequence of tokens does not tell.

    Raises:
        ValueError: The tokens do not form a grid of the image's shape.
    """
    if place.layout == "channels_last":
        tensor = tensor.movedim(3, 1)
    elif place.layout == "tokens":
        tokens = tensor[:, place.n_prefix :]
        grid = _grid(tokens.shape[1], size)
        if grid is None:
            raise ValueError(f"{tokens.shape[1]} tokens form no grid for images of {size[0]} × {size[1]} pixels")
        tensor = tokens.movedim(2, 1).reshape(len(tokens), -1, *grid)
    maps = tensor.float()
    return maps.relu() if place.rectified else maps


def _pooled(tensor: torch.Tensor, place: Place, size: tuple[int, int]) -> torch.Tensor:
    return read_map(tensor, place, size=size).mean(dim=(2, 3))


def _n_prefix(n_tokens: int, probe: Probe) -> int | None:
    """How many tokens come before those of the positions; None where the rest forms no grid.

    The layer that cut the image into patches tells the grid where its output is seen as (B, C, h, w); otherwise the
    first number that leaves a grid of the image's shape is taken.
    """
    grids = {
        tensor.shape[2] * tensor.shape[3]
        for place, tensor in probe.places
        if place.side == "output" and tensor.ndim == 4 and _grid(tensor.shape[2] * tensor.shape[3], probe.size)
    }
    possible = [n for n in range(min(MAX_PREFIX, n_tokens - 2) + 1) if _grid(n_tokens - n, probe.size)]
    seen = [n for n in possible if n_tokens - n in grids]
    return next(iter(seen or possible), None)


def _grid(n_positions: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Rows and columns of a grid with the image's shape and more than one position."""
    height = round((n_positions * size[0] / size[1]) ** 0.5)
    if n_positions < 2 or height < 1 or n_positions % height:
        return None
    width = n_positions // height
    # Patches are square, up to the rounding at the border.
    return (height, width) if abs(height * size[1] - width * size[0]) < max(size) else None


def _depend_on_own_channel(features: torch.Tensor, maps: torch.Tensor, *, channels: int) -> bool:
    """Whether, of a spread sample of features, most change most with the channel of the same index."""
    n_features = features.shape[1]
    step = max(1, n_features // N_CHANNELS_TESTED)
    n_own, n_tested = 0, 0
    for feature_id in range(0, n_features, step):
        try:
            (gradient,) = torch.autograd.grad(features[:, feature_id].sum(), maps, retain_graph=True, allow_unused=True)
        except RuntimeError:  # the map is cut off from the features, or was overwritten on the way
            return False
        if gradient is None:
            return False
        strength = F.normalize(gradient.movedim(channels, 1).flatten(2), dim=1).abs().sum(dim=(0, 2))
        if float(strength.max()) > 0:
            n_tested += 1
            n_own += int(strength.argmax()) == feature_id
    return n_tested > 0 and n_own >= 0.75 * n_tested
