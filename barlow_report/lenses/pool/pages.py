"""What to collect: a page with all failure modes, and one for each of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from barlow_report.formatting import counted, percent
from barlow_report.lenses.pool.page_tables import QualityRow, mode_table, quality_rows
from barlow_report.lenses.pool.page_words import candidate_words, how_many, share_words, summary_sentences
from barlow_report.lenses.pool.records import Candidate, ModeCandidates, PoolView
from barlow_report.report.datatable import DataTable, Link
from barlow_report.report.mode_words import mode_name, mode_rate
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.pages.pictures import GalleryPicture, TriptychView, gallery_picture, triptych
from barlow_report.report.records import Rule, Share

__all__ = ["CandidatePicture", "ModePage", "PoolPage", "collect_path", "mode_pictures", "pool_pages"]

_N_CARDS = 8
_N_ON_CARD = 6
_N_FAILURES = 4


@dataclass(frozen=True, kw_only=True)
class CandidatePicture:
    """A candidate as it is shown; `also` leads to the other failure modes that it is listed for."""

    candidate: Candidate
    words: str
    estimate: str
    also: tuple[Link, ...]

    @property
    def caption(self) -> str:
        """What the viewer says."""
        return f"{self.candidate.image.name}: {self.words}, {self.estimate}"


@dataclass(frozen=True, kw_only=True)
class ModeCard:
    """A failure mode on the page of all: what its failures look like, and its best candidates."""

    name: str
    link: Link
    sentence: str
    failures: tuple[GalleryPicture, ...]
    candidates: tuple[CandidatePicture, ...]


@dataclass(frozen=True, kw_only=True)
class PoolPage:
    """All failure modes of groups by label, and what the pool has for them."""

    sentences: tuple[str, ...]
    table: DataTable
    cards: tuple[ModeCard, ...]
    n_modes: int
    n_with: int


@dataclass(frozen=True, kw_only=True)
class ModePage:
    """What to collect for one failure mode.

    Attributes:
        shares: How often its rule is met, by which images these are.
        candidates: With pictures; all that are listed are in `listed`.
        quality: Empty where the pool has no labels.
    """

    mode: ModeCandidates
    rule: Rule
    name: str
    rate: str
    how_many: str
    shares: tuple[tuple[str, str], ...]
    failures: tuple[GalleryPicture, ...]
    triptychs: tuple[TriptychView, ...]
    candidates: tuple[CandidatePicture, ...]
    listed: tuple[CandidatePicture, ...]
    quality: tuple[QualityRow, ...]
    entry: Link
    all_images: Link


def collect_path(rule_id: int) -> str:
    """Page of what to collect for a failure mode."""
    return f"collect/{rule_id}/index.html"


def pool_pages(site: Site, view: PoolView, *, training: Mapping[int, Share]) -> Iterator[SitePage]:
    """The page of all failure modes, then one for each that has a candidate, the most important first.

    Args:
        site: The whole run.
        view: What the run says of the pool.
        training: The training images that meet each rule, of those of its class, by rule_id; empty: not known.
    """
    rules = [rule for rule in site.catalog.failure_modes() if rule.rule_id in view.modes]
    table = mode_table(site, view, rules, path=collect_path, training=training)
    site.tables[table.name] = table
    shown = [rule for rule in rules if view.modes[rule.rule_id].candidates]
    yield SitePage(
        path="collect/index.html",
        title="What to collect",
        section="What to collect",
        description=f"Images of a pool that are worth collecting: {counted(len(shown), 'failure mode')}.",
        search="What to collect: candidates in the pool for each failure mode, ranked by the probability to fail.",
        template="lenses/pool/page.html",
        view=lambda: PoolPage(
            sentences=summary_sentences(view.summary, n_skipped=view.n_skipped),
            table=table,
            cards=tuple(_card(site, view, rule) for rule in shown[:_N_CARDS]),
            n_modes=len(rules),
            n_with=len(shown),
        ),
        crumbs=(Link("Overview", "index.html"),),
        data=(f"data/{table.name}.js",),
    )
    for position, rule in enumerate(shown):
        beside = (shown[position - 1 : position], shown[position + 1 :][:1])
        yield _mode_page(site, view, rule, before=beside[0], after=beside[1], training=training.get(rule.rule_id))


def mode_pictures(site: Site, view: PoolView, rule: Rule) -> tuple[CandidatePicture, ...]:
    """The candidates of a failure mode that have a picture, best first."""
    found = view.modes[rule.rule_id].candidates
    return tuple(_picture(site, view, rule, candidate) for candidate in found if candidate.image.thumbnail is not None)


def _mode_page(
    site: Site, view: PoolView, rule: Rule, *, before: list[Rule], after: list[Rule], training: Share | None
) -> SitePage:
    name = _name(site, rule)
    previous, following = (
        next((Link(_name(site, other), collect_path(other.rule_id)) for other in others), None)
        for others in (before, after)
    )
    return SitePage(
        path=collect_path(rule.rule_id),
        title=f"Collect {name[:1].lower()}{name[1:]}",
        section="What to collect",
        description=f"{name}: what images of this failure mode look like, and where the pool has more.",
        search=f"What to collect for {name}",
        template="lenses/pool/mode_page.html",
        view=lambda: _mode_view(site, view, rule, training),
        crumbs=(Link("Overview", "index.html"), Link("What to collect", "collect/index.html")),
        previous=previous,
        next=following,
    )


def _mode_view(site: Site, view: PoolView, rule: Rule, training: Share | None) -> ModePage:
    mode, group = view.modes[rule.rule_id], site.catalog.groups[rule.group_id]
    features = dict.fromkeys(condition.feature_id for condition in rule.conditions)
    return ModePage(
        mode=mode,
        rule=rule,
        name=_name(site, rule),
        rate=mode_rate(rule),
        how_many=how_many(mode),
        shares=(
            ("Of the analysed images of the class", share_words(mode.analysed)),
            *([("Of the training images of the class", share_words(training))] if training and training.n else []),
            ("Of the images of the pool that may be of the class", share_words(mode.pool)),
        ),
        failures=_failures(site, rule),
        triptychs=tuple(found for feature in features if (found := triptych(site, group, feature)) is not None),
        candidates=mode_pictures(site, view, rule),
        listed=tuple(_picture(site, view, rule, candidate) for candidate in mode.candidates),
        quality=quality_rows(mode),
        entry=Link("Evidence for this failure mode", site.rule_path(rule)),
        all_images=Link("All of its images", site.mode_path(rule)),
    )


def _card(site: Site, view: PoolView, rule: Rule) -> ModeCard:
    mode = view.modes[rule.rule_id]
    return ModeCard(
        name=_name(site, rule),
        link=Link(f"All {counted(len(mode.candidates), 'listed candidate')}", collect_path(rule.rule_id)),
        sentence=how_many(mode),
        failures=_failures(site, rule),
        candidates=mode_pictures(site, view, rule)[:_N_ON_CARD],
    )


def _name(site: Site, rule: Rule) -> str:
    name = mode_name(site.catalog.groups[rule.group_id], rule)
    return f"{name[:1].upper()}{name[1:]}"


def _failures(site: Site, rule: Rule) -> tuple[GalleryPicture, ...]:
    found = [image for image in site.catalog.galleries.get(rule.rule_id, ()) if image.is_failure]
    return tuple(gallery_picture(site, image, rule=rule) for image in found[:_N_FAILURES])


def _picture(site: Site, view: PoolView, rule: Rule, candidate: Candidate) -> CandidatePicture:
    others = (other for other in view.modes_of[candidate.image.pool_image_id] if other != rule.rule_id)
    return CandidatePicture(
        candidate=candidate,
        words=candidate_words(site, candidate),
        estimate=f"{percent(candidate.probability, decimals=0)} likely to fail",
        also=tuple(Link(f"failure mode {other}", collect_path(other)) for other in others),
    )
