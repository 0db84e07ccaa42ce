"""Failure modes over several releases.

Each release is compared with the one before it, so that a mode hands its name on. A mode is counted in every release by
the rule of the first one that has it: that rule is the same everywhere, and no later failures chose it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from barlow_report.lenses.changes.comparing import Comparison, compare_mode, compare_runs
from barlow_report.lenses.changes.counting import Pair
from barlow_report.lenses.changes.differences import Rate, counted_rate
from barlow_report.lenses.changes.matching import match_images
from barlow_report.lenses.changes.modes import Mode, list_modes, names_of_modes
from barlow_report.lenses.changes.results import RunResults
from barlow_report.lenses.changes.tables import STATES
from barlow_report.lenses.changes.tabulating import as_table

__all__ = ["History", "compare_releases", "history_tables"]


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """Runs in order, each with the names that its failure modes have from the releases before.

    Attributes:
        runs: The oldest first.
        names: Of the verified modes of each run, by rule_id.
        steps: Each release beside the one before, from the second on.
    """

    runs: Sequence[RunResults]
    names: Sequence[dict[int, str]]
    steps: Sequence[Comparison]


def compare_releases(runs: Sequence[RunResults], *, delta: float) -> History:
    """Compare each run with the one before.

    Args:
        runs: Two at least, the oldest first.
        delta: See `compare_runs`.
    """
    named, steps = [runs[0]], []
    for run in runs[1:]:
        step = compare_runs(named[-1], run, delta=delta)
        given = step.names_of_new()
        names = pd.DataFrame({"rule_id": list(given), "mode_name": [name for name, _ in given.values()]})
        named.append(replace(run, tables={**run.tables, "mode_names": names}))
        steps.append(step)
    return History(runs=named, names=[names_of_modes(run) for run in named], steps=steps)


def history_tables(history: History) -> dict[str, pd.DataFrame]:
    """Return the tables `releases` and `release_modes`."""
    return {
        "releases": as_table("releases", [_release(history, release) for release in range(len(history.runs))]),
        "release_modes": as_table("release_modes", list(_modes(history))),
    }


def _release(history: History, release: int) -> dict[str, Any]:
    run = history.runs[release]
    n, k = run.n_images, int(run.is_failure.sum())
    state = history.steps[release - 1].whole.state if release else None
    return {
        "release": release,
        "name": run.name,
        "run_id": run.info.get("run_id"),
        "created_at": run.info.get("created_at"),
        "n_images": n,
        "n_failures": k,
        **_ends(counted_rate(n, k, level=run.settings.confidence_level)),
        "state": state if state in STATES[:4] else None,
    }


def _modes(history: History) -> Iterator[dict[str, Any]]:
    pairs: dict[tuple[int, int], Pair] = {}
    states = [{mode.name: mode.judged.state for mode in step.modes} for step in history.steps]
    rules = [{name: rule_id for rule_id, name in names.items()} for names in history.names]
    for first, name, mode in _first_of_each(history):
        for release, run in enumerate(history.runs):
            if (first, release) not in pairs:
                source = history.runs[first]
                pairs[first, release] = Pair(old=source, new=run, matching=match_images(source, run))
            yield {
                "mode_name": name,
                "release": release,
                "grouping": mode.identity.grouping,
                "group_name": mode.identity.group_name,
                "rule_id": rules[release].get(name),
                **_counted(pairs[first, release], mode, is_own=first == release),
                "state": states[release - 1].get(name) if release else None,
            }


def _first_of_each(history: History) -> Iterator[tuple[int, str, Mode]]:
    """Every mode with the first release that has it."""
    seen: set[str] = set()
    for release, (run, names) in enumerate(zip(history.runs, history.names, strict=True)):
        for mode in list_modes(run):
            name = names.get(mode.rule_id)
            if mode.is_verified and name is not None and name not in seen:
                seen.add(name)
                yield release, name, mode


def _counted(pair: Pair, mode: Mode, *, is_own: bool) -> dict[str, Any]:
    found, _ = compare_mode(pair, mode, "old")
    if found.outcomes is None or found.change is None:
        return {"n_images": None, "n_failures": None, **_ends(found.new), "reason": found.reason}
    n, k = found.outcomes.n_new, found.outcomes.k_new
    rate = mode.estimate if is_own and mode.estimate is not None else found.new
    return {"n_images": n, "n_failures": k, **_ends(rate), "reason": None}


def _ends(rate: Rate | None) -> dict[str, float]:
    ends = (float("nan"),) * 3 if rate is None else (rate.rate, rate.low, rate.high)
    return dict(zip(("error_rate", "error_rate_low", "error_rate_high"), ends, strict=True))
