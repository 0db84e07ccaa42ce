"""Count a failure mode of one run in two: on the same images in pairs, on other images each by itself.

The images are those that may test the rule: held out in its own run, or all where failures were shuffled. A group by
prediction has other images under each model, so an image may count for one of them alone.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.changes.differences import Outcomes, count_pairs
from barlow_report.lenses.changes.matching import Matching
from barlow_report.lenses.changes.modes import Mode, NotComparableError, depends_on_prediction, meeting, members
from barlow_report.lenses.changes.results import RunResults

__all__ = ["Counted", "Pair", "Side", "count_all", "count_class", "count_mode"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Side = Literal["old", "new"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """Two runs and which of their images are the same."""

    old: RunResults
    new: RunResults
    matching: Matching

    def run(self, side: Side) -> RunResults:
        """The old or the new run."""
        return self.old if side == "old" else self.new

    def ids(self, side: Side) -> Integers:
        """(n_pairs,) image_ids of the matched images in one of the runs."""
        return self.matching.old_ids if side == "old" else self.matching.new_ids


@dataclass(frozen=True, kw_only=True, eq=False)
class Counted:
    """What was counted, and on which of the matched images; none of them where images are others."""

    outcomes: Outcomes
    places: Integers


def count_mode(pair: Pair, mode: Mode, *, found_by: Side) -> Counted:
    """Count the images and failures of a mode for both models.

    Args:
        pair: Both runs.
        mode: Of the run `found_by`.
        found_by: The run whose rule it is.

    Raises:
        NotComparableError: With the reason.
    """
    own = pair.run(found_by)
    if pair.matching.kind == "none":
        raise NotComparableError("the runs have other images and other feature models")
    if not pair.matching.is_paired:
        counts = {side: _count_alone(pair.run(side), mode, is_own=side == found_by) for side in _SIDES}
        (n_old, k_old), (n_new, k_new) = counts["old"], counts["new"]
        return Counted(
            outcomes=Outcomes(n_old=n_old, k_old=k_old, n_new=n_new, k_new=k_new), places=np.empty(0, dtype=np.int64)
        )
    ids = pair.ids(found_by)
    inside = {found_by: members(own, mode.identity)[ids]}
    for side in _SIDES:
        if side != found_by:
            inside[side] = (
                members(pair.run(side), mode.identity)[pair.ids(side)]
                if depends_on_prediction(mode.identity)
                else inside[found_by]
            )
    places = np.flatnonzero((inside["old"] | inside["new"]) & own.is_evidence[ids])
    region = meeting(own, mode.conditions, ids[places])
    places = places[np.isin(ids[places], region, assume_unique=True)]
    return Counted(outcomes=_count_pairs(pair, places, inside["old"], inside["new"]), places=places)


def count_all(pair: Pair) -> Outcomes:
    """Count all images and failures for both models.

    Raises:
        NotComparableError: A run has no image, or none that both have has one label in both.
    """
    if pair.matching.is_paired:
        places = np.arange(len(pair.matching.new_ids))
        inside = np.ones(len(places), dtype=np.bool_)
        if not len(places):
            raise NotComparableError("every image has another label now")
        return _count_pairs(pair, places, inside, inside)
    for run in (pair.old, pair.new):
        if not run.n_images:
            raise NotComparableError(f"the run {run.name} has no images")
    return _count_others(*(run.is_failure for run in (pair.old, pair.new)))


def count_class(pair: Pair, name: str) -> Outcomes:
    """Count the images and failures of a class, by label, for both models.

    Raises:
        NotComparableError: A run has no such class, or no image of it; on the same images: none that both have.
    """
    for run in (pair.old, pair.new):
        if name not in run.class_names:
            raise NotComparableError(f"the run {run.name} has no class {name}")
    inside = {side: pair.run(side).labels == pair.run(side).class_names.index(name) for side in _SIDES}
    if pair.matching.is_paired:
        places = np.flatnonzero(inside["new"][pair.matching.new_ids])
        if not len(places):
            raise NotComparableError(f"none of the same images is labelled {name}")
        every = np.ones(len(pair.matching.new_ids), dtype=np.bool_)
        return _count_pairs(pair, places, every, every)
    for side in _SIDES:
        if not inside[side].any():
            raise NotComparableError(f"the run {pair.run(side).name} has no image labelled {name}")
    return _count_others(*(pair.run(side).is_failure[inside[side]] for side in _SIDES))


_SIDES: tuple[Side, Side] = ("old", "new")


def _count_alone(run: RunResults, mode: Mode, *, is_own: bool) -> tuple[int, int]:
    inside = members(run, mode.identity)
    ids = meeting(run, mode.conditions, np.flatnonzero(inside & run.is_evidence if is_own else inside))
    return len(ids), int(run.is_failure[ids].sum())


def _count_pairs(pair: Pair, places: Integers, in_old: Booleans, in_new: Booleans) -> Outcomes:
    wrong = {side: pair.run(side).is_failure[pair.ids(side)[places]] for side in _SIDES}
    return count_pairs(in_old[places], wrong["old"], in_new[places], wrong["new"])


def _count_others(old: Booleans, new: Booleans) -> Outcomes:
    return Outcomes(n_old=len(old), k_old=int(old.sum()), n_new=len(new), k_new=int(new.sum()))
