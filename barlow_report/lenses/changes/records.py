"""What became of a run's failures since an earlier release, ready to be asked for by failure mode and by class."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from barlow_report.lenses.changes.release_records import History, estimate_of, read_history
from barlow_report.lenses.changes.repairs import REPAIRS
from barlow_report.report.records import Condition, Estimate, Share
from barlow_report.report.rows import collect, make_condition, rows
from barlow_report.report.source import ReportSource
from barlow_report.visible import visible

__all__ = [
    "Change",
    "ChangeView",
    "ClassChange",
    "ComparedRun",
    "FlippedImage",
    "ModeChange",
    "read_changes",
]

_ORDER = ("worse", "new", "undecided", "not_comparable", "better", "gone", "unchanged")
"""States of failure modes in the order in which they matter to somebody who decides about a release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """One of both runs; `settings` are those of its rules, as JSON."""

    name: str
    created_at: str | None
    inspected_sha256: str | None
    feature_sha256: str | None
    n_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A failure rate in both runs; see the columns of table `class_changes`.

    `rate_old` and `rate_new` are None where nothing was compared; `reason` then says why. Where a rate is an estimate
    it is not what `old` and `new` count.
    """

    state: str
    reason: str | None
    old: Share
    new: Share
    rate_old: Estimate | None
    rate_new: Estimate | None
    difference: Estimate | None
    n_newly_wrong: int | None
    n_newly_right: int | None
    p_value: float | None
    q_value: float | None
    test: str | None

    @property
    def is_estimated(self) -> bool:
        """Whether the rates are corrected for the search that found the rule, so that counts are others."""
        pairs = ((self.old, self.rate_old), (self.new, self.rate_new))
        return any(r is not None and k.value is not None and abs(k.value - r.value) > 1e-9 for k, r in pairs)

    @property
    def has_other_images(self) -> bool:
        """Whether the models were counted on different numbers of images."""
        return self.old.n != self.new.n


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChange:
    """A failure mode verified in either run, see table `mode_changes`; `repair` is None where none was meant."""

    name: str
    rule_id_old: int | None
    rule_id_new: int | None
    grouping: str
    group_name: str
    found_in: str
    matched_by: str | None
    overlap: float | None
    tested_rule: str
    repair: str | None
    conditions: tuple[Condition, ...]
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassChange:
    """The images with one label; `class_id` is None where the new run has no such class."""

    name: str
    class_id: int | None
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class FlippedImage:
    """An image that one model alone gets wrong; `modes` are names of failure modes."""

    image_id: int
    prediction_old: str
    confidence_old: float | None
    is_newly_wrong: bool
    modes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChangeView:
    """The two runs, what became of what, and a history where there is one.

    Attributes:
        kind: What makes them comparable; see table `changes`.
        n_matched: Images of the new run that are in the old one.
        n_relabelled: Of these, images with another label, which are not compared.
        delta: Largest change that counts as none, 0 to 1.
        is_repair: Whether the later run's model was made to repair the failure modes of the earlier one.
        n_tested: Failure modes that q-values correct for.
        whole: All images.
        modes: By what matters, the largest change first; of a repair those that it did not repair before others.
        classes: The same.
        flipped: Images that one model alone gets wrong.
        remarks: What differs between the runs, sentences.
        names: Permanent names of the new run's modes, by rule_id.
        history: Over several releases; None where two runs were compared.
    """

    old: ComparedRun
    new: ComparedRun
    kind: str
    n_matched: int
    n_relabelled: int
    delta: float
    max_q_value: float
    level: float
    n_tested: int
    is_repair: bool
    whole: Change
    modes: tuple[ModeChange, ...]
    classes: tuple[ClassChange, ...]
    flipped: tuple[FlippedImage, ...]
    remarks: tuple[str, ...]
    names: Mapping[int, str]
    history: History | None

    @cached_property
    def by_rule(self) -> Mapping[int, ModeChange]:
        """What became of the new run's failure modes, by rule_id."""
        return {mode.rule_id_new: mode for mode in self.modes if mode.rule_id_new is not None}

    @cached_property
    def by_class(self) -> Mapping[int, ClassChange]:
        """What became of the new run's classes, by class_id."""
        return {found.class_id: found for found in self.classes if found.class_id is not None}

    @cached_property
    def by_name(self) -> Mapping[str, ModeChange]:
        """All failure modes by their permanent names."""
        return {mode.name: mode for mode in self.modes}

    @property
    def has_same_images(self) -> bool:
        """Whether the runs were compared image by image."""
        return self.kind == "same_images"


def read_changes(source: ReportSource) -> ChangeView | None:
    """Link the tables of changes; None where the run was compared with no other."""
    tables = source.tables
    if "changes" not in tables or tables["changes"].empty:
        return None
    (row,) = rows(tables["changes"])
    conditions = collect(
        tables["mode_change_conditions"].sort_values(["mode_name", "position"]), "mode_name", make_condition
    )
    modes = [_mode(found, conditions.get(found["mode_name"], ())) for found in rows(tables["mode_changes"])]
    classes = [
        ClassChange(name=visible(found["class_name"]), class_id=found["class_id"], change=_change(found))
        for found in rows(tables["class_changes"])
    ]
    plain = ("kind", "n_matched", "n_relabelled", "delta", "max_q_value", "n_tested", "is_repair")
    return ChangeView(
        **{name: row[name] for name in plain},
        old=_run(row, "old"),
        new=_run(row, "new"),
        level=row["confidence_level"],
        whole=_change(row),
        modes=tuple(sorted(modes, key=lambda mode: (_unrepaired(mode), *_importance(mode.change), mode.name))),
        classes=tuple(sorted(classes, key=lambda found: (*_importance(found.change), found.name))),
        flipped=tuple(_flipped(found) for found in rows(tables["flipped_images"])),
        remarks=tuple(visible(found["text"]) for found in rows(tables["change_remarks"])),
        names={found["rule_id"]: found["mode_name"] for found in rows(tables["mode_names"])},
        history=read_history(tables),
    )


def _importance(change: Change) -> tuple[int, float]:
    """What changes are sorted by: their state, then the largest difference, better ones turned round."""
    difference = 0.0 if change.difference is None else change.difference.value
    return _ORDER.index(change.state), -abs(difference) if change.state in ("better", "gone") else -difference


def _unrepaired(mode: ModeChange) -> int:
    """What failure modes of a repair are sorted by first; those of the later run alone stand with what did not work."""
    return 0 if mode.repair is None else REPAIRS.index(mode.repair)


def _run(row: Mapping[str, Any], which: str) -> ComparedRun:
    return ComparedRun(
        name=visible(row[f"name_{which}"]),
        created_at=row[f"created_at_{which}"],
        inspected_sha256=row[f"inspected_sha256_{which}"],
        feature_sha256=row[f"feature_sha256_{which}"],
        n_images=row[f"n_run_images_{which}"],
    )


def _change(row: Mapping[str, Any]) -> Change:
    plain = ("state", "n_newly_wrong", "n_newly_right", "p_value", "q_value", "test")
    return Change(
        **{name: row[name] for name in plain},
        reason=row["reason"] and visible(row["reason"]),
        old=Share(row["n_failures_old"], row["n_images_old"]),
        new=Share(row["n_failures_new"], row["n_images_new"]),
        rate_old=estimate_of(row, "error_rate_old"),
        rate_new=estimate_of(row, "error_rate_new"),
        difference=estimate_of(row, "difference"),
    )


def _mode(row: Mapping[str, Any], conditions: tuple[Condition, ...]) -> ModeChange:
    plain = ("rule_id_old", "rule_id_new", "found_in", "matched_by", "overlap", "tested_rule", "repair")
    return ModeChange(
        **{name: row[name] for name in plain},
        name=row["mode_name"],
        grouping=visible(row["grouping"]),
        group_name=visible(row["group_name"]),
        conditions=conditions,
        change=_change(row),
    )


def _flipped(row: Mapping[str, Any]) -> FlippedImage:
    return FlippedImage(
        image_id=row["image_id"],
        prediction_old=visible(row["prediction_old"]),
        confidence_old=row["confidence_old"],
        is_newly_wrong=row["direction"] == "newly_wrong",
        modes=tuple(row["mode_names"].split()),
    )
