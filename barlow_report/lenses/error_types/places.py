"""What error types say on the pages of others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from barlow_report.formatting import count
from barlow_report.lenses.error_types.records import (
    Breakdown,
    ErrorTypeTables,
    StageEntry,
    breakdown_words,
    noise_sentence,
)
from barlow_report.report.pages.page import Heading
from barlow_report.report.records import Rule
from barlow_report.report.slots import Block, MethodPart, PagePart, Remark

__all__ = [
    "LABEL_NOISE_WORD",
    "NOT_KNOWN",
    "BreakdownView",
    "TypesMethod",
    "class_block",
    "method_part",
    "mode_block",
    "noise_remark",
    "noise_words",
    "overview_block",
    "picture_note",
]

LABEL_NOISE_WORD = "mostly label noise"

NOT_KNOWN = "This is not known: none of the types was assessed, because each needs a list or superclasses."

_USUAL = 0.75  # of the failures of a mode: then the type is said once, above the pictures, and not under each


@dataclass(frozen=True, kw_only=True)
class BreakdownView:
    """What some failures consist of, in words and as a bar."""

    found: Breakdown
    words: str
    is_suggested: bool


@dataclass(frozen=True, kw_only=True)
class TypesMethod:
    """The questions in their order, and what each type is called."""

    stages: tuple[StageEntry, ...]
    titles: Mapping[str, str]


def _breakdown(error_types: ErrorTypeTables, found: Breakdown, words: str, *, template: str = "breakdown") -> Block:
    view = BreakdownView(found=found, words=words, is_suggested=error_types.is_suggested)
    return Block(template=f"lenses/error_types/{template}.html", view=view)


def overview_block(error_types: ErrorTypeTables) -> Block:
    """The section of the overview; it gives no figures where nothing was assessed."""
    if error_types.nothing_assessed and error_types.run.n_failures:
        return _breakdown(error_types, Breakdown(types=(), n_failures=0), NOT_KNOWN, template="overview")
    return _breakdown(error_types, error_types.run, breakdown_words(error_types.run), template="overview")


def class_block(error_types: ErrorTypeTables, class_id: int) -> Block | None:
    """What the failures with a label consist of."""
    found = None if error_types.nothing_assessed else error_types.by_class.get(class_id)
    return None if found is None else _breakdown(error_types, found, f"By label. {breakdown_words(found)}")


def mode_block(error_types: ErrorTypeTables, rule: Rule) -> Block | None:
    """What the failures of a rule consist of."""
    found = error_types.by_rule.get(rule.rule_id)
    if found is None or error_types.nothing_assessed:
        return None
    return _breakdown(error_types, found, breakdown_words(found, among=" among all its images"))


def noise_remark(error_types: ErrorTypeTables, rule: Rule) -> Remark | None:
    """Say that a mode consists of label noise."""
    errors = error_types.by_rule.get(rule.rule_id)
    if errors is None or not errors.is_label_noise:
        return None
    return Remark(word=LABEL_NOISE_WORD, sentence=noise_sentence(errors))


def noise_words(error_types: ErrorTypeTables, modes: Sequence[Rule]) -> str:
    """Say how many of the verified modes need better labels, where any do."""
    n_noise = sum(noise_remark(error_types, rule) is not None for rule in modes)
    if not n_noise:
        return ""
    verb, need = ("are", "need") if n_noise != 1 else ("is", "needs")
    return f"{count(n_noise)} of the known conditions {verb} mostly label noise and {need} better labels."


def picture_note(error_types: ErrorTypeTables, rule: Rule, image_id: int) -> str:
    """The type of a failure of a failure mode; nothing where nearly all of its failures are of that type."""
    if error_types.nothing_assessed:
        return ""
    error_type, found = error_types.type_of.get(image_id), error_types.by_rule.get(rule.rule_id)
    usual = {entry.error_type for entry in found.types if (entry.share.value or 0.0) >= _USUAL} if found else set()
    return "" if error_type is None or error_type in usual else error_types.titles[error_type]


def method_part(error_types: ErrorTypeTables) -> MethodPart:
    """The part of the method page."""
    view = TypesMethod(stages=error_types.stages, titles=error_types.titles)
    return MethodPart(
        section=PagePart(
            heading=Heading("Error types", "error-types"),
            block=Block(template="lenses/error_types/method.html", view=view),
        ),
        sources=Block(template="lenses/error_types/sources.html", view=None),
    )
