"""What a run says about failure directions, ready to be asked for by class and by rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.report.picture_records import HistogramBin
from barlow_report.report.records import Share
from barlow_report.report.source import ReportSource
from barlow_report.visible import visible

__all__ = [
    "CaptionEntry",
    "ClassDirection",
    "DirectionImage",
    "DirectionTables",
    "ModePlace",
    "read_directions",
]

PLACES = ("hardest", "middle", "easiest")


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionImage:
    """An image along a direction; see table `direction_images`."""

    image_id: int
    decision_value: float
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionEntry:
    """A caption with its score; see table `captions`."""

    caption: str
    attribute: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassDirection:
    """The direction of a class with everything that is shown of it; see table `class_directions`.

    Attributes:
        failures: Held-out failures on the hard side, of the held-out failures.
        successes: Held-out successes on the easy side, of the held-out successes.
        balanced_accuracy: The mean of the two; None without both outcomes.
        low: Lower end of its interval.
        high: Upper end of it.
        images: By place, hardest first within each.
        captions: Hardest first; empty without a text tower.
    """

    class_id: int
    status: str
    fitted: Share
    held_out: Share
    n_fitted: int
    penalty: float | None
    cross_validated: float | None
    failures: Share
    successes: Share
    balanced_accuracy: float | None
    low: float | None
    high: float | None
    q_value: float | None
    verdict: str | None
    reference_score: float | None
    bins: tuple[HistogramBin, ...]
    images: Mapping[str, tuple[DirectionImage, ...]]
    captions: tuple[CaptionEntry, ...]

    @property
    def label(self) -> str:
        """The verdict, or why there is none."""
        return self.verdict or self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class ModePlace:
    """Where the failures of a rule lie along the directions of their classes: held-out ones where there are any."""

    hard: Share
    median_hardness: float


@dataclass(frozen=True, kw_only=True)
class DirectionTables:
    """All directions of a run, the settings they were found with, and the place of each rule's failures along them."""

    classes: Mapping[int, ClassDirection]
    settings: DirectionsConfig
    modes: Mapping[int, ModePlace] = field(default_factory=dict)

    @property
    def n_held_out(self) -> int:
        """Images that test a direction and fit none."""
        return sum(entry.held_out.n or 0 for entry in self.classes.values())

    @property
    def has_captions(self) -> bool:
        """Whether any class has captions."""
        return any(entry.captions for entry in self.classes.values())


def read_directions(source: ReportSource) -> DirectionTables | None:
    """Link the tables of directions; None where the run has none."""
    tables = source.tables
    if "class_directions" not in tables:
        return None
    settings = DirectionsConfig.model_validate(source.info["config"].get("directions") or {})
    bins = _grouped(tables, "direction_histograms", ["class_id", "position"])
    images = _grouped(tables, "direction_images", ["class_id", "place", "rank"])
    captions = _grouped(tables, "captions", ["class_id", "rank"])
    classes = {}
    for row in _records(tables["class_directions"]):
        class_id = row["class_id"]
        texts = captions.get(class_id, [])
        n = settings.n_captions
        ends = texts if len(texts) <= 2 * n else [*texts[:n], *texts[-n:]]
        classes[class_id] = _class_direction(row, bins.get(class_id, []), images.get(class_id, []), ends)
    return DirectionTables(classes=classes, settings=settings, modes=_modes(tables))


def _class_direction(
    row: Mapping[str, Any],
    bins: list[dict[str, Any]],
    images: list[dict[str, Any]],
    captions: list[dict[str, Any]],
) -> ClassDirection:
    n, k = row["n_images_held_out"], row["n_failures_held_out"]
    return ClassDirection(
        class_id=row["class_id"],
        status=row["status"],
        fitted=Share(row["n_failures"], row["n_images"]),
        held_out=Share(k, n),
        n_fitted=row["n_fitted"],
        penalty=row["penalty"],
        cross_validated=row["balanced_accuracy_cross_validated"],
        failures=Share(row["n_hard_failures_held_out"], k),
        successes=Share(row["n_easy_successes_held_out"], n - k),
        balanced_accuracy=row["balanced_accuracy_held_out"],
        low=row["balanced_accuracy_held_out_low"],
        high=row["balanced_accuracy_held_out_high"],
        q_value=row["q_value"],
        verdict=row["verdict"],
        reference_score=row["reference_score"],
        bins=tuple(
            HistogramBin(low=b["low"], high=b["high"], n_images=b["n_images"], n_failures=b["n_failures"]) for b in bins
        ),
        images={
            place: tuple(
                DirectionImage(
                    image_id=image["image_id"], decision_value=image["decision_value"], thumbnail=image["thumbnail"]
                )
                for image in images
                if image["place"] == place
            )
            for place in PLACES
        },
        captions=tuple(
            CaptionEntry(caption=visible(c["caption"]), attribute=visible(c["attribute"]), score=c["score"])
            for c in captions
        ),
    )


def _modes(tables: Mapping[str, pd.DataFrame]) -> dict[int, ModePlace]:
    """Join the failures of each rule with their place along the direction of their class."""
    if "errors" not in tables or "directions" not in tables:
        return {}
    errors = tables["errors"][["image_id", "rule_ids"]].merge(tables["directions"], on="image_id")
    if errors["is_held_out"].any():
        errors = errors[errors["is_held_out"]]
    errors = errors.assign(rule_id=errors["rule_ids"].str.split()).explode("rule_id").dropna(subset=["rule_id"])
    found = {}
    for rule_id, rows in errors.groupby("rule_id"):
        hard = int((rows["decision_value"] <= 0).sum())
        found[int(str(rule_id))] = ModePlace(hard=Share(hard, len(rows)), median_hardness=rows["hardness"].median())
    return found


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries of plain Python values, None where there is no value."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _grouped(tables: Mapping[str, pd.DataFrame], name: str, order: list[str]) -> dict[int, list[dict[str, Any]]]:
    """The rows of a table by class, in order; none where the table is not there."""
    found: dict[int, list[dict[str, Any]]] = {}
    if name in tables:
        for row in _records(tables[name].sort_values(order)):
            found.setdefault(row["class_id"], []).append(row)
    return found
