"""The images of failure modes, and the pictures there are of images, by arrays: there may be millions of rows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.report.records import Condition

__all__ = ["ModeImages", "Thumbnails", "failures_in_modes", "read_mode_images"]


@dataclass(frozen=True, kw_only=True)
class ModeImages:
    """All images of a failure mode.

    Attributes:
        image_ids: Shape (n_images,), ascending.
        activations: Of each feature that the rule asks for, by its id: shape (n_images,).
    """

    image_ids: npt.NDArray[np.int64]
    activations: Mapping[int, npt.NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.image_ids)


def read_mode_images(frame: pd.DataFrame, conditions: Mapping[int, tuple[Condition, ...]]) -> dict[int, ModeImages]:
    """Return the images of each rule in table `mode_images`; `conditions` are those of each rule, by position."""
    frame = frame.sort_values(["rule_id", "position", "image_id"])
    columns = {name: frame[name].to_numpy() for name in ("rule_id", "image_id", "activation")}
    rule_ids, starts = np.unique(columns["rule_id"], return_index=True)
    found = {}
    for rule_id, start, end in zip(rule_ids.tolist(), starts, np.append(starts, len(frame))[1:], strict=True):
        of_rule = conditions.get(rule_id, ())
        n = (end - start) // max(len(of_rule), 1)
        found[rule_id] = ModeImages(
            image_ids=columns["image_id"][start : start + n],
            activations={
                condition.feature_id: columns["activation"][start + i * n : start + (i + 1) * n]
                for i, condition in enumerate(of_rule)
            },
        )
    return found


class Thumbnails:
    """The pictures of images, from all tables that have some."""

    def __init__(self, frames: Iterable[pd.DataFrame]) -> None:
        parts = [frame[["image_id", "thumbnail"]].drop_duplicates("image_id") for frame in frames]
        table = pd.concat(parts).drop_duplicates("image_id").sort_values("image_id")
        self._ids = table["image_id"].to_numpy(dtype=np.int64)
        self._names = table["thumbnail"].to_numpy().astype(np.bytes_)

    def get(self, image_id: int) -> str | None:
        """The name of an image's picture below media/; None where there is none."""
        place = int(np.searchsorted(self._ids, image_id))
        is_there = place < len(self._ids) and self._ids[place] == image_id
        return self._names[place].decode() if is_there else None


def failures_in_modes(
    modes: Mapping[int, ModeImages], *, is_failure: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield each failure of the run with the rules of the failure modes that it is in, by image."""
    parts = [(ids[is_failure[ids]], rule_id) for rule_id, ids in ((r, m.image_ids) for r, m in modes.items())]
    image_ids = np.concatenate([ids for ids, _ in parts] or [np.zeros(0, dtype=np.int64)])
    rule_ids = np.concatenate([np.full(len(ids), rule_id) for ids, rule_id in parts] or [image_ids])
    order = np.lexsort((rule_ids, image_ids))
    image_ids, rule_ids = image_ids[order], rule_ids[order]
    failures = np.flatnonzero(is_failure)
    starts, ends = (np.searchsorted(image_ids, failures, side=side) for side in ("left", "right"))
    for image_id, start, end in zip(failures.tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield image_id, tuple(rule_ids[start:end].tolist())
