"""One group as a section of a page: sizes, confusions, tree, failure modes, triptychs and galleries."""

from dataclasses import dataclass

from barlow_report.formatting import percent, ratio
from barlow_report.report.datatable import Link
from barlow_report.report.evidence import evidence_words
from barlow_report.report.pages.page import Heading, Site
from barlow_report.report.pages.pictures import GalleryPicture, TriptychView, gallery_picture, triptych
from barlow_report.report.records import Group, Rule, Share
from barlow_report.report.slots import Block, Sentence
from barlow_report.report.tree import TreeDrawing, draw_tree
from barlow_report.report.words import (
    either_sentence,
    images_of,
    noise_words,
    rule_inequality,
    rule_sentence,
    status_words,
)

__all__ = [
    "Confusion",
    "GroupSection",
    "RuleView",
    "describe_groups",
    "group_headings",
    "group_section",
    "rule_title",
    "search_words",
]

_N_CONFUSIONS = 8


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """A class on the other side of the failures, or a label and what it was predicted as, and its share of them."""

    links: tuple[Link, ...]
    share: Share


@dataclass(frozen=True, kw_only=True)
class RuleView:
    """A rule with everything that is shown about it; triptychs shown further up are named in `shown_above`."""

    rule: Rule
    title: str
    sentence: str
    inequality: str
    evidence: str
    sentences: tuple[Sentence, ...]
    triptychs: tuple[TriptychView, ...]
    shown_above: tuple[TriptychView, ...]
    failures: tuple[GalleryPicture, ...]
    successes: tuple[GalleryPicture, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class GroupSection:
    """A group, ready to be shown."""

    group: Group
    anchor: str
    title: str
    images_of: str
    status: str
    noise: str
    confusions_title: str
    confusions: tuple[Confusion, ...]
    n_other_confusions: int
    tree: TreeDrawing | None
    failure_modes: tuple[RuleView, ...]
    either: str
    other_rules: tuple[RuleView, ...]
    blocks: tuple[Block, ...]


def rule_title(number: int) -> str:
    """Heading of a failure mode within its group."""
    return f"Failure mode {number}"


def section_title(group: Group) -> str:
    """Heading of a group: Images labelled mug."""
    words = images_of(group)
    return words[0].upper() + words[1:]


def group_headings(site: Site, groups: list[Group]) -> tuple[Heading, ...]:
    """Table of contents: the groups, and below them the failure modes and what lenses add."""
    return tuple(
        Heading(
            section_title(group),
            site.group_anchor(group),
            tuple(
                Heading(f"{rule_title(i)}: {_short_rule(rule)}", f"rule-{rule.rule_id}")
                for i, rule in enumerate(group.failure_modes, start=1)
            )
            + tuple(part.heading for part in _blocks(site, group) if part.heading),
        )
        for group in groups
    )


def _short_rule(rule: Rule) -> str:
    return rule_inequality(rule).replace("feature ", "f")


def describe_groups(groups: list[Group]) -> str:
    """Say of each group how many of its images are misclassified."""
    parts = [
        f"{percent(share.value)} of the {images_of(group)} are misclassified ({ratio(share.k, share.n)})"
        for group, share in ((group, group.all_images) for group in groups)
        if share.value is not None
    ]
    return "; ".join(parts) + "." if parts else "No image was analysed."


def search_words(groups: list[Group]) -> str:
    """What the search finds the page of some groups by."""
    modes = [rule for group in groups for rule in group.failure_modes]
    features = dict.fromkeys(f"feature {c.feature_id}" for rule in modes for c in rule.conditions)
    return f"{describe_groups(groups)} {len(modes)} failure modes. {', '.join(features)}"


def _confusions(site: Site, group: Group) -> list[Confusion]:
    """The failures of a group by class, of one without a class by label and prediction; those of a pair are alike."""
    if group.grouping == "confused_pairs":
        return []
    found: list[tuple[tuple[int, ...], int]]
    if group.class_id is None:
        found = [((a.class_id, b.class_id), n) for a, b, n in site.catalog.confused_within(group)]
    else:
        counts = site.catalog.confusions.get((group.grouping, group.class_id), ())
        found = [((class_id,), n) for class_id, n in counts]
    total = sum(n for _, n in found)
    return [
        Confusion(links=tuple(site.class_link(class_id) for class_id in ids), share=Share(n, total)) for ids, n in found
    ]


def group_section(site: Site, group: Group) -> GroupSection:
    """Collect what is shown about a group."""
    confusions = _confusions(site, group)
    titles = {"label": "What they are predicted as", "prediction": "What they really are"}
    shown: dict[int, TriptychView] = {}
    return GroupSection(
        group=group,
        anchor=site.group_anchor(group),
        title=section_title(group),
        images_of=images_of(group),
        status=status_words(group, site.catalog.rules_config),
        noise=noise_words(group, site.catalog.rules_config),
        confusions_title=titles.get(group.grouping, "What is taken for what"),
        confusions=tuple(confusions[:_N_CONFUSIONS]),
        n_other_confusions=max(len(confusions) - _N_CONFUSIONS, 0),
        tree=draw_tree(group),
        failure_modes=tuple(
            _rule_view(site, group, rule, number=i, shown=shown) for i, rule in enumerate(group.failure_modes, start=1)
        ),
        either=either_sentence(group),
        other_rules=tuple(
            _rule_view(site, group, rule, number=0, shown=None) for rule in group.rules if not rule.is_failure_mode
        ),
        blocks=_blocks(site, group),
    )


def _blocks(site: Site, group: Group) -> tuple[Block, ...]:
    return site.ask(lambda lens, view: lens.group(site, view, group))


def _rule_view(site: Site, group: Group, rule: Rule, *, number: int, shown: dict[int, TriptychView] | None) -> RuleView:
    new: list[TriptychView] = []
    above: list[TriptychView] = []
    for feature_id in dict.fromkeys(condition.feature_id for condition in rule.conditions) if shown is not None else ():
        if shown is not None and feature_id in shown:
            above.append(shown[feature_id])
        elif shown is not None and (found := triptych(site, group, feature_id)) is not None:
            shown[feature_id] = found
            new.append(found)
    pictures = [gallery_picture(site, image) for image in site.catalog.galleries.get(rule.rule_id, ())]
    return RuleView(
        rule=rule,
        title=rule_title(number),
        sentence=rule_sentence(group, rule),
        inequality=rule_inequality(rule),
        evidence=evidence_words(rule, site.catalog.rules_config),
        sentences=site.ask(lambda lens, view: lens.mode_sentence(site, view, rule)),
        triptychs=tuple(new),
        shown_above=tuple(above),
        failures=tuple(picture for picture in pictures if picture.is_failure),
        successes=tuple(picture for picture in pictures if not picture.is_failure),
        blocks=site.ask(lambda lens, view: lens.mode(site, view, rule)),
    )
