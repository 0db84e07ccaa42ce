"""A failure mode in full on the page of its group: what to see first, then its features, then how it was found."""

from dataclasses import dataclass

from barlow_report.report.evidence import evidence_words
from barlow_report.report.limits import Limit, limits_of
from barlow_report.report.mode_words import mode_name, mode_rate, mode_when
from barlow_report.report.pages.confusions import Confusions, confusions_of_mode
from barlow_report.report.pages.page import Site
from barlow_report.report.pages.pictures import GalleryPicture, TriptychView, gallery_picture, triptych
from barlow_report.report.pages.strips import Sides, StripView, sides_of, strip_view
from barlow_report.report.picture_records import GalleryImage
from barlow_report.report.records import Estimate, Group, Rule
from barlow_report.report.slots import Block, Sentence
from barlow_report.report.words import rule_inequality

__all__ = ["ModeInFull", "mode_in_full", "mode_short"]


@dataclass(frozen=True, kw_only=True)
class ModeInFull:
    """A failure mode with everything that is shown about it.

    Attributes:
        rate: How often its images fail, in evidence.
        limits: What it had to pass.
        n_images: All of its images, fitted and held-out ones.
        sides: What its failures and the successes beside them have to do with the feature.
        strip: Along its last condition; None for the root.
        failures: Failures that meet its conditions.
        right: Successes that do not meet the last one.
        confusions: What its failures are taken for, or really are.
        earlier: Along the conditions before the last one.
        successes: Images that meet its conditions and are right all the same.
        triptychs: Of its features; those shown further up are named in `shown_above`.
    """

    rule: Rule
    name: str
    rate: str
    limits: tuple[Limit, ...]
    n_images: int
    sides: Sides | None
    strip: StripView | None
    failures: tuple[GalleryPicture, ...]
    right: tuple[GalleryPicture, ...]
    confusions: Confusions
    earlier: tuple[StripView, ...]
    successes: tuple[GalleryPicture, ...]
    inequality: str
    evidence: str
    sentences: tuple[Sentence, ...]
    triptychs: tuple[TriptychView, ...]
    shown_above: tuple[TriptychView, ...]
    blocks: tuple[Block, ...]


def mode_short(rule: Rule) -> str:
    """Name a failure mode within its group: without feature 80."""
    return mode_when(rule) or "all images"


def mode_in_full(site: Site, group: Group, rule: Rule, *, shown: dict[int, TriptychView]) -> ModeInFull:
    """Collect what is shown about a failure mode.

    Args:
        site: The site.
        group: The rule's group.
        rule: A failure mode.
        shown: The triptychs of the page so far, by feature; those of this rule are added.
    """
    config = site.catalog.rules_config
    name, last = mode_name(group, rule), len(rule.conditions) - 1
    pictures = [gallery_picture(site, image, rule=rule) for image in site.catalog.galleries.get(rule.rule_id, ())]
    new, above = _triptychs(site, group, rule, shown=shown)
    return ModeInFull(
        rule=rule,
        name=f"{name[:1].upper()}{name[1:]}",
        rate=mode_rate(rule),
        limits=limits_of(rule, config),
        n_images=_n_images(rule),
        sides=sides_of(rule) if rule.conditions else None,
        strip=strip_view(site, group, rule, position=last) if rule.conditions else None,
        failures=tuple(picture for picture in pictures if picture.is_failure),
        right=_right(site, rule, position=last),
        confusions=confusions_of_mode(site, group, rule),
        earlier=tuple(strip_view(site, group, rule, position=position) for position in range(last)),
        successes=tuple(picture for picture in pictures if not picture.is_failure),
        inequality=rule_inequality(rule),
        evidence=evidence_words(rule, config),
        sentences=site.ask(lambda lens, view: lens.mode_sentence(site, view, rule)),
        triptychs=new,
        shown_above=above,
        blocks=site.ask(lambda lens, view: lens.mode(site, view, rule)),
    )


def _n_images(rule: Rule) -> int:
    held_out = rule.held_out.error.n if rule.held_out and not isinstance(rule.held_out.error, Estimate) else 0
    return (rule.fit.error.n or 0) + (held_out or 0)


def _right(site: Site, rule: Rule, *, position: int) -> tuple[GalleryPicture, ...]:
    beside = site.catalog.strip_images.get((rule.rule_id, position), ())
    return tuple(
        gallery_picture(site, GalleryImage(image_id=p.image_id, is_failure=False, thumbnail=p.thumbnail))
        for p in beside
        if p.place == "other_side"
    )


def _triptychs(
    site: Site, group: Group, rule: Rule, *, shown: dict[int, TriptychView]
) -> tuple[tuple[TriptychView, ...], tuple[TriptychView, ...]]:
    """The triptychs of a rule's features that the page has not shown yet, and those that it has."""
    new: list[TriptychView] = []
    above: list[TriptychView] = []
    for feature_id in dict.fromkeys(condition.feature_id for condition in rule.conditions):
        if feature_id in shown:
            above.append(shown[feature_id])
        elif (found := triptych(site, group, feature_id)) is not None:
            shown[feature_id] = found
            new.append(found)
    return tuple(new), tuple(above)
