"""The MkDocs plugin that hands our pages to the theme without Markdown in between.

What the theme prints without escaping (titles, descriptions, the table of contents) is escaped here.

The theme takes as long for its header and sidebars as ours takes for a page of pictures, and they are the same on
all pages of a kind. So it renders one frame for each kind, with marks where pages differ.

Its search finds no name that is written together, in brackets, without accents or, by a part, in a script without
spaces; so its worker is exchanged for ours (`templates/assets/search.js`), which speaks the same protocol.
"""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape
from mkdocs.config.base import LegacyConfig
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import AnchorLink, TableOfContents

from barlow_report.progress import Advance
from barlow_report.report.pages import Heading, SitePage
from barlow_report.report.render import Renderer

__all__ = ["PagesPlugin"]

_NO_FRAME = "no_frame.html"
_SLOTS = ("title", "description", "contents", "body")
_WORKER = re.compile(r"assets/javascripts/workers/search\.\w+\.min\.js")
_MARK = re.compile(f"\0({'|'.join(_SLOTS)})\0")  # no text of ours has this character


class PagesPlugin(BasePlugin[LegacyConfig]):  # type: ignore[no-untyped-call]
    """Feeds `pages` to one build; each content is rendered when its page is written."""

    def __init__(self, pages: list[SitePage], renderer: Renderer, advance: Advance) -> None:
        self.pages = {page.path.removesuffix(".html") + ".md": page for page in pages}
        self.renderer = renderer
        self.advance = advance
        self.frames: dict[tuple[object, ...], list[str]] = {}
        self._met: set[tuple[object, ...]] = set()

    def on_files(self, files: Files, /, *, config: MkDocsConfig) -> Files:
        """Add one file per page, and leave out the sitemap: it has no use without an address."""
        for file in [file for file in files if file.src_uri == "sitemap.xml"]:
            files.remove(file)
        for path in self.pages:
            files.append(File.generated(config, path, content="", inclusion=InclusionLevel.NOT_IN_NAV))
        return files

    def on_page_read_source(self, /, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG002
        """Give Markdown nothing to read."""
        return ""

    def on_page_content(self, html: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG002
        """Return what the search finds the page by, and set what the theme shows around the content."""
        ours = self.pages[page.file.src_uri]
        page.meta = {"title": escape(ours.title), "hide": _hidden(ours), "section": ours.section}
        kind = _kind(ours)
        if kind in self._met:
            page.meta["template"] = _NO_FRAME
        self._met.add(kind)
        page.toc = TableOfContents([AnchorLink(escape(ours.title), "top", 1)])
        return str(Markup("<p>{}</p>").format(ours.search))

    def on_page_context(self, context: Any, /, *, page: Page, config: MkDocsConfig, nav: Navigation) -> Any:  # noqa: ARG002
        """Put marks where pages of a kind differ; the search has read the page by now."""
        ours = self.pages[page.file.src_uri]
        page.meta.update({slot: Markup(f"\0{slot}\0") for slot in _SLOTS})  # noqa: S704 - words of ours
        context["page_scripts"] = ours.scripts
        context["page_root"] = ours.root
        return context

    def on_post_page(self, output: str, /, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG002
        """Render the content of the page into the frame of its kind, and let go of what nobody needs any more."""
        ours = self.pages[page.file.src_uri]
        if page.meta.get("template") != _NO_FRAME:
            self.frames[_kind(ours)] = _MARK.split(_WORKER.sub("assets/barlow/search.js", output))
        parts = {
            "title": str(escape(ours.title)),
            "description": str(escape(ours.description)),
            "contents": _contents(ours.headings) if ours.has_contents else "",
            "body": self.renderer.body(ours),
        }
        page.toc, page.content, page.meta = TableOfContents([]), "", {}  # thousands stay until the last one is written
        self.advance(1)
        return _filled(self.frames[_kind(ours)], parts)


def _kind(page: SitePage) -> tuple[object, ...]:
    """What the frame of a page depends on; pages of the navigation, and those beside them, have one each."""
    is_one_of_many = page.path.count("/") > 1
    return page.root, page.section, page.scripts, page.has_contents, None if is_one_of_many else page.path


def _hidden(page: SitePage) -> list[str]:
    return ["navigation"] if page.has_contents else ["navigation", "toc"]


def _filled(frame: list[str], parts: Mapping[str, str]) -> str:
    """Join a frame that was split at its marks: text, name of a part, text, and so on."""
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(frame))


def _contents(headings: tuple[Heading, ...]) -> str:
    """Return the theme's table of contents, which it would include a file for each heading of."""
    return "".join(
        f'<li class="md-nav__item"><a href="#{escape(h.anchor)}" class="md-nav__link"><span class="md-ellipsis">'
        f"{escape(h.text)}</span></a>{_below(h)}</li>"
        for h in headings
    )


def _below(heading: Heading) -> str:
    if not heading.children:
        return ""
    inside = _contents(heading.children)
    return f'<nav class="md-nav" aria-label="{escape(heading.text)}"><ul class="md-nav__list">{inside}</ul></nav>'
