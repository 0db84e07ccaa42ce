"""What became of failure modes, on the pages of others: overview, cards, entries and table of failure modes, Method."""

from dataclasses import replace

from barlow_report.lenses.changes.page_tables import CHANGES_PATH, outcome_filter, repair_column
from barlow_report.lenses.changes.page_words import (
    REPAIR_WORDS,
    STATE_WORDS,
    answer,
    change_sentence,
    rates_words,
    repair_meanings,
    repair_sentence,
    state_meanings,
    whole_sentence,
)
from barlow_report.lenses.changes.records import ChangeView, ModeChange
from barlow_report.report.datatable import Cell, Filter, Link, TableColumn
from barlow_report.report.pages.page import Heading
from barlow_report.report.records import Rule
from barlow_report.report.slots import Block, MethodPart, ModeColumns, PagePart, Remark, Sentence

__all__ = ["class_head", "method_part", "mode_columns", "mode_sentence", "news", "remark"]


def news(changes: ChangeView) -> Sentence:
    """The line of the overview that leads to the page."""
    return Sentence(
        text=f"Since {changes.old.name}: {_lower(answer(changes))} {whole_sentence(changes)}",
        more=Link("What changed", CHANGES_PATH),
    )


def _lower(words: str) -> str:
    return f"{words[:1].lower()}{words[1:]}"


def remark(changes: ChangeView, rule: Rule) -> Remark | None:
    """The badge of a failure mode that was compared."""
    mode = changes.by_rule.get(rule.rule_id)
    if mode is None:
        return None
    state, rates = mode.change.state, rates_words(mode.change)
    words = (
        f"{rates} in {changes.old.name}" if rates else mode.change.reason or f"nothing to compare in {changes.old.name}"
    )
    sentence = f"{words[:1].upper()}{words[1:]}."
    word = STATE_WORDS[state] if mode.repair is None else f"repair {REPAIR_WORDS[mode.repair]}"
    return Remark(word=word, sentence=sentence, look=state if mode.repair is None else mode.repair)


def class_head(changes: ChangeView, class_id: int) -> Block | None:
    """What became of the failure rate of a class."""
    found = changes.by_class.get(class_id)
    if found is None or found.change.difference is None:
        return None
    return Block(template="lenses/changes/class.html", view=change_sentence(changes, found.change))


def mode_sentence(changes: ChangeView, rule: Rule) -> Sentence | None:
    """The permanent name of a failure mode, and what became of it."""
    name, mode = changes.names.get(rule.rule_id), changes.by_rule.get(rule.rule_id)
    parts = [change_sentence(changes, mode.change), repair_sentence(mode)] if mode is not None else []
    if name is not None:
        parts.append(f"Its permanent name is {name}.")
    return Sentence(text=" ".join(filter(None, parts)), more=Link("All changes", CHANGES_PATH)) if parts else None


def mode_columns(changes: ChangeView) -> ModeColumns:
    """What became of a mode, in the table of all of them, with a filter; of a repair whether it worked."""
    if changes.is_repair:
        return _repair_columns(changes)
    states = [mode.change.state for mode in changes.by_rule.values()]

    def cells(rule: Rule) -> tuple[Cell, ...]:
        mode = changes.by_rule.get(rule.rule_id)
        return (None if mode is None else mode.change.state,)

    return ModeColumns(
        columns=(
            TableColumn(
                key="change",
                label="Change",
                kind="badge",
                words=STATE_WORDS,
                title=f"What became of it since {changes.old.name}",
            ),
        ),
        cells=cells,
        filters=(
            Filter(
                key="change",
                label="Change",
                kind="equals",
                choices=tuple((words, state) for state, words in STATE_WORDS.items() if state in states),
            ),
        ),
    )


def _repair_columns(changes: ChangeView) -> ModeColumns:
    """Whether the repair of a mode worked, or that it is new."""

    def outcome(mode: ModeChange) -> str | None:
        return "new" if mode.change.state == "new" else mode.repair

    def cells(rule: Rule) -> tuple[Cell, ...]:
        mode = changes.by_rule.get(rule.rule_id)
        return (None if mode is None else outcome(mode),)

    column = repair_column(changes)
    column = replace(column, words={**column.words, "new": STATE_WORDS["new"]})
    found = {outcome(mode) for mode in changes.by_rule.values()}
    return ModeColumns(columns=(column,), cells=cells, filters=(outcome_filter(column, found),), is_beside_verdict=True)


def method_part(changes: ChangeView) -> MethodPart:
    """How runs are compared."""
    terms = ((state_meanings(changes), STATE_WORDS), (repair_meanings(changes), REPAIR_WORDS))
    block = Block(template="lenses/changes/method.html", view=(changes, terms if changes.is_repair else terms[:1]))
    return MethodPart(section=PagePart(heading=Heading("Comparing releases", "changes"), block=block))
