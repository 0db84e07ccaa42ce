"""The run's tables as linked objects, each table walked once.

Pages ask for "the rules of this group" or "the tiles of this feature" thousands of times. Filtering a frame
costs a pass over all of its rows each time, so the frames are turned into dictionaries of small frozen
objects first, and building a site stays linear in the number of its pages.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.report.evaluation_records import Evaluation, Explained
from barlow_report.report.evidence import EVIDENCE, verdict_counts
from barlow_report.report.images import Images, confusions, count_confusions
from barlow_report.report.keyed_rows import KeyedRows
from barlow_report.report.mode_images import Thumbnails, read_mode_images
from barlow_report.report.names import FeatureName, feature_names
from barlow_report.report.records import ClassEntry, Group, Rule
from barlow_report.report.rows import (
    CONDITION_KEY,
    TILE_KEY,
    collect,
    make_bin,
    make_class,
    make_condition,
    make_gallery_image,
    make_group,
    make_node,
    make_quantile_image,
    make_rule,
    make_strip_image,
    make_tile,
    rows,
    visible_grouping,
)
from barlow_report.report.slots import Ranking
from barlow_report.report.source import ReportSource
from barlow_report.tables import NO_IMAGE, empty_table
from barlow_report.visible import visible

__all__ = ["Catalog"]


class Catalog:
    """All of a run, ready to be asked for."""

    def __init__(self, source: ReportSource, *, rankings: Sequence[Ranking] = ()) -> None:
        tables = {name: source.tables.get(name) for name in _USED}
        frames = {name: frame if frame is not None else empty_table(name) for name, frame in tables.items()}
        self.rankings = tuple(rankings)
        self.rules_config = RulesConfig.model_validate(dict(source.info["config"]["rules"]))
        self.evidence = EVIDENCE[self.rules_config.evidence_kind]
        self.is_in_sample = self.evidence.kind == "in_sample"
        self.shows_paths = source.settings.show_paths
        data = source.info["config"].get("data") or {}
        self.has_files = any(data.get(kind) is not None for kind in ("folder", "manifest"))  # not in archives
        self.images = Images(
            frames["images"], contents=frames["contents"], splits=frames["splits"], show_paths=self.shows_paths
        )
        self.classes = {row["class_id"]: make_class(row) for row in rows(frames["classes"])}
        self.skipped = [(visible(row["path"]), visible(row["reason"])) for row in rows(frames["skipped"])]
        self.n_unread = sum(not reason.startswith(NO_IMAGE) for _, reason in self.skipped)
        self.n_fit, self.n_held_out = _split_sizes(frames["splits"])
        self.confusions = confusions(self.images)
        self.names = feature_names(source.tables, clean=visible)
        self.names_of_feature: dict[int, list[FeatureName]] = {}  # by group
        for (_, feature_id), name in sorted(self.names.items()):
            self.names_of_feature.setdefault(feature_id, []).append(name)
        self.study_figures = _study_figures(source.tables)
        phrases = {key: name.phrase for key, name in self.names.items()}
        conditions = collect(frames["conditions"].sort_values(["rule_id", "position"]), "rule_id", make_condition)
        bases = {row["group_id"]: row for row in rows(frames["groups"])}
        rules = collect(
            frames["rules"].sort_values(["group_id", "rank"]),
            "group_id",
            lambda row: make_rule(
                row, bases[row["group_id"]], conditions, phrases, evidence=self.evidence.kind, rankings=rankings
            ),
        )
        nodes = collect(
            frames["nodes"].sort_values(["group_id", "node_id"]), "group_id", lambda row: make_node(row, phrases)
        )
        classes = collect(
            frames["group_classes"].sort_values(["group_id", "position"]),
            "group_id",
            lambda row: self.classes[row["class_id"]],
        )
        sampled = {row["group_id"]: row["n_images"] for row in rows(frames["group_samples"])}
        self.n_sampled_groups = len(sampled)
        self.groups = {
            group_id: make_group(
                row,
                nodes.get(group_id, ()),
                rules.get(group_id, ()),
                classes.get(group_id, ()),
                is_split=self.evidence.kind == "held_out",
                n_sampled=sampled.get(group_id),
            )
            for group_id, row in bases.items()
        }
        self._members = _members(frames["memberships"])
        self.rules = {rule.rule_id: rule for group in self.groups.values() for rule in group.rules}
        self.tiles = collect(frames["tiles"].sort_values(["group_id", "feature_id", "rank"]), TILE_KEY, make_tile)
        self.galleries = KeyedRows(
            frames["galleries"], key=("rule_id",), order=("rank", "image_id"), make=make_gallery_image
        )
        self.mode_images = read_mode_images(frames["mode_images"], conditions)
        pictured = ("mode_pictures", "galleries", "tiles", "quantiles", "group_quantiles")
        self.thumbnails = Thumbnails(frames[name] for name in pictured)
        self.histograms = KeyedRows(frames["histograms"], key=("feature_id",), order=("position",), make=make_bin)
        self.quantiles = KeyedRows(
            frames["quantiles"], key=("feature_id",), order=("position", "rank"), make=make_quantile_image
        )
        self.group_histograms = KeyedRows(frames["group_histograms"], key=TILE_KEY, order=("position",), make=make_bin)
        self.group_quantiles = KeyedRows(
            frames["group_quantiles"], key=TILE_KEY, order=("position", "rank"), make=make_quantile_image
        )
        self.strips = KeyedRows(frames["strips"], key=CONDITION_KEY, order=("bin",), make=make_bin)
        self.strip_images = KeyedRows(
            frames["strip_images"], key=CONDITION_KEY, order=("place", "rank"), make=make_strip_image
        )
        self.mutual_information = _mutual_information(frames["selection"])
        self.evaluation = [Evaluation(**visible_grouping(row)) for row in rows(frames["evaluation"])]
        explained = [Explained(**visible_grouping(row)) for row in rows(frames["explained"])]
        self.explained = [row for row in explained if row.scope != "group"]
        self._link()

    def _link(self) -> None:
        """Find the groups of each class, and the rules and groups of each feature."""
        self.groups_of_class: dict[int, list[Group]] = {}
        for group in self.groups.values():
            if group.class_id is not None:
                self.groups_of_class.setdefault(group.class_id, []).append(group)
        self.other_groups = [group for group in self.groups.values() if group.class_id is None]
        self.other_groups_of_class: dict[int, list[Group]] = {}
        for group in self.other_groups:
            for entry in group.classes:
                self.other_groups_of_class.setdefault(entry.class_id, []).append(group)
        rules: dict[int, list[Rule]] = {}
        for rule in self.rules.values():
            for feature_id in dict.fromkeys(condition.feature_id for condition in rule.conditions):
                rules.setdefault(feature_id, []).append(rule)
        self.rules_of_feature = {feature_id: tuple(sorted(found, key=_order)) for feature_id, found in rules.items()}
        groups: dict[int, list[int]] = {}
        for group_id, feature_id in self.tiles:
            groups.setdefault(feature_id, []).append(group_id)
        self.tile_groups_of_feature = groups
        self.feature_ids = sorted(self.rules_of_feature.keys() | groups.keys())

    def confused_within(self, group: Group) -> list[tuple[ClassEntry, ClassEntry, int]]:
        """The failures of a group that no single class defines: label, prediction and their number, most first."""
        ids = self._members.get(group.group_id, np.zeros(0, dtype=np.int64))
        counts = count_confusions(self.images, ids)
        order = np.lexsort((counts[:, 1], counts[:, 0], -counts[:, 2]))
        return [(self.classes[a], self.classes[b], n) for a, b, n in counts[order].tolist()]

    def failure_modes(self) -> list[Rule]:
        """All failure modes of the run, the most important ones first."""
        return sorted((rule for rule in self.rules.values() if rule.is_failure_mode), key=_order)

    def order_keys(self) -> list[str]:
        """What failure modes are sorted by before their importance, in words, as far as it tells them apart."""
        modes = self.failure_modes()
        keys = ["best verdict"] * (len(verdict_counts(modes)) > 1)
        keys += [found.words for i, found in enumerate(self.rankings) if len({rule.places[i] for rule in modes}) > 1]
        return keys + ["stable ones before unstable ones"] * any(rule.is_unstable for rule in modes)


_USED = (
    "classes",
    "images",
    "skipped",
    "splits",
    "groups",
    "group_samples",
    "group_classes",
    "memberships",
    "selection",
    "nodes",
    "rules",
    "conditions",
    "tiles",
    "galleries",
    "mode_images",
    "mode_pictures",
    "contents",
    "histograms",
    "quantiles",
    "group_histograms",
    "group_quantiles",
    "strips",
    "strip_images",
    "evaluation",
    "explained",
)


def _order(rule: Rule) -> tuple[int, tuple[int, ...], bool, float, int]:
    return rule.order


def _study_figures(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The figures of what people answered, by measure, category and subset."""
    found = rows(tables["study_figures"]) if "study_figures" in tables else ()
    return {(row["measure"], row["category"], row["subset"]): row for row in found}


def _split_sizes(frame: pd.DataFrame) -> tuple[int, int]:
    n_held_out = int((frame["split"] == "held_out").sum())
    return len(frame) - n_held_out, n_held_out


def _members(frame: pd.DataFrame) -> dict[int, npt.NDArray[np.int64]]:
    return {int(str(group_id)): ids.to_numpy() for group_id, ids in frame.groupby("group_id")["image_id"]}


def _mutual_information(frame: pd.DataFrame) -> dict[tuple[int, int], tuple[float, int]]:
    keys = zip(frame["group_id"].tolist(), frame["feature_id"].tolist(), strict=True)
    values = zip(frame["mutual_information"].tolist(), frame["rank"].tolist(), strict=True)
    return dict(zip(keys, values, strict=True))
