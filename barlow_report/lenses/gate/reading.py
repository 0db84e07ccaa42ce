"""From the tables of runs and of their comparison to what a gate looks at.

Names of others lose what cannot be seen here, once and for all outputs.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from barlow_report.lenses.changes.results import RunResults
from barlow_report.lenses.gate.facts import Change, Changes, ClassRate, Facts, Mode, Rate
from barlow_report.significance import wilson_interval
from barlow_report.tables.rows import rows
from barlow_report.visible import visible

__all__ = ["read_changes", "read_facts", "why_unjudged"]

_WITHOUT_TREE = {"too_few_images", "only_failures", "no_failures"}


def read_facts(new: RunResults, *, names: Mapping[int, str], changes: Changes | None) -> Facts:
    """Read what a gate looks at.

    Args:
        new: The run to be judged.
        names: The permanent names of its verified failure modes, by rule_id.
        changes: Its comparison with a baseline; None without.
    """
    return Facts(
        run=visible(new.name),
        level=new.settings.confidence_level,
        accuracy=_rate(int((~new.is_failure).sum()), new.n_images, level=new.settings.confidence_level),
        classes=tuple(_classes(new)),
        modes=tuple(_modes(new, names)),
        explained=_explained(new),
        unjudged=why_unjudged(new),
        changes=changes,
    )


def read_changes(tables: Mapping[str, pd.DataFrame], *, unjudged: str) -> Changes:
    """Read a comparison.

    Args:
        tables: `changes`, `mode_changes`, `class_changes` and `change_remarks`.
        unjudged: Why the baseline's failure modes could not be judged, see `why_unjudged`.
    """
    (whole,) = rows(tables["changes"])
    return Changes(
        baseline=visible(str(whole["name_old"])),
        max_q_value=float(whole["max_q_value"]),
        run=_change(whole),
        modes=tuple(
            _change(
                row,
                name=row["mode_name"],
                group=_group_words(row["grouping"], row["group_name"]),
                rule_id=row["rule_id_new"],
            )
            for row in rows(tables["mode_changes"])
        ),
        classes=tuple(
            _change(row, name=row["class_name"], class_id=row["class_id"]) for row in rows(tables["class_changes"])
        ),
        remarks=tuple(visible(text) for text in tables["change_remarks"]["text"]),
        unjudged=unjudged,
    )


def why_unjudged(run: RunResults) -> str:
    """Say why no failure mode of a run could be judged; empty where some could, and where no image fails."""
    if run.settings.evidence_kind == "in_sample":
        return "no failure mode was tested, as no image was held out"
    if not run.n_images:
        return "no image was analysed"
    if not run.is_failure.any():
        return ""
    statuses = set(run.tables["groups"]["status"])
    if statuses <= _WITHOUT_TREE and "too_few_images" in statuses:
        return "every group with failures has too few images to look for failure modes"
    verdicts = set(run.tables["rules"]["verdict"].dropna())
    return "every failure mode has too few images to be tested" if verdicts == {"too_few_images"} else ""


def _classes(run: RunResults) -> Iterator[ClassRate]:
    n_classes = len(run.class_names)
    n_images = np.bincount(run.labels, minlength=n_classes)
    n_failures = np.bincount(run.labels[run.is_failure], minlength=n_classes)
    level = run.settings.confidence_level
    for class_id, name in enumerate(run.class_names):
        rate = _rate(int(n_failures[class_id]), int(n_images[class_id]), level=level)
        yield ClassRate(class_id=class_id, name=visible(name), error_rate=rate)


def _modes(run: RunResults, names: Mapping[int, str]) -> Iterator[Mode]:
    rules = run.tables["rules"]
    groups = run.tables["groups"][["group_id", "grouping", "name"]]
    verified = rules[rules["verdict"] == "verified"].merge(groups, on="group_id")
    for row in rows(verified.sort_values(["importance_value", "rule_id"], ascending=[False, True])):
        rate = [row[f"error_rate_held_out{end}"] for end in ("", "_low", "_high")]
        yield Mode(
            name=visible(names[row["rule_id"]]),
            group=_group_words(row["grouping"], row["name"]),
            rule_id=row["rule_id"],
            error_rate=Rate(value=rate[0], low=rate[1], high=rate[2]),
        )


def _explained(run: RunResults) -> Rate | None:
    table = run.tables.get("explained")
    whole = [] if table is None else list(rows(table[table["scope"] == "run"]))
    n_failures = whole[0]["n_failures_held_out"] if whole else 0
    n_explained = whole[0]["n_failures_in_verified_held_out"] if whole else None
    return Rate(value=n_explained / n_failures) if n_failures and n_explained is not None else None


def _change(row: Mapping[str, Any], *, name: str = "", group: str = "", **ids: int | None) -> Change:
    low, high = row["difference_low"], row["difference_high"]
    found = row["difference"]
    return Change(
        name=visible(name),
        group=group,
        state=row["state"],
        reason=visible(row["reason"] or "").rstrip("."),
        n_images=row["n_images_new"] or 0,
        old=row["error_rate_old"],
        new=row["error_rate_new"],
        difference=None if found is None else Rate(value=found, low=low, high=high),
        q_value=row["q_value"],
        **ids,
    )


def _rate(k: int, n: int, *, level: float) -> Rate | None:
    if not n:
        return None
    low, high = wilson_interval(k, n, level=level)
    return Rate(value=k / n, low=float(low), high=float(high))


def _group_words(grouping: str, name: str) -> str:
    words = f"by {grouping}" if grouping in ("label", "prediction") else grouping.replace("_", " ")
    return visible(f"{name}, {words}")
