"""One page per failure mode: what it is, and pictures of its images."""

from collections.abc import Iterator
from dataclasses import dataclass

from barlow_report.report.datatable import Link
from barlow_report.report.mode_words import mode_name, mode_rate
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.pages.pictures import GalleryPicture, gallery_picture
from barlow_report.report.records import Group, Rule
from barlow_report.report.words import rule_inequality

__all__ = ["ModeView", "mode_pages", "mode_title"]

_UP = (Link("Overview", "index.html"), Link("Failure modes", "failure-modes/index.html"))


@dataclass(frozen=True, kw_only=True)
class ModeView:
    """One failure mode: its rate in evidence, its exact rule, and pictures of its images."""

    rule: Rule
    rate: str
    inequality: str
    section: Link
    failures: tuple[GalleryPicture, ...]
    successes: tuple[GalleryPicture, ...]


def mode_title(group: Group, rule: Rule) -> str:
    """The title of a failure mode's page: Images labelled dog without feature 22."""
    name = mode_name(group, rule)
    return f"{name[:1].upper()}{name[1:]}"


def mode_pages(site: Site) -> Iterator[SitePage]:
    """One page per failure mode, in the order of the table of all of them."""
    rules = site.catalog.failure_modes()
    for i, rule in enumerate(rules):
        group = site.catalog.groups[rule.group_id]
        title = mode_title(group, rule)
        yield SitePage(
            path=site.mode_path(rule),
            title=title,
            section="Failure modes",
            description=f"{title}: {mode_rate(rule)}.",
            search=f"Failure mode. {mode_rate(rule)}. All its images.",
            template="pages/mode.html",
            view=lambda rule=rule: _view(site, rule),  # type: ignore[misc]
            crumbs=_UP,
            previous=_link(site, rules[i - 1]) if i else None,
            next=_link(site, rules[i + 1]) if i + 1 < len(rules) else None,
        )


def _link(site: Site, rule: Rule) -> Link:
    return Link(mode_title(site.catalog.groups[rule.group_id], rule), site.mode_path(rule))


def _view(site: Site, rule: Rule) -> ModeView:
    pictures = [gallery_picture(site, image) for image in site.catalog.galleries.get(rule.rule_id, ())]
    group = site.catalog.groups[rule.group_id]
    return ModeView(
        rule=rule,
        rate=mode_rate(rule),
        inequality=rule_inequality(rule),
        section=Link(group.name, site.rule_path(rule)),
        failures=tuple(picture for picture in pictures if picture.is_failure),
        successes=tuple(picture for picture in pictures if not picture.is_failure),
    )
