"""The overview: the verdict first, then the most important failure modes, then what the reader must know."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from barlow_report.formatting import count
from barlow_report.report.datatable import Link
from barlow_report.report.evidence import verdict_counts
from barlow_report.report.headlines import Headline, headlines
from barlow_report.report.pages.annotate import n_asked
from barlow_report.report.pages.facts import Fact, assumptions, last_part, run_facts, settings_rows
from barlow_report.report.pages.groups import rule_title
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.records import Group, Rule, Share, Tile
from barlow_report.report.slots import Block, Remark
from barlow_report.report.visible import visible
from barlow_report.report.words import STATUSES, grouping_label, rule_inequality, rule_when

__all__ = ["FailureModeCard", "GroupTally", "OverviewView", "overview_page"]

_N_CARDS = 10
_N_EXAMPLES = 12


@dataclass(frozen=True, kw_only=True)
class FailureModeCard:
    """One of the most important failure modes."""

    rule: Rule
    group: Group
    link: Link
    group_link: Link
    grouping: str
    title: str
    when: str
    inequality: str
    tile: Tile | None
    failure: str | None
    feature_id: int | None
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, kw_only=True)
class GroupTally:
    """How many groups have no tree for one reason, and some of them by name."""

    status: str
    label: str
    n_groups: int
    examples: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class OverviewView:
    """The front page."""

    title: str
    description: str
    analysed: str
    headlines: tuple[Headline, ...]
    is_in_sample: bool
    failures: Share
    n_classes: int
    n_features: int
    divided: str
    n_modes: int
    verdicts: tuple[tuple[int, str], ...]
    order: str
    n_groups: int
    n_fitted: int
    cards: tuple[FailureModeCard, ...]
    tallies: tuple[GroupTally, ...]
    explained: Share | None
    n_skipped: int
    facts: tuple[Fact, ...]
    settings: tuple[Fact, ...]
    assumptions: tuple[str, ...]
    charts: tuple[str, ...]
    n_named: int
    n_asked: int
    spurious: tuple[tuple[Link, str], ...]
    sections: tuple[Block, ...]
    notes: tuple[Block, ...]


def overview_page(site: Site) -> SitePage:
    """The front page."""
    modes = site.catalog.failure_modes()
    return SitePage(
        path="index.html",
        title=site.title,
        section="Overview",
        description=site.description or f"When {site.title} fails, and how well each explanation was tested.",
        search=f"Overview. {site.description}",
        template="pages/overview.html",
        view=lambda: _view(site, modes),
    )


def _view(site: Site, modes: list[Rule]) -> OverviewView:
    catalog = site.catalog
    statuses = Counter(group.status for group in catalog.groups.values())
    explained = _explained(site)
    return OverviewView(
        title=site.title,
        description=site.description,
        analysed=_analysed(site),
        headlines=headlines(site, modes, explained=explained),
        is_in_sample=catalog.is_in_sample,
        failures=catalog.images.failures,
        n_classes=len(catalog.classes),
        n_features=len(catalog.feature_ids),
        divided=catalog.evidence.divide(catalog.n_fit, catalog.n_held_out),
        n_modes=len(modes),
        verdicts=verdict_counts(modes),
        order=_order(site, modes),
        n_groups=len(catalog.groups),
        n_fitted=statuses["fitted"],
        cards=tuple(_card(site, rule) for rule in modes[:_N_CARDS]),
        tallies=tuple(_tally(site, status, n) for status, n in statuses.most_common() if status != "fitted"),
        explained=explained,
        n_skipped=catalog.n_unread,
        facts=tuple(run_facts(site)),
        settings=tuple(settings_rows(site.info)),
        assumptions=assumptions(site.info),
        charts=tuple(name for name in ("error_rate_by_class", "tree_gain") if name in site.charts),
        n_named=sum(name.name is not None for name in catalog.names.values()),
        n_asked=n_asked(site),
        spurious=tuple(_spurious(site, modes)),
        sections=site.ask(lambda lens, view: lens.overview(site, view)),
        notes=site.ask(lambda lens, view: lens.note(site, view)),
    )


def _order(site: Site, modes: list[Rule]) -> str:
    """Say in which order failure modes stand, and what their numbers are of."""
    if site.catalog.is_in_sample:
        return "By importance value, measured on the images the rules were fitted on."
    keys = ["verdict"] * (len(verdict_counts(modes)) > 1)
    keys += ["stability (unstable ones last)"] * any(rule.is_unstable for rule in modes)
    words = ", then by ".join([*keys, "importance value"])
    return f"By {words}. The numbers are those of {site.catalog.evidence.images}."


def _explained(site: Site) -> Share | None:
    """The share of failures that the modes of the whole run cover: verified ones, where any were tested."""
    for row in site.catalog.explained:
        if row.scope == "run":
            return row.in_modes if site.catalog.is_in_sample else row.held_out
    return None


def _spurious(site: Site, modes: list[Rule]) -> Iterator[tuple[Link, str]]:
    """Verified modes that depend on something people say is not part of the class, and what they say."""
    for rule in modes:
        for feature_id in dict.fromkeys(condition.feature_id for condition in rule.conditions):
            name = site.catalog.names.get((rule.group_id, feature_id))
            if rule.verdict == "verified" and name is not None and name.relation == "spurious":
                group = site.catalog.groups[rule.group_id]
                what = name.phrase or f"feature {feature_id}"
                yield Link(f"{group.name}, {grouping_label(group)}: {what}", site.rule_path(rule)), name.said_spurious


def _card(site: Site, rule: Rule) -> FailureModeCard:
    group = site.catalog.groups[rule.group_id]
    feature_id = rule.conditions[0].feature_id if rule.conditions else None
    failures = [image for image in site.catalog.galleries.get(rule.rule_id, ()) if image.is_failure]
    number = group.failure_modes.index(rule) + 1
    return FailureModeCard(
        rule=rule,
        group=group,
        link=Link(rule_title(number), site.rule_path(rule)),
        group_link=Link(group.name, site.group_path(group)),
        grouping=grouping_label(group),
        title=rule_title(number),
        when=rule_when(group, rule),
        inequality=rule_inequality(rule),
        tile=None if feature_id is None else site.top_tile(feature_id, rule.group_id),
        failure=failures[0].thumbnail if failures else None,
        feature_id=feature_id,
        remarks=site.ask(lambda lens, view: lens.remark(site, view, rule)),
    )


def _analysed(site: Site) -> str:
    """Say in a sentence which model was looked at, through which features, and on what."""
    catalog = site.catalog
    models = site.info.get("models")
    models = models if isinstance(models, Mapping) else {}
    inspected, feature = models.get("inspected"), models.get("feature")
    subject = "Predictions from elsewhere"
    if isinstance(inspected, Mapping):
        subject = f"The model {_short_name(inspected)}"
    through = ""
    if isinstance(feature, Mapping):
        if feature.get("is_inspected"):
            through = " through its own features"
        elif isinstance(inspected, Mapping) and _short_name(feature) == _short_name(inspected):
            through = " through the features of another model of the same architecture"
        else:
            through = f" through the features of {_short_name(feature)}"
    n_images, n_classes = len(catalog.images), len(catalog.classes)
    words = f"{count(n_images)} image{'s' * (n_images != 1)} of {count(n_classes)} class{'es' * (n_classes != 1)}"
    return f"{subject}, explained{through}, on {words}."


def _short_name(model: Mapping[str, object]) -> str:
    """The part of a model's name that tells it from others: the function of a factory, without its module."""
    return visible(last_part(str(model.get("name", "–"))).rpartition(":")[2])


def _tally(site: Site, status: str, n_groups: int) -> GroupTally:
    groups = [group for group in site.catalog.groups.values() if group.status == status][:_N_EXAMPLES]
    return GroupTally(
        status=status,
        label=STATUSES[status],
        n_groups=n_groups,
        examples=tuple(Link(f"{group.name} ({grouping_label(group)})", site.group_path(group)) for group in groups),
    )
