"""The pages of a site: one module per kind, one frozen dataclass per template."""

from collections.abc import Iterator

from barlow_report.report.pages.annotate import annotate_page
from barlow_report.report.pages.classes import class_pages, classes_page
from barlow_report.report.pages.failure_modes import failure_modes_page
from barlow_report.report.pages.features import feature_pages, features_page
from barlow_report.report.pages.others import evaluation_page, method_page, skipped_page
from barlow_report.report.pages.overview import overview_page
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.pages.people import people_page
from barlow_report.report.pages.sets import group_pages, groups_page

__all__ = ["Heading", "Site", "SitePage", "all_pages", "section_pages"]


def section_pages(site: Site) -> list[SitePage]:
    """The pages of the navigation, in its order."""
    pages = [overview_page(site), failure_modes_page(site), classes_page(site)]
    if site.catalog.other_groups:
        pages.append(groups_page(site))
    pages.append(features_page(site))
    pages += [page for pages_of_lens in _lens_pages(site) for page in pages_of_lens[:1]]
    return [*pages, annotate_page(site), method_page(site)]


def _lens_pages(site: Site) -> list[list[SitePage]]:
    return [list(lens.pages(site, view)) for lens, view in site.lenses]


def all_pages(site: Site) -> Iterator[SitePage]:
    """Every page of the site, those of the navigation first."""
    yield from section_pages(site)
    yield evaluation_page(site)
    yield skipped_page(site)
    if site.catalog.study_figures:
        yield people_page(site)
    yield from class_pages(site)
    yield from group_pages(site)
    yield from feature_pages(site)
