"""In a demo run: what was planted, and what the report has found of it."""

from dataclasses import dataclass

from barlow_report.lenses.causes.page_words import VERDICT_WORDS
from barlow_report.lenses.causes.records import CauseEffect, CauseView
from barlow_report.lenses.error_types.records import ERROR_TITLES, ErrorTypeTables
from barlow_report.lenses.planted.records import Planted, PlantedChange, PlantedTables, TrueEffect
from barlow_report.report.datatable import Link
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.records import Share
from barlow_report.report.slots import Block
from barlow_report.report.words import rule_inequality

__all__ = ["ChangeRow", "EffectRow", "NoisyRow", "PlantedRow", "PlantedView", "note", "planted_page"]

OUTCOMES = {
    "found": "found",
    "other_cue": "another cue",
    "missed": "missed",
    "correctly_silent": "correctly silent",
    "false_alarm": "false alarm",
}


@dataclass(frozen=True, kw_only=True)
class PlantedRow:
    """One class of the demo."""

    planted: Planted
    link: Link
    rule: Link | None
    agreement: Share
    with_cue: Share
    outcome: str


@dataclass(frozen=True, kw_only=True)
class NoisyRow:
    """One class of the demo with label noise, and whether its failure mode is called so."""

    planted: Planted
    link: Link
    other: Link | None
    kind: str
    outcome: str
    rule: Link | None
    agreement: Share
    recognised: Share
    is_called_noise: bool


@dataclass(frozen=True, kw_only=True)
class EffectRow:
    """What a cue or a decoy truly does in one direction, beside what the report estimates."""

    true: TrueEffect
    link: Link
    before: Share
    after: Share
    rule: Link | None
    estimate: CauseEffect | None
    verdict: str


@dataclass(frozen=True, kw_only=True)
class ChangeRow:
    """What was planted to change in a class, beside what the comparison of both releases says."""

    planted: PlantedChange
    link: Link
    before: Share
    after: Share
    told_by_label: str
    told_by_prediction: str


@dataclass(frozen=True, kw_only=True)
class PlantedView:
    """The demo's known answer beside what was found."""

    rows: tuple[PlantedRow, ...]
    noisy: tuple[NoisyRow, ...]
    effects: tuple[EffectRow, ...]
    changes: tuple[ChangeRow, ...]
    n_other_changes: int
    has_causes: bool
    n_planted: int
    n_found: int
    n_recognised: int
    n_wrongly_noise: int | None
    n_false_alarms: int
    n_clean: int
    has_directions: bool
    has_types: bool


def note() -> Block:
    """The line of the overview that leads here."""
    return Block(template="lenses/planted/note.html", view=None)


def planted_page(
    site: Site,
    tables: PlantedTables,
    *,
    has_directions: bool,
    error_types: ErrorTypeTables | None,
    causes: CauseView | None,
) -> SitePage:
    """Which failure modes were planted in the demo and which were found."""
    planted = tables.classes
    rows = tuple(_planted_row(site, item) for item in planted if not item.label_noise)
    noisy = tuple(_noisy_row(site, item, error_types) for item in planted if item.label_noise)
    n_planted = sum(bool(row.planted.cue) for row in rows)
    return SitePage(
        path="planted/index.html",
        title="Planted failures",
        section="Planted failures",
        description="Which failure modes and label noise were planted in the demo, and what the report found.",
        search="Planted failure modes and label noise of the demo: found, missed, false alarms.",
        template="lenses/planted/page.html",
        view=lambda: PlantedView(
            rows=rows,
            noisy=noisy,
            effects=tuple(_effect_row(site, effect, causes) for effect in tables.effects),
            changes=tuple(_change_row(site, item) for item in tables.changes if item.change != "none"),
            n_other_changes=sum(item.change == "none" and item.outcome == "differs" for item in tables.changes),
            has_causes=causes is not None,
            n_planted=n_planted,
            n_found=sum(row.planted.outcome == "found" for row in rows),
            n_recognised=sum(row.planted.outcome == "found" and row.is_called_noise for row in noisy),
            n_wrongly_noise=None
            if any(item.n_noise_false is None for item in planted)
            else sum(item.n_noise_false or 0 for item in planted),
            n_false_alarms=sum(row.planted.outcome == "false_alarm" for row in rows),
            n_clean=len(rows) - n_planted,
            has_directions=has_directions,
            has_types=error_types is not None,
        ),
        crumbs=(Link("Overview", "index.html"),),
    )


def _planted_row(site: Site, planted: Planted) -> PlantedRow:
    rule = None if planted.rule_id is None else site.catalog.rules.get(planted.rule_id)
    return PlantedRow(
        planted=planted,
        link=site.class_link(planted.class_id),
        rule=None if rule is None else Link(rule_inequality(rule), site.rule_path(rule)),
        agreement=Share(
            None if planted.agreement is None else round(planted.agreement * planted.n_images), planted.n_images
        ),
        with_cue=Share(planted.n_with_cue, planted.n_images),
        outcome=OUTCOMES[planted.outcome],
    )


def _noisy_row(site: Site, planted: Planted, error_types: ErrorTypeTables | None) -> NoisyRow:
    row = _planted_row(site, planted)
    errors = None if error_types is None or planted.rule_id is None else error_types.by_rule.get(planted.rule_id)
    return NoisyRow(
        planted=planted,
        link=row.link,
        other=None if planted.noise_class_id is None else site.class_link(planted.noise_class_id),
        kind=ERROR_TITLES[planted.label_noise],
        outcome=row.outcome,
        rule=row.rule,
        agreement=row.agreement,
        recognised=Share(planted.n_noise_recognised, planted.n_noise_failures),
        is_called_noise=errors is not None and errors.is_label_noise,
    )


def _effect_row(site: Site, true: TrueEffect, causes: CauseView | None) -> EffectRow:
    rule = None if true.rule_id is None else site.catalog.rules.get(true.rule_id)
    estimate = None
    if causes is not None and true.rule_id is not None:
        found = causes.effects.get(true.rule_id, ())
        estimate = next((e for e in found if (e.position, e.direction) == (true.position, true.direction)), None)
    return EffectRow(
        true=true,
        link=site.class_link(true.class_id),
        before=Share(true.n_failures, true.n_scenes),
        after=Share(true.n_failures_redrawn, true.n_scenes),
        rule=None if rule is None else Link(rule_inequality(rule), site.rule_path(rule)),
        estimate=estimate,
        verdict="" if estimate is None else VERDICT_WORDS[estimate.verdict],
    )


def _change_row(site: Site, change: PlantedChange) -> ChangeRow:
    return ChangeRow(
        planted=change,
        link=site.class_link(change.class_id),
        before=Share(change.n_failures_old, change.n_lacking),
        after=Share(change.n_failures_new, change.n_lacking),
        told_by_label=change.states_label.replace(" ", ", "),
        told_by_prediction=change.states_prediction.replace(" ", ", "),
    )
