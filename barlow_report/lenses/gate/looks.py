"""A look at one failure mode, one class or a run: whether a condition holds there, and the numbers it is told by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from barlow_report.lenses.gate.facts import Rate
from barlow_report.lenses.gate.policy import Condition, nearest

__all__ = ["Look", "asked_classes", "cannot_tell", "is_within", "unknown_class"]

_CLOSE = 1e-9  # what computers add to a difference such as 0.3 - 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found of one failure mode, one class or the run.

    Attributes:
        subject: Permanent name of the mode, or name of the class; empty for the run.
        group: The mode's group in words; empty for the others.
        holds: Whether the condition holds; None where that could not be computed.
        evidence: The numbers, or why there are none, as a sentence.
        rate: The number that was looked at, with its interval; None where it is only whether the mode counts.
        rule_id: The mode in the new run.
        class_id: The class in the new run.
        is_gone: Whether it is a mode that the baseline has and the new run has not.
    """

    subject: str = ""
    group: str = ""
    holds: bool | None
    evidence: str
    rate: Rate | None = None
    rule_id: int | None = None
    class_id: int | None = None
    is_gone: bool = False


def cannot_tell(why: str) -> Look:
    """A look at everything that a condition is about, of which nothing is known."""
    return Look(holds=None, evidence=f"Cannot be told: {why}.")


def is_within(condition: Condition, rate: Rate) -> bool | None:
    """Whether the number that counts, an end of the interval or the estimate, is within the bound; None without it."""
    kind, bound = condition.bound
    value = {"lower": rate.low, "upper": rate.high}.get(condition.limit or "", rate.value)
    if value is None:
        return None
    return value <= bound + _CLOSE if kind == "at_most" else value >= bound - _CLOSE


def asked_classes(condition: Condition, known: Mapping[str, object]) -> Iterable[str]:
    """The names of the classes that a condition is about: those of the policy, or all."""
    return known if condition.classes is None else dict.fromkeys(condition.classes)


def unknown_class(name: str, known: Mapping[str, object]) -> Look:
    """A look at a class of the policy that the run does not have."""
    return Look(subject=name, holds=None, evidence=f"Cannot be told: the run has no such class; {nearest(name, known)}")
