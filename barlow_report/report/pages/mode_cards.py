"""The most important failure modes as cards: four images that fail, what they lack or have, and how often they fail."""

from dataclasses import dataclass

from barlow_report.formatting import count
from barlow_report.report.datatable import Link
from barlow_report.report.mode_words import mode_name, mode_rate
from barlow_report.report.pages.page import Site
from barlow_report.report.pages.pictures import GalleryPicture, gallery_picture
from barlow_report.report.pages.samples import FeatureSample, feature_samples
from barlow_report.report.records import Rule
from barlow_report.report.slots import Remark
from barlow_report.report.words import grouping_label

__all__ = ["ModeCard", "mode_card"]

_N_FAILURES = 4


@dataclass(frozen=True, kw_only=True)
class ModeCard:
    """One failure mode; `all_images` leads to its own page, `link` to its entry on the page of its group."""

    rule: Rule
    name: str
    rate: str
    grouping: str
    link: Link
    group_link: Link
    all_images: Link
    failures: tuple[GalleryPicture, ...]
    features: tuple[FeatureSample, ...]
    remarks: tuple[Remark, ...]


def mode_card(site: Site, rule: Rule) -> ModeCard:
    """Collect what is shown of a failure mode on the overview."""
    group = site.catalog.groups[rule.group_id]
    name = mode_name(group, rule)
    pictures = [image for image in site.catalog.galleries.get(rule.rule_id, ()) if image.is_failure]
    return ModeCard(
        rule=rule,
        name=name[:1].upper() + name[1:],
        rate=mode_rate(rule),
        grouping=grouping_label(group),
        link=Link("How it was found and tested", site.rule_path(rule)),
        group_link=Link(group.name, site.group_path(group)),
        all_images=Link(_all_images(site, rule), site.mode_path(rule)),
        failures=tuple(gallery_picture(site, image, rule=rule) for image in pictures[:_N_FAILURES]),
        features=feature_samples(site, group, rule),
        remarks=site.ask(lambda lens, view: lens.remark(site, view, rule)),
    )


def _all_images(site: Site, rule: Rule) -> str:
    """Name the page of a mode by its number of images: those it was found on, and held-out ones."""
    n = rule.fit.error.n or 0
    if site.catalog.evidence.kind == "held_out" and rule.held_out is not None:
        n += rule.held_out.error.n or 0
    return f"All {count(n)} images" if n != 1 else "Its image"
