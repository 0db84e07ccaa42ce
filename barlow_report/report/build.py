"""A run's tables and pictures to a site that opens from any disk or web server.

MkDocs with the Material theme draws the frame, the navigation and the search; our own templates draw
everything inside the frame. The pages are handed to MkDocs in memory, and their content bypasses Markdown:
class names come from outside, and no syntax may find a meaning in them. Everything that knows the theme is
here, in `report.theme` and in templates/theme, so that the generator can be exchanged.
"""

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from markupsafe import escape

from barlow_report.errors import SiteError
from barlow_report.files import output_errors
from barlow_report.progress import Advance, ignore_advance
from barlow_report.report.assets import copy_assets
from barlow_report.report.data_files import write_data
from barlow_report.report.embedded import write_pages
from barlow_report.report.folder import replaced_folder
from barlow_report.report.links import check_links
from barlow_report.report.media import MediaLibrary
from barlow_report.report.pages import Pages, Site, SitePage, all_pages
from barlow_report.report.render import Renderer, templates_folder
from barlow_report.report.single import write_single
from barlow_report.report.source import Profile, ReportSource
from barlow_report.report.theme import quiet_mkdocs, theme_settings
from barlow_report.report.theme_files import drop_unused

__all__ = ["Prepared", "build_site", "prepare", "write_site"]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run as linked objects, with its pages; its tables, which are large, are not needed any more.

    Attributes:
        pages: In the order they are written, made anew each time they are asked for.
        n_pages: Their number; `write_site` calls `advance` once for each.
    """

    content: Site
    media: MediaLibrary
    run_id: str
    pages: Pages
    n_pages: int


def prepare(source: ReportSource) -> Prepared:
    """Read the content of a run folder.

    Raises:
        SiteError: The run does not fit together.
    """
    content = Site.from_source(source)
    pages = all_pages(content)
    return Prepared(
        content=content,
        media=MediaLibrary(source.media),
        run_id=str(source.info["run_id"]),
        pages=pages,
        n_pages=_n_with_own_path(pages),
    )


def build_site(
    source: ReportSource, *, site: Path, profile: Profile = "standalone", advance: Advance = ignore_advance
) -> Path:
    """Build the site of a run, or its pages for somebody's MkDocs site: `prepare` and `write_site` in one."""
    return write_site(prepare(source), site=site, profile=profile, advance=advance)


def write_site(
    prepared: Prepared, *, site: Path, profile: Profile = "standalone", advance: Advance = ignore_advance
) -> Path:
    """Write the pages of a run and put them in place of the folder `site`.

    Args:
        prepared: What `prepare` returned.
        site: New, empty, or a site of ours, which is replaced as a whole; for `single`, the file.
        profile: What the pages are for, see `Profile`.
        advance: Called with 1 after each page.

    Returns:
        The path of the front page: index.html, index.md for a host, or the one file.

    Raises:
        SiteError: A page cannot be made, or a link leads nowhere.
        OutputError: `site` holds something else, or cannot be written.
    """
    site = Path(site)
    if profile == "single":
        return write_single(prepared.content, prepared.media, file=site, advance=advance)
    content, media, pages = prepared.content, prepared.media, prepared.pages
    renderer = Renderer(templates_folder(), site=content, media=media, profile=profile)
    is_standalone = profile == "standalone"
    with replaced_folder(site, run_id=prepared.run_id, is_ignored=is_standalone) as folder:
        if is_standalone:
            _write_standalone(content, pages, renderer, folder=folder, advance=advance)
        else:
            write_pages(pages, renderer, folder=folder, advance=advance)
        write_data(content, media, folder, has_scripts=profile != "techdocs")
        copy_assets(folder, profile)
        media.copy(folder, advance=ignore_advance)
        outside = () if content.above is None else (content.above.path,)
        check_links(folder, suffix=".html" if is_standalone else ".md", outside=outside)
    return site / ("index.html" if is_standalone else "index.md")


def _n_with_own_path(pages: Pages) -> int:
    """Return the number of pages; no two may have the same path."""
    paths: set[str] = set()
    for page in pages:
        path = page.path.casefold()  # file systems may not tell A from a
        if path in paths:
            raise SiteError(f"two pages have the same address {path!r}: the slugs of the classes are not unique.")
        paths.add(path)
    return len(paths)


# --- MkDocs -----------------------------------------------------------------------------------------------


def _write_standalone(site: Site, pages: Pages, renderer: Renderer, *, folder: Path, advance: Advance) -> None:
    with quiet_mkdocs(), tempfile.TemporaryDirectory(prefix="barlow-report-") as work:
        from mkdocs.commands.build import build
        from mkdocs.config import load_config
        from mkdocs.exceptions import MkDocsException

        from barlow_report.report.mkdocs_pages import FramesPlugin, Kind, kind_of, write_in_frames

        firsts: dict[Kind, SitePage] = {}
        for page in pages:
            firsts.setdefault(kind_of(page), page)
        config_file = Path(work) / "mkdocs.yml"
        (Path(work) / "docs").mkdir()
        config_file.write_text(json.dumps(_mkdocs_config(firsts.values())), encoding="utf-8")  # JSON is YAML
        plugin = FramesPlugin(firsts.values())
        try:
            config = load_config(str(config_file), site_dir=str(folder))
            config.site_name = escape(site.title)  # the theme prints it unescaped, and twice through |e
            config.markdown_extensions = []
            config.theme.static_templates.clear()  # a 404 page has no use without an address
            config.plugins["barlow-report"] = plugin
            with output_errors(folder):
                build(config)
                drop_unused(folder, (part for frame in plugin.frames.values() for part in frame))
                write_in_frames(pages, plugin.frames, renderer, folder=folder, advance=advance)
        except (MkDocsException, TemplateError) as error:
            raise SiteError(f"the site generator failed: {error}. Please report this as a bug.") from error


def _mkdocs_config(pages: Iterable[SitePage]) -> dict[str, Any]:
    sections: dict[str, str] = {}
    for page in pages:  # the first page of a section is the one in the navigation
        sections.setdefault(page.section, _source_path(page))
    return {
        **theme_settings(templates_folder() / "theme", features=["navigation.tabs", "navigation.top", "toc.follow"]),
        "site_name": "report",
        "extra_css": [f"assets/barlow/{name}.css" for name in ("frame", "barlow", "phone", "print")],
        "extra_javascript": ["assets/barlow/barlow.js"],
        "nav": [{section: path} for section, path in sections.items()],
    }


def _source_path(page: SitePage) -> str:
    return page.path.removesuffix(".html") + ".md"
