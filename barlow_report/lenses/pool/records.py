"""What a run says of a pool, ready to be asked for by failure mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from barlow_report.report.records import Share
from barlow_report.report.rows import rows
from barlow_report.report.source import ReportSource
from barlow_report.visible import visible

__all__ = ["Candidate", "Choice", "ModeCandidates", "PoolImage", "PoolSummary", "PoolView"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSummary:
    """What the pool is, see table `pool_summary`."""

    n_listed: int
    n_read: int
    n_analysed: int
    n_trained: int
    n_near_analysed: int
    n_labelled: int
    n_unlabelled: int
    n_other_class: int
    n_candidates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolImage:
    """An image of the pool, see table `pool_images`; `path` is None unless the site may show it."""

    pool_image_id: int
    path: str | None
    name: str
    digest: str
    label: int | None
    prediction: int
    confidence: float | None
    thumbnail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An image that is listed for a failure mode, see table `pool_candidates`."""

    rank: int
    image: PoolImage
    basis: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How often the model fails on the images of a choice, see table `pool_quality`.

    `failures` are those among the images that were counted, with its interval; `mode_failures` those that meet the
    rule.
    """

    known: str
    choice: str
    k: int
    failures: Share
    mode_failures: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeCandidates:
    """What the pool has for a failure mode, see table `pool_modes`; `analysed` and `pool` are shares of the rule."""

    rule_id: int
    n_candidates: int
    n_by: Mapping[str, int]
    pool: Share
    analysed: Share
    estimated_from: str
    candidates: tuple[Candidate, ...]
    quality: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class PoolView:
    """Everything about a pool; failure modes by rule id.

    `modes_of` are the failure modes that an image is listed for, by its id.
    """

    summary: PoolSummary
    modes: Mapping[int, ModeCandidates]
    modes_of: Mapping[int, tuple[int, ...]]
    n_skipped: int


def read_pool(source: ReportSource) -> PoolView | None:
    """Link the tables of a pool; None where the run has none."""
    tables = source.tables
    if not {"pool_summary", "pool_modes", "pool_images", "pool_candidates", "pool_quality"} <= tables.keys():
        return None
    shown = rows(tables["pool_pictures"]) if "pool_pictures" in tables else ()
    thumbnails = {row["pool_image_id"]: row["thumbnail"] for row in shown}
    images = {row["pool_image_id"]: _image(row, source, thumbnails) for row in rows(tables["pool_images"])}
    candidates: dict[int, list[Candidate]] = {}
    modes_of: dict[int, list[int]] = {}
    for row in sorted(rows(tables["pool_candidates"]), key=lambda row: (row["rule_id"], row["rank"])):
        image = images[row["pool_image_id"]]
        found = Candidate(rank=row["rank"], image=image, basis=row["basis"], probability=row["probability"])
        candidates.setdefault(row["rule_id"], []).append(found)
        modes_of.setdefault(image.pool_image_id, []).append(row["rule_id"])
    quality: dict[int, list[Choice]] = {}
    for row in rows(tables["pool_quality"]):
        quality.setdefault(row["rule_id"], []).append(_choice(row))
    summary = next(iter(rows(tables["pool_summary"])))
    return PoolView(
        summary=PoolSummary(**summary),
        modes={
            row["rule_id"]: _mode(row, candidates.get(row["rule_id"], []), quality.get(row["rule_id"], []))
            for row in rows(tables["pool_modes"])
        },
        modes_of={image_id: tuple(found) for image_id, found in modes_of.items()},
        n_skipped=len(tables["pool_skipped"]) if "pool_skipped" in tables else 0,
    )


def _image(row: Mapping[str, Any], source: ReportSource, thumbnails: Mapping[int, str]) -> PoolImage:
    path = row["path"] if source.settings.show_paths else None
    name = f"pool image {row['pool_image_id']}" if path is None else visible(path)
    return PoolImage(**{**row, "path": path}, name=name, thumbnail=thumbnails.get(row["pool_image_id"]))


def _mode(row: Mapping[str, Any], candidates: list[Candidate], quality: list[Choice]) -> ModeCandidates:
    return ModeCandidates(
        rule_id=row["rule_id"],
        n_candidates=row["n_candidates"],
        n_by={basis: row[f"n_by_{basis}"] for basis in ("label", "prediction", "taken_for")},
        pool=Share(row["n_candidates"], row["n_may_be_of_class"]),
        analysed=Share(row["n_meets"], row["n_class"]),
        estimated_from=row["estimated_from"],
        candidates=tuple(candidates),
        quality=tuple(quality),
    )


def _choice(row: Mapping[str, Any]) -> Choice:
    return Choice(
        known=row["known"],
        choice=row["choice"],
        k=row["k"],
        failures=Share(row["n_failures"], row["n_images"], row["precision_low"], row["precision_high"]),
        mode_failures=Share(row["n_mode_failures"], row["n_images"]),
    )
