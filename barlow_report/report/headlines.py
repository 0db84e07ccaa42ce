"""The four questions of somebody who has ten seconds, answered from the tables alone.

The headlines claim no more than was tested: a report cannot say that a model is safe, only whether something
that was found speaks against it, and what nobody has looked at.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from barlow_report.formatting import count, percent, ratio
from barlow_report.report.datatable import Link
from barlow_report.report.evidence import modes_words, verdict_counts
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Group, Rule, Share
from barlow_report.report.slots import Remark
from barlow_report.report.words import STATUSES, condition_words, images_of, rule_when, share_text

__all__ = ["Headline", "headlines"]

_N_LINKS = 3
_WHICH = {
    "real_but_small": "Real but small ones",
    "not_of_class": "Ones that are only not of the class,",
    "can_be_chance": "Ones that can be chance,",
    "too_few_images": "Ones with too few images to tell,",
    "in_sample_only": "Untested ones",
}
_GAPS = ("too_few_images", "no_split", "only_failures")  # a group without failures leaves nothing to explain


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One question with a short answer, what it rests on, and where to read on; `tone` is good, doubt or plain."""

    question: str
    answer: str
    detail: str = ""
    links: tuple[Link, ...] = ()
    more: Link | None = None
    tone: str = "plain"


def headlines(site: Site, modes: Sequence[Rule], *, explained: Share | None) -> tuple[Headline, ...]:
    """Answer: is it safe to ship, what matters most, how much is explained, what was not analysed."""
    return (_ship(site, modes), _matter(site, modes), _explained(site, explained), _not_analysed(site))


def _ship(site: Site, modes: Sequence[Rule]) -> Headline:
    question = "Safe to ship, as far as was analysed?"
    n_verified = sum(rule.verdict == "verified" for rule in modes)
    overall = f"Of all images, {share_text(site.catalog.images.failures)} are misclassified."
    said = " ".join(_verdicts(site, modes))
    if n_verified:
        worst = modes[0]  # verified ones come first, the most important one of them at the top
        return Headline(
            question=question,
            answer=f"Not without deciding on {_modes(n_verified, 'verified')}",
            detail=f"{said}{' ' if said else ''}The most important failure mode: "
            f"{_found(site.catalog.groups[worst.group_id], worst)}.{_others(modes)}",
            more=Link("See it", site.rule_path(worst)),
            tone="doubt",
        )
    if said:
        return Headline(
            question=question,
            answer="Not without a closer look",
            detail=f"{said} {_sentence(modes_words(modes))}. {overall}",
            tone="doubt",
        )
    if not modes:
        return Headline(
            question=question,
            answer="Nothing found speaks against it",
            detail=f"No failure mode was found. That is no proof of soundness: see what was not analysed. {overall}",
        )
    if site.catalog.is_in_sample:
        return Headline(
            question=question,
            answer="This report cannot say",
            detail=f"{_modes(len(modes), '')} found, none tested: no image was held out. {overall}",
            more=Link("What that means", "method/index.html#evidence"),
            tone="doubt",
        )
    is_real = any(rule.verdict == "real_but_small" for rule in modes)
    return Headline(
        question=question,
        answer="Only small differences speak against it" if is_real else "Nothing verified speaks against it",
        detail=f"{_sentence(modes_words(modes))}. {overall}",
        more=Link("See them", "failure-modes/index.html"),
        tone="plain" if is_real else "good",
    )


def _others(modes: Sequence[Rule]) -> str:
    """Say what the modes are that are not verified."""
    found = [f"{count(n)} {words}" for n, words in verdict_counts(modes)[1:]]
    return f" The others: {', '.join(found)}." if found else ""


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _verdicts(site: Site, modes: Sequence[Rule]) -> tuple[str, ...]:
    verified = [rule for rule in modes if rule.verdict == "verified"]
    return site.ask(lambda lens, view: lens.verdict(site, view, verified))


def _remarks(site: Site, rule: Rule) -> tuple[Remark, ...]:
    return site.ask(lambda lens, view: lens.remark(site, view, rule))


def _modes(n: int, kind: str) -> str:
    return f"{count(n)} {kind} failure mode{'s' * (n != 1)}".replace("  ", " ")


def _found(group: Group, rule: Rule) -> str:
    error, base = rule.best.error, rule.best.base
    when = rule_when(group, rule)
    return f"{when[0].lower()}{when[1:]}, {share_text(error)} fail, against {percent(base.value)} of the group"


def _matter(site: Site, modes: Sequence[Rule]) -> Headline:
    question = "Which failure modes matter most?"
    if not modes:
        return Headline(question=question, answer="None was found")
    strongest = modes[0].verdict
    shown = [rule for rule in modes if rule.verdict == strongest][:_N_LINKS]
    groups = [site.catalog.groups[rule.group_id] for rule in shown]
    names = list(dict.fromkeys(group.name for group in groups))
    stable = "stable ones, then " if any(rule.is_unstable for rule in modes) else ""
    why = f"{stable}by importance value: how often they fail times how many of the group's failures they cover"
    return Headline(
        question=question,
        answer=f"{_WHICH.get(strongest or '', 'Those')} of {_and(names)}",
        detail=f"First {why}.",
        links=tuple(
            Link(
                f"{images_of(group)}, when {condition_words(rule.conditions) or 'anything'}"
                + "".join(f", {remark.word}" for remark in _remarks(site, rule)),
                site.rule_path(rule),
            )
            for group, rule in zip(groups, shown, strict=True)
        ),
        more=Link(f"All {count(len(modes))}", "failure-modes/index.html"),
    )


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _explained(site: Site, explained: Share | None) -> Headline:
    question = "How much of the failures do they explain?"
    more = Link("More", "evaluation/index.html")
    if explained is None or explained.value is None:
        return Headline(
            question=question, answer="There is no figure", detail="No failure could be counted.", more=more
        )
    evidence = site.catalog.evidence
    kind = "a failure mode, in-sample" if site.catalog.is_in_sample else "a verified failure mode"
    left = (explained.n or 0) - (explained.k or 0)
    detail = f"{ratio(explained.k, explained.n)} {evidence.of_failures}failures lie in {kind}{evidence.each}"
    detail += f"; the other {count(left)} are not explained." if left else "."
    return Headline(question=question, answer=percent(explained.value), detail=detail, more=more)


def _not_analysed(site: Site) -> Headline:
    question = "What was not analysed?"
    groups = site.catalog.groups.values()
    statuses = Counter(group.status for group in groups)
    gaps = [f"{count(statuses[status])} with {STATUSES[status]}" for status in _GAPS if statuses[status]]
    n_without = sum(statuses[status] for status in _GAPS)
    n_skipped = site.catalog.n_unread
    files = f"{count(n_skipped)} file{'s' * (n_skipped != 1)} could not be read"
    outside = "Images from other sources were not looked at."
    if not groups:
        return Headline(question=question, answer="Everything: the run has no groups", detail=outside, tone="doubt")
    if not n_without:
        return Headline(
            question=question,
            answer=files if n_skipped else "Every image was read, every group with failures has a tree",
            detail=outside,
            more=Link("Details", "index.html#gaps"),
            tone="doubt" if n_skipped else "plain",
        )
    return Headline(
        question=question,
        answer=f"{count(n_without)} of {count(len(groups))} groups have failures or too few images, and no tree",
        detail=f"{', '.join(gaps)}{f'; {files}' if n_skipped else ''}. {outside}",
        more=Link("Details", "index.html#gaps"),
        tone="doubt",
    )
