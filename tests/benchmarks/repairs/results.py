"""What was measured, as repair.json has it: for each kind of data, a list of splits.

A split has the names of the `modes` (their classes), how many images of each are in the pool (`n_pool`), how many
measure in the mode (`n_inside`) and in the rest of its class (`n_rest`), how many measure in all, and the `trainings`:
seed, k, choice, number of further images, failures in each mode, in the rest of its class, and in all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FILE", "KS", "NONE", "WEIGHTS", "Rates", "ks_of", "plans", "read_rates"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FILE = Path(__file__).parents[1] / "repair.json"
KS = (50, 100, 200, 400)

NONE = "none"
"""The choice of no further image, and all training images count once."""

WEIGHTS = "weights"
"""No further image either, and training images count as the product's weights say."""


_KS = {"twins": KS[-1:]}
"""Of the kinds of data that are measured with other numbers of further images: twins, which no image repairs."""


def plans(data: str, choices: Iterable[str]) -> list[tuple[str, int]]:
    """Return what is compared, as (choice, k)."""
    ks = _KS.get(data, KS)
    return [(NONE, 0), (WEIGHTS, 0), *((name, k) for k in ks for name in choices)]


def ks_of(splits: Sequence[dict[str, Any]]) -> tuple[int, ...]:
    """Return the numbers of further images that were measured, ascending."""
    return tuple(sorted({row[1] for split in splits for row in split["trainings"]} - {0}))


@dataclass(frozen=True, kw_only=True, eq=False)
class Rates:
    """Failure rates after the same further training, with a row for each mode and a column for each seed.

    Attributes:
        inside: Of the modes.
        rest: Of the rest of their classes.
        of_class: Of their classes.
        overall: Of all measuring images of the mode's split.
        splits: The split of each mode, (n_modes,).
        n_further: Images that were added, a mean.
    """

    inside: Floats
    rest: Floats
    of_class: Floats
    overall: Floats
    splits: Integers
    n_further: float


def read_rates(splits: Sequence[dict[str, Any]], choice: str, k: int) -> Rates:
    """Return the rates after training with the images of a choice; k is 0 for `NONE` and `WEIGHTS`."""
    parts: dict[str, list[Floats]] = {name: [] for name in ("inside", "rest", "of_class", "overall")}
    n_further = []
    for split in splits:
        rows = sorted(row for row in split["trainings"] if (row[1], row[2]) == (k, choice))
        n_inside, n_rest = (np.array(split[name], dtype=np.float64)[:, None] for name in ("n_inside", "n_rest"))
        inside, rest = (np.array([row[place] for row in rows], dtype=np.float64).T for place in (4, 5))
        overall = np.array([row[6] for row in rows], dtype=np.float64) / split["n_measured"]
        parts["inside"].append(inside / n_inside)
        parts["rest"].append(rest / n_rest)
        parts["of_class"].append((inside + rest) / (n_inside + n_rest))
        parts["overall"].append(np.tile(overall, (len(n_inside), 1)))
        n_further += [row[3] for row in rows]
    joined = {name: np.concatenate(found) for name, found in parts.items()}
    of_mode = np.repeat(np.arange(len(splits)), [len(split["modes"]) for split in splits])
    return Rates(**joined, splits=of_mode, n_further=float(np.mean(n_further)))
