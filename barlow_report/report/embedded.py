"""Pages to drop into somebody's own MkDocs site: Markdown files that hold nothing but our finished HTML.

Python-Markdown passes a block of HTML through as it is, and MkDocs neither rewrites nor checks links in it, so
each page is one block on one line: no syntax of any extension starts inside it. Links that end in /index.html
are right with and without directory addresses. Two hosts are served:

* `mkdocs`: pages bring their own style, script and data by links relative to the page, so that the host's
  configuration needs nothing but an entry in its navigation.
* `techdocs`: Backstage removes scripts and foreign style sheets, and shows pages by the address of their folder;
  so these pages are static, carry their style in each element, and link to folders.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from markupsafe import escape

from barlow_report.files import output_errors
from barlow_report.progress import Advance
from barlow_report.report.inlining import Inliner
from barlow_report.report.pages import SitePage
from barlow_report.report.render import Renderer, templates_folder
from barlow_report.report.spellings import other_spellings

__all__ = ["navigation_lines", "write_pages"]

_DOCS_DIR = re.compile(r"^docs_dir:\s*['\"]?([^'\"#\n]+?)['\"]?\s*(?:#.*)?$", re.MULTILINE)
# Characters that other tools of the host give a meaning to before Markdown sees them, such as {{ of macros
_BRACES = str.maketrans({"{": "&#123;", "}": "&#125;", "`": "&#96;"})
_REFERENCES = {**_BRACES, ord("\n"): " "}


def write_pages(pages: Iterable[SitePage], renderer: Renderer, *, folder: Path, advance: Advance) -> None:
    """Write one Markdown file per page below `folder`; the renderer knows which host they are for."""
    inliner = None
    if renderer.profile == "techdocs":
        inliner = Inliner((templates_folder() / "assets" / "techdocs.css").read_text(encoding="utf-8"))
    for page in pages:
        html = renderer.body(page)
        if inliner is not None:
            html = inliner.inline(html)
        path = folder / f"{page.path.removesuffix('.html')}.md"
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_as_markdown(page, html, is_searched=inliner is None).encode())
        advance(1)


def _as_markdown(page: SitePage, html: str, *, is_searched: bool) -> str:
    # Themes print the title without escaping it, and the table of contents of one HTML block would be empty
    title, description = (str(escape(text)).translate(_REFERENCES) for text in (page.title, page.description))
    front = "\n".join(
        [
            f"title: {json.dumps(title)}",
            f"description: {json.dumps(description)}",
            "hide: [toc]",
            "search: {boost: 0.5}",
        ]
    )
    # The theme's search leaves out what is marked so in the page; this is what it finds the page by instead
    words = " ".join([page.search, *other_spellings(f"{page.title} {page.search}")])
    found_by = f"<p hidden>{escape(words)}</p>\n\n" if is_searched else ""
    return f"---\n{front}\n---\n\n{found_by.translate(_BRACES)}{html.strip().translate(_REFERENCES)}\n"


def navigation_lines(into: Path, *, title: str) -> str:
    """Return what to add to the host's mkdocs.yml so that the report in folder `into` is found and kept quiet about."""
    address = _address(into)
    return (
        f"nav:\n  - {json.dumps(title, ensure_ascii=False)}: {json.dumps(f'{address}/index.md', ensure_ascii=False)}\n"
        f"not_in_nav: |\n  /{address}/"
    )


def _address(into: Path) -> str:
    """Return the folder's path below the docs folder of the MkDocs project that it is in."""
    into = into.resolve()
    for parent in into.parents:
        config = parent / "mkdocs.yml"
        if config.is_file():
            found = _DOCS_DIR.search(config.read_text(encoding="utf-8", errors="replace"))
            docs = (parent / (found[1] if found else "docs")).resolve()
            if into.is_relative_to(docs):
                return into.relative_to(docs).as_posix()
    for parent in into.parents:
        if parent.name == "docs":
            return into.relative_to(parent).as_posix()
    return into.name
