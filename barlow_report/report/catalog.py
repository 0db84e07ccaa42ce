"""The run's tables as linked objects, each table walked once.

Pages ask for "the rules of this group" or "the tiles of this feature" thousands of times. Filtering a frame
costs a pass over all of its rows each time, so the frames are turned into dictionaries of small frozen
objects first, and building a site stays linear in the number of its pages.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.errors import SiteError
from barlow_report.report.names import FeatureName, feature_names
from barlow_report.report.records import (
    ClassEntry,
    Condition,
    Evaluation,
    Explained,
    GalleryImage,
    Group,
    HistogramBin,
    Measures,
    Node,
    QuantileImage,
    Rule,
    Share,
    Tile,
)
from barlow_report.report.source import ReportSource
from barlow_report.tables import NO_IMAGE, empty_table

__all__ = ["Catalog", "Images", "rows", "visible"]


_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    """Replace what cannot be seen by U+FFFD: control characters, turns of the writing direction, half characters.

    A name with such a character could rearrange the words around it, and half a character cannot be written.
    """
    return _INVISIBLE.sub("\ufffd", text)


class Images:
    """The images by column; `image_id` is the position."""

    def __init__(self, frame: pd.DataFrame, *, show_paths: bool) -> None:
        frame = frame.sort_values("image_id")
        if not np.array_equal(frame["image_id"].to_numpy(), np.arange(len(frame))):
            raise SiteError("images: expected image ids from 0 without gaps. Run the stage extract again.")
        self._paths = frame["path"].to_numpy() if show_paths else None
        self._n_images = len(frame)
        self.label = frame["label"].to_numpy()
        self.prediction = frame["prediction"].to_numpy()
        self.confidence = frame["confidence"].to_numpy()

    def __len__(self) -> int:
        return self._n_images

    def path(self, image_id: int) -> str | None:
        """Where an image lies below the data's folder; None unless the site may show it."""
        return None if self._paths is None else visible(self._paths[image_id])

    def name(self, image_id: int) -> str:
        """What to call an image: its path where that may be shown, otherwise its number in the run."""
        return self.path(image_id) or f"image {image_id}"

    @property
    def failures(self) -> Share:
        """Share of images that are misclassified."""
        return Share(int((self.label != self.prediction).sum()), len(self))


class Catalog:
    """All of a run, ready to be asked for."""

    def __init__(self, source: ReportSource) -> None:
        tables = {name: source.tables.get(name) for name in _USED}
        frames = {name: frame if frame is not None else empty_table(name) for name, frame in tables.items()}
        self.rules_config = RulesConfig.model_validate(dict(source.info["config"]["rules"]))
        self.is_in_sample = self.rules_config.held_out_fraction == 0
        self.shows_paths = source.settings.show_paths
        self.images = Images(frames["images"], show_paths=self.shows_paths)
        self.classes = {row["class_id"]: _class_entry(row) for row in rows(frames["classes"])}
        self.skipped = [(visible(row["path"]), visible(row["reason"])) for row in rows(frames["skipped"])]
        self.n_unread = sum(not reason.startswith(NO_IMAGE) for _, reason in self.skipped)
        self.n_fit, self.n_held_out = _split_sizes(frames["splits"])
        self.confusions = _confusions(self.images)
        self.names = feature_names(source.tables, clean=visible)
        self.names_of_feature: dict[int, list[FeatureName]] = {}  # by group
        for (_, feature_id), name in sorted(self.names.items()):
            self.names_of_feature.setdefault(feature_id, []).append(name)
        self.study_figures = _study_figures(source.tables)
        phrases = {key: name.phrase for key, name in self.names.items()}
        conditions = _collect(frames["conditions"].sort_values(["rule_id", "position"]), "rule_id", _condition)
        bases = {row["group_id"]: row for row in rows(frames["groups"])}
        rules = _collect(
            frames["rules"].sort_values(["group_id", "rank"]),
            "group_id",
            lambda row: _rule(row, bases[row["group_id"]], conditions, phrases, is_in_sample=self.is_in_sample),
        )
        nodes = _collect(
            frames["nodes"].sort_values(["group_id", "node_id"]), "group_id", lambda row: _node(row, phrases)
        )
        classes = _collect(
            frames["group_classes"].sort_values(["group_id", "position"]),
            "group_id",
            lambda row: self.classes[row["class_id"]],
        )
        self.groups = {
            group_id: _group(row, nodes.get(group_id, ()), rules.get(group_id, ()), classes.get(group_id, ()))
            for group_id, row in bases.items()
        }
        self._members = _members(frames["memberships"])
        self.rules = {rule.rule_id: rule for group in self.groups.values() for rule in group.rules}
        self.tiles = _collect(frames["tiles"].sort_values(["group_id", "feature_id", "rank"]), _TILE_KEY, _tile)
        galleries = frames["galleries"].sort_values(["rule_id", "rank", "image_id"])
        self.galleries = _collect(galleries, "rule_id", _gallery_image)
        self.histograms = _collect(frames["histograms"].sort_values(["feature_id", "position"]), "feature_id", _bin)
        quantiles = frames["quantiles"].sort_values(["feature_id", "position", "rank"])
        self.quantiles = _collect(quantiles, "feature_id", _quantile_image)
        self.mutual_information = _mutual_information(frames["selection"])
        self.evaluation = [Evaluation(**_visible_grouping(row)) for row in rows(frames["evaluation"])]
        explained = frames["explained"]
        self.explained = [Explained(**_visible_grouping(row)) for row in rows(explained[explained["scope"] != "group"])]
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
        counts = _count_confusions(self.images, ids)
        order = np.lexsort((counts[:, 1], counts[:, 0], -counts[:, 2]))
        return [(self.classes[a], self.classes[b], n) for a, b, n in counts[order].tolist()]

    def failure_modes(self) -> list[Rule]:
        """All failure modes of the run, the most important ones first."""
        return sorted((rule for rule in self.rules.values() if rule.is_failure_mode), key=_order)


_USED = (
    "classes",
    "images",
    "skipped",
    "splits",
    "groups",
    "group_classes",
    "memberships",
    "selection",
    "nodes",
    "rules",
    "conditions",
    "tiles",
    "galleries",
    "histograms",
    "quantiles",
    "evaluation",
    "explained",
)
_TILE_KEY = ("group_id", "feature_id")
_SAFE_SLUG = re.compile(r"\w[\w.-]*")


def _order(rule: Rule) -> tuple[int, float, int]:
    return rule.order


def rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows as dictionaries of plain Python values, None where there is no value."""
    columns = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in frame.columns]
    names = [str(name) for name in frame.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _collect(frame: pd.DataFrame, key: str | tuple[str, ...], make: Any) -> dict[Any, tuple[Any, ...]]:
    """Make an object of each row and collect them under their key, in the order of the rows."""
    found: dict[Any, list[Any]] = {}
    for row in rows(frame):
        value = row[key] if isinstance(key, str) else tuple(row[part] for part in key)
        found.setdefault(value, []).append(make(row))
    return {value: tuple(items) for value, items in found.items()}


def _study_figures(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The figures of what people answered, by measure, category and subset."""
    found = rows(tables["study_figures"]) if "study_figures" in tables else ()
    return {(row["measure"], row["category"], row["subset"]): row for row in found}


def _class_entry(row: Mapping[str, Any]) -> ClassEntry:
    if not _SAFE_SLUG.fullmatch(row["slug"]):
        raise SiteError(f"classes: slug {row['slug']!r} is not safe in a path. Run the stage extract again.")
    return ClassEntry(class_id=row["class_id"], name=visible(row["name"]), slug=row["slug"])


def _split_sizes(frame: pd.DataFrame) -> tuple[int, int]:
    n_held_out = int((frame["split"] == "held_out").sum())
    return len(frame) - n_held_out, n_held_out


def _confusions(images: Images) -> dict[tuple[str, int], tuple[tuple[int, int], ...]]:
    """For (grouping, class): the classes on the other side of its failures with their counts, most first."""
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for label, prediction, n in _count_confusions(images, np.arange(len(images))).tolist():
        found.setdefault(("label", label), []).append((prediction, n))
        found.setdefault(("prediction", prediction), []).append((label, n))
    return {key: tuple(sorted(items, key=lambda item: (-item[1], item[0]))) for key, items in found.items()}


def _count_confusions(images: Images, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count the failures among some images: (n_pairs, 3) with label, prediction and number."""
    pairs = np.stack([images.label[image_ids], images.prediction[image_ids]], axis=1).astype(np.int64)
    pairs, counts = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0, return_counts=True)
    return np.column_stack([pairs, counts])


def _members(frame: pd.DataFrame) -> dict[int, npt.NDArray[np.int64]]:
    return {int(str(group_id)): ids.to_numpy() for group_id, ids in frame.groupby("group_id")["image_id"]}


def _visible_grouping(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"grouping": None if row["grouping"] is None else visible(row["grouping"])}


def _condition(row: Mapping[str, Any]) -> Condition:
    return Condition(feature_id=row["feature_id"], branch=row["branch"], threshold=row["threshold"])


def _rule(
    row: Mapping[str, Any],
    group: Mapping[str, Any],
    conditions: Mapping[int, tuple[Condition, ...]],
    phrases: Mapping[tuple[int, int], str | None],
    *,
    is_in_sample: bool,
) -> Rule:
    fit = Measures(
        base=Share(group["n_failures"], group["n_images"]),
        error=Share(row["n_failures"], row["n_images"]),
        coverage=Share(row["n_failures"], group["n_failures"]),
        importance_value=row["importance_value"],
    )
    held_out = None
    if not is_in_sample:
        held_out = Measures(
            base=_held_out(row, "base_error_rate", group["n_failures_held_out"], group["n_images_held_out"]),
            error=_held_out(row, "error_rate", row["n_failures_held_out"], row["n_images_held_out"]),
            coverage=_held_out(row, "error_coverage", row["n_failures_held_out"], group["n_failures_held_out"]),
            importance_value=row["importance_value_held_out"],
        )
    plain = {name: row[name] for name in ("rule_id", "group_id", "node_id", "rank", "is_failure_mode", "verdict")}
    return Rule(
        **plain,
        p_value=row["p_value"],
        q_value=row["q_value"],
        conditions=tuple(
            replace(c, name=phrases.get((row["group_id"], c.feature_id))) for c in conditions.get(row["rule_id"], ())
        ),
        fit=fit,
        held_out=held_out,
    )


def _held_out(row: Mapping[str, Any], name: str, k: int, n: int) -> Share:
    return Share(k, n, row[f"{name}_held_out_low"], row[f"{name}_held_out_high"])


def _node(row: Mapping[str, Any], phrases: Mapping[tuple[int, int], str | None]) -> Node:
    same = ("node_id", "parent_id", "branch", "depth", "feature_id", "threshold")
    return Node(
        **{name: row[name] for name in same},
        error=Share(row["n_failures"], row["n_images"]),
        error_held_out=Share(row["n_failures_held_out"], row["n_images_held_out"]),
        name=phrases.get((row["group_id"], row["feature_id"])),
    )


def _group(
    row: Mapping[str, Any], nodes: tuple[Node, ...], rules: tuple[Rule, ...], classes: tuple[ClassEntry, ...]
) -> Group:
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
        rules=rules,
        classes=classes,
    )


def _tile(row: Mapping[str, Any]) -> Tile:
    return Tile(**{name: value for name, value in row.items() if name not in _TILE_KEY})


def _gallery_image(row: Mapping[str, Any]) -> GalleryImage:
    return GalleryImage(image_id=row["image_id"], is_failure=row["is_failure"], thumbnail=row["thumbnail"])


def _quantile_image(row: Mapping[str, Any]) -> QuantileImage:
    return QuantileImage(**{name: row[name] for name in ("quantile", "image_id", "activation", "thumbnail")})


def _bin(row: Mapping[str, Any]) -> HistogramBin:
    return HistogramBin(low=row["low"], high=row["high"], n_images=row["n_images"], n_failures=row["n_failures"])


def _mutual_information(frame: pd.DataFrame) -> dict[tuple[int, int], tuple[float, int]]:
    keys = zip(frame["group_id"].tolist(), frame["feature_id"].tolist(), strict=True)
    values = zip(frame["mutual_information"].tolist(), frame["rank"].tolist(), strict=True)
    return dict(zip(keys, values, strict=True))
