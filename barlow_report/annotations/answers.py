"""One person's answer about one feature in one group, which every source is turned into.

As it is sent and kept, an answer is called a record, in files and in messages. A record is written once and never
changed. Whoever changes an answer sends the same record id with the next revision, and the highest revision counts.
The format is JSON with a version number; a key that this version does not know is an error, because silently dropping
part of an answer is worse than refusing it.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

__all__ = [
    "MOST_USEFUL",
    "RELATIONS",
    "SCHEMA_VERSION",
    "Answer",
    "AnswerError",
    "Replies",
    "canonical",
    "known_seconds",
    "parse_answer",
    "plain_text",
]

SCHEMA_VERSION = 1

MOST_USEFUL = ("A", "B", "C", "A and B", "B and C", "none")
"""Sections of a triptych: most activating images, heatmaps, feature attack."""

RELATIONS = ("part_of_object", "separate_object", "background", "cannot_tell")
"""What the feature is to the class or object: core, or one of two kinds of spurious (arXiv 2110.04301)."""

_LARGEST_ID = 2**31 - 1
_MAX_SHORT, _MAX_LONG = 100, 1000
_MAX_SECONDS = 864_000
# Control characters, turns of the writing direction and halves of characters have no place in a description.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Pseudonym = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,128}$")]
Id = Annotated[int, Field(ge=0, le=_LARGEST_ID)]
Likert = Annotated[int, Field(ge=1, le=5)]


def known_seconds(value: object) -> float | None:
    """Return seconds, 0 to ten days; None for anything else, which says nothing about how long somebody took.

    A clock that was set, a tab that was left open or another tool's habit is no reason to refuse an answer.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= _MAX_SECONDS else None


class AnswerError(ValueError):
    """A record does not have the form that `Answer` describes; the message gives every reason."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Replies(_Part):
    """What was replied to the questions of the form; nothing is preselected, so nothing is required but one answer."""

    short: str | None = Field(None, max_length=_MAX_SHORT, description="A name, about 3 words.")
    long: str | None = Field(None, max_length=_MAX_LONG, description="A description, about 15 words.")
    ease: Likert | None = Field(None, description="1: very hard to understand, 5: very easy.")
    confidence: Likert | None = Field(None, description="1: not at all confident, 5: very confident.")
    most_useful: Literal["A", "B", "C", "A and B", "B and C", "none"] | None = Field(
        None, description="Which section helped."
    )
    relation: Literal["part_of_object", "separate_object", "background", "cannot_tell"] | None = Field(
        None, description="What the feature is to the classes of the group, or to the object of its images."
    )
    cannot_tell: bool = Field(False, description="The person looked and cannot name it.")
    several: bool = Field(False, description="It shows several unrelated things.")

    @field_validator("short", "long", mode="before")
    @classmethod
    def _tidy(cls, value: object) -> object:
        return plain_text(value) or None if isinstance(value, str) else value

    @model_validator(mode="after")
    def _says_something(self) -> "Replies":
        described = self.short is not None or self.long is not None
        if self.cannot_tell and described:
            raise ValueError("'cannot_tell' is set although there is a description")
        if not (described or self.cannot_tell or self.relation is not None):
            raise ValueError("expected a description, 'relation' or 'cannot_tell'")
        return self


class Answer(_Part):
    """One person's answers about one feature in one group; see the module."""

    schema_version: Literal[1] = Field(description="Version of this format.")
    record_id: Identifier = Field(description="The same for all revisions of one person's answers about one feature.")
    revision: int = Field(ge=1, le=2**53 - 1, description="1, and one more for each change.")
    report_id: Digest = Field(description="The run that was looked at.")
    feature_model: Digest = Field(description="SHA-256 of the feature model's weights.")
    group_id: Id = Field(description="The group of images, as numbered in that run.")
    feature_id: Id = Field(description="The feature, its index in the feature model.")
    annotator: Pseudonym = Field(description="A pseudonym, never a name or the id of a platform.")
    order_seed: int | None = Field(None, ge=0, lt=2**32, description="Seed of the order of the features.")
    position: Id | None = Field(None, description="Place of this feature in that order, from 0.")
    active_seconds: float | None = Field(
        None, ge=0, le=_MAX_SECONDS, description="Seconds spent looking and answering."
    )
    n_pastes: int = Field(0, ge=0, le=1_000_000, description="How often text was pasted.")
    source: Literal["form", "label_studio", "mturk"] = Field("form", description="Where it was given.")
    answers: Replies


def plain_text(text: str) -> str:
    """Return `text` without characters that cannot be seen, composed (NFC), with single spaces."""
    composed = unicodedata.normalize("NFC", _UNWANTED.sub(" ", text))
    return " ".join(composed.split())


def parse_answer(value: Mapping[str, Any] | str | bytes) -> Answer:
    """Check an answer, given as JSON or as what JSON was parsed into.

    Raises:
        RecordError: It is no JSON, or keys or values are wrong; every problem is named.
    """
    try:
        if isinstance(value, str | bytes):
            return Answer.model_validate_json(value)
        return Answer.model_validate_json(json.dumps(value, allow_nan=False))
    except ValidationError as error:
        raise AnswerError("; ".join(_reasons(error))) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise AnswerError(f"expected JSON: {error}") from error


def _reasons(error: ValidationError) -> list[str]:
    reasons = []
    for problem in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"]) or "record"
        message = problem["msg"].removeprefix("Value error, ")
        reasons.append(f"{place}: {message[:1].lower()}{message[1:]}{_found(problem['input'])}")
    return reasons


def _found(value: object) -> str:
    """Say what was found where it is short enough to help."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    text = repr(value)
    return f", found {text}" if len(text) <= 40 else ""


def canonical(answer: Answer) -> str:
    """Return the one way to write an answer: JSON on one line, keys sorted."""
    return json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
