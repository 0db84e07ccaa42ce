"""Compare two runs: every failure mode that is verified in either, every class, and all images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from barlow_report.formatting import counted as in_words
from barlow_report.lenses.changes.counting import Pair, Side, count_all, count_class, count_mode
from barlow_report.lenses.changes.differences import Outcomes
from barlow_report.lenses.changes.identity import name_modes
from barlow_report.lenses.changes.matching import match_images
from barlow_report.lenses.changes.modes import Mode, NoActivationsError, NotComparableError, list_modes, names_of_modes
from barlow_report.lenses.changes.pairing import Same, pair_modes
from barlow_report.lenses.changes.results import RunResults
from barlow_report.lenses.changes.states import (
    Compared,
    compare_counts,
    compare_estimate,
    name_states,
    not_compared,
    q_values_of_families,
)

__all__ = ["ComparedMode", "Comparison", "Judged", "compare_mode", "compare_runs"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A comparison with its q-value and its state."""

    found: Compared
    q_value: float
    state: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedMode:
    """A failure mode that is verified in either run.

    Attributes:
        name: Its permanent name.
        old, new: It in each run; None where it is not verified there.
        same: How both were recognised as one.
        judged: What became of it.
        places: The matched images that were counted.
    """

    name: str
    old: Mode | None
    new: Mode | None
    same: Same | None
    judged: Judged
    places: Integers

    @property
    def tested_rule(self) -> Side:
        """The run whose rule is compared: the old one where it has the mode, as new failures did not choose it."""
        return "new" if self.old is None else "old"

    @property
    def mode(self) -> Mode:
        """The mode that is compared."""
        mode = self.new if self.old is None else self.old
        if mode is None:
            raise ValueError(f"{self.name}: of no run")
        return mode


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What became of a run's failures in another one.

    Attributes:
        pair: Both runs.
        delta: Largest change that counts as none, 0 to 1.
        n_tested: Failure modes that the q-values correct for.
        whole: All images.
        classes: By name.
        modes: Of either run, the old one's first.
    """

    pair: Pair
    delta: float
    n_tested: int
    whole: Judged
    classes: Mapping[str, Judged]
    modes: Sequence[ComparedMode]

    def names_of_new(self) -> dict[int, tuple[str, bool]]:
        """The permanent names of the new run's modes by rule_id, and whether the old run has given them."""
        return {m.new.rule_id: (m.name, m.old is not None) for m in self.modes if m.new is not None}


def compare_runs(old: RunResults, new: RunResults, *, delta: float) -> Comparison:
    """Compare two runs.

    Args:
        old: The earlier one.
        new: The later one; its settings decide the false-discovery rate and the level of intervals.
        delta: Largest change that counts as none, 0 to 1.
    """
    pair = Pair(old=old, new=new, matching=match_images(old, new))
    limits = {"delta": delta, "max_q_value": new.settings.max_q_value}
    listed = _list(pair)
    results = _compare_modes(pair, listed.rules)
    names = list(dict.fromkeys([*new.class_names, *old.class_names]))
    families = [
        [found for found, _ in results],
        [_class(pair, name) for name in names],
        [_counts(pair, lambda: count_all(pair))],
    ]
    modes, classes, (whole,) = _judge(families, limits)
    return Comparison(
        pair=pair,
        delta=delta,
        n_tested=sum(found.p_value == found.p_value for found in families[0]),
        whole=whole,
        classes=dict(zip(names, classes, strict=True)),
        modes=_verified(pair, listed, modes, [places for _, places in results]),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Listed:
    """Every failure mode that was tested in either run, once.

    Attributes:
        rules: Each with the run whose rule is compared.
        verified: Those of each run.
        same: Two of them that are one, by the place of the old one in `verified`.
    """

    rules: Sequence[tuple[Mode, Side]]
    verified: Mapping[Side, Sequence[Mode]]
    same: Mapping[int, Same]


def _list(pair: Pair) -> _Listed:
    tested = {side: list_modes(pair.run(side)) for side in _SIDES}
    verified = {side: [mode for mode in tested[side] if mode.is_verified] for side in _SIDES}
    same = {pairing.old: pairing for pairing in pair_modes(pair, verified["old"], verified["new"])}
    again = {verified["new"][pairing.new].rule_id for pairing in same.values()}
    rules: list[tuple[Mode, Side]] = [
        *((mode, "old") for mode in tested["old"]),
        *((mode, "new") for mode in tested["new"] if mode.rule_id not in again),
    ]
    return _Listed(rules=rules, verified=verified, same=same)


def _compare_modes(pair: Pair, rules: Sequence[tuple[Mode, Side]]) -> list[tuple[Compared, Integers]]:
    """Compare every mode that was tested, so that q-values correct for all, though only verified ones are shown.

    Where images were held out, a mode is verified for its many failures among the images that compare it, so the change
    that is seen owes something to that choice. Its interval has the level with which at most a share 1 − level of those
    that are shown miss the change (Benjamini and Yekutieli, Journal of the American Statistical Association 100, 2005,
    71–81): 1 − (1 − level) · shown / tested.
    """
    level = pair.new.settings.confidence_level
    chosen = [mode.is_verified for mode, _ in rules if mode.estimate is None]
    if any(chosen):
        level = 1 - (1 - level) * sum(chosen) / len(chosen)
    return [compare_mode(pair, mode, side, level=level if mode.estimate is None else None) for mode, side in rules]


def _verified(pair: Pair, listed: _Listed, judged: Sequence[Judged], places: Sequence[Integers]) -> list[ComparedMode]:
    """The modes that are verified in either run, with their names and what became of them."""
    verified = listed.verified
    names = _names(pair, verified, listed.same)
    partners = {verified["old"][place].rule_id: pairing for place, pairing in listed.same.items()}
    modes = []
    for (mode, side), counted, found in zip(listed.rules, places, judged, strict=True):
        if mode.is_verified:
            pairing = partners.get(mode.rule_id) if side == "old" else None
            compared = ComparedMode(
                name=names[side][mode.rule_id],
                old=mode if side == "old" else None,
                new=mode if side == "new" else (verified["new"][pairing.new] if pairing else None),
                same=pairing,
                judged=found,
                places=counted,
            )
            modes.append(replace(compared, judged=_came_or_went(compared, is_paired=pair.matching.is_paired)))
    return modes


def _names(pair: Pair, verified: Mapping[Side, Sequence[Mode]], same: Mapping[int, Same]) -> dict[Side, dict[int, str]]:
    """The names of both runs' modes by rule_id: a mode of both keeps the old one, others take none of the old names."""
    old = names_of_modes(pair.old)
    inherited = {
        verified["new"][pairing.new].rule_id: old[verified["old"][place].rule_id] for place, pairing in same.items()
    }
    others = [mode for mode in verified["new"] if mode.rule_id not in inherited]
    given = name_modes([mode.identity for mode in others], taken=frozenset(old.values()))
    return {"old": old, "new": inherited | {mode.rule_id: name for mode, name in zip(others, given, strict=True)}}


def _came_or_went(compared: ComparedMode, *, is_paired: bool) -> Judged:
    """Call a mode of one run new or gone where that is so.

    New is one that is worse, or whose images the old run does not have. Gone is one that is better, or of whose kind
    none of the same images is any more, as a class that the new model takes none of them for. Of other images that
    would be chance, as long as nothing is known of the rate.
    """
    judged, counts = compared.judged, compared.judged.found.outcomes
    n_old, n_new = (0, 0) if counts is None else (counts.n_old, counts.n_new)
    if compared.old is None and (judged.state == "worse" or n_old == 0 < n_new):
        return replace(judged, state="new")
    if compared.new is None and (judged.state == "better" or (is_paired and n_new == 0 < n_old)):
        return replace(judged, state="gone")
    return judged


def compare_mode(pair: Pair, mode: Mode, side: Side, *, level: float | None = None) -> tuple[Compared, Integers]:
    """Compare both models on one failure mode.

    Args:
        pair: Both runs.
        mode: Of the run `side`.
        side: The run whose rule it is.
        level: Of the intervals, 0 to 1; None: that of the new run's settings.

    Returns:
        The comparison, without a q-value, and the matched images that were counted.
    """
    try:
        found_in = count_mode(pair, mode, found_by=side)
    except NotComparableError as error:
        return not_compared(str(error), lacks_activations=isinstance(error, NoActivationsError)), np.empty(
            0, dtype=np.int64
        )
    counts, level = found_in.outcomes, pair.new.settings.confidence_level if level is None else level
    if not (counts.n_old and counts.n_new):
        which = pair.old.name if not counts.n_old else pair.new.name
        is_of_both = pair.matching.is_paired and (counts.n_old or counts.n_new)
        found = not_compared(
            f"none of the same images is of this kind in {which}"
            if is_of_both
            else f"the run {which} has no images of this kind"
        )
        return replace(found, outcomes=counts), found_in.places
    found = (
        compare_counts(counts, level=level)
        if mode.estimate is None
        else compare_estimate(counts, found_by=side, seen=mode.seen, estimate=mode.estimate, level=level)
    )
    if counts.none_changed:  # so few images may leave it undecided for all that
        found = replace(found, reason=f"none of its {in_words(counts.n_new, 'image')} fails with one model alone")
    return found, found_in.places


def _class(pair: Pair, name: str) -> Compared:
    return _counts(pair, lambda: count_class(pair, name))


def _counts(pair: Pair, count: Callable[[], Outcomes]) -> Compared:
    try:
        counts = count()
    except NotComparableError as error:
        return not_compared(str(error))
    return compare_counts(counts, level=pair.new.settings.confidence_level)


def _judge(families: Sequence[Sequence[Compared]], limits: Mapping[str, float]) -> list[list[Judged]]:
    """Adjust the p-values of families of tests and name the states."""
    return [
        [
            Judged(found=found, q_value=q_value, state=state)
            for found, q_value, state in zip(
                family, q_values, name_states(family, q_values=q_values, **limits), strict=True
            )
        ]
        for family, q_values in zip(families, q_values_of_families(families), strict=True)
    ]


_SIDES: tuple[Side, Side] = ("old", "new")
