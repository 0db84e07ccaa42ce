"""A run's tables and pictures to a site that opens from any disk or web server.

MkDocs with the Material theme draws the frame, the navigation and the search; our own templates draw
everything inside the frame. The pages are handed to MkDocs in memory, and their content bypasses Markdown:
class names come from outside, and no syntax may find a meaning in them. Everything that knows the theme is
in this module and in templates/theme, so that the generator can be exchanged.
"""

import json
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from markupsafe import escape

from barlow_report.errors import SiteError
from barlow_report.files import output_errors
from barlow_report.progress import Advance, ignore_advance
from barlow_report.report.compact import compact
from barlow_report.report.datatable import DataTable, Picture, Sample
from barlow_report.report.downloads import feature_json, rules_csv, rules_json
from barlow_report.report.embedded import write_pages
from barlow_report.report.folder import replaced_folder
from barlow_report.report.image_lists import failures_csv, mode_files
from barlow_report.report.jump import jump_script
from barlow_report.report.links import check_links
from barlow_report.report.media import MediaLibrary
from barlow_report.report.pages import Pages, Site, SitePage, all_pages
from barlow_report.report.pages.annotate import annotate_files
from barlow_report.report.pages.mode_table import mode_table
from barlow_report.report.render import Renderer, templates_folder
from barlow_report.report.single import write_single
from barlow_report.report.source import Profile, ReportSource
from barlow_report.report.table_script import table_script
from barlow_report.report.theme_files import drop_unused

__all__ = ["Prepared", "build_site", "prepare", "write_site"]

_ASSETS: dict[Profile, tuple[str, ...]] = {
    "standalone": (
        "barlow.css",
        "phone.css",
        "print.css",
        "frame.css",
        "barlow.js",
        "tables.js",
        "jump.js",
        "tabs.js",
        "viewer.js",
        "annotate.css",
        "annotate.js",
        "causes.css",
        "people.css",
        "modes.css",
        "gallery.js",
        "overview.css",
        "class.css",
        "search.js",
        "favicon.svg",
        "iframe-worker.js",
        "iframe-worker.LICENSE.txt",
    ),
    "mkdocs": (
        "hosted.css",
        "barlow.css",
        "phone.css",
        "print.css",
        "barlow.js",
        "tables.js",
        "jump.js",
        "tabs.js",
        "viewer.js",
        "annotate.css",
        "annotate.js",
        "causes.css",
        "people.css",
        "modes.css",
        "gallery.js",
        "overview.css",
        "class.css",
    ),
    "techdocs": (),
    "single": (),
}
_PARTS = {
    "tables.js": ("fold.js", "tables.js"),
    "gallery.js": ("fold.js", "gallery.js", "tables.js"),
    "jump.js": ("fold.js", "jump.js"),
    "search.js": ("fold.js", "search.js"),
    "annotate.js": ("annotate-store.js", "annotate-outbox.js", "annotate.js"),
}
"""Scripts whose source is in several files; pages load the whole."""


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
        _write_data(content, media, folder, has_scripts=profile != "techdocs")
        _copy_assets(folder, _ASSETS[profile])
        media.copy(folder, advance=ignore_advance)
        check_links(folder, suffix=".html" if is_standalone else ".md")
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


def _copy_assets(folder: Path, names: tuple[str, ...]) -> None:
    target = folder / "assets" / "barlow"
    with output_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            parts = [templates_folder() / "assets" / part for part in _PARTS.get(name, (name,))]
            text = "\n".join(part.read_text(encoding="utf-8") for part in parts)
            if "hosted.css" in names and name in ("barlow.css", "overview.css"):
                # A host's style sheet is particular about elements: ours must be more so
                tokens, _, rules = text.rpartition("\n.barlow {")
                text = f"{tokens}\n.barlow.barlow.barlow {{{rules}"
            (target / name).write_bytes((text if "worker" in name else compact(name, text)).encode())


def _write_data(site: Site, media: MediaLibrary, folder: Path, *, has_scripts: bool) -> None:
    """Write what is beside the pages: data scripts, downloads, charts."""
    catalog = site.catalog
    files: dict[str, Iterable[str]] = {}  # most are made while they are written: all at once would fill the memory
    if has_scripts:
        files |= {f"data/{name}.js": table_script(table) for name, table in site.tables.items()}
        files["data/jump.js"] = [jump_script(site)]
    files |= {path: [text] for path, text in annotate_files(site, has_scripts=has_scripts).items()}
    files["data/failures.csv"] = failures_csv(site)
    files["data/rules.csv"] = rules_csv(catalog)
    files["data/rules.json"] = rules_json(catalog)
    for lens, view in site.lenses:
        files |= {f"data/{name}": parts for name, parts in lens.downloads(site, view).items()}
    for name, chart in site.charts.items():
        files[f"assets/figures/{name}-light.svg"] = [chart.light]
        if has_scripts:
            files[f"assets/figures/{name}-dark.svg"] = [chart.dark]
    for feature_id in catalog.feature_ids:
        _write(folder / "features" / str(feature_id) / "feature.json", [feature_json(catalog, feature_id)])
    for path, parts in files.items():
        _write(folder / path, parts)
    if has_scripts:
        for table in site.tables.values():
            _note_pictures(table, media)
    _write_modes(site, media, folder, has_scripts=has_scripts)


def _write_modes(site: Site, media: MediaLibrary, folder: Path, *, has_scripts: bool) -> None:
    """Write what is beside the pages of failure modes, one after the other."""
    for rule in site.catalog.failure_modes():
        found = site.catalog.mode_images.get(rule.rule_id)
        if found is None:
            continue
        place = (folder / site.mode_path(rule)).parent
        for name, parts in mode_files(site, rule, found).items():
            _write(place / name, parts)
        if has_scripts:
            table = mode_table(site, rule, found)
            _write(place / "images.js", table_script(table))
            _note_pictures(table, media)


def _note_pictures(table: DataTable, media: MediaLibrary) -> None:
    """Note the pictures that only the script shows, so that they are copied, too."""
    for i, column in enumerate(table.columns):
        if column.kind in ("picture", "sample"):
            cells = (row[i] for row in table.rows)
            pictures = (cell.picture if isinstance(cell, Sample) else cell for cell in cells)
            for picture in pictures:
                if isinstance(picture, Picture):
                    media.picture(picture.name)


def _write(path: Path, parts: Iterable[str]) -> None:
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(part.encode() for part in parts)


# --- MkDocs -----------------------------------------------------------------------------------------------


def _write_standalone(site: Site, pages: Pages, renderer: Renderer, *, folder: Path, advance: Advance) -> None:
    with _quiet_mkdocs(), tempfile.TemporaryDirectory(prefix="barlow-report-") as work:
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
    scheme = {"primary": "custom", "accent": "custom"}
    light = {"icon": "material/weather-night", "name": "Switch to dark mode"}
    dark = {"icon": "material/weather-sunny", "name": "Switch to light mode"}
    return {
        "site_name": "report",
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            "custom_dir": str(templates_folder() / "theme"),
            "font": False,
            "favicon": "assets/barlow/favicon.svg",
            "logo": "assets/barlow/favicon.svg",
            "features": ["navigation.tabs", "navigation.top", "toc.follow"],
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default", "toggle": light, **scheme},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate", "toggle": dark, **scheme},
            ],
        },
        "plugins": {"material/search": {}, "material/offline": {}},
        "extra": {"generator": False, "polyfills": ["assets/barlow/iframe-worker.js"]},
        "extra_css": [f"assets/barlow/{name}.css" for name in ("frame", "barlow", "phone", "print")],
        "extra_javascript": ["assets/barlow/barlow.js"],
        "nav": [{section: path} for section, path in sections.items()],
    }


def _source_path(page: SitePage) -> str:
    return page.path.removesuffix(".html") + ".md"


@contextmanager
def _quiet_mkdocs() -> Iterator[None]:
    """Keep MkDocs and the theme from printing: what goes wrong reaches the user as our own error."""
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # read when the theme is imported
    loggers = [logging.getLogger(name) for name in ("mkdocs", "material")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
