"""The method page, the evaluation, and the list of skipped files."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean

from barlow_report.config import RulesConfig
from barlow_report.report.calibration import N_BINS
from barlow_report.report.datatable import Link
from barlow_report.report.evaluation_records import Evaluation, Explained
from barlow_report.report.evidence import STABILITY
from barlow_report.report.judged import ImagesNeeded, images_needed_here
from barlow_report.report.pages.facts import (
    NOT_SET,
    Fact,
    Threshold,
    assumptions,
    run_facts,
    settings_rows,
    some_attacked,
    threshold,
)
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.records import Share
from barlow_report.report.slots import MethodPart
from barlow_report.report.source import gain_chart
from barlow_report.report.words import GROUPINGS, kind_words

__all__ = [
    "EvaluationView",
    "GainChart",
    "MethodView",
    "NoiseRow",
    "SkippedView",
    "attack_words",
    "evaluation_page",
    "method_page",
    "skipped_page",
]

_UP = (Link("Overview", "index.html"),)
_N_SKIPPED = 2000


@dataclass(frozen=True, kw_only=True)
class MethodView:
    """Definitions, and the settings they were used with."""

    rules: RulesConfig
    kinds: tuple[tuple[str, str], ...]
    is_in_sample: bool
    families: tuple[tuple[str, int], ...]
    stability: tuple[tuple[float, str], ...]
    needed: tuple[ImagesNeeded, ...]
    n_bins: int
    facts: tuple[Fact, ...]
    threshold: Threshold | None
    settings: tuple[Fact, ...]
    assumptions: tuple[str, ...]
    attack: tuple[str, ...]
    some_attacked: str
    parts: tuple[MethodPart, ...]


@dataclass(frozen=True, kw_only=True)
class SkippedView:
    """The files that were left out: the first few thousand by name where that may be shown, or each reason.

    `n_unread` of the `n_files` may have been images.
    """

    files: tuple[tuple[str, str], ...]
    reasons: tuple[tuple[str, int], ...]
    n_files: int
    n_unread: int


@dataclass(frozen=True, kw_only=True)
class NoiseRow:
    """The noise floors of the groups of one grouping, beside what their trees gain."""

    grouping: str
    above: Share
    mean_gain: float
    mean_floor: float


@dataclass(frozen=True, kw_only=True)
class GainChart:
    """The trees of one grouping and depth, gain against base error rate; `name` is its name among the charts."""

    title: str
    name: str


@dataclass(frozen=True, kw_only=True)
class EvaluationView:
    """What trees of several depths gain, and how many failures the modes cover."""

    rows: tuple[tuple[str, Evaluation], ...]
    explained: tuple[tuple[str, Explained], ...]
    charts: tuple[GainChart, ...]
    noise: tuple[NoiseRow, ...]
    rules: RulesConfig
    is_in_sample: bool


def evaluation_page(site: Site) -> SitePage:
    """The automatic evaluation of the whole run."""
    catalog = site.catalog
    return SitePage(
        path="evaluation/index.html",
        title="Evaluation",
        section="Method",
        description="How often trees find failure modes, what they gain, and how many failures the modes cover.",
        search="Automatic evaluation: share of groups with a failure mode, tree gain, failures explained.",
        template="pages/evaluation.html",
        view=lambda: EvaluationView(
            rows=tuple((GROUPINGS.get(row.grouping, row.grouping), row) for row in catalog.evaluation),
            explained=tuple(
                ("all groups" if row.grouping is None else GROUPINGS.get(row.grouping, row.grouping), row)
                for row in catalog.explained
            ),
            charts=tuple(_gain_charts(site)),
            noise=tuple(_noise_rows(site)),
            rules=catalog.rules_config,
            is_in_sample=catalog.is_in_sample,
        ),
        crumbs=_UP,
    )


def _gain_charts(site: Site) -> Iterator[GainChart]:
    """The charts of the rows of the evaluation that have one."""
    for position, row in enumerate(site.catalog.evaluation):
        name = gain_chart(position)
        if name in site.charts:
            yield GainChart(title=f"{GROUPINGS.get(row.grouping, row.grouping)}, depth {row.depth}", name=name)


def _noise_rows(site: Site) -> Iterator[NoiseRow]:
    found: dict[str, list[tuple[float, float]]] = {}
    for group in site.catalog.groups.values():
        if group.tree_gain is not None and group.noise_floor is not None:
            found.setdefault(group.grouping, []).append((group.tree_gain, group.noise_floor))
    for grouping, pairs in found.items():
        gains, floors = zip(*pairs, strict=True)
        yield NoiseRow(
            grouping=GROUPINGS.get(grouping, grouping),
            above=Share(sum(gain > floor for gain, floor in pairs), len(pairs)),
            mean_gain=fmean(gains),
            mean_floor=fmean(floors),
        )


def method_page(site: Site) -> SitePage:
    """Definitions, settings, how to read the pictures and the evidence, limits."""
    settings = tuple(settings_rows(site.info))
    parts = site.ask(lambda lens, view: lens.method(site, view))
    return SitePage(
        path="method/index.html",
        title="Method",
        section="Method",
        description="Every measure with its definition, the settings used, how to read a triptych, and the limits."
        if site.has_images
        else "Every measure with its definition, the settings used, and the limits.",
        search="Definitions: base error rate BER, error rate ER, error coverage EC, importance value IV, average leaf "
        f"error rate ALER, failure mode, {site.catalog.evidence.images}, Wilson interval, q-value, verdict: verified, "
        "real but small, may be chance; stability, calibration error ECE, triptych, heatmap, feature attack, limits.",
        template="pages/method.html",
        view=lambda: MethodView(
            rules=site.catalog.rules_config,
            kinds=tuple(kind_words(g) for g in dict.fromkeys(g.grouping for g in site.catalog.other_groups)),
            is_in_sample=site.catalog.is_in_sample,
            families=_families(site),
            stability=STABILITY,
            needed=() if site.catalog.is_in_sample or not site.has_features else images_needed_here(site),
            n_bins=N_BINS,
            facts=tuple(run_facts(site)),
            threshold=threshold(site),
            settings=settings,
            assumptions=assumptions(site.info),
            attack=tuple(attack_words(settings)),
            some_attacked=some_attacked(site.info),
            parts=parts,
        ),
        headings=(
            *(_headings_of_rules(site) if site.has_features else (Heading("What was counted", "counted"),)),
            Heading("Confidence", "confidence"),
            *((Heading("How to read a triptych", "triptychs"),) if site.has_images else ()),
            *((Heading("How to read a tree", "trees"),) if site.has_features else ()),
            *(part.section.heading for part in parts),
            Heading("Limits", "limits"),
            *((Heading("What was assumed", "assumed"),) if assumptions(site.info) else ()),
            Heading("This run", "run"),
            Heading("Settings of this run", "settings"),
            Heading("Sources", "sources"),
        ),
        crumbs=_UP,
        has_contents=True,
    )


def attack_words(settings: Iterable[Fact]) -> Iterator[str]:
    """Say with which settings feature attacks were drawn: n steps 20, no radius.

    Args:
        settings: Of the run; those of other sections are passed over.
    """
    for fact in settings:
        section, _, name = fact.name.rpartition(".")
        if section == "visuals.attack":
            said = name.replace("_", " ")
            yield f"no {said}" if fact.value in (NOT_SET, "none") else f"{said} {fact.value}"


def _headings_of_rules(site: Site) -> tuple[Heading, ...]:
    return (
        Heading("From images to rules", "procedure"),
        Heading("Measures", "measures"),
        Heading("Evidence", "evidence", _parts_of_evidence(site)),
    )


def _parts_of_evidence(site: Site) -> tuple[Heading, ...]:
    power = () if site.catalog.is_in_sample else (Heading("How many images it takes", "power"),)
    return (*power, Heading("Stability", "stability"), Heading("Known conditions", "known"))


def _families(site: Site) -> tuple[tuple[str, int], ...]:
    """The groupings with tested failure modes, and how many there are: q-values correct for those of one grouping."""
    groups = site.catalog.groups
    tested = Counter(
        groups[rule.group_id].grouping for rule in site.catalog.failure_modes() if rule.q_value is not None
    )
    names = dict.fromkeys(group.grouping for group in groups.values())
    return tuple((GROUPINGS.get(name, name), tested[name]) for name in names if tested[name])


def skipped_page(site: Site) -> SitePage:
    """The files that were left out, and why."""
    files = site.catalog.skipped
    return SitePage(
        path="skipped/index.html",
        title="Skipped files",
        section="Overview",
        description="Every file that was left out, and why.",
        search="Skipped files: those that could not be read or are not images, and why.",
        template="pages/skipped.html",
        view=lambda: SkippedView(
            files=tuple(files[:_N_SKIPPED]) if site.catalog.shows_paths else (),
            reasons=tuple(Counter(reason for _, reason in files).most_common(_N_SKIPPED)),
            n_files=len(files),
            n_unread=site.catalog.n_unread,
        ),
        crumbs=_UP,
    )
