"""One page per failure mode, with all of its images."""

from collections.abc import Iterator
from dataclasses import dataclass

from barlow_report.report.datatable import DataTable, Link
from barlow_report.report.image_lists import offers_files
from barlow_report.report.mode_images import ModeImages
from barlow_report.report.mode_words import mode_name, mode_rate
from barlow_report.report.pages.mode_table import ImageTile, first_tiles, mode_table
from barlow_report.report.pages.page import Site, SitePage
from barlow_report.report.pages.pictures import GalleryPicture, gallery_picture
from barlow_report.report.pages.samples import FeatureSample, feature_samples
from barlow_report.report.records import Group, Rule, Share
from barlow_report.report.slots import Remark, Sentence
from barlow_report.report.words import rule_inequality

__all__ = ["ModeView", "mode_pages", "mode_title"]

_UP = (Link("Overview", "index.html"), Link("Failure modes", "failure-modes/index.html"))


@dataclass(frozen=True, kw_only=True)
class ModeView:
    """One failure mode: its rate in evidence, its exact rule, what its features show, and its images.

    `table` is None where the run does not say which images those are; then there are `examples`.
    """

    rule: Rule
    rate: str
    inequality: str
    section: Link
    remarks: tuple[Remark, ...]
    sentences: tuple[Sentence, ...]
    features: tuple[FeatureSample, ...]
    table: DataTable | None
    tiles: tuple[ImageTile, ...]
    look: str
    n_pictures: int
    n_new: int
    seen: Share
    has_files: bool
    examples: tuple[GalleryPicture, ...]


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
        is_listed = rule.rule_id in site.catalog.mode_images
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
            beside=("images.js",) if is_listed else (),
            script="assets/barlow/gallery.js",
        )


def _link(site: Site, rule: Rule) -> Link:
    return Link(mode_title(site.catalog.groups[rule.group_id], rule), site.mode_path(rule))


def _view(site: Site, rule: Rule) -> ModeView:
    catalog = site.catalog
    group, found = catalog.groups[rule.group_id], catalog.mode_images.get(rule.rule_id)
    table = None if found is None else mode_table(site, rule, found)
    n_pictures = 0 if table is None else sum(row[0] is not None for row in table.rows)
    return ModeView(
        rule=rule,
        rate=mode_rate(rule),
        inequality=rule_inequality(rule),
        section=Link(group.name, site.rule_path(rule)),
        remarks=site.ask(lambda lens, view: lens.remark(site, view, rule)),
        sentences=site.ask(lambda lens, view: lens.mode_sentence(site, view, rule)),
        features=feature_samples(site, group, rule),
        table=table,
        tiles=() if table is None else first_tiles(table),
        look="" if n_pictures else "list",
        n_pictures=n_pictures,
        n_new=0 if found is None else int(catalog.images.is_held_out[found.image_ids].sum()),
        seen=_seen(site, found),
        has_files=offers_files(site),
        examples=()
        if table is not None
        else tuple(gallery_picture(site, image, rule=rule) for image in catalog.galleries.get(rule.rule_id, ())),
    )


def _seen(site: Site, found: ModeImages | None) -> Share:
    """The failures among all images that are listed, whatever they were used for."""
    if found is None:
        return Share(None, None)
    return Share(int(site.catalog.images.is_failure[found.image_ids].sum()), len(found))
