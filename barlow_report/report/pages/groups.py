"""One group as a section of a page: sizes, confusions, tree, failure modes, triptychs and galleries."""

from dataclasses import dataclass

from barlow_report.formatting import percent, ratio
from barlow_report.report.evidence import modes_words
from barlow_report.report.mode_words import either_line
from barlow_report.report.pages.confusions import Confusions, confusions_of_group
from barlow_report.report.pages.mode_views import ModeInFull, mode_in_full, mode_short
from barlow_report.report.pages.page import Heading, Site
from barlow_report.report.pages.pictures import TriptychView
from barlow_report.report.records import Group, Rule
from barlow_report.report.slots import Block
from barlow_report.report.tree import TreeDrawing, draw_tree
from barlow_report.report.words import images_of, noise_words, rule_inequality, status_words

__all__ = [
    "GroupSection",
    "OtherRule",
    "describe_groups",
    "group_headings",
    "group_section",
    "search_words",
]


@dataclass(frozen=True, kw_only=True)
class OtherRule:
    """A leaf that is not a failure mode, as one row of a table."""

    rule: Rule
    inequality: str


@dataclass(frozen=True, kw_only=True)
class GroupSection:
    """A group, ready to be shown."""

    group: Group
    anchor: str
    title: str
    images_of: str
    status: str
    noise: str
    confusions: Confusions
    tree: TreeDrawing | None
    failure_modes: tuple[ModeInFull, ...]
    either: str
    other_rules: tuple[OtherRule, ...]
    blocks: tuple[Block, ...]


def section_title(group: Group) -> str:
    """Heading of a group: Images labelled mug."""
    return _capital(images_of(group))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def group_headings(site: Site, groups: list[Group]) -> tuple[Heading, ...]:
    """Table of contents: the groups, and below them the failure modes and what lenses add."""
    return tuple(
        Heading(
            section_title(group),
            site.group_anchor(group),
            tuple(Heading(_capital(mode_short(rule)), f"rule-{rule.rule_id}") for rule in group.failure_modes)
            + tuple(part.heading for part in _blocks(site, group) if part.heading),
        )
        for group in groups
    )


def describe_groups(groups: list[Group]) -> str:
    """Say of each group how many of its images fail."""
    parts = [
        f"{percent(share.value)} of the {images_of(group)} fail ({ratio(share.k, share.n)})"
        for group, share in ((group, group.all_images) for group in groups)
        if share.value is not None
    ]
    return "; ".join(parts) + "." if parts else "No image was analysed."


def search_words(groups: list[Group]) -> str:
    """What the search finds the page of some groups by."""
    modes = [rule for group in groups for rule in group.failure_modes]
    features = dict.fromkeys(f"feature {c.feature_id}" for rule in modes for c in rule.conditions)
    return f"{describe_groups(groups)} {_capital(modes_words(modes))}. {', '.join(features)}"


def group_section(site: Site, group: Group) -> GroupSection:
    """Collect what is shown about a group."""
    shown: dict[int, TriptychView] = {}
    return GroupSection(
        group=group,
        anchor=site.group_anchor(group),
        title=section_title(group),
        images_of=images_of(group),
        status=status_words(group, site.catalog.rules_config),
        noise=noise_words(group, site.catalog.rules_config),
        confusions=confusions_of_group(site, group),
        tree=draw_tree(group) if _is_deep(group) else None,
        failure_modes=tuple(mode_in_full(site, group, rule, shown=shown) for rule in group.failure_modes),
        either=either_line(group),
        other_rules=tuple(
            OtherRule(rule=rule, inequality=rule_inequality(rule)) for rule in group.rules if not rule.is_failure_mode
        ),
        blocks=_blocks(site, group),
    )


def _is_deep(group: Group) -> bool:
    """Whether a drawing of the tree says more than its rules do."""
    return max((node.depth for node in group.nodes), default=0) > 1


def _blocks(site: Site, group: Group) -> tuple[Block, ...]:
    return site.ask(lambda lens, view: lens.group(site, view, group))
