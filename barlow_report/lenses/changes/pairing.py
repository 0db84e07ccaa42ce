"""Which failure modes of two runs are the same one.

By identity, or, with the same images, by overlap: the Jaccard index of their images among those that both runs have is
at least a half. One to one, identity first and then greedily by overlap. Both rules must be of the same grouping and
group, for the same images can be a mode of a class and of a union, which are two questions. All images of a leaf count,
not only held-out ones: which images test a rule is drawn anew in every run, and says nothing about what the rule is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.changes.counting import Pair, Side
from barlow_report.lenses.changes.modes import Mode, NotComparableError, meeting, members

__all__ = ["SAME_OVERLAP", "Same", "pair_modes"]

Booleans = npt.NDArray[np.bool_]

SAME_OVERLAP = 0.5


@dataclass(frozen=True, kw_only=True)
class Same:
    """Two modes that are one, by their places in the lists; `overlap` is NaN where images are others."""

    old: int
    new: int
    matched_by: Literal["identity", "overlap"]
    overlap: float


def pair_modes(pair: Pair, old: Sequence[Mode], new: Sequence[Mode]) -> list[Same]:
    """Pair the modes of both runs, each with one of the other run at most."""
    by_group: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, mode in enumerate(new):
        by_group[_group(mode)].append(place)
    found = []
    for first, mode in enumerate(old):
        places = by_group.get(_group(mode), [])
        own = _images(pair, mode, "old") if places else None
        for second in places:
            overlap = _jaccard(own, _images(pair, new[second], "new"))
            is_same = mode.identity == new[second].identity and mode.identity.feature_model is not None
            if is_same or overlap >= SAME_OVERLAP:
                found.append((not is_same, -overlap if overlap == overlap else 0.0, first, second, overlap))
    same, used_old, used_new = [], set[int](), set[int]()
    for by_overlap, _, first, second, overlap in sorted(found):
        if first not in used_old and second not in used_new:
            used_old.add(first)
            used_new.add(second)
            same.append(
                Same(old=first, new=second, matched_by="overlap" if by_overlap else "identity", overlap=overlap)
            )
    return same


def _group(mode: Mode) -> tuple[object, ...]:
    return mode.identity.grouping, mode.identity.group_name, mode.identity.classes


def _images(pair: Pair, mode: Mode, side: Side) -> Booleans | None:
    """(n_pairs,) the matched images that are in a mode of a run; None where images are others."""
    if not pair.matching.is_paired:
        return None
    run, ids = pair.run(side), pair.ids(side)
    inside = np.zeros(run.n_images, dtype=np.bool_)
    try:
        inside[meeting(run, mode.conditions, np.flatnonzero(members(run, mode.identity)))] = True
    except NotComparableError:
        return None
    return inside[ids]


def _jaccard(first: Booleans | None, second: Booleans | None) -> float:
    if first is None or second is None:
        return float("nan")
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 0.0
