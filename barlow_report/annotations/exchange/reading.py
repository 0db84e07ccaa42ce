"""Answers from any file of them: the format is recognised by its content."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from barlow_report.annotations.answers import AnswerError, known_seconds, parse_answer
from barlow_report.annotations.exchange.database import is_database, read_database
from barlow_report.annotations.exchange.label_studio import read_task
from barlow_report.annotations.exchange.mturk import read_row
from barlow_report.annotations.exchange.target import Target
from barlow_report.annotations.loose_json import parse_loose_json
from barlow_report.annotations.merge import Incoming
from barlow_report.errors import DataError

__all__ = ["read_answers"]

_EXPECTED = (
    "Expected JSON Lines of the form or the collector, the collector's database, a JSON export of Label Studio, or a "
    "CSV of Mechanical Turk results."
)


def read_answers(path: Path, target: Target) -> list[Incoming]:
    """Read every answer of a file; those that cannot be used come with their reasons.

    Args:
        path: JSON Lines, a collector's database, a JSON export of Label Studio, or a CSV of Mechanical Turk.
        target: The report that the answers are for.

    Raises:
        DataError: The file cannot be read, or is none of these.
    """
    try:
        data = path.read_bytes() if not is_database(path) else b""
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). {_EXPECTED}") from error
    if not data:
        if is_database(path):
            return [_answer(line, where=f"{path.name}:{n}") for n, line in enumerate(read_database(path), start=1)]
        return []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}). {_EXPECTED}") from error
    return list(_reader(path, text)(text, path, target))


def _reader(path: Path, text: str) -> Callable[[str, Path, Target], Iterator[Incoming]]:
    start = text.lstrip()[:1]
    if start == "[":
        return _read_label_studio
    if start == "{":
        return _read_lines
    header = text.partition("\n")[0]
    if "WorkerId" in header and "Input." in header:
        return _read_mturk
    raise DataError(f"{path}: found neither JSON nor the columns of Mechanical Turk. {_EXPECTED}")


def _read_lines(text: str, path: Path, target: Target) -> Iterator[Incoming]:  # noqa: ARG001
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _answer(line, where=f"{path.name}:{number}")


def _answer(line: str, *, where: str) -> Incoming:
    try:
        raw: Any = parse_loose_json(line)
    except ValueError as error:
        reason = "not JSON" if isinstance(error, json.JSONDecodeError) else f"not a record: {error}"
        return Incoming(where=where, raw=_printable(line), reason=reason)
    values = raw
    if isinstance(raw, dict) and "active_seconds" in raw:
        values = {**raw, "active_seconds": known_seconds(raw["active_seconds"])}
    try:
        return Incoming(where=where, raw=_printable(raw), answer=parse_answer(values))
    except AnswerError as error:
        return Incoming(where=where, raw=_printable(raw), reason=_printable(str(error)))


def _read_label_studio(text: str, path: Path, target: Target) -> Iterator[Incoming]:
    try:
        tasks = parse_loose_json(text)
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON ({error}). {_EXPECTED}") from error
    export = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    for number, task in enumerate(tasks, start=1):
        for incoming in read_task(task, target, export=export, where=f"{path.name}: task {number}"):
            yield Incoming(
                where=incoming.where,
                raw=_printable(incoming.raw),
                answer=incoming.answer,
                reason=_printable(incoming.reason),
            )


def _read_mturk(text: str, path: Path, target: Target) -> Iterator[Incoming]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in rows:
            yield read_row(row, target, where=f"{path.name}:{rows.line_num}")
    except csv.Error as error:
        raise DataError(f"{path}: line {rows.line_num}: not valid CSV ({error}). {_EXPECTED}") from error


def _printable(value: Any) -> Any:
    """Replace halves of characters, which JSON can hold and no file can."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-8", "replace").decode())
