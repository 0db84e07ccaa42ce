"""The rows of tables as records."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from barlow_report.config import EvidenceKind
from barlow_report.errors import SiteError
from barlow_report.report.picture_records import GalleryImage, HistogramBin, QuantileImage, StripImage, Tile
from barlow_report.report.records import ClassEntry, Condition, Estimate, Group, Measures, Node, Rule, Share
from barlow_report.report.slots import Ranking
from barlow_report.tables.rows import rows
from barlow_report.visible import visible

__all__ = [
    "CONDITION_KEY",
    "TILE_KEY",
    "collect",
    "make_bin",
    "make_class",
    "make_condition",
    "make_gallery_image",
    "make_group",
    "make_node",
    "make_quantile_image",
    "make_rule",
    "make_strip_image",
    "make_tile",
    "rows",
    "visible_grouping",
]

TILE_KEY = ("group_id", "feature_id")
CONDITION_KEY = ("rule_id", "position")
_ONLY_DRAWN_FROM = ("map", "map_low", "map_high")

_SAFE_SLUG = re.compile(r"\w[\w.-]*")


def collect(frame: pd.DataFrame, key: str | tuple[str, ...], make: Any) -> dict[Any, tuple[Any, ...]]:
    """Make an object of each row and collect them under their key, in the order of the rows."""
    found: dict[Any, list[Any]] = {}
    for row in rows(frame):
        value = row[key] if isinstance(key, str) else tuple(row[part] for part in key)
        found.setdefault(value, []).append(make(row))
    return {value: tuple(items) for value, items in found.items()}


def make_class(row: Mapping[str, Any]) -> ClassEntry:
    """Return the record of a row of table `classes`.

    Raises:
        SiteError: Its slug is not safe in a path.
    """
    if not _SAFE_SLUG.fullmatch(row["slug"]):
        raise SiteError(f"classes: slug {row['slug']!r} is not safe in a path. Run the stage extract again.")
    return ClassEntry(class_id=row["class_id"], name=visible(row["name"]), slug=row["slug"])


def make_condition(row: Mapping[str, Any]) -> Condition:
    """Return the record of a row of table `conditions`."""
    return Condition(**{name: row[name] for name in ("feature_id", "branch", "threshold", "printed_threshold")})


def make_rule(
    row: Mapping[str, Any],
    group: Mapping[str, Any],
    conditions: Mapping[int, tuple[Condition, ...]],
    phrases: Mapping[tuple[int, int], str | None],
    *,
    evidence: EvidenceKind,
    rankings: Sequence[Ranking] = (),
) -> Rule:
    """Return the record of a row of table `rules`, with the row of its group, its conditions and people's words."""
    fit = Measures(
        base=Share(group["n_failures"], group["n_images"]),
        error=Share(row["n_failures"], row["n_images"]),
        coverage=Share(row["n_failures"], group["n_failures"]),
        importance_value=row["importance_value"],
    )
    held_out = None
    if evidence == "shuffles":
        held_out = Measures(
            base=Share(
                group["n_failures"],
                group["n_images"],
                row["base_error_rate_held_out_low"],
                row["base_error_rate_held_out_high"],
            ),
            error=_estimate(row, "error_rate"),
            coverage=_estimate(row, "error_coverage"),
            importance_value=row["importance_value_held_out"],
        )
    elif evidence == "held_out":
        held_out = Measures(
            base=_held_out(row, "base_error_rate", group["n_failures_held_out"], group["n_images_held_out"]),
            error=_held_out(row, "error_rate", row["n_failures_held_out"], row["n_images_held_out"]),
            coverage=_held_out(row, "error_coverage", row["n_failures_held_out"], group["n_failures_held_out"]),
            importance_value=row["importance_value_held_out"],
        )
    same = ("rule_id", "group_id", "node_id", "rank", "is_failure_mode", "verdict", "stability", "p_value_baseline")
    return Rule(
        **{name: row[name] for name in same},
        p_value=row["p_value"],
        q_value=row["q_value"],
        conditions=tuple(
            replace(c, name=phrases.get((row["group_id"], c.feature_id))) for c in conditions.get(row["rule_id"], ())
        ),
        fit=fit,
        held_out=held_out,
        places=tuple(ranking.ranks.get(row["rule_id"], 0) for ranking in rankings),
    )


def _estimate(row: Mapping[str, Any], name: str) -> Estimate:
    key = f"{name}_held_out"
    return Estimate(value=row[key], low=row[f"{key}_low"], high=row[f"{key}_high"])


def _held_out(row: Mapping[str, Any], name: str, k: int, n: int) -> Share:
    return Share(k, n, row[f"{name}_held_out_low"], row[f"{name}_held_out_high"])


def make_node(row: Mapping[str, Any], phrases: Mapping[tuple[int, int], str | None]) -> Node:
    """Return the record of a row of table `nodes`, with people's words for its feature."""
    same = ("node_id", "parent_id", "branch", "depth", "feature_id", "threshold", "printed_threshold")
    return Node(
        **{name: row[name] for name in same},
        error=Share(row["n_failures"], row["n_images"]),
        error_held_out=Share(row["n_failures_held_out"], row["n_images_held_out"]),
        name=phrases.get((row["group_id"], row["feature_id"])),
    )


def make_group(
    row: Mapping[str, Any],
    nodes: tuple[Node, ...],
    rules: tuple[Rule, ...],
    classes: tuple[ClassEntry, ...],
    *,
    is_split: bool,
    n_sampled: int | None,
) -> Group:
    """Return the record of a row of table `groups`, with what belongs to it."""
    same = ("group_id", "class_id", "status", "average_leaf_error_rate")
    return Group(
        **{name: row[name] for name in same},
        grouping=visible(row["grouping"]),
        name=visible(row["name"]),
        average_leaf_error_rate_held_out=row["average_leaf_error_rate_held_out"],
        noise_floor=row["noise_floor"],
        base=Share(row["n_failures"], row["n_images"]),
        base_held_out=_held_out(row, "base_error_rate", row["n_failures_held_out"], row["n_images_held_out"]),
        nodes=nodes,
        rules=tuple(sorted(rules, key=lambda rule: rule.order)),
        classes=classes,
        is_split=is_split,
        n_sampled=n_sampled,
    )


def make_tile(row: Mapping[str, Any]) -> Tile:
    """Return the record of a row of table `tiles`."""
    return Tile(**{name: value for name, value in row.items() if name not in (*TILE_KEY, *_ONLY_DRAWN_FROM)})


def make_gallery_image(row: Mapping[str, Any]) -> GalleryImage:
    """Return the record of a row of table `galleries`."""
    return GalleryImage(image_id=row["image_id"], is_failure=row["is_failure"], thumbnail=row["thumbnail"])


def make_quantile_image(row: Mapping[str, Any]) -> QuantileImage:
    """Return the record of a row of table `quantiles`."""
    return QuantileImage(**{name: row[name] for name in ("quantile", "image_id", "activation", "thumbnail")})


def make_strip_image(row: Mapping[str, Any]) -> StripImage:
    """Return the record of a row of table `strip_images`."""
    return StripImage(**{name: row[name] for name in ("place", "image_id", "activation", "thumbnail")})


def make_bin(row: Mapping[str, Any]) -> HistogramBin:
    """Return the record of a row of table `histograms` or `strips`."""
    return HistogramBin(low=row["low"], high=row["high"], n_images=row["n_images"], n_failures=row["n_failures"])


def visible_grouping(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the name of its grouping fit to be shown."""
    return row | {"grouping": None if row["grouping"] is None else visible(row["grouping"])}
