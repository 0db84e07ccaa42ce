"""What became of the failure modes, in words: the answer in one sentence, and the lines that a terminal shows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from barlow_report.formatting import MISSING, count, percent
from barlow_report.lenses.changes.repairs import repair_answer
from barlow_report.visible import visible

__all__ = ["REPAIR_WORDS", "STATE_WORDS", "answer", "answer_of", "lines", "tally"]

STATE_WORDS: Mapping[str, str] = {
    "worse": "got worse",
    "new": "new",
    "undecided": "undecided",
    "not_comparable": "not compared",
    "better": "got better",
    "gone": "gone",
    "unchanged": "unchanged",
}
"""What became of a failure mode, in the order in which it matters."""

REPAIR_WORDS: Mapping[str, str] = {
    "did_not_work": "did not work",
    "undecided": "undecided",
    "not_comparable": "not compared",
    "worked": "worked",
}
"""Whether the repair of a failure mode worked, likewise."""

_TALLY: Mapping[str, tuple[str, str]] = {
    "worse": ("got worse", "got worse"),
    "new": ("is new", "are new"),
    "better": ("got better", "got better"),
    "gone": ("is gone", "are gone"),
    "unchanged": ("is unchanged", "are unchanged"),
    "undecided": ("is undecided", "are undecided"),
    "not_comparable": ("could not be compared", "could not be compared"),
}
_FIRST = ("worse", "new")


def answer(states: Iterable[str]) -> str:
    """Say what became of the failure modes: 2 failure modes got worse, 1 is new, 5 are unchanged.

    Args:
        states: One for each, see the table `mode_changes`.
    """
    counts = Counter(states)
    n = counts.total()
    if not n:
        return "Neither run has a verified failure mode, so there is none to compare."
    if counts["not_comparable"] == n:
        return (
            f"None of the {count(n)} failure modes could be compared."
            if n > 1
            else "The one failure mode could not be compared."
        )
    return f"{tally(counts)}."


def answer_of(tables: Mapping[str, pd.DataFrame]) -> str:
    """Say in one sentence what became of the failure modes, or whether their repair worked where that was asked.

    Args:
        tables: `changes` and `mode_changes`.
    """
    modes = tables["mode_changes"]
    if not tables["changes"]["is_repair"].any():
        return answer(modes["state"])
    repairs = (None if pd.isna(repair) else str(repair) for repair in modes["repair"])
    return repair_answer(zip(modes["state"].astype(str), repairs, strict=True))


def tally(counts: Mapping[str, int]) -> str:
    """Count failure modes by state; that none is known to be worse is said first."""
    found = [(state, counts.get(state, 0)) for state in _TALLY if counts.get(state, 0)]
    parts = [f"{count(n)} {_TALLY[state][n != 1]}" for state, n in found]
    if not any(counts.get(state, 0) for state in _FIRST):
        return f"No failure mode is known to be worse or new: {', '.join(parts)}"
    (state, n), rest = found[0], parts[1:]
    return ", ".join([f"{count(n)} failure mode{'s' * (n != 1)} {_TALLY[state][n != 1]}", *rest])


def lines(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Say what a comparison has found: the answer, all images, each failure mode, and remarks.

    That the runs have no image in common comes first.

    Args:
        tables: See `tables.TABLES`.
    """
    modes, whole = tables["mode_changes"], next(tables["changes"].itertuples())
    remarks = tables["change_remarks"].set_index("topic")["text"].to_dict()
    if not whole.n_matched:  # it bears on every line that follows
        yield visible(f"Note: {remarks.pop('images')}")
    yield answer_of(tables)
    yield f"{_rates(whole)}: all images, {STATE_WORDS[str(whole.state)]}"
    order = {state: place for place, state in enumerate(STATE_WORDS)}
    for mode in sorted(modes.itertuples(), key=lambda mode: order[str(mode.state)]):
        reason = f": {mode.reason}" if mode.reason else ""
        yield visible(f"{_rates(mode)}: {mode.mode_name}, {_outcome(mode)}{reason}")
    for text in remarks.values():
        yield visible(f"Note: {text}")


def _outcome(mode: Any) -> str:
    state = STATE_WORDS[str(mode.state)]
    if pd.isna(mode.repair):
        return state
    repair = REPAIR_WORDS[str(mode.repair)]
    return f"repair {repair}" if repair == state else f"{state}: repair {repair}"


def _rates(row: Any) -> str:
    old, new = (percent(rate, decimals=0) for rate in (row.error_rate_old, row.error_rate_new))
    return f"{old:>6} → {new:>6}" if MISSING not in (old, new) else f"{MISSING:>15}"
