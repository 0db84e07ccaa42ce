"""Who is who in exports of Label Studio: of one instance or several, by address or by number."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from barlow_report.annotations.exchange import Target, read_answers
from barlow_report.annotations.merge import Incoming, Merged, Reports, merge
from barlow_report.annotations.people import assumes_one_instance
from tests.annotations.people import MODEL, REPORT

TARGET = Target(report_id=REPORT, feature_model=MODEL, groups={}, salt="5a" * 32)
REPORTS = Reports(
    report_id=REPORT, feature_model=MODEL, groups={REPORT: {0: 0}}, items=[(0, feature) for feature in range(9)]
)
WORDS = {"ada": "white spots", "bob": "a long handle", "cyd": "stripes"}
SECONDS = {"ada": 33.25, "bob": 41.5, "cyd": 12.75}


def _annotation(person: str, user: Any, number: int, feature: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "completed_by": user,
        "result": [{"from_name": "short", "value": {"text": [WORDS[person]]}}],
        "lead_time": SECONDS[person] + feature,
        "updated_at": "2026-11-01T10:00:00Z",
        **changes,
    }


def _export(*answers: dict[str, Any]) -> list[dict[str, Any]]:
    """An export with one task per feature."""
    tasks: dict[int, dict[str, Any]] = {}
    for annotation in answers:
        of = annotation.pop("feature")
        data = {"report_id": REPORT, "feature_model": MODEL, "group_id": 0, "feature_id": of}
        tasks.setdefault(of, {"id": of, "data": data, "annotations": []})["annotations"].append(annotation)
    return list(tasks.values())


def _project(users: dict[str, Any], *, first: int, features: int = 3, **changes: Any) -> list[dict[str, Any]]:
    """What `users`, by person, have answered about the first features; annotations are numbered from `first`."""
    rows = []
    for number, (feature, person) in enumerate(itertools.product(range(features), users), start=first):
        own = {key: value(person, feature) if callable(value) else value for key, value in changes.items()}
        rows.append({**_annotation(person, users[person], number, feature, **own), "feature": feature})
    return _export(*rows)


def _read(tmp_path: Path, *exports: list[dict[str, Any]]) -> list[Incoming]:
    found = []
    for number, export in enumerate(exports):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(export))
        found += read_answers(path, TARGET)
    assert all(incoming.answer is not None for incoming in found), [i.reason for i in found]
    return found


def _merged(tmp_path: Path, *exports: list[dict[str, Any]]) -> Merged:
    """Merge exports; in every order and in steps the same comes out."""
    results = []
    for order in itertools.permutations(exports):
        results.append(merge([], _read(tmp_path, *order), reports=REPORTS))
        stored: Any = ()
        for export in order:
            stored = merge(stored, _read(tmp_path, export), reports=REPORTS).stored
        results.append(merge(stored, [], reports=REPORTS))
    assert all((r.applied, r.stored) == (results[0].applied, results[0].stored) for r in results)
    return results[0]


def _people(merged: Merged) -> dict[str, set[str]]:
    """The words of each person."""
    found: dict[str, set[str]] = {}
    for record in merged.applied:
        found.setdefault(record.annotator, set()).add(record.answers.short or "")
    return found


def _are(merged: Merged, *people: str) -> bool:
    """Whether exactly these people have answered, each about each of three features, once, in their own words."""
    words = sorted((sorted(found) for found in _people(merged).values()), key=str)
    expected = sorted(([WORDS[person]] for person in people), key=str)
    return words == expected and len(merged.applied) == 3 * len(people)


def _mail(person: str, number: int, *, upper: bool = False) -> dict[str, Any]:
    email = f"{person}@example.org"
    return {"id": number, "email": email.upper() if upper else email, "first_name": person}


UNIQUE: Any = {"unique_id": lambda person, feature: f"{person}-{feature}"}
REGIONS: Any = {
    "lead_time": None,
    "result": lambda person, feature: [
        {"id": f"{person}{feature}", "from_name": "short", "value": {"text": [WORDS[person]]}}
    ],
}


@pytest.mark.parametrize("kept", [{}, UNIQUE, REGIONS], ids=["times", "unique ids", "regions"])
@pytest.mark.parametrize(
    "there",
    [{"ada": 7, "bob": 9}, {"ada": 2, "bob": 1}, {"ada": 1, "bob": 2}, {"ada": 2, "bob": 3}],
    ids=["others", "swapped", "equal", "shifted"],
)
def test_a_project_exported_from_two_instances_has_each_person_once(
    tmp_path: Path, kept: dict[str, Any], there: dict[str, int]
) -> None:
    here = _project({"ada": 1, "bob": 2}, first=1, **kept)
    moved = _project(there, first=501, updated_at="2026-11-05T10:00:00Z", **kept)
    assert _are(_merged(tmp_path, here, moved), "ada", "bob")


def test_an_address_is_the_same_person_in_every_instance_and_spelling(tmp_path: Path) -> None:
    changes: Any = {"lead_time": None}
    here = _project({"ada": _mail("ada", 1), "bob": _mail("bob", 2)}, first=1, **changes)
    there = _project({"ada": _mail("ada", 2, upper=True), "bob": _mail("bob", 1)}, first=1, **changes)
    assert _are(_merged(tmp_path, here, there), "ada", "bob")


def test_what_was_imported_as_the_administrator_s_stays_with_its_people(tmp_path: Path) -> None:
    here = _project({"ada": 1, "bob": 2}, first=1)
    numbers = itertools.count(1)
    moved = _project({"ada": 1, "bob": 1}, first=91, import_id=lambda *_: next(numbers))
    assert _are(_merged(tmp_path, here, moved), "ada", "bob")


def test_exports_of_one_instance_one_after_the_other_are_of_the_same_people(tmp_path: Path) -> None:
    early = _project({"ada": 1, "bob": 2}, first=1, features=2)
    late = _project({"ada": 1, "bob": 2}, first=1)
    with_addresses = _project({"ada": _mail("ada", 1), "bob": _mail("bob", 2)}, first=1)
    assert _are(_merged(tmp_path, early, late), "ada", "bob")
    assert _are(_merged(tmp_path, late, with_addresses), "ada", "bob")


def test_that_exports_without_anything_in_common_are_of_one_instance_is_an_assumption(tmp_path: Path) -> None:
    one, other = (
        _project({"ada": 1, "bob": 2}, first=1, features=3),
        _project({"ada": 1, "bob": 2}, first=1, features=5),
    )
    rest = [task for task in other if task["data"]["feature_id"] >= 3]

    def assumes(*exports: list[dict[str, Any]]) -> bool:
        stored = _merged(tmp_path, *exports).stored
        return assumes_one_instance({item.line: (item.answer, item.raw) for item in stored})

    assert len(_people(_merged(tmp_path, one, rest))) == 2
    assert assumes(one, rest)
    assert not assumes(one, other)
    assert not assumes(one)


def test_equal_answers_in_one_export_are_of_different_people(tmp_path: Path) -> None:
    same: Any = {"lead_time": 33.3, "result": [{"from_name": "short", "value": {"text": ["spots"]}}]}
    here = _project({"ada": 1, "bob": 2}, first=1, **same)
    there = _project({"ada": 7, "bob": 8}, first=501, **same)
    merged = _merged(tmp_path, here, there)
    assert (len(_people(merged)), len(merged.applied)) == (2, 6)


def test_equal_numbers_of_two_instances_are_different_people(tmp_path: Path) -> None:
    here = _project({"ada": 1, "bob": 2}, first=1, **UNIQUE)
    there = _project({"cyd": 1}, first=1, **UNIQUE)  # the same numbers of annotations, too
    assert _are(_merged(tmp_path, here, there), "ada", "bob", "cyd")


def test_different_addresses_are_different_people_though_they_say_the_same(tmp_path: Path) -> None:
    same: Any = {"lead_time": None, "result": [{"from_name": "short", "value": {"text": ["spots"]}}]}
    here = _project({"ada": _mail("ada", 1)}, first=1, **same)
    there = _project({"bob": _mail("bob", 1)}, first=700, **same)
    merged = _merged(tmp_path, here, there)
    assert (len(_people(merged)), len(merged.applied)) == (2, 6)


def test_who_is_forgotten_does_not_come_back_under_another_number(tmp_path: Path) -> None:
    here = _project({"ada": 1, "bob": 2}, first=1)
    moved = _project({"ada": 2, "bob": 1}, first=501)
    merged = _merged(tmp_path, here, moved)
    (ada,) = (name for name, words in _people(merged).items() if words == {WORDS["ada"]})
    ids = {item.answer.record_id for item in merged.stored if item.answer.answers.short == WORDS["ada"]}
    again = merge([], _read(tmp_path, moved), reports=REPORTS, forgotten={ada}, forgotten_records=ids)
    assert _are(again, "bob")
    assert {problem.kind for problem in again.problems} == {"forgotten"}


@pytest.mark.parametrize(
    "time", ["null", "-1", '"12.5"', "NaN", "Infinity", "-Infinity", "1e999", "9" * 6000, "[3]", "{}", "true", "1e12"]
)
def test_an_odd_time_is_unknown_and_the_answer_counts(tmp_path: Path, time: str) -> None:
    text = json.dumps(_project({"ada": 1}, first=1, features=1, lead_time="TIME")).replace('"TIME"', time)
    (tmp_path / "export.json").write_text(text)
    lines = {"schema_version": 1, "record_id": "r", "revision": 1, "report_id": REPORT, "feature_model": MODEL,
             "group_id": 0, "feature_id": 1, "annotator": "ada", "active_seconds": "TIME",
             "answers": {"short": "spots"}}  # fmt: skip
    (tmp_path / "own.jsonl").write_text(json.dumps(lines).replace('"TIME"', time) + "\n")
    for name in ("export.json", "own.jsonl"):
        (found,) = read_answers(tmp_path / name, TARGET)
        assert found.answer is not None, found.reason
        assert found.answer.active_seconds is None
        json.dumps(found.raw, allow_nan=False)
