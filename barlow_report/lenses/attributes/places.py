"""Suspected cues in the table of failure modes."""

from collections.abc import Mapping

from barlow_report.lenses.attributes.page_words import cue_words
from barlow_report.lenses.attributes.records import AttributeView, ModeCue
from barlow_report.report.datatable import Cell, Filter, TableColumn
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Rule
from barlow_report.report.slots import ModeColumns

__all__ = ["mode_columns"]

NO_CUE = "none beyond chance"


def mode_columns(site: Site, view: AttributeView) -> ModeColumns:
    """The cue that goes together most with each failure mode, beyond chance, with its phi, and a filter."""
    limit = site.catalog.rules_config.max_q_value
    strongest = {rule_id: _strongest(found, limit) for rule_id, found in view.modes.items()}

    def cells(rule: Rule) -> tuple[Cell, ...]:
        cue = strongest.get(rule.rule_id)
        if cue is not None and cue.measure is not None:
            return cue_words(cue), cue.measure.value
        is_tested = any(cue.measure is not None for cue in view.modes.get(rule.rule_id, ()))
        return (NO_CUE if is_tested else None, None)

    return ModeColumns(
        columns=(
            TableColumn(
                key="suspected-cue",
                label="Suspected cue",
                kind="text",
                title=f"The column of the manifest, with its value, that goes together most with it, q ≤ {limit:g}.",
            ),
            TableColumn(
                key="phi",
                label="phi",
                kind="number",
                starts="descending",
                is_below=True,
                title="Correlation of being in the failure mode and having the value: 1 together, 0 unrelated, −1 "
                "never.",
            ),
        ),
        cells=cells,
        filters=(Filter(key="suspected-cue", label="Suspected cue", kind="equals", choices=_choices(strongest)),),
    )


def _strongest(found: tuple[ModeCue, ...], limit: float) -> ModeCue | None:
    """The first, which goes together most, of those beyond chance."""
    return next((cue for cue in found if cue.q_value is not None and cue.q_value <= limit), None)


def _choices(strongest: Mapping[int, ModeCue | None]) -> tuple[tuple[str, str], ...]:
    return tuple((words, words) for words in sorted({cue_words(cue) for cue in strongest.values() if cue is not None}))
