"""The MkDocs plugin that hands our pages to the theme without Markdown in between.

What the theme prints without escaping (titles, descriptions, the table of contents) is escaped here.
"""

from typing import Any

from markupsafe import Markup, escape
from mkdocs.config.base import LegacyConfig
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import AnchorLink, TableOfContents

from barlow_report.progress import Advance
from barlow_report.report.pages import Heading, SitePage
from barlow_report.report.render import Renderer

__all__ = ["PagesPlugin"]


class PagesPlugin(BasePlugin[LegacyConfig]):  # type: ignore[no-untyped-call]
    """Feeds `pages` to one build; each content is rendered when its page is written."""

    def __init__(self, pages: list[SitePage], renderer: Renderer, advance: Advance) -> None:
        self.pages = {page.path.removesuffix(".html") + ".md": page for page in pages}
        self.renderer = renderer
        self.advance = advance

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
        hidden = ["navigation"] if ours.has_contents else ["navigation", "toc"]
        page.meta = {
            "title": escape(ours.title),
            "description": escape(ours.description),
            "hide": hidden,
            "section": ours.section,
        }
        page.toc = TableOfContents([_anchor(Heading(ours.title, "top", ours.headings), 1)])
        return str(Markup("<p>{}</p>").format(ours.search))

    def on_page_context(self, context: Any, /, *, page: Page, config: MkDocsConfig, nav: Any) -> Any:  # noqa: ARG002
        """Render the content of the page."""
        ours = self.pages[page.file.src_uri]
        context["body"] = Markup(self.renderer.body(ours))  # noqa: S704 - our templates escape all they print
        context["page_data"] = ours.data
        context["page_root"] = ours.root
        self.advance(1)
        return context

    def on_post_page(self, output: str, /, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG002
        """Let go of what the theme has used: thousands of pages stay in memory until the last one is written."""
        page.toc, page.content, page.meta = TableOfContents([]), "", {}
        return output


def _anchor(heading: Heading, level: int) -> AnchorLink:
    link = AnchorLink(escape(heading.text), heading.anchor, level)
    link.children = [_anchor(child, level + 1) for child in heading.children]
    return link
