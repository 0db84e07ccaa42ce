"""The frames that MkDocs and its theme draw, and our pages in them, without Markdown in between.

The theme takes as long for its header and sidebars as ours takes for a page of pictures, and they are the same on
all pages of a kind. So MkDocs is given the first page of each kind, draws a frame with marks where pages differ, and
never learns of the others: it would keep all of them in memory until the last one is written.

What the theme prints without escaping (titles, descriptions, the table of contents) is escaped here.

Its search finds no name that is written together, in brackets, without accents or, by a part, in a script without
spaces; so its worker is exchanged for ours (`templates/assets/search.js`), which speaks the same protocol.
"""

import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

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

__all__ = ["FramesPlugin", "Kind", "found_by", "kind_of", "with_own_search", "write_in_frames"]

_SLOTS = ("title", "description", "contents", "body")
_WORKER = re.compile(r"assets/javascripts/workers/search\.\w+\.min\.js")
_MARK = re.compile(f"\0({'|'.join(_SLOTS)})\0")  # no text of ours has this character

Kind = tuple[object, ...]


class FramesPlugin(BasePlugin[LegacyConfig]):  # type: ignore[no-untyped-call]
    """Has one build draw the frames of `pages`, one page of each kind; they are in `frames` when it is done."""

    def __init__(self, pages: Iterable[SitePage]) -> None:
        self.pages = {page.path.removesuffix(".html") + ".md": page for page in pages}
        self.frames: dict[Kind, list[str]] = {}

    def on_files(self, files: Files, /, *, config: MkDocsConfig) -> Files:
        """Add one file per page, and leave out the sitemap: it has no use without an address."""
        for file in [file for file in files if file.src_uri == "sitemap.xml"]:
            files.remove(file)
        for path in self.pages:
            files.append(File.generated(config, path, content="", inclusion=InclusionLevel.NOT_IN_NAV))
        return files

    def on_page_content(self, html: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG002
        """Set what the theme shows around the content."""
        ours = self.pages[page.file.src_uri]
        page.meta = {"title": escape(ours.title), "hide": _hidden(ours), "section": ours.section}
        page.toc = TableOfContents([AnchorLink(escape(ours.title), "top", 1)])
        return html

    def on_page_context(self, context: Any, /, *, page: Page, config: MkDocsConfig, nav: Navigation) -> Any:  # noqa: ARG002
        """Put marks where pages of a kind differ."""
        ours = self.pages[page.file.src_uri]
        page.meta.update({slot: Markup(f"\0{slot}\0") for slot in _SLOTS})  # noqa: S704 - words of ours
        context["page_scripts"] = ours.scripts
        return context

    def on_post_page(self, output: str, /, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG002
        """Take the frame, and give MkDocs nothing to write."""
        self.frames[kind_of(self.pages[page.file.src_uri])] = _MARK.split(with_own_search(output))
        return ""


def with_own_search(page: str) -> str:
    """Return a page of the theme that searches with our worker."""
    return _WORKER.sub("assets/barlow/search.js", page)


def write_in_frames(
    pages: Iterable[SitePage], frames: Mapping[Kind, list[str]], renderer: Renderer, *, folder: Path, advance: Advance
) -> None:
    """Write each page into the frame of its kind, and what the search finds them by.

    Args:
        pages: All pages; each is let go of when it is written.
        frames: From `FramesPlugin`.
        renderer: Renders the content of a page.
        folder: What MkDocs has built, with a search index that has the settings and no page.
        advance: Called with 1 after each page.
    """
    search = folder / "search"
    index = json.loads((search / "search_index.json").read_text(encoding="utf-8"))
    head, tail = _as_json({**index, "docs": []}).rsplit("]", 1)
    with (
        (search / "search_index.json").open("w", encoding="utf-8") as data,
        (search / "search_index.js").open("w", encoding="utf-8") as script,
    ):

        def write(text: str) -> None:
            data.write(text)
            script.write(text)

        script.write("var __index = ")
        write(head)
        for i, page in enumerate(pages):
            path = folder / page.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_framed(page, frames[kind_of(page)], renderer).encode())
            write(f"{',' if i else ''}{_as_json(found_by(page))}")
            advance(1)
        write(f"]{tail}")


def _framed(page: SitePage, frame: list[str], renderer: Renderer) -> str:
    parts = {
        "title": str(escape(page.title)),
        "description": str(escape(page.description)),
        "contents": _contents(page.headings) if page.has_contents else "",
        "body": renderer.body(page),
    }
    return _filled(frame, parts)


def found_by(page: SitePage) -> dict[str, str]:
    """An entry of the search index, as the theme's search writes it."""
    words = page.search.replace("\n", " ")
    text = f"<p>{html.escape(words, quote=False)}</p>" if words.strip() else ""
    return {"location": quote(page.path), "title": str(escape(page.title)).strip(), "text": text}


def _as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def kind_of(page: SitePage) -> Kind:
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
