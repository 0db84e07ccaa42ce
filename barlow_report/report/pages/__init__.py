"""The pages of a site: one module per kind, one frozen dataclass per template."""

from collections.abc import Iterator
from itertools import islice

from barlow_report.report.pages.annotate import annotate_page
from barlow_report.report.pages.classes import class_pages, classes_page
from barlow_report.report.pages.failure_modes import failure_modes_page
from barlow_report.report.pages.failures import failures_page
from barlow_report.report.pages.features import feature_pages, features_page
from barlow_report.report.pages.modes import mode_pages
from barlow_report.report.pages.others import evaluation_page, method_page, skipped_page
from barlow_report.report.pages.overview import overview_page
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.pages.people import people_page
from barlow_report.report.pages.sets import group_pages, groups_page

__all__ = ["Heading", "Pages", "Site", "SitePage", "all_pages", "section_pages", "single_pages"]


def section_pages(site: Site) -> list[SitePage]:
    """The pages of the navigation, in its order."""
    pages = [overview_page(site), failure_modes_page(site) if site.has_features else failures_page(site)]
    pages.append(classes_page(site))
    if site.catalog.other_groups:
        pages.append(groups_page(site))
    if site.has_features:
        pages.append(features_page(site))
    pages += [page for pages_of_lens in _lens_pages(site) for page in pages_of_lens[:1]]
    if site.has_images:
        pages.append(annotate_page(site))
    return [*pages, method_page(site)]


def single_pages(site: Site, max_modes: int) -> tuple[SitePage, list[SitePage], SitePage]:
    """The pages that a report in one file consists of: overview, the first failure modes, Method."""
    return overview_page(site), list(islice(mode_pages(site), max_modes)), method_page(site)


def _lens_pages(site: Site) -> list[list[SitePage]]:
    return [list(lens.pages(site, view)) for lens, view in site.lenses]


def all_pages(site: Site) -> "Pages":
    """Every page of the site, those of the navigation first."""
    further = [page for pages_of_lens in _lens_pages(site) for page in pages_of_lens[1:]]
    few = [*section_pages(site), *further]
    if site.has_features:
        few += [failures_page(site), evaluation_page(site)]
    few.append(skipped_page(site))
    if site.catalog.study_figures:
        few.append(people_page(site))
    return Pages(site, tuple(few))


class Pages:
    """Every page of a site, as often as one asks for them.

    Pages of failure modes, classes, groups and features are made when it is their turn and not kept: there may be
    thousands, and with their words and headings each is as large as the records it is made of.
    """

    def __init__(self, site: Site, few: tuple[SitePage, ...]) -> None:
        self._site = site
        self._few = few

    def __iter__(self) -> Iterator[SitePage]:
        """Yield the pages in the order in which they are written."""
        yield from self._few
        yield from mode_pages(self._site)
        yield from class_pages(self._site)
        yield from group_pages(self._site)
        yield from feature_pages(self._site)
