"""Who is who in exports of Label Studio: one annotation is one answer of one person, in however many exports.

An export says who answered by an e-mail address, or only by a number that each instance of Label Studio gives out by
itself: a project that was moved has other numbers for the same people, and the same numbers for others. What
survives the move is the annotation: its `unique_id` (in a copied database), the ids of its regions and the id it
was imported from, or item, answers and time together.

So annotations that are the same are found first. The people they are said to be of are one person where that can be:
nobody has two numbers in one instance, or two addresses. Where it cannot (everything was imported as the
administrator's), people stay apart and the annotation is of whom it was before the import.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from barlow_report.annotations.answers import Answer

__all__ = ["assumes_one_instance", "people"]


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """What tells one exported annotation from another; `key` is its answer's."""

    key: str
    item: tuple[str, int, int]
    answers: str
    seconds: float | None
    number: str
    unique: str | None
    regions: tuple[str, ...]
    imported_from: str | None
    exports: frozenset[str]
    annotator: str
    is_numbered: bool


class _Sets:
    """Disjoint sets; the least element stands for its set."""

    def __init__(self) -> None:
        self._parents: dict[Any, Any] = {}

    def of(self, element: Any) -> Any:
        """What stands for the set of an element."""
        while (parent := self._parents.setdefault(element, element)) != element:
            self._parents[element] = self._parents[parent]
            element = parent
        return element

    def join(self, elements: Iterable[Any]) -> None:
        """Make the sets of some elements one."""
        roots = sorted({self.of(element) for element in elements})
        for root in roots[1:]:
            self._parents[root] = roots[0]


def people(answers: Mapping[str, tuple[Answer, Any]]) -> dict[str, str]:
    """Return whose each annotation of Label Studio is.

    Args:
        answers: Answers with what they were made from, by any keys.

    Returns:
        The annotator of each answer that was exported by Label Studio, by the same keys. It depends on the set of
        answers alone.
    """
    marks = _marks(answers)
    same = _same_annotations(marks)
    instances, is_one = _instances(marks, same)
    if is_one:
        instances = dict.fromkeys(instances, "")
    names = {mark.key: _name(mark, instances) for mark in marks}
    groups: dict[str, list[_Mark]] = defaultdict(list)
    for mark in marks:
        groups[same.of(mark.key)].append(mark)
    persons = _persons(groups.values(), names, instances)
    links: dict[str, set[str]] = defaultdict(set)
    for group in groups.values():
        found = {names[mark.key] for mark in group}
        for name in found:
            links[name] |= found
    whose = {}
    for group in groups.values():
        first = min(group, key=lambda m: (m.imported_from is not None, len(links[names[m.key]]), names[m.key]))
        whose.update(dict.fromkeys((mark.key for mark in group), persons[names[first.key]]))
    return whose


def assumes_one_instance(answers: Mapping[str, tuple[Answer, Any]]) -> bool:
    """Whether exports that share no annotation were taken to be of one instance, because nothing says otherwise."""
    marks = [mark for mark in _marks(answers) if mark.is_numbered]
    instances, is_one = _instances(marks, _same_annotations(marks))
    return is_one and len(set(instances.values())) > 1


def _marks(answers: Mapping[str, tuple[Answer, Any]]) -> list[_Mark]:
    return [mark for key in sorted(answers) if (mark := _mark(key, *answers[key])) is not None]


def _mark(key: str, answer: Answer, raw: Any) -> _Mark | None:
    if answer.source != "label_studio" or not isinstance(raw, Mapping) or not isinstance(raw.get("exports"), list):
        return None
    result = raw.get("result")
    regions = [str(part["id"]) for part in result or () if isinstance(part, Mapping) and part.get("id")]
    origin = raw.get("import_id")
    return _Mark(
        key=key,
        item=(answer.report_id, answer.group_id, answer.feature_id),
        answers=json.dumps(answer.answers.model_dump(mode="json"), sort_keys=True),
        seconds=answer.active_seconds,
        number="" if raw.get("id") is None else str(raw["id"]),
        unique=str(raw["unique_id"]) if raw.get("unique_id") else None,
        regions=tuple(sorted(regions)) if result and len(regions) == len(result) else (),
        imported_from=None if origin is None else str(origin),
        exports=frozenset(str(export) for export in raw["exports"]),
        annotator=answer.annotator,
        is_numbered=raw.get("is_numbered") is True,
    )


# --- which annotations are the same -----------------------------------------------------------------------


def _same_annotations(marks: Sequence[_Mark]) -> _Sets:
    same = _Sets()
    for bucket in _buckets(marks, lambda m: [("unique", m.unique)] if m.unique else []):
        same.join(mark.key for mark in bucket)
    for bucket in _buckets(marks, lambda m: [] if m.unique else [(m.item, m.number, m.annotator)]):  # changed later on
        same.join(mark.key for mark in bucket)
    for bucket in _buckets(marks, lambda m: [(m.item, m.answers)]):
        for one, other in combinations(bucket, 2):
            if (one.number and one.number == other.imported_from) or (
                other.number and other.number == one.imported_from
            ):
                same.join((one.key, other.key))
    for of_equals in (
        lambda m: [(m.item, m.answers, m.regions)] if m.regions else [],
        lambda m: [(m.item, m.answers, m.seconds)] if m.seconds else [],
    ):
        for bucket in _buckets(marks, of_equals):
            for pair in _counterparts(bucket):
                same.join(mark.key for mark in pair)
    return same


def _buckets(marks: Sequence[_Mark], keys: Any) -> Iterator[list[_Mark]]:
    found: dict[Hashable, list[_Mark]] = defaultdict(list)
    for mark in marks:
        for key in keys(mark):
            found[key].append(mark)
    yield from (bucket for bucket in found.values() if len(bucket) > 1)


def _counterparts(bucket: Sequence[_Mark]) -> Iterator[tuple[_Mark, _Mark]]:
    """Pair annotations of different exports; within one they are of different people, however much alike."""
    by_exports: dict[frozenset[str], list[_Mark]] = defaultdict(list)
    for mark in bucket:
        by_exports[mark.exports].append(mark)
    for one, other in combinations(sorted(by_exports, key=sorted), 2):
        if not one & other:
            ordered = (sorted(by_exports[e], key=lambda m: (len(m.number), m.number)) for e in (one, other))
            yield from zip(*ordered, strict=False)


# --- who they are of --------------------------------------------------------------------------------------


def _instances(marks: Sequence[_Mark], same: _Sets) -> tuple[dict[str, str], bool]:
    """Which exports are surely of one instance of Label Studio, and whether all may be.

    They may not be where one annotation has two numbers, or one number is of two annotations.
    """
    instances, is_one = _Sets(), True
    numbers: dict[str, tuple[str, str | None, tuple[str, int, int]]] = {}
    ids: dict[str, str] = {}
    for mark in marks:
        instances.join(mark.exports)
        if not mark.number:
            continue
        root = same.of(mark.key)
        known = numbers.setdefault(mark.number, (root, mark.unique, mark.item))
        other_item = known[2] != mark.item
        is_one &= not (known[0] != root and (other_item or (known[1] and mark.unique and known[1] != mark.unique)))
        is_one &= ids.setdefault(root, mark.number) == mark.number
    for bucket in _buckets(marks, lambda m: [(same.of(m.key), m.number)] if m.number else []):
        instances.join(export for mark in bucket for export in mark.exports)
    return {export: instances.of(export) for mark in marks for export in mark.exports}, is_one


def _name(mark: _Mark, instances: Mapping[str, str]) -> str:
    """A number counts within its instance only."""
    instance = instances[min(mark.exports)]
    if not mark.is_numbered or not instance:
        return mark.annotator
    return f"{mark.annotator}.{hashlib.sha256(instance.encode()).hexdigest()[:8]}"


def _persons(
    groups: Iterable[Sequence[_Mark]], names: Mapping[str, str], instances: Mapping[str, str]
) -> dict[str, str]:
    """The name that stands for each: names whose annotations are the same are one person, if that can be."""
    joined = _Sets()
    at: dict[str, set[str]] = defaultdict(set)
    numbered: dict[str, bool] = {}
    for group in groups:
        joined.join(names[mark.key] for mark in group)
        for mark in group:
            at[names[mark.key]] |= {instances[export] for export in mark.exports}
            numbered[names[mark.key]] = mark.is_numbered
    members: dict[str, list[str]] = defaultdict(list)
    for name in sorted(at):
        members[joined.of(name)].append(name)
    persons = {}
    for found in members.values():
        places = [place for name in found if numbered[name] for place in at[name]]
        can_be = len(places) == len(set(places)) and sum(not numbered[name] for name in found) <= 1
        persons.update({name: min(found) if can_be else name for name in found})
    return persons
