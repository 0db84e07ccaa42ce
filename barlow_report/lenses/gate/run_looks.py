"""What conditions on the new run alone find."""

from collections.abc import Callable, Iterator, Mapping

from barlow_report.formatting import percent
from barlow_report.lenses.gate.evidence import rate_words
from barlow_report.lenses.gate.facts import Facts
from barlow_report.lenses.gate.looks import Look, asked_classes, cannot_tell, is_within, unknown_class
from barlow_report.lenses.gate.measures import MeasureName
from barlow_report.lenses.gate.policy import Condition

__all__ = ["LOOKS_AT_RUN"]


def _mode_error_rate(condition: Condition, facts: Facts) -> Iterator[Look]:
    if facts.unjudged:
        yield cannot_tell(facts.unjudged)
    for mode in facts.modes:
        rate = mode.error_rate
        yield Look(
            subject=mode.name,
            group=mode.group,
            holds=is_within(condition, rate),
            evidence=f"Error rate {rate_words(rate)}.",
            rate=rate,
            rule_id=mode.rule_id,
        )


def _verified_modes(condition: Condition, facts: Facts) -> Iterator[Look]:  # noqa: ARG001 - as all of them
    if facts.unjudged:
        yield cannot_tell(facts.unjudged)
    for mode in facts.modes:
        evidence = f"Verified, error rate {rate_words(mode.error_rate)}."
        yield Look(subject=mode.name, group=mode.group, holds=False, evidence=evidence, rule_id=mode.rule_id)


def _explained_failures(condition: Condition, facts: Facts) -> Iterator[Look]:
    if facts.unjudged:
        yield cannot_tell(facts.unjudged)
    elif facts.explained is None:
        yield cannot_tell("there are no failures to explain")
    else:
        share = facts.explained
        yield Look(
            holds=is_within(condition, share),
            evidence=f"{percent(share.value)} of the failures lie in verified failure modes.",
            rate=share,
        )


def _accuracy(condition: Condition, facts: Facts) -> Iterator[Look]:
    rate = facts.accuracy
    if rate is None:
        yield cannot_tell("no image was analysed")
    else:
        yield Look(
            holds=is_within(condition, rate),
            evidence=f"Accuracy {rate_words(rate, decimals=1, is_rest=True)}.",
            rate=rate,
        )


def _class_error_rate(condition: Condition, facts: Facts) -> Iterator[Look]:
    known = {of_class.name: of_class for of_class in facts.classes}
    for name in asked_classes(condition, known):
        found = known.get(name)
        rate = found.error_rate if found else None
        if found is None:
            yield unknown_class(name, known)
        elif rate is None:
            why = "the class has no image; classes: names those to look at"
            yield Look(subject=name, holds=None, evidence=f"Cannot be told: {why}.", class_id=found.class_id)
        else:
            yield Look(
                subject=name,
                holds=is_within(condition, rate),
                evidence=f"Error rate {rate_words(rate)}.",
                rate=rate,
                class_id=found.class_id,
            )


LOOKS_AT_RUN: Mapping[MeasureName, Callable[[Condition, Facts], Iterator[Look]]] = {
    "mode_error_rate": _mode_error_rate,
    "verified_modes": _verified_modes,
    "explained_failures": _explained_failures,
    "accuracy": _accuracy,
    "class_error_rate": _class_error_rate,
}
