"""Label Studio: a project with one composed picture per item, and its JSON export back to answers.

The labelling configuration uses only controls of the open-source version. Each task carries the ids of its
report, model, group and feature, so that an export says by itself what it is about. Of the people who
answered only the address or Label Studio's number is looked at, and replaced by a pseudonym; see `people`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET

from barlow_report.annotations.answers import (
    MOST_USEFUL,
    RELATIONS,
    SCHEMA_VERSION,
    AnswerError,
    known_seconds,
    parse_answer,
)
from barlow_report.annotations.exchange.target import Target
from barlow_report.annotations.identity import pseudonym
from barlow_report.annotations.merge import Incoming

__all__ = ["LIKERT", "QUESTIONS", "label_config", "read_task", "tasks_json"]

LIKERT = ("1", "2", "3", "4", "5")

QUESTIONS = {
    "ease": ("How easy is it to understand? (1 very hard, 5 very easy)", LIKERT),
    "confidence": ("How confident are you? (1 not at all, 5 very)", LIKERT),
    "most_useful": ("Which section helped most?", MOST_USEFUL),
    "relation": ("What is it? The question is above the pictures.", RELATIONS),
    "remarks": ("If it applies", ("cannot_tell", "several")),
}
"""The questions that are answered by choosing, with the values that an answer holds."""

_KEPT = ("id", "unique_id", "import_id", "result", "lead_time", "updated_at")
_TASK_KEYS = ("report_id", "feature_model", "group_id", "feature_id")


def label_config() -> str:
    """Return the labelling configuration, config.xml."""
    view = ET.Element("View")
    ET.SubElement(view, "Header", value="$title")
    ET.SubElement(view, "Image", name="triptych", value="$image", zoom="true")
    for name, text, rows in (
        ("short", "Short description, about 3 words", "1"),
        ("long", "Long description, about 15 words", "3"),
    ):
        ET.SubElement(view, "Header", value=text)
        ET.SubElement(view, "TextArea", name=name, toName="triptych", rows=rows, maxSubmissions="1", editable="true")
    for name, (text, values) in QUESTIONS.items():
        ET.SubElement(view, "Header", value="$question" if name == "relation" else text)
        choice = "multiple" if name == "remarks" else "single-radio"
        choices = ET.SubElement(view, "Choices", name=name, toName="triptych", choice=choice, showInline="true")
        for value in values:
            ET.SubElement(choices, "Choice", value=value)
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def tasks_json(tasks: Sequence[Mapping[str, Any]]) -> str:
    """Return tasks.json: `tasks` are the data of each: `image`, `title`, `question` and the keys of the item."""
    return json.dumps([{"data": dict(task)} for task in tasks], indent=1, ensure_ascii=False) + "\n"


def read_task(task: Any, target: Target, *, export: str, where: str) -> Iterable[Incoming]:
    """Turn the annotations of one task of an export into answers, or say why they are none.

    Args:
        task: The task, as JSON was parsed into.
        target: The report that the answers are for.
        export: Names the export that the task is from.
        where: Names the place, for messages.
    """
    if not isinstance(task, Mapping) or not isinstance(task.get("data"), Mapping):
        yield Incoming(
            where=where, raw=None, reason="not a task of Label Studio: expected an object with 'data'; export as JSON"
        )
        return
    data = {key: task["data"].get(key) for key in _TASK_KEYS}
    annotations = task.get("annotations")
    for annotation in annotations if isinstance(annotations, list) else []:
        raw: dict[str, Any] = {"data": data, "exports": [export]}
        if isinstance(annotation, Mapping):
            raw |= {key: annotation[key] for key in _KEPT if key in annotation}
        try:
            annotator, raw["is_numbered"] = _annotator(annotation, target)
            raw["annotator"] = annotator
            answer = parse_answer(_values(annotation, data, annotator))
        except AnswerError as error:
            yield Incoming(where=where, raw=raw, reason=str(error))
        else:
            yield Incoming(where=where, raw=raw, answer=answer)


def _annotator(annotation: Any, target: Target) -> tuple[str, bool]:
    """The pseudonym of who answered, and whether it is made of a number, which other instances give to others."""
    if not isinstance(annotation, Mapping):
        raise AnswerError("annotations: expected objects")
    who = annotation.get("completed_by")
    if isinstance(who, Mapping):
        email = who.get("email")
        if isinstance(email, str) and email.strip():
            return pseudonym("label-studio", email, salt=target.salt), False
        who = who.get("id")
    if not isinstance(who, int) or isinstance(who, bool):
        raise AnswerError("completed_by: expected the number of a user")
    return pseudonym("label-studio", str(who), salt=target.salt), True


def _values(annotation: Mapping[str, Any], data: Mapping[str, Any], annotator: str) -> dict[str, Any]:
    if annotation.get("was_cancelled"):
        raise AnswerError("the task was skipped")
    return {
        "schema_version": SCHEMA_VERSION,
        "record_id": _record_id(annotation),
        "revision": _revision(annotation.get("updated_at")),
        **data,
        "annotator": annotator,
        "active_seconds": known_seconds(annotation.get("lead_time")),
        "source": "label_studio",
        "answers": _answers(annotation.get("result")),
    }


def _record_id(annotation: Mapping[str, Any]) -> str:
    """One id per annotation, the same whenever it is exported from one instance."""
    parts = json.dumps([annotation.get("id"), annotation.get("unique_id")], sort_keys=True)
    return "label-studio-" + hashlib.sha256(parts.encode()).hexdigest()[:24]


def _revision(updated_at: object) -> int:
    """A later export of a changed annotation has the same id and a later time, which numbers the revision."""
    try:
        return max(int(datetime.fromisoformat(str(updated_at)).timestamp()), 1)
    except (ValueError, OverflowError):
        return 1


def _answers(result: object) -> dict[str, Any]:
    if not isinstance(result, list):
        raise AnswerError("result: expected a list")
    found: dict[str, Any] = {}
    for entry in result:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("value"), Mapping):
            raise AnswerError("result: expected objects with 'value'")
        name, value = entry.get("from_name"), entry["value"]
        values = value.get("text", value.get("choices"))
        values = [values] if isinstance(values, str) else values
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise AnswerError(f"result: {name!r} has neither 'text' nor 'choices'")
        if name in ("short", "long"):
            found[name] = " ".join(values)
        elif name == "remarks":
            found |= dict.fromkeys((v for v in values if v in ("cannot_tell", "several")), True)
        elif name in ("ease", "confidence"):
            found[name] = int(values[0]) if values and values[0] in LIKERT else values
        elif name in QUESTIONS and values:
            found[str(name)] = values[0]
    return found
