"""Suspected cues as CSV."""

from collections.abc import Iterator
from typing import Any

from barlow_report.lenses.attributes.records import AttributeView, DirectionCue, ModeCue
from barlow_report.lenses.causes.records import CauseView
from barlow_report.report.downloads import csv_line
from barlow_report.report.pages.page import Site

__all__ = ["directions_csv", "modes_csv"]

_SAME = ("column", "value", "images", "status", "n_missing")


def modes_csv(site: Site, view: AttributeView, *, causes: CauseView | None) -> Iterator[str]:
    """Yield every verified failure mode beside every cue as CSV with a header, line by line."""
    yield csv_line(
        (
            *("rule_id", "group", "grouping", *_SAME),
            *("n_inside", "n_inside_with", "n_outside", "n_outside_with", "phi", "phi_low", "phi_high"),
            *("p_value", "q_value", "cause_verdict", "cause_effect"),
        )
    )
    for rule_id, found in view.modes.items():
        group = site.catalog.groups[site.catalog.rules[rule_id].group_id]
        best = None if causes is None else causes.best(rule_id)
        effect = None if best is None or best.effect is None else best.effect.value
        for cue in found:
            counts = (cue.inside.n, cue.inside.k, cue.outside.n, cue.outside.k)
            yield csv_line(
                (
                    *(rule_id, group.name, group.grouping, *_same(cue), *counts, *_measure(cue)),
                    *(None if best is None else best.verdict, effect),
                )
            )


def directions_csv(site: Site, view: AttributeView) -> Iterator[str]:
    """Yield every direction beside every cue as CSV with a header, line by line."""
    names = ("n_with", "n_without", "auroc", "auroc_low", "auroc_high", "p_value", "q_value")
    yield csv_line(("class", *_SAME, *names))
    for cue in view.directions:
        yield csv_line((site.class_name(cue.class_id), *_same(cue), cue.n_with, cue.n_without, *_measure(cue)))


def _same(cue: ModeCue | DirectionCue) -> tuple[Any, ...]:
    return tuple(getattr(cue, name) for name in _SAME)


def _measure(cue: ModeCue | DirectionCue) -> tuple[float | None, ...]:
    found = cue.measure
    ends = (None, None, None) if found is None else (found.value, found.low, found.high)
    return (*ends, cue.p_value, cue.q_value)
