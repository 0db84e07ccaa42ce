"""Whether a repair worked: what became of the failure modes of a run whose model a later one was made to repair.

A repair **worked** where the mode fails less often and that is not chance (`states.py`: better, or gone), unless the
interval of the difference lies within ±delta: then it is known to have changed next to nothing. It **did not work**
there, where the mode is unchanged, and where it got worse. Else it is undecided. Rates are those of the comparison: on
the same images where both runs have them.
"""

from collections import Counter
from collections.abc import Iterable

from barlow_report.formatting import count

__all__ = ["REPAIRS", "repair_answer", "repair_of"]

REPAIRS = ("did_not_work", "undecided", "not_comparable", "worked")
"""Outcomes of a repair, in the order in which they matter to somebody who goes on with it."""


def repair_of(state: str, *, found_in: str, low: float, high: float, delta: float) -> str | None:
    """Return the outcome of a failure mode's repair; None for one that the earlier run does not have.

    Args:
        state: What became of it, see the table `mode_changes`.
        found_in: The run that verifies it: old, new or both.
        low: Lower end of the interval of the difference of its error rates, −1 to 1; NaN where nothing was compared.
        high: Upper end of it.
        delta: Largest change that counts as none, 0 to 1.
    """
    if found_in == "new":
        return None
    if state in ("better", "gone"):
        return "did_not_work" if -delta <= low and high <= delta else "worked"
    return "did_not_work" if state in ("unchanged", "worse") else state


def repair_answer(modes: Iterable[tuple[str, str | None]]) -> str:
    """Say how many repairs worked: Of 4 failure modes that were to be repaired, 2 were, 1 was not, 1 is undecided.

    Args:
        modes: State and outcome of each failure mode; None as outcome: the mode is of the later run alone.
    """
    found = list(modes)
    outcomes = Counter(outcome for _, outcome in found if outcome is not None)
    n_worse = sum(state == "worse" and outcome is not None for state, outcome in found)
    return f"{_repaired(outcomes, n_worse)}{_new(sum(state == 'new' for state, _ in found))}"


def _repaired(outcomes: Counter[str], n_worse: int) -> str:
    n = outcomes.total()
    if not n:
        return "The earlier run has no verified failure mode, so there was none to repair."
    worse = f" ({count(n_worse)} got worse)" if n_worse else ""
    if n == 1:
        (outcome,) = outcomes.elements()
        words = {
            "worked": "was",
            "did_not_work": "was not and got worse" if n_worse else "was not",
            "undecided": "is undecided",
            "not_comparable": "could not be compared",
        }
        return f"The one failure mode that was to be repaired {words[outcome]}."
    parts = [
        _were(outcomes["worked"]),
        outcomes["did_not_work"] and f"{_were(outcomes['did_not_work'])} not{worse}",
        outcomes["undecided"]
        and f"{count(outcomes['undecided'])} {'is' if outcomes['undecided'] == 1 else 'are'} undecided",
        outcomes["not_comparable"] and f"{count(outcomes['not_comparable'])} could not be compared",
    ]
    return f"Of {count(n)} failure modes that were to be repaired, {', '.join(part for part in parts if part)}."


def _were(n: int) -> str:
    return f"{count(n) if n else 'none'} {'was' if n < 2 else 'were'}"


def _new(n: int) -> str:
    return f" {count(n)} failure mode{' is' if n == 1 else 's are'} new." if n else ""
