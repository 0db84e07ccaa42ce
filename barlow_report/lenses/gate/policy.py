"""A policy: what a release must hold, and which failure modes are accepted until when, as people write it in YAML.

Unlike the configuration, a policy takes nothing from the environment: it may come with a change that somebody proposes,
and what it says is printed where everybody reads it.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from barlow_report.config import Section, parse_yaml_model
from barlow_report.errors import OutputError
from barlow_report.files import output_errors
from barlow_report.lenses.gate.measures import MEASURES, Bound, Measure, MeasureName
from barlow_report.visible import visible

__all__ = ["Condition", "Limit", "Policy", "Severity", "Waiver", "load_policy", "nearest", "write_starter"]

Severity = Literal["fail", "warn"]
Limit = Literal["lower", "estimate", "upper"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MAX_MODES = 1_000_000
_N_NAMED = 10
_NOTHING: dict[str, object] = {}  # a mapping: messages do not show what was found of one


def _one_line(text: str) -> str:
    """Put a text on one line, and refuse what could not be seen or would rearrange the words around it."""
    line = " ".join(text.split())
    if found := next(
        (character for character, shown in zip(line, visible(line), strict=True) if character != shown), ""
    ):
        raise ValueError(
            f"expected text that can be read: it holds the character U+{ord(found):04X}, which cannot be seen"
        )
    if not line:
        raise ValueError("expected some words")
    return line


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass  # a day that no month has
    raise ValueError("expected a day, year first, such as 2027-01-31")


Line = Annotated[str, AfterValidator(_one_line), StringConstraints(max_length=500)]
Day = Annotated[date, BeforeValidator(_day)]
ConditionName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=60)]


class Condition(Section):
    """One thing that must hold."""

    measure: MeasureName = Field(description="What is looked at.")
    name: ConditionName = Field(
        "",
        validate_default=False,
        description="What waivers and results call the condition; default: its measure.",
    )
    severity: Severity = Field("fail", description="Whether a violation fails the gate, or is only told.")
    at_most: float | None = Field(None, ge=0, description="The most that is allowed: a number of modes, or a share.")
    at_least: float | None = Field(None, ge=0, description="The least that is needed, a share.")
    limit: Limit | None = Field(
        None,
        description="Which end of the interval is compared with the bound. lower and upper: the ends; estimate: the "
        "number itself, whatever chance does to it.",
    )
    classes: tuple[Line, ...] | None = Field(
        None, min_length=1, description="For measures of classes: only these; default: every class."
    )

    @property
    def about(self) -> Measure:
        """What its measure is and needs."""
        return MEASURES[self.measure]

    @property
    def bound(self) -> tuple[Bound, float]:
        """Which bound it has, and its value."""
        return ("at_most", self.at_most) if self.at_most is not None else ("at_least", self.at_least or 0.0)

    @model_validator(mode="before")
    @classmethod
    def _named_by_its_measure(cls, values: object) -> object:
        if isinstance(values, dict) and isinstance(values.get("measure"), str) and values.get("name") is None:
            return {**values, "name": values["measure"]}
        return values

    @model_validator(mode="after")
    def _fits_its_measure(self) -> Self:
        about, expected = self.about, " or ".join(self.about.bounds)
        given = [bound for bound in ("at_most", "at_least") if getattr(self, bound) is not None]
        wrong = [bound for bound in given if bound not in about.bounds]
        if wrong or len(given) != 1:
            raise _problem(wrong[:1] or given[1:], f"{self.measure} needs {expected}, and no other bound")
        value = self.bound[1]
        if about.is_count and (value != int(value) or value > _MAX_MODES):
            raise _problem(given, f"{self.measure} needs a whole number of failure modes", value)
        if not about.is_count and value > 1:
            raise _problem(given, f"{self.measure} needs a share of 0 to 1, such as 0.05 for 5 %", value)
        if about.has_interval and self.limit is None:
            raise _problem(
                [], f"{self.measure} has an interval: say which end of it counts, limit: lower, estimate or upper"
            )
        if not about.has_interval and self.limit is not None:
            raise _problem(["limit"], f"{self.measure} has no interval, so no limit goes with it", self.limit)
        if about.of != "classes" and self.classes is not None:
            raise _problem(["classes"], f"{self.measure} is not about classes")
        return self


class Waiver(Section):
    """A failure mode that somebody accepts, under one condition, until a day."""

    mode: Line = Field(description="The failure mode, by its permanent name.")
    condition: str = Field(description="Name of the one condition that it may violate.")
    owner: Line = Field(description="Who answers for it.")
    reason: Line = Field(description="Why it is accepted.")
    expires: Day = Field(description="The last day that it counts on (UTC), such as 2027-01-31.")


class Policy(Section):
    """The conditions that a run is held to, and what is waived."""

    conditions: tuple[Condition, ...] = Field(max_length=200, description="What must hold.")
    waivers: tuple[Waiver, ...] = Field((), max_length=10_000, description="Failure modes that are accepted for now.")

    @model_validator(mode="after")
    def _names_are_clear(self) -> Self:
        if not self.conditions:
            raise _problem(["conditions"], "expected at least one condition: a gate without any would always pass")
        conditions: dict[str, Condition] = {}
        for position, condition in enumerate(self.conditions):
            if condition.name in conditions:
                message = "another condition is called so: give each a name: of its own"
                raise _problem(["conditions", position, "name"], message, condition.name)
            conditions[condition.name] = condition
        seen: set[tuple[str, str]] = set()
        for position, waiver in enumerate(self.waivers):
            place: list[str | int] = ["waivers", position, "condition"]
            if waiver.condition not in conditions:
                raise _problem(
                    place, f"no condition is called so; {nearest(waiver.condition, conditions)}", waiver.condition
                )
            if conditions[waiver.condition].about.of != "modes":
                raise _problem(place, "only conditions on failure modes can be waived", waiver.condition)
            if (waiver.mode, waiver.condition) in seen:
                message = f"an earlier waiver is for this failure mode and {waiver.condition}, too: keep one of them"
                raise _problem(["waivers", position, "mode"], message, waiver.mode)
            seen.add((waiver.mode, waiver.condition))
        return self


def load_policy(path: Path) -> Policy:
    """Read and check a policy.

    Raises:
        ConfigError: It cannot be read, is no YAML, or has wrong keys or values; all of them are named.
    """
    return parse_yaml_model(path, Policy, expands=False)


def write_starter(path: Path) -> None:
    """Write a policy to start from.

    Raises:
        OutputError: There is such a file already, or it cannot be written.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                file.write(Path(__file__).with_name("starter.yaml").read_bytes())
        except FileExistsError:
            raise OutputError(
                f"{path}: is there already, and is left as it is. Name another file: --init --policy FILE."
            ) from None


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of the names that are known somebody may have meant, to the end of the sentence."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
    return f"there {'is' if len(names) == 1 else 'are'} {', '.join(names[:_N_NAMED]) or 'none'}{more}."


def _problem(place: Sequence[str | int], message: str, found: object = _NOTHING) -> ValidationError:
    """An error at a place in the file, of which the message names the line."""
    problem = InitErrorDetails(
        type=PydanticCustomError("value_error", "{said}", {"said": message}), loc=tuple(place), input=found
    )
    return ValidationError.from_exception_data("Policy", [problem])
