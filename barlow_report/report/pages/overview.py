"""The overview: how good the model is, when it fails, on which classes, and how far its confidence can be relied on."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from barlow_report.formatting import count
from barlow_report.report.calibration import Calibration, calibration_of
from barlow_report.report.datatable import Link
from barlow_report.report.headlines import KnownConditions, confusion_headline, headline, known_conditions
from barlow_report.report.judged import nothing_judged
from barlow_report.report.pages.annotate import n_asked
from barlow_report.report.pages.classes import classes_without_images
from barlow_report.report.pages.confusion_matrix import ConfusionMatrix, confusion_matrix
from barlow_report.report.pages.facts import assumptions, last_part
from barlow_report.report.pages.failures_by_class import FailuresByClass, failures_by_class
from barlow_report.report.pages.mode_cards import ModeCard, mode_card
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.records import Rule, Share
from barlow_report.report.shares import counted
from barlow_report.report.slots import Block, Sentence
from barlow_report.report.source import RELIABILITY
from barlow_report.report.words import STATUSES, group_short
from barlow_report.visible import visible

__all__ = ["GroupTally", "OverviewView", "overview_page"]

_N_CARDS = 3
_N_EXAMPLES = 12
_SAID = ("fitted", "no_features")  # statuses of groups that are no gap, or one that is told of the whole run


@dataclass(frozen=True, kw_only=True)
class GroupTally:
    """How many groups have no tree for one reason, and some of them by name."""

    status: str
    label: str
    n_groups: int
    examples: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class OverviewView:
    """The front page, from the first line to the last."""

    title: str
    description: str
    analysed: str
    answers: tuple[Block, ...]
    news: tuple[Sentence, ...]
    headline: str
    helps: tuple[str, ...]
    right: Share
    known: KnownConditions
    said: tuple[str, ...]
    n_modes: int
    order: str
    cards: tuple[ModeCard, ...]
    by_class: FailuresByClass
    matrix: ConfusionMatrix
    calibration: Calibration | None
    has_curve: bool
    sections: tuple[Block, ...]
    spurious: tuple[tuple[Link, str], ...]
    notes: tuple[Block, ...]
    n_named: int
    n_asked: int
    n_groups: int
    n_fitted: int
    tallies: tuple[GroupTally, ...]
    empty: tuple[Link, ...]
    n_skipped: int
    assumptions: tuple[str, ...]


def overview_page(site: Site) -> SitePage:
    """The front page."""
    modes = site.catalog.failure_modes()
    return SitePage(
        path="index.html",
        title=site.title,
        section="Overview",
        description=site.description or f"When {site.title} fails, with evidence for each failure mode.",
        search=f"Overview. {site.description} Accuracy, worst classes, confusion matrix, calibration.",
        template="pages/overview.html",
        view=lambda: _view(site, modes),
    )


def _view(site: Site, modes: list[Rule]) -> OverviewView:
    catalog, level = site.catalog, site.catalog.rules_config.confidence_level
    statuses = Counter(group.status for group in catalog.groups.values() if group.all_images.n)
    images, judged = catalog.images, nothing_judged(site)
    is_right = images.label == images.prediction
    verified = [rule for rule in modes if rule.verdict == "verified"]
    return OverviewView(
        title=site.title,
        description=site.description,
        analysed=_analysed(site),
        answers=site.ask(lambda lens, view: lens.answer(site, view)),
        news=site.ask(lambda lens, view: lens.news(site, view)),
        headline=headline(catalog, modes, judged=judged) if site.has_features else confusion_headline(catalog),
        helps=judged.helps if judged else (),
        right=counted(int(is_right.sum()), len(images), level=level),
        known=known_conditions(catalog, modes),
        said=site.ask(lambda lens, view: lens.verdict(site, view, verified) or None),
        n_modes=len(modes),
        order=_order(site, modes),
        cards=tuple(mode_card(site, rule) for rule in modes[:_N_CARDS]),
        by_class=failures_by_class(site),
        matrix=confusion_matrix(site),
        calibration=calibration_of(images.confidence, is_right, level=level),
        has_curve=RELIABILITY in site.charts,
        sections=site.ask(lambda lens, view: lens.overview(site, view)),
        spurious=tuple(_spurious(site, verified)),
        notes=site.ask(lambda lens, view: lens.note(site, view)),
        n_named=sum(name.name is not None for name in catalog.names.values()),
        n_asked=n_asked(site),
        n_groups=len(catalog.groups),
        n_fitted=statuses["fitted"],
        tallies=tuple(_tally(site, status, n) for status, n in statuses.most_common() if status not in _SAID),
        empty=classes_without_images(site),
        n_skipped=catalog.n_unread,
        assumptions=assumptions(site.info),
    )


def _order(site: Site, modes: list[Rule]) -> str:
    """Say in which order failure modes stand."""
    if len(modes) <= _N_CARDS:
        return ""
    value = "error rate × error coverage"
    if site.catalog.is_in_sample:
        return f"The three with the highest {value} on the images they were found on."
    return f"The first three: {', then '.join([*site.catalog.order_keys(), f'highest {value}'])}."


def _spurious(site: Site, verified: list[Rule]) -> Iterator[tuple[Link, str]]:
    """Verified modes that depend on something people say is not part of the object, and what they say."""
    for rule in verified:
        for feature_id in dict.fromkeys(condition.feature_id for condition in rule.conditions):
            name = site.catalog.names.get((rule.group_id, feature_id))
            if name is not None and name.relation == "spurious":
                group = site.catalog.groups[rule.group_id]
                what = name.phrase or f"feature {feature_id}"
                yield Link(f"{group_short(group)}: {what}", site.rule_path(rule)), name.said_spurious


def _analysed(site: Site) -> str:
    """Say in a sentence which model was looked at, through which features, and on what."""
    catalog = site.catalog
    models = site.info.get("models")
    models = models if isinstance(models, Mapping) else {}
    inspected, feature = models.get("inspected"), models.get("feature")
    subject = "Predictions of an external model"
    if isinstance(inspected, Mapping):
        subject = f"Model {_name(inspected)}"
    through = ""
    if isinstance(feature, Mapping):
        known = inspected.get("sha256") if isinstance(inspected, Mapping) else None
        if feature.get("is_inspected") or (known is not None and feature.get("sha256") == known):
            through = ", explained by its own features"
        elif isinstance(inspected, Mapping) and _name(feature) == _name(inspected):
            through = ", explained by the features of another model of the same architecture"
        else:
            through = f", explained by the features of {_name(feature)}"
    if isinstance(feature, Mapping) and feature.get("is_file"):
        through = f", explained by the features in {_name(feature)}"
    n_images, n_classes = len(catalog.images), len(catalog.classes)
    words = f"{count(n_images)} image{'s' * (n_images != 1)} of {count(n_classes)} class{'es' * (n_classes != 1)}"
    return f"{subject}{through}, on {words}."


def _name(model: Mapping[str, object]) -> str:
    return visible(last_part(str(model.get("name", "–"))))


def _tally(site: Site, status: str, n_groups: int) -> GroupTally:
    groups = [group for group in site.catalog.groups.values() if group.status == status and group.all_images.n]
    return GroupTally(
        status=status,
        label=STATUSES[status],
        n_groups=n_groups,
        examples=tuple(Link(group_short(group), site.group_path(group)) for group in groups[:_N_EXAMPLES]),
    )
