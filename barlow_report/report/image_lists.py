"""Lists of images for other programs: CSV, samples for FiftyOne, tasks for Label Studio. Written line by line.

FiftyOne's `LegacyFiftyOneDataset` is read from a folder with a file samples.json, whose paths are relative to
`rel_dir`: of its importers it is the one that takes label, prediction with confidence, and numbers from one file.
Label Studio's tasks name images as its local storage serves them. Both need the paths of files.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from barlow_report.report.downloads import as_json, csv_line
from barlow_report.report.mode_images import ModeImages, failures_in_modes
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Rule

__all__ = ["LABEL_STUDIO_FILES", "all_samples", "failures_csv", "mode_files", "offers_files"]

LABEL_STUDIO_FILES = "/data/local-files/?d="
"""Where Label Studio serves files below its local document root, by their quoted path."""


_OWN_FIELDS = ("path", "split", "label", "prediction", "confidence")
"""What of a record has a place of its own in a sample."""


def offers_files(site: Site) -> bool:
    """Whether lists may name files of images: paths may be shown, and the images lie in files of their own."""
    return site.catalog.shows_paths and site.catalog.has_files


def mode_files(site: Site, rule: Rule, found: ModeImages) -> Mapping[str, Iterable[str]]:
    """The files beside the page of a failure mode, by name."""
    files: dict[str, Iterable[str]] = {"images.csv": _images_csv(site, found)}
    if offers_files(site):
        files["samples.json"] = _in_list('{"samples":[', _samples(site, rule, found), "]}\n")
        files["label-studio.json"] = _in_list("[", _tasks(site, rule, found), "]\n")
    return files


def _in_list(start: str, items: Iterable[Mapping[str, Any]], end: str) -> Iterator[str]:
    yield start
    for position, item in enumerate(items):
        yield f"{',' if position else ''}\n{as_json(item).rstrip()}"
    yield f"\n{end}"


def _record(site: Site, image_id: int) -> dict[str, Any]:
    """What every list says of an image; its path only where it may be shown."""
    images = site.catalog.images
    path = {"path": images.exact_path(image_id)} if site.catalog.shows_paths else {}
    confidence = float(images.confidence[image_id])
    return {
        "image_id": image_id,
        **path,
        "digest": images.digest(image_id),
        "split": "held_out" if images.is_held_out[image_id] else "fit",
        "label": site.class_name(int(images.label[image_id])),
        "prediction": site.class_name(int(images.prediction[image_id])),
        "confidence": None if confidence != confidence else confidence,
    }


def _records(site: Site, found: ModeImages) -> Iterator[dict[str, Any]]:
    """All images of a failure mode, failures first, then by number."""
    is_failure = site.catalog.images.is_failure[found.image_ids]
    for place in np.argsort(~is_failure, kind="stable").tolist():
        seen = {f"activation_{feature_id}": float(v[place]) for feature_id, v in found.activations.items()}
        yield _record(site, int(found.image_ids[place])) | seen


def _images_csv(site: Site, found: ModeImages) -> Iterator[str]:
    for position, record in enumerate(_records(site, found)):
        if not position:
            yield csv_line(record)
        yield csv_line(record.values())


def _samples(site: Site, rule: Rule, found: ModeImages) -> Iterator[dict[str, Any]]:
    tag = mode_name(site.catalog.groups[rule.group_id], rule)
    for record in _records(site, found):
        yield _sample(record, record["path"], tags=(tag,))


def _sample(record: Mapping[str, Any], filepath: str, *, tags: Iterable[str]) -> dict[str, Any]:
    """An image as FiftyOne has it; `eval` is the field that its evaluation of classifications writes."""
    rest = {key: value for key, value in record.items() if key not in _OWN_FIELDS}
    is_right = record["label"] == record["prediction"]
    prediction = {"_cls": "Classification", "label": record["prediction"], "confidence": record["confidence"]}
    return {
        "filepath": filepath,
        "tags": ["right" if is_right else "fails", record["split"], *tags],
        "ground_truth": {"_cls": "Classification", "label": record["label"]},
        "prediction": prediction,
        "eval": is_right,
        **rest,
    }


def all_samples(
    site: Site, *, file_of: Callable[[str], str], patches: Mapping[int, Sequence[Mapping[str, Any]]]
) -> Iterator[str]:
    """Yield all images of the run as samples.json for FiftyOne, tagged with the verified failure modes each is in.

    Args:
        site: The site; its images have their paths.
        file_of: Gives the path of an image's file by the path in the run.
        patches: Detections of an image where features are strong, by its number.
    """
    catalog, tags = site.catalog, dict[int, list[str]]()
    for rule_id, found in sorted(catalog.mode_images.items()):
        rule = catalog.rules[rule_id]
        if rule.verdict == "verified":
            name = mode_name(catalog.groups[rule.group_id], rule)
            for image_id in found.image_ids.tolist():
                tags.setdefault(image_id, []).append(name)

    def samples() -> Iterator[dict[str, Any]]:
        for image_id in range(len(catalog.images.label)):
            record = _record(site, image_id)
            sample = _sample(record, file_of(record["path"]), tags=dict.fromkeys(tags.get(image_id, ())))
            if image_id in patches:
                sample["heatmaps"] = {"_cls": "Detections", "detections": list(patches[image_id])}
            yield sample

    return _in_list('{"samples":[', samples(), "]}\n")


def _tasks(site: Site, rule: Rule, found: ModeImages) -> Iterator[dict[str, Any]]:
    title = mode_name(site.catalog.groups[rule.group_id], rule)
    for record in _records(site, found):
        image = f"{LABEL_STUDIO_FILES}{quote(record['path'])}"
        yield {"data": {"image": image, "title": title, **record}}


def failures_csv(site: Site) -> Iterator[str]:
    """Yield all failures of the run as CSV, with the ids of the rules of the failure modes that each is in."""
    position = -1
    failures = failures_in_modes(site.catalog.mode_images, is_failure=site.catalog.images.is_failure)
    for position, (image_id, rule_ids) in enumerate(failures):
        record = _record(site, image_id) | {"rule_ids": " ".join(map(str, rule_ids))}
        if not position:
            yield csv_line(record)
        yield csv_line(record.values())
    if position < 0:
        yield "image_id\n"
