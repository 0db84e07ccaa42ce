"""What conditions on the comparison with a baseline find."""

from collections.abc import Callable, Iterator, Mapping

from barlow_report.lenses.gate.evidence import change_words, not_comparable_words
from barlow_report.lenses.gate.facts import Change, Changes, Facts
from barlow_report.lenses.gate.looks import Look, asked_classes, cannot_tell, is_within, unknown_class
from barlow_report.lenses.gate.measures import MeasureName
from barlow_report.lenses.gate.policy import Condition

__all__ = ["LOOKS_AT_CHANGES"]


def _worse_modes(condition: Condition, facts: Facts, changes: Changes) -> Iterator[Look]:  # noqa: ARG001
    if changes.unjudged:
        yield cannot_tell(f"in the baseline {changes.baseline} {changes.unjudged}")
    yield from (_state(change, is_bad=change.state == "worse") for change in changes.modes)


def _new_modes(condition: Condition, facts: Facts, changes: Changes) -> Iterator[Look]:  # noqa: ARG001
    if facts.unjudged:
        yield cannot_tell(facts.unjudged)
    yield from (_state(change, is_bad=change.state == "new") for change in changes.modes)


def _mode_rise(condition: Condition, facts: Facts, changes: Changes) -> Iterator[Look]:
    if facts.unjudged and changes.unjudged:
        yield cannot_tell(facts.unjudged)
    yield from (_rise(condition, change, changes) for change in changes.modes)


def _class_rise(condition: Condition, facts: Facts, changes: Changes) -> Iterator[Look]:  # noqa: ARG001
    known = {change.name: change for change in changes.classes}
    for name in asked_classes(condition, known):
        yield _rise(condition, known[name], changes) if name in known else unknown_class(name, known)


def _accuracy_drop(condition: Condition, facts: Facts, changes: Changes) -> Iterator[Look]:  # noqa: ARG001
    yield _rise(condition, changes.run, changes, is_accuracy=True)


def _state(change: Change, *, is_bad: bool) -> Look:
    """Look at a failure mode of which only the state counts."""
    is_known = change.state != "not_comparable"
    return Look(
        subject=change.name,
        group=change.group,
        holds=not is_bad if is_known else None,
        evidence=change_words(change) if is_known else not_comparable_words(change),
        rate=change.difference,
        rule_id=change.rule_id,
        is_gone=change.state == "gone",
    )


def _rise(condition: Condition, change: Change, changes: Changes, *, is_accuracy: bool = False) -> Look:
    """Look at a difference; one whose lower limit counts must also be shown over all that were compared."""
    difference = change.difference
    holds = True if change.state == "gone" and difference is None else None
    if difference is not None and change.state != "not_comparable":
        is_shown = change.q_value is not None and change.q_value <= changes.max_q_value
        holds = is_within(condition, difference) or (condition.limit == "lower" and not is_shown)
    return Look(
        subject=change.name,
        group=change.group,
        holds=holds,
        evidence=not_comparable_words(change) if holds is None else change_words(change, is_accuracy=is_accuracy),
        rate=difference,
        rule_id=change.rule_id,
        class_id=change.class_id,
        is_gone=change.state == "gone",
    )


LOOKS_AT_CHANGES: Mapping[MeasureName, Callable[[Condition, Facts, Changes], Iterator[Look]]] = {
    "worse_modes": _worse_modes,
    "new_modes": _new_modes,
    "mode_error_rate_rise": _mode_rise,
    "class_error_rate_rise": _class_rise,
    "accuracy_drop": _accuracy_drop,
}
