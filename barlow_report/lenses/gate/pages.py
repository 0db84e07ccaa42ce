"""The page of the gate, and its answer on the overview."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from barlow_report.lenses.changes.page_tables import mode_link
from barlow_report.lenses.changes.records import ChangeView, ModeChange
from barlow_report.lenses.gate.records import GateCondition, GateFinding, GateView, GateWaiver
from barlow_report.lenses.gate.results import Outcome, WaiverStatus
from barlow_report.lenses.gate.words import OUTCOME_WORDS, WAIVER_WORDS
from barlow_report.report.datatable import Link
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.slots import Block

__all__ = ["ConditionPart", "FindingRow", "GateAnswer", "GatePage", "WaiverRow", "answer", "gate_page"]

_PATH = "gate/index.html"
_N_LISTED = 100


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """What was found of a failure mode, a class or the run, and where the site has it."""

    finding: GateFinding
    link: Link | None
    words: str


@dataclass(frozen=True, kw_only=True)
class ConditionPart:
    """A condition with what does not hold under it; `n_more` further findings are only counted."""

    condition: GateCondition
    open: tuple[FindingRow, ...]
    n_more: int


@dataclass(frozen=True, kw_only=True)
class WaiverRow:
    """A waiver, and where the site has its failure mode."""

    waiver: GateWaiver
    link: Link | None


@dataclass(frozen=True, kw_only=True)
class GateAnswer:
    """The answer with the conditions that do not simply hold, what is waived, and how outcomes are shown."""

    gate: GateView
    told: tuple[GateCondition, ...]
    waived: tuple[GateWaiver, ...]
    outcome_words: Mapping[Outcome, str]
    looks: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class GatePage:
    """The answer, every condition, every waiver."""

    gate: GateView
    parts: tuple[ConditionPart, ...]
    waivers: tuple[WaiverRow, ...]
    outcome_words: Mapping[Outcome, str]
    waiver_words: Mapping[WaiverStatus, str]
    looks: Mapping[str, str]


_LOOKS = {
    "failed": "missed",
    "no_verdict": "can_be_chance",
    "warned": "real_but_small",
    "waived": "real_but_small",
    "passed": "found",
    "used": "real_but_small",
    **dict.fromkeys(("expired", "gone", "unknown", "unused"), "doubt"),
}
"""The style of each outcome's badge, and of each status of a waiver."""


def answer(gate: GateView) -> Block:
    """The first lines of the overview."""
    view = GateAnswer(
        gate=gate,
        told=tuple(condition for condition in gate.conditions if condition.outcome != "passed"),
        waived=tuple(waiver for waiver in gate.waivers if waiver.status == "used"),
        outcome_words=OUTCOME_WORDS,
        looks=_LOOKS,
    )
    return Block(template="lenses/gate/answer.html", view=view)


def gate_page(site: Site, gate: GateView, *, changes: ChangeView | None) -> SitePage:
    """The page of the gate; `changes` is the comparison with the baseline, where the site has one."""
    modes = {} if changes is None else {mode.name: mode for mode in changes.modes}
    return SitePage(
        path=_PATH,
        title="Gate",
        section="Gate",
        description=gate.headline,
        search="Gate: what this release must hold, what it violates, and which failure modes are waived until when.",
        template="lenses/gate/page.html",
        view=lambda: GatePage(
            gate=gate,
            parts=tuple(_part(site, condition, modes) for condition in gate.conditions),
            waivers=tuple(_waivers(site, gate, modes)),
            outcome_words=OUTCOME_WORDS,
            waiver_words=WAIVER_WORDS,
            looks=_LOOKS,
        ),
        crumbs=(Link("Overview", "index.html"),),
    )


def _part(site: Site, condition: GateCondition, modes: Mapping[str, ModeChange]) -> ConditionPart:
    shown = [finding for finding in condition.findings if finding.subject and finding.outcome != "passed"]
    return ConditionPart(
        condition=condition,
        open=tuple(_row(site, finding, modes) for finding in shown[:_N_LISTED]),
        n_more=max(len(shown) - _N_LISTED, 0),
    )


def _waivers(site: Site, gate: GateView, modes: Mapping[str, ModeChange]) -> Iterator[WaiverRow]:
    findings = (finding for condition in gate.conditions for finding in condition.findings)
    found_modes = {finding.subject: finding for finding in findings if finding.rule_id is not None}
    for waiver in gate.waivers:
        found, earlier = found_modes.get(waiver.mode_name), modes.get(waiver.mode_name)
        link = mode_link(site, earlier) if earlier is not None else None
        yield WaiverRow(waiver=waiver, link=link if found is None else _row(site, found, modes).link)


def _row(site: Site, finding: GateFinding, modes: Mapping[str, ModeChange]) -> FindingRow:
    rule = None if finding.rule_id is None else site.catalog.rules.get(finding.rule_id)
    if rule is not None:
        group = site.catalog.groups[rule.group_id]
        return FindingRow(
            finding=finding, link=Link(finding.subject or "", site.rule_path(rule)), words=mode_name(group, rule)
        )
    if finding.class_id is not None and finding.class_id in site.catalog.classes:
        return FindingRow(finding=finding, link=site.class_link(finding.class_id), words="")
    if (earlier := modes.get(finding.subject or "")) is not None:
        words = f"{finding.group_name}, of the baseline alone" if finding.group_name else "of the baseline alone"
        return FindingRow(finding=finding, link=mode_link(site, earlier), words=words)
    return FindingRow(finding=finding, link=None, words=finding.group_name or "")
