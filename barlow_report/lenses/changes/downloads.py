"""Changes as CSV and JSON."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from barlow_report.lenses.changes.page_words import mode_words
from barlow_report.lenses.changes.records import Change, ChangeView, ComparedRun
from barlow_report.report.downloads import as_json, csv_line
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Estimate

__all__ = ["downloads"]

_IMAGE_COLUMNS = (
    "image_id",
    "digest",
    "direction",
    "label",
    "prediction_old",
    "confidence_old",
    "prediction_new",
    "confidence_new",
    "modes",
)


def downloads(site: Site, changes: ChangeView) -> Mapping[str, Iterable[str]]:
    """The files below `data/`."""
    files: dict[str, Iterable[str]] = {
        "changes.csv": _csv(_modes(site, changes), first="mode_name"),
        "class-changes.csv": _csv(_classes(changes), first="class"),
        "changes.json": _json(site, changes),
    }
    if changes.has_same_images:
        files["flipped-images.csv"] = _images(site, changes)
    if changes.history is not None:
        files["history.csv"] = _csv(_history(changes), first="mode_name")
    return files


def _csv(records: Iterable[Mapping[str, Any]], *, first: str) -> Iterator[str]:
    """Yield records with a header, which without any is their first column."""
    position = -1
    for position, record in enumerate(records):
        if not position:
            yield csv_line(record)
        yield csv_line(record.values())
    if position < 0:
        yield csv_line([first])


def _modes(site: Site, changes: ChangeView) -> Iterator[dict[str, Any]]:
    for mode in changes.modes:
        yield {
            "mode_name": mode.name,
            "sentence": mode_words(site, mode),
            "grouping": mode.grouping,
            "group": mode.group_name,
            "rule_id_old": mode.rule_id_old,
            "rule_id_new": mode.rule_id_new,
            "found_in": mode.found_in,
            "matched_by": mode.matched_by,
            "overlap": mode.overlap,
            "tested_rule": mode.tested_rule,
            "repair": mode.repair,
            **_change(mode.change),
        }


def _classes(changes: ChangeView) -> Iterator[dict[str, Any]]:
    for found in changes.classes:
        yield {"class": found.name, "class_id": found.class_id, **_change(found.change)}


def _change(change: Change) -> dict[str, Any]:
    return {
        "state": change.state,
        "n_images_old": change.old.n,
        "n_failures_old": change.old.k,
        "n_images_new": change.new.n,
        "n_failures_new": change.new.k,
        **_estimate("error_rate_old", change.rate_old),
        **_estimate("error_rate_new", change.rate_new),
        **_estimate("difference", change.difference),
        "n_newly_wrong": change.n_newly_wrong,
        "n_newly_right": change.n_newly_right,
        "p_value": change.p_value,
        "q_value": change.q_value,
        "test": change.test,
        "reason": change.reason,
    }


def _estimate(name: str, value: Estimate | None) -> dict[str, float | None]:
    ends = (None, None, None) if value is None else (value.value, value.low, value.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))


def _images(site: Site, changes: ChangeView) -> Iterator[str]:
    images = site.catalog.images
    yield csv_line([*_IMAGE_COLUMNS, "path"] if site.catalog.shows_paths else _IMAGE_COLUMNS)
    for image in changes.flipped:
        i, confidence = image.image_id, float(images.confidence[image.image_id])
        record = [
            i,
            images.digest(i),
            "newly_wrong" if image.is_newly_wrong else "newly_right",
            site.class_name(int(images.label[i])),
            image.prediction_old,
            image.confidence_old,
            site.class_name(int(images.prediction[i])),
            None if confidence != confidence else confidence,
            " ".join(image.modes),
        ]
        yield csv_line([*record, images.exact_path(i)] if site.catalog.shows_paths else record)


def _run(run: ComparedRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ComparedRun.__slots__}


def _json(site: Site, changes: ChangeView) -> Iterator[str]:
    """Yield everything but the images, in parts."""
    plain = ("kind", "n_matched", "n_relabelled", "delta", "max_q_value", "level", "n_tested", "is_repair")
    head = {
        "old": _run(changes.old),
        "new": _run(changes.new),
        **{name: getattr(changes, name) for name in plain},
        "all_images": _change(changes.whole),
        "remarks": list(changes.remarks),
    }
    yield f"{as_json(head).rstrip().removesuffix('}')}"
    for name, records in (("modes", _modes(site, changes)), ("classes", _classes(changes))):
        yield f',"{name}":['
        for position, record in enumerate(records):
            yield f"{',' if position else ''}\n{as_json(record).rstrip()}"
        yield "\n]"
    yield "}\n"


def _history(changes: ChangeView) -> Iterator[dict[str, Any]]:
    if changes.history is None:
        return
    names = {release.release: release.name for release in changes.history.releases}
    for mode in changes.history.modes:
        for point in mode.points:
            yield {
                "mode_name": mode.name,
                "grouping": mode.grouping,
                "group": mode.group_name,
                "release": point.release,
                "run": names.get(point.release),
                "is_verified": point.is_verified,
                "n_images": point.counted.n,
                "n_failures": point.counted.k,
                **_estimate("error_rate", point.rate),
                "state": point.state,
                "reason": point.reason,
            }
