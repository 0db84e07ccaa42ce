"""What a reader can take away: all rules as CSV and JSON, and a JSON twin of each feature page.

Numbers are written in full. Text that a spreadsheet would read as a formula gets an apostrophe in front.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from barlow_report.config import EvidenceKind
from barlow_report.report.catalog import Catalog
from barlow_report.report.mode_words import mode_line
from barlow_report.report.picture_records import HistogramBin, QuantileImage, Tile
from barlow_report.report.records import Group, Measures, Rule
from barlow_report.report.words import rule_inequality

__all__ = ["as_json", "csv_line", "feature_json", "rule_columns", "rule_record", "rules_csv", "rules_json"]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")


def rule_record(group: Group, rule: Rule, evidence: EvidenceKind) -> dict[str, Any]:
    """Return one rule as a flat record; every key is there whatever its value.

    `evidence` says what the values ending in `_held_out` are of; see `report/evidence.py`.
    """
    record: dict[str, Any] = {
        "rule_id": rule.rule_id,
        "group_id": group.group_id,
        "grouping": group.grouping,
        "class_id": group.class_id,
        "group": group.name,
        "rank": rule.rank,
        "is_failure_mode": rule.is_failure_mode,
        "verdict": rule.verdict,
        "evidence": evidence,
        "rule": rule_inequality(rule),
        "sentence": mode_line(group, rule),
    }
    record |= _measures(rule.fit, "")
    record["average_leaf_error_rate"] = group.average_leaf_error_rate
    record |= _measures(rule.held_out, "_held_out")
    record["average_leaf_error_rate_held_out"] = group.average_leaf_error_rate_held_out
    record |= {"p_value": rule.p_value, "q_value": rule.q_value, "stability": rule.stability}
    return record


def rule_columns(evidence: EvidenceKind) -> dict[str, str]:
    """Return what the columns of rules.csv mean, in their order; an empty cell is no value."""
    fitted = "as seen where it was found" if evidence == "shuffles" else "on the images it was fitted to"
    tested = {
        "held_out": "on held-out images",
        "shuffles": "estimated",
        "in_sample": "always empty: nothing was tested",
    }[evidence]
    counted = tested if evidence != "shuffles" else "always empty: rates are estimated, not counted"
    return {
        "rule_id": "the rule; numbers are those of this run",
        "group_id": "its group",
        "grouping": "the kind of group: label, prediction, or another",
        "class_id": "the class of the group, where it has one",
        "group": "the name of the group",
        "rank": f"1 for the group's rule with the highest importance value {fitted}, failure modes first; rows are in "
        "the order of pages: by verdict and importance in evidence",
        "is_failure_mode": f"whether it meets the limits of a failure mode, {fitted}",
        "verdict": "the verdict on a failure mode; empty for other rules",
        "evidence": "the kind of evidence of this run",
        "rule": "the conditions exactly, with thresholds that give the same counts",
        "sentence": "the rule in words, with its error rate in evidence",
        "n_images": f"images in the leaf, {fitted}",
        "n_failures": "failures among them",
        "base_error_rate": f"share of the group's images that fail, {fitted}",
        "error_rate": f"share of the leaf's images that fail, {fitted}: too high, as the rule was chosen for it",
        "error_coverage": f"share of the group's failures that are in the leaf, {fitted}",
        "importance_value": f"error_rate × error_coverage, {fitted}",
        "average_leaf_error_rate": f"of the group's tree, {fitted}",
        "n_images_held_out": f"images in the leaf, {counted}",
        "n_failures_held_out": "failures among them",
        **_rate_columns("base_error_rate", f"share of the group's images that fail, {tested}"),
        **_rate_columns("error_rate", f"share of the leaf's images that fail, {tested}"),
        **_rate_columns("error_coverage", f"share of the group's failures that are in the leaf, {tested}"),
        "importance_value_held_out": f"error rate × error coverage, {tested}",
        "average_leaf_error_rate_held_out": f"of the group's tree, {tested}",
        "p_value": "of the test of this rule",
        "q_value": "share of false discoveries to expect among failure modes with a q-value this small",
        "stability": "share of draws of the group's images in which it is found again, 0 to 1",
    }


def _rate_columns(name: str, meaning: str) -> dict[str, str]:
    ends = {"": meaning, "_low": "lower end of its interval", "_high": "upper end of its interval"}
    return {f"{name}_held_out{end}": words for end, words in ends.items()}


def _measures(measures: Measures | None, suffix: str) -> dict[str, Any]:
    names = ("base_error_rate", "error_rate", "error_coverage")
    shares = (None,) * 3 if measures is None else (measures.base, measures.error, measures.coverage)
    found: dict[str, Any] = {
        f"n_images{suffix}": None if measures is None else measures.error.n,
        f"n_failures{suffix}": None if measures is None else measures.error.k,
    }
    for name, share in zip(names, shares, strict=True):
        found[f"{name}{suffix}"] = None if share is None else share.value
        if suffix:
            found[f"{name}{suffix}_low"] = None if share is None else share.low
            found[f"{name}{suffix}_high"] = None if share is None else share.high
    found[f"importance_value{suffix}"] = None if measures is None else measures.importance_value
    return found


def _records(catalog: Catalog) -> Iterator[dict[str, Any]]:
    for group in catalog.groups.values():
        for rule in group.rules:
            yield rule_record(group, rule, catalog.evidence.kind)


def rules_json(catalog: Catalog) -> Iterator[str]:
    """Yield all rules with their conditions, as JSON in parts."""
    yield '{"rules":['
    for position, record in enumerate(_records(catalog)):
        found = {**record, "conditions": _conditions(catalog.rules[record["rule_id"]])}
        yield f"{',' if position else ''}{as_json(found).rstrip()}"
    yield "]}\n"


def rules_csv(catalog: Catalog) -> Iterator[str]:
    """Yield all rules as CSV with a header, line by line."""
    position = -1
    for position, record in enumerate(_records(catalog)):
        if not position:
            yield csv_line(record)
        yield csv_line(record.values())
    if position < 0:
        yield "rule_id\n"


def csv_line(values: Iterable[Any]) -> str:
    """Return a line of CSV in which no spreadsheet finds a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_neutral(value) for value in values])
    return text.getvalue()


def _neutral(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def feature_json(catalog: Catalog, feature_id: int) -> str:
    """Everything the page of a feature shows, as JSON."""
    rules = [
        {**rule_record(catalog.groups[rule.group_id], rule, catalog.evidence.kind), "conditions": _conditions(rule)}
        for rule in catalog.rules_of_feature.get(feature_id, ())
    ]
    groups = [
        {"group_id": g, "images": [_tile(catalog, tile) for tile in catalog.tiles[g, feature_id]]}
        for g in catalog.tile_groups_of_feature.get(feature_id, ())
    ]
    distributions = [
        {
            "group_id": group_id,
            "histogram": _bins(catalog.group_histograms.get((group_id, feature_id), ())),
            "quantiles": _along(catalog, catalog.group_quantiles.get((group_id, feature_id), ())),
        }
        for group_id in catalog.tile_groups_of_feature.get(feature_id, ())
    ]
    found = {
        "names": _names(catalog, feature_id),
        "rules": rules,
        "triptychs": groups,
        "distributions": distributions,
        "histogram": _bins(catalog.histograms.get(feature_id, ())),
        "quantiles": _along(catalog, catalog.quantiles.get(feature_id, ())),
    }
    return as_json({"feature_id": feature_id, **found})


def _bins(bins: Iterable[HistogramBin]) -> list[dict[str, Any]]:
    return [{"low": b.low, "high": b.high, "n_images": b.n_images, "n_failures": b.n_failures} for b in bins]


def _along(catalog: Catalog, images: Iterable[QuantileImage]) -> list[dict[str, Any]]:
    return [
        {
            "quantile": q.quantile,
            "activation": q.activation,
            **_image(catalog, q.image_id),
            "thumbnail": _media(q.thumbnail),
        }
        for q in images
    ]


def _names(catalog: Catalog, feature_id: int) -> list[dict[str, Any]]:
    same = ("group_id", "name", "status", "is_override", "n_people", "n_described", "n_cannot_tell", "agreement")
    return [
        {
            **{key: getattr(name, key) for key in (*same, "relation")},
            "variants": [{"text": text, "n_people": n} for text, n in name.variants],
        }
        for name in catalog.names_of_feature.get(feature_id, ())
    ]


def _conditions(rule: Rule) -> list[dict[str, Any]]:
    names = ("feature_id", "branch", "threshold", "printed_threshold")
    return [{name: getattr(condition, name) for name in names} for condition in rule.conditions]


def _tile(catalog: Catalog, tile: Tile) -> dict[str, Any]:
    return {
        "rank": tile.rank,
        **_image(catalog, tile.image_id),
        "activation": tile.activation,
        "attacked_activation": tile.attacked_activation,
        "thumbnail": _media(tile.thumbnail),
        "heatmap": tile.heatmap and _media(tile.heatmap),
        "heatmap_low": tile.heatmap_low,
        "heatmap_high": tile.heatmap_high,
        "attack": tile.attack and _media(tile.attack),
    }


def _image(catalog: Catalog, image_id: int) -> dict[str, Any]:
    images = catalog.images
    return {
        "image_id": image_id,
        "path": images.path(image_id),
        "label": catalog.classes[int(images.label[image_id])].name,
        "prediction": catalog.classes[int(images.prediction[image_id])].name,
    }


def _media(name: str) -> str:
    return f"media/{name}"


def as_json(value: Any) -> str:
    """Return a value as JSON that may stand in a page."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c") + "\n"
