"""What causes have to say on the pages of others: a failure mode, the table of them, the method page."""

from dataclasses import dataclass

from barlow_report.config import RulesConfig
from barlow_report.formatting import activation, percent
from barlow_report.lenses.causes.page_charts import DoseDrawing, draw_doses
from barlow_report.lenses.causes.page_words import (
    VERDICT_WORDS,
    effect_evidence,
    effect_sentence,
    effect_title,
    verdict_sentence,
)
from barlow_report.lenses.causes.records import CauseEffect, CausePair, CauseView
from barlow_report.lenses.causes.tables import VERDICTS
from barlow_report.report.datatable import Filter, TableColumn
from barlow_report.report.pages.page import Heading, Site
from barlow_report.report.records import Rule
from barlow_report.report.slots import Block, MethodPart, ModeColumns, PagePart, Ranking, Remark, Sentence

__all__ = [
    "EffectSection",
    "ModeCauses",
    "PairPictures",
    "method_part",
    "mode_block",
    "mode_columns",
    "mode_sentence",
    "ranking",
    "remark",
]


@dataclass(frozen=True, kw_only=True)
class PairPictures:
    """An image before and after, and the change itself."""

    pair: CausePair
    before: str
    after: str
    words: str

    @property
    def change(self) -> str:
        """What the feature did."""
        return f"activation {activation(self.pair.activation_before)} → {activation(self.pair.activation_after)}"


@dataclass(frozen=True, kw_only=True)
class EffectSection:
    """An effect, ready to be shown."""

    effect: CauseEffect
    title: str
    badge: str
    sentence: str
    evidence: str
    chart: DoseDrawing | None
    pairs: tuple[PairPictures, ...]


@dataclass(frozen=True, kw_only=True)
class ModeCauses:
    """The effects of a failure mode; the first one is open."""

    rule_id: int
    effects: tuple[EffectSection, ...]


def mode_sentence(site: Site, causes: CauseView, rule: Rule) -> Sentence | None:
    """The sentence beside the evidence of a failure mode that could not be tested; others say it above their chart."""
    best = causes.best(rule.rule_id)
    if best is None or best.effect is not None:
        return None
    return Sentence(text=effect_sentence(best, _name(site, rule, best)))


def mode_block(site: Site, causes: CauseView, rule: Rule) -> Block | None:
    """Charts and pictures of a failure mode."""
    effects = [effect for effect in causes.effects.get(rule.rule_id, ()) if effect.effect is not None]
    best = causes.best(rule.rule_id)
    if best is None or not effects:
        return None
    effects.sort(key=lambda effect: effect is not best)
    sections = tuple(_section(site, rule, effect) for effect in effects)
    return Block(template="lenses/causes/mode.html", view=ModeCauses(rule_id=rule.rule_id, effects=sections))


def ranking(causes: CauseView) -> Ranking:
    """Failure modes with a condition that was shown to be a cause come first."""
    return Ranking(
        words="causes before others",
        ranks={rule_id: -1 for rule_id in causes.effects if causes.verdict(rule_id) == "causal"},
    )


def remark(causes: CauseView, rule: Rule) -> Remark | None:
    """The badge of a failure mode; nothing where it could not be tested."""
    verdict = causes.verdict(rule.rule_id)
    if verdict is None or verdict == "not_tested":
        return None
    sentence = verdict_sentence(verdict)
    return Remark(word=VERDICT_WORDS[verdict], sentence=f"{sentence[0].upper()}{sentence[1:]}.", look=verdict)


def mode_columns(causes: CauseView) -> ModeColumns:
    """The column of verdicts and its filter."""
    present = {causes.verdict(rule_id) for rule_id in causes.effects}
    return ModeColumns(
        columns=(
            TableColumn(
                key="cause",
                label="Cause",
                kind="badge",
                words=VERDICT_WORDS,
                starts="descending",
                title="Whether changing the feature changes the failures more than other changes of the same size do.",
            ),
        ),
        is_beside_verdict=True,
        cells=lambda rule: (causes.verdict(rule.rule_id),),
        filters=(
            Filter(
                key="cause",
                label="Cause",
                kind="equals",
                choices=tuple((VERDICT_WORDS[v], v) for v in VERDICTS if v in present),
            ),
        ),
    )


def method_part(causes: CauseView) -> MethodPart:
    """The part of the method page."""
    return MethodPart(
        section=PagePart(
            heading=Heading("Causes", "causes"), block=Block(template="lenses/causes/method.html", view=causes)
        ),
        sources=None,
    )


def _name(site: Site, rule: Rule, effect: CauseEffect) -> str | None:
    name = site.catalog.names.get((rule.group_id, effect.feature_id))
    return None if name is None else name.phrase


def _section(site: Site, rule: Rule, effect: CauseEffect) -> EffectSection:
    config: RulesConfig = site.catalog.rules_config
    return EffectSection(
        effect=effect,
        title=effect_title(effect),
        badge=VERDICT_WORDS[effect.verdict],
        sentence=effect_sentence(effect, _name(site, rule, effect)),
        evidence=effect_evidence(effect, level=config.confidence_level, max_q_value=config.max_q_value, rho=config.rho),
        chart=draw_doses(effect.doses),
        pairs=tuple(_pair(site, pair) for pair in effect.pairs),
    )


def _pair(site: Site, pair: CausePair) -> PairPictures:
    label = site.class_name(int(site.catalog.images.label[pair.image_id]))
    before, after = (site.class_name(class_id) for class_id in (pair.prediction_before, pair.prediction_after))
    sure_before, sure_after = (percent(c, decimals=0) for c in (pair.confidence_before, pair.confidence_after))
    return PairPictures(
        pair=pair,
        before=f"taken for {before} ({sure_before} sure)",
        after=f"taken for {after} ({sure_after} sure)",
        words=f"labelled {label}; taken for {before} before and for {after} after the change",
    )
