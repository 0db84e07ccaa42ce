"""Answers from everywhere to one set: what is applied, and what is not and why.

The result depends on the set of answers alone, not on their order or on the files they came in. The key is
(group, feature, annotator) within the report; the highest revision counts. Nothing is dropped silently: every
answer that is not applied is listed with its reason.
"""

import json
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from barlow_report.annotations.answers import Answer, AnswerError, canonical, parse_answer
from barlow_report.annotations.loose_json import parse_loose_json
from barlow_report.annotations.people import people
from barlow_report.errors import DataError

__all__ = ["Incoming", "Merged", "Problem", "Reports", "Stored", "merge", "read_stored", "write_stored"]

Kind = Literal["invalid", "foreign", "forgotten", "duplicate", "superseded", "conflict"]


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One answer of a file: `answer`, or the `reason` why there is none; `raw` as it came, without ids of people."""

    where: str
    raw: Any
    answer: Answer | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An answer that has been accepted, with what it was made from."""

    answer: Answer
    raw: Any

    @property
    def line(self) -> str:
        """As it is kept: one line of JSON."""
        return _one_line({"record": self.answer.model_dump(mode="json"), "raw": self.raw})


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An answer that is not applied."""

    kind: Kind
    where: str
    reason: str
    raw: Any

    @property
    def line(self) -> str:
        """As it is kept: one line of JSON, without the place, which says nothing in another folder."""
        return _one_line({"kind": self.kind, "reason": self.reason, "raw": self.raw})


@dataclass(frozen=True, kw_only=True)
class Reports:
    """Which answers fit: those of this report, or of an earlier one about the same features of the same model.

    Attributes:
        report_id: This report.
        feature_model: SHA-256 of its feature model.
        groups: For each known report, its group ids and what they are called in this one; None where this report
            has no such group.
        items: The (group, feature) pairs that this report has pictures of.
    """

    report_id: str
    feature_model: str
    groups: Mapping[str, Mapping[int, int | None]]
    items: Collection[tuple[int, int]]

    def fit(self, answer: Answer) -> tuple[int, str]:
        """Return the group of an answer in this report, and why it does not fit; the reason is empty if it does."""
        if answer.feature_model != self.feature_model:
            return -1, (
                f"describes features of another model: found feature_model {answer.feature_model[:12]}…, expected "
                f"{self.feature_model[:12]}…"
            )
        if answer.report_id not in self.groups:
            return -1, f"belongs to another report: found report_id {answer.report_id}, expected {self.report_id}"
        group_id = self.groups[answer.report_id].get(answer.group_id)
        if group_id is None:
            return -1, f"group_id: found {answer.group_id}, which this report does not have"
        if (group_id, answer.feature_id) not in self.items:
            return (
                -1,
                f"feature_id: found {answer.feature_id}, of which this report has no pictures in group {group_id}",
            )
        return group_id, ""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge came to.

    Attributes:
        applied: One answer per (group, feature, annotator), in that order, with group ids of this report.
        stored: All accepted answers, those that others supersede included, as they came.
        rejected: Invalid and foreign ones; they are kept too.
        problems: Everything that is not applied, in the order of its reasons and places.
    """

    applied: tuple[Answer, ...]
    stored: tuple[Stored, ...]
    rejected: tuple[Problem, ...]
    problems: tuple[Problem, ...]


def merge(
    stored: Iterable[Stored],
    incoming: Iterable[Incoming],
    *,
    reports: Reports,
    forgotten: Container[str] = (),
    forgotten_records: Container[str] = (),
    rejected: Iterable[Problem] = (),
) -> Merged:
    """Merge new answers with those of earlier merges.

    Args:
        stored: Accepted in earlier merges.
        incoming: New ones.
        reports: What fits.
        forgotten: Annotators whose answers have been deleted and must not come back.
        forgotten_records: Ids of such answers, by which their annotators are known under other names.
        rejected: Not accepted in earlier merges.
    """
    problems: list[Problem] = []
    kept = {canonical(item.answer): item for item in stored}
    new = [(canonical(item.answer) if item.answer else "", item) for item in incoming]
    gone = _gone(new, forgotten, forgotten_records)
    for key, item in new:
        problem = _take(key, item, kept, reports=reports, gone=gone)
        if problem is not None:
            problems.append(problem)
    refused = [p for p in problems if p.kind in ("invalid", "foreign")]
    all_rejected = {p.line: p for p in [*rejected, *refused]}
    applied, not_applied = _apply(kept, reports)
    return Merged(
        applied=tuple(applied),
        stored=tuple(kept[key] for key in sorted(kept)),
        rejected=tuple(all_rejected[key] for key in sorted(all_rejected)),
        problems=tuple(sorted([*problems, *not_applied], key=lambda p: (p.kind, p.where, p.reason, p.line))),
    )


def _gone(
    new: Iterable[tuple[str, Incoming]], forgotten: Container[str], forgotten_records: Container[str]
) -> set[str]:
    """The new answers of people who have been forgotten, as far as the new answers tell who they are."""
    answers = {key: (item.answer, item.raw) for key, item in new if item.answer is not None}
    whose = people(answers)
    names = {key: whose.get(key, answer.annotator) for key, (answer, _) in answers.items()}
    nobody = {
        names[key]
        for key, (answer, _) in answers.items()
        if names[key] in forgotten or answer.annotator in forgotten or answer.record_id in forgotten_records
    }
    return {key for key, name in names.items() if name in nobody}


def _take(
    key: str, item: Incoming, kept: dict[str, Stored], *, reports: Reports, gone: Container[str]
) -> Problem | None:
    """Add an answer to `kept`, or say why not."""
    if item.answer is None:
        return Problem(kind="invalid", where=item.where, reason=item.reason, raw=item.raw)
    if key in gone:
        return Problem(kind="forgotten", where=item.where, reason="its annotator has been forgotten", raw=None)
    _, reason = reports.fit(item.answer)
    if reason:
        return Problem(kind="foreign", where=item.where, reason=reason, raw=item.raw)
    stored = Stored(answer=item.answer, raw=item.raw)
    if key in kept:
        kept[key] = _joined(kept[key], stored)
        return Problem(kind="duplicate", where=item.where, reason="the same record is there already", raw=item.raw)
    kept[key] = stored
    return None


def _joined(one: Stored, other: Stored) -> Stored:
    """Join the same answer from two sources: either will do, but all exports that it was in are noted."""
    first = min(one, other, key=lambda s: s.line)
    raws = [s.raw for s in (one, other) if isinstance(s.raw, Mapping) and isinstance(s.raw.get("exports"), list)]
    exports = {str(export) for raw in raws for export in raw["exports"]}
    return Stored(answer=first.answer, raw={**first.raw, "exports": sorted(exports)}) if exports else first


def _apply(kept: Mapping[str, Stored], reports: Reports) -> tuple[list[Answer], list[Problem]]:
    """Choose one answer per key; stored ones that no longer fit are not applied either."""
    best: dict[tuple[int, int, str], tuple[int, bool, str, Stored]] = {}
    whose = people({text: (item.answer, item.raw) for text, item in kept.items()})
    problems: list[Problem] = []
    for text in sorted(kept):
        answer = kept[text].answer
        group_id, reason = reports.fit(answer)
        if reason:
            problems.append(Problem(kind="foreign", where="run folder", reason=reason, raw=kept[text].raw))
            continue
        key = (group_id, answer.feature_id, whose.get(text, answer.annotator))
        candidate = (answer.revision, answer.report_id == reports.report_id, text, kept[text])
        other = best.get(key)
        if other is None or candidate[:3] > other[:3]:
            best[key], candidate = candidate, other or candidate
        if other is not None:
            problems.append(_beaten(candidate[3], by=best[key][3]))
    applied = [
        entry[3].answer.model_copy(update={"group_id": key[0], "annotator": key[2]})
        for key, entry in sorted(best.items())
    ]
    return applied, problems


def _beaten(item: Stored, *, by: Stored) -> Problem:
    answer = item.answer
    if answer.revision < by.answer.revision:
        reason = f"revision {answer.revision} is superseded by revision {by.answer.revision}"
        return Problem(kind="superseded", where="run folder", reason=reason, raw=item.raw)
    if answer.answers == by.answer.answers:
        reason = f"the same answers are there as {by.answer.record_id}"
        return Problem(kind="duplicate", where="run folder", reason=reason, raw=item.raw)
    reason = f"two records have revision {answer.revision}; {by.answer.record_id} is applied"
    return Problem(kind="conflict", where="run folder", reason=reason, raw=item.raw)


def write_stored(items: Iterable[Stored | Problem]) -> str:
    """Return the content of a file of answers: one line each, sorted."""
    return "".join(f"{line}\n" for line in sorted({item.line for item in items}))


def read_stored(text: str, *, where: str) -> list[Stored]:
    """Read what `write_stored` has written.

    Raises:
        DataError: A line has another form.
    """
    found = []
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        try:
            value = parse_loose_json(line)
            found.append(Stored(answer=parse_answer(value["record"]), raw=value["raw"]))
        except (ValueError, KeyError, TypeError, AnswerError) as error:
            raise DataError(
                f"{where}: line {number}: {error}. Restore the file, or delete it and merge again."
            ) from error
    return found


def _one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
