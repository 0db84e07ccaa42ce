"""The tables of the measured repair: what each choice closes of the gap, against others, and elsewhere."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.benchmarks.repairs.choices import CHOICES
from tests.benchmarks.repairs.images import KINDS
from tests.benchmarks.repairs.measures import Interval, difference_of_closed, ratio_of_closed, share_closed
from tests.benchmarks.repairs.results import KS, NONE, WEIGHTS, Rates, ks_of, read_rates

__all__ = [
    "TITLES",
    "closed",
    "manual_table",
    "more_closed",
    "more_table",
    "print_tables",
    "share_table",
    "summary",
    "target",
    "times_closed",
]

Floats = npt.NDArray[np.float64]
Splits = Sequence[dict[str, Any]]

TITLES = {
    "cifar10": "CIFAR-10",
    "signed": "Scenes with another sign",
    "twins": "Scenes of the demo",
}
OURS = ("rules", "directions", "collect")
OTHERS = ("random", "random_of_class", "lowest_confidence", "lowest_confidence_of_class")
_NAMES = {"rules": "rules", "directions": "directions", "collect": "`collect`"} | {
    "random": "any at random",
    "random_of_class": "of the classes at random",
    "lowest_confidence": "any of lowest confidence",
    "lowest_confidence_of_class": "of the classes of lowest confidence",
}


def closed(splits: Splits, choice: str, k: int | None) -> Interval:
    """Return the share of the gap that a choice closes with k images, or over all k."""
    before = read_rates(splits, NONE, 0)
    return share_closed(before.inside, _inside(splits, choice, k), before.rest, before.splits)


def times_closed(splits: Splits, choice: str, other: str, k: int | None) -> Interval:
    """Return how many times as much of the gap a choice closes as another one, with k images or over all k."""
    before = read_rates(splits, NONE, 0)
    return ratio_of_closed(before.inside, _inside(splits, choice, k), _inside(splits, other, k), before.splits)


def more_closed(splits: Splits, choice: str, other: str, k: int | None) -> Interval:
    """Return how much more of the gap a choice closes than another one, with k images or over all k."""
    before = read_rates(splits, NONE, 0)
    pair = _inside(splits, choice, k), _inside(splits, other, k)
    return difference_of_closed(before.inside, *pair, before.rest, before.splits)


def _inside(splits: Splits, choice: str, k: int | None) -> Floats:
    """Failure rates of the modes, (n_modes, n_seeds); over all k, their mean."""
    ks = ks_of(splits) if k is None else (k,)
    found: Floats = np.mean([read_rates(splits, choice, one).inside for one in ks], axis=0)
    return found


def share_table(splits: Splits) -> list[str]:
    """Return the lines of the table of one kind of data, for the README of the benchmarks."""
    before, columns = read_rates(splits, NONE, 0), _columns(splits)
    *empty, _ = [""] * len(columns)
    lines = _head("gap closed with k further images", *columns, "modes", "rest", "class", "all")
    lines.append(_row("no further image", *empty, "", *_fails(before)))
    weighted = closed(splits, WEIGHTS, 0).percent
    lines.append(_row("none, but weights", *empty, weighted, *_fails(read_rates(splits, WEIGHTS, 0))))
    for choice, words in CHOICES.items():
        shares = [closed(splits, choice, k).percent for k in columns.values()]
        lines.append(_row(words, *shares, *_fails(read_rates(splits, choice, ks_of(splits)[-1]))))
    return lines


def more_table(splits: Splits) -> list[str]:
    """Return the lines that compare the choices of one kind of data, for the README of the benchmarks."""
    columns = _columns(splits)
    last = list(columns)[-1]
    lines = _head("more of the gap with k further images", *columns, f"times as much, {last}")
    for choice in OURS:
        for other in OTHERS:
            more = [more_closed(splits, choice, other, k).percent for k in columns.values()]
            times = str(times_closed(splits, choice, other, None))
            lines.append(_row(f"{_NAMES[choice]} against {_NAMES[other]}", *more, times))
    return lines


def target(splits: Splits) -> str:
    """Return how many times as much of the gap the rules' choice closes as random images, in a sentence."""
    found = [f"{times_closed(splits, 'rules', 'random', k)} with {name}" for name, k in _columns(splits).items()]
    return f"Rules close, times as much as any at random: {', '.join(found)}."


def _columns(splits: Splits) -> dict[str, int | None]:
    """Each k by its name, and all of them where there are several."""
    ks = ks_of(splits)
    each: dict[str, int | None] = {str(k): k for k in ks}
    return each | {"all k": None} if len(ks) > 1 else each


def manual_table(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the lines of the table of the manual: what closes over all k, and the rules' choice against others."""
    kinds = [results[name] for name in TITLES if name in results]
    titles = [title for name, title in TITLES.items() if name in results]
    lines = _head("gap closed", *map(_titled, titles, kinds))
    for choice, words in CHOICES.items():
        lines.append(_row(words, *(closed(splits, choice, None).percent for splits in kinds)))
    lines.append(_row("none, but weights", *(closed(splits, WEIGHTS, 0).percent for splits in kinds)))
    for other in OTHERS:
        words = f"rules, times as much as {_NAMES[other]}"
        lines.append(_row(words, *(str(times_closed(splits, "rules", other, None)) for splits in kinds)))
    return lines


def summary(splits: Splits) -> str:
    """Return what was measured, in a sentence or two."""
    before = read_rates(splits, NONE, 0)
    n_found = sum(split["n_found"] for split in splits)
    n_inside = np.concatenate([split["n_inside"] for split in splits])
    n_modes, n_seeds = before.inside.shape
    fails, rest, of_class, overall = _fails(before)
    return (
        f"{n_found} verified failure modes in {len(splits)} split{'s' * (len(splits) > 1)}, {n_modes} measured, with "
        f"{n_inside.mean():.0f} images each on average; {n_seeds} seeds. Without further images {fails} fail, "
        f"{rest} of the rest of the class, {of_class} of the class, {overall} of all."
    )


def print_tables(results: dict[str, list[dict[str, Any]]]) -> None:
    """Print what was measured on each kind of data."""
    print("\n".join(manual_table(results)))
    for data, splits in results.items():
        print(f"\n## {KINDS[data]}\n\n{summary(splits)}\n")
        print("\n".join([*share_table(splits), "", *more_table(splits), "", target(splits)]))


def _head(*columns: str) -> list[str]:
    return [_row(*columns), f"|{' --- |' * len(columns)}"]


def _titled(title: str, splits: Splits) -> str:
    """All KS go without saying."""
    ks = ks_of(splits)
    return title if ks == KS else f"{title}, {' and '.join(map(str, ks))} images"


def _row(*cells: str) -> str:
    return " ".join(f"| {' | '.join(cells)} |".split())


def _fails(rates: Rates) -> list[str]:
    """Failure rates of the modes, of the rest of their classes, of their classes, and of all images."""
    return [f"{100 * found.mean():.1f} %" for found in (rates.inside, rates.rest, rates.of_class, rates.overall)]
