"""Results of Mechanical Turk: CSV with a row per assignment, columns `Input.…` and `Answer.…`.

The columns are those of the two studies by Barlow's authors (arXiv 2012.01750, 2110.04301) and their close
variants. Everything but input and answers is dropped, and the worker's id is replaced by a pseudonym, before
anything is kept. A radio button that a form exports as `Answer.ease.4 = true` is read as `Answer.ease = 4`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from barlow_report.annotations.answers import SCHEMA_VERSION, AnswerError, known_seconds, parse_answer
from barlow_report.annotations.exchange.target import Target
from barlow_report.annotations.identity import pseudonym
from barlow_report.annotations.merge import Incoming

__all__ = ["read_row"]

_COLUMNS = {
    "short": ("short", "short_description", "name", "title"),
    "long": ("long", "long_description", "description", "reasons"),
    "ease": ("ease", "ease_of_understanding", "understanding"),
    "confidence": ("confidence",),
    "most_useful": ("most_useful", "section", "useful"),
    "relation": ("relation", "main"),
    "cannot_tell": ("cannot_tell",),
    "several": ("several",),
}
_RELATIONS = {"main_object": "part_of_object", "object": "part_of_object"}
_SECTIONS = {
    **{text.format(a="a", b="b"): "A and B" for text in ("{a},{b}", "{a} & {b}", "{a} and {b}")},
    **{text.format(a="b", b="c"): "B and C" for text in ("{a},{b}", "{a} & {b}", "{a} and {b}")},
    "both": "B and C",  # of the published form
    "none": "none",
}
_TRUE = {"true", "1", "yes", "on"}


def read_row(row: Mapping[str | Any, Any], target: Target, *, where: str) -> Incoming:
    """Turn a row into an answer, or say why it is none."""
    raw: dict[str, str] = {
        str(key): str(value)
        for key, value in row.items()
        if key and value not in (None, "") and str(key).startswith(("Input.", "Answer."))
    }
    worker = str(row.get("WorkerId") or "").strip()
    try:
        if not worker:
            raise AnswerError("WorkerId: missing")
        if str(row.get("AssignmentStatus") or "").lower() == "rejected":
            raise AnswerError("the assignment was rejected by its requester")
        annotator = raw["annotator"] = pseudonym("mturk", worker, salt=target.salt)
        values = {
            "schema_version": SCHEMA_VERSION,
            "revision": 1,
            "annotator": annotator,
            "source": "mturk",
            "report_id": _vouched(raw, "report_id", target.report_id, target),
            "feature_model": _vouched(raw, "feature_model", target.feature_model, target),
            "feature_id": _number(raw, "Input.feature_index", "Input.feature_id", "Input.feature"),
            "group_id": _group(raw, target),
            "active_seconds": _seconds(row.get("WorkTimeInSeconds")),
            "answers": _answers(raw),
        }
        values["record_id"] = _record_id(row, values)
        return Incoming(where=where, raw=raw, answer=parse_answer(values))
    except AnswerError as error:
        return Incoming(where=where, raw=raw, reason=str(error))


def _vouched(raw: Mapping[str, str], name: str, default: str, target: Target) -> str:
    found = raw.get(f"Input.{name}")
    if found is None and not target.is_vouched:
        raise AnswerError(
            f"Input.{name}: missing, so the row may belong to another report; --belongs-to-this-report says it does not"
        )
    return found or default


def _number(raw: Mapping[str, str], *names: str) -> int:
    for name in names:
        if name in raw:
            number = _integer(raw[name])
            if number is None:
                raise AnswerError(f"{name}: expected a number, found {raw[name]!r}")
            return number
    raise AnswerError(f"{names[0]}: missing")


def _integer(text: str) -> int | None:
    """Read 4 and 4.0, as spreadsheets write whole numbers."""
    whole, _, decimals = text.strip().partition(".")
    return int(whole) if whole.isdecimal() and len(whole) <= 10 and not decimals.strip("0") else None


def _group(raw: Mapping[str, str], target: Target) -> int:
    if "Input.group_id" in raw:
        return _number(raw, "Input.group_id")
    grouping = raw.get("Input.grouping", "label")
    class_id = _number(raw, "Input.class_index", "Input.class_id")
    group_id = target.groups.get((grouping, class_id))
    if group_id is None:
        raise AnswerError(
            f"Input.class_index: found class {class_id} grouped by {grouping!r}, which this report does not have"
        )
    return group_id


def _seconds(value: object) -> float | None:
    try:
        return known_seconds(float(str(value)))
    except ValueError:
        return None


def _answers(raw: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, columns in _COLUMNS.items():
        text = next((value for column in columns if (value := _answer(raw, column))), None)
        if text is not None:
            found[name] = _as_answer(name, text)
    return found


def _answer(raw: Mapping[str, str], column: str) -> str | None:
    if f"Answer.{column}" in raw:
        return raw[f"Answer.{column}"].strip()
    start = f"Answer.{column}."
    chosen = [key.removeprefix(start) for key, value in raw.items() if key.startswith(start) and _is_true(value)]
    return chosen[0] if len(chosen) == 1 else None


def _is_true(text: str) -> bool:
    return text.strip().lower() in _TRUE


def _as_answer(name: str, text: str) -> Any:
    if name in ("ease", "confidence"):
        number = _integer(text)
        return text if number is None else number  # a text is refused with its reason by the schema
    if name in ("cannot_tell", "several"):
        return _is_true(text)
    if name == "relation":
        return _RELATIONS.get(text, text)
    if name == "most_useful":
        return _SECTIONS.get(text.lower(), text.upper())
    return text


def _record_id(row: Mapping[str | Any, Any], values: Mapping[str, Any]) -> str:
    """One id per worker and item, the same whenever the file is read."""
    assignment = str(row.get("AssignmentId") or "")
    parts = [assignment, values["annotator"], values["group_id"], values["feature_id"]]
    return "mturk-" + hashlib.sha256("\0".join(str(p) for p in parts).encode("utf-8", "replace")).hexdigest()[:24]
