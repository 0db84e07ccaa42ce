"""Causes as CSV and JSON."""

from collections.abc import Iterator
from typing import Any

from barlow_report.lenses.causes.records import CauseEffect, CauseView
from barlow_report.report.downloads import as_json, csv_line
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Estimate

__all__ = ["causes_csv", "causes_json"]


def _record(site: Site, effect: CauseEffect) -> dict[str, Any]:
    """One effect as a flat record."""
    rule = site.catalog.rules[effect.rule_id]
    group = site.catalog.groups[rule.group_id]
    return {
        "rule_id": effect.rule_id,
        "group": group.name,
        "grouping": group.grouping,
        "position": effect.position,
        "feature_id": effect.feature_id,
        "branch": effect.branch,
        "direction": effect.direction,
        "verdict": effect.verdict,
        "reason": effect.reason,
        "n_images": effect.reached.n,
        "n_reached": effect.reached.k,
        "n_failures_before": effect.before.k,
        "n_failures_moved": effect.moved.k,
        "n_failures_noise": effect.noise.k,
        "target": effect.target,
        "radius": effect.radius,
        "mean_length": effect.mean_length,
        **_estimate("control_rate", effect.controls),
        **_estimate("effect", effect.effect),
        **_estimate("confidence_effect", effect.confidence_effect),
        **_estimate("specificity", effect.specificity),
        "p_images": effect.p_images,
        "p_features": effect.p_features,
        "p_value": effect.p_value,
        "q_value": effect.q_value,
    }


def _estimate(name: str, value: Estimate | None) -> dict[str, float | None]:
    ends = (None, None, None) if value is None else (value.value, value.low, value.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))


def _effects(causes: CauseView) -> Iterator[CauseEffect]:
    for found in causes.effects.values():
        yield from found


def causes_csv(site: Site, causes: CauseView) -> Iterator[str]:
    """Yield all effects as CSV with a header, line by line."""
    for position, effect in enumerate(_effects(causes)):
        record = _record(site, effect)
        if not position:
            yield csv_line(record)
        yield csv_line(record.values())


def causes_json(site: Site, causes: CauseView) -> Iterator[str]:
    """Yield all effects with their doses, as JSON in parts."""
    yield '{"causes":['
    for position, effect in enumerate(_effects(causes)):
        doses = [
            {"dose": d.dose, "n_images": d.moved.n, "n_failures_moved": d.moved.k, "n_failures_control": d.control.k}
            for d in effect.doses
        ]
        yield f"{',' if position else ''}\n{as_json({**_record(site, effect), 'doses': doses}).rstrip()}"
    yield "\n]}\n"
