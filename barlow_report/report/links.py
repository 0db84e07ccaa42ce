"""Checks every link of a finished site: the file is there, and so is the fragment.

The theme neither rewrites nor checks links in our pages, so each build is checked as a whole. The pages are
our own and the theme's, both machine-made and with " escaped in text, so attributes are found with regular
expressions, which are fastest when they start with letters; an HTML parser takes forty times as long.
"""

import os
import re
from array import array
from collections.abc import Collection, Mapping
from html import unescape
from itertools import chain
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from barlow_report.errors import SiteError

__all__ = ["broken_links", "check_links"]

_LINKS = [re.compile(f' {name}="([^"]*)"') for name in ("href", "src")]
_ID = re.compile(' id="([^"]*)"')
_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")
_N_SHOWN = 5


def check_links(site: Path, *, suffix: str = ".html", outside: Collection[str] = ()) -> int:
    """Return the number of links checked.

    Args:
        site: The folder of the site.
        suffix: How files with a page's HTML end: .html, or .md for pages that MkDocs will make an .html of.
        outside: Files beside the folder that will be there, from its root: "../index.html".

    Raises:
        SiteError: Some lead nowhere. That is a bug of ours, so the first few are named.
    """
    broken, n_links = broken_links(site, suffix=suffix, outside=outside)
    if broken:
        shown = "; ".join(f"{page}: {link}" for page, link in broken[:_N_SHOWN])
        raise SiteError(f"{len(broken)} broken links in the site, for example {shown}. Please report this as a bug.")
    return n_links


def broken_links(
    site: Path, *, suffix: str = ".html", outside: Collection[str] = ()
) -> tuple[list[tuple[str, str]], int]:
    """Return the (page, link) pairs below `site` that lead nowhere, and the number of links looked at.

    See `check_links`. A fragment that is missing is named once, at the first page that links to it.
    """
    written = {
        (Path(folder) / name).relative_to(site).as_posix() for folder, _, names in os.walk(site) for name in names
    }
    # A page is known by the name it will have; a folder with a page is an address, too, where a server is
    files = {name.removesuffix(suffix) + ".html" if name.endswith(suffix) else name for name in written}
    if suffix != ".html":
        files |= {name.removesuffix("/index.html") for name in files}
    files |= set(outside)
    pages = {name.removesuffix(suffix) + ".html": name for name in sorted(written) if name.endswith(suffix)}
    broken = []
    n_links = 0
    # Fragments by their hashes, which is all that fits into memory where there are thousands of pages
    anchors, wanted = array("q"), array("q")
    for page, name in pages.items():
        links, ids = _links_and_anchors((site / name).read_text(encoding="utf-8"))
        anchors.extend(hash((page, i)) for i in ids)
        n_links += len(links)
        for path, fragment in links:
            target = _target(page, path, pages, suffix=suffix)
            if target not in files:
                broken.append((page, f"{path}#{fragment}" if fragment else path))
            elif fragment and target in pages and not (target == page and fragment in ids):
                wanted.append(hash((target, fragment)))
    missing = set(np.setdiff1d(wanted, anchors).tolist())
    for page, name in pages.items() if missing else ():
        for path, fragment in sorted(_links_and_anchors((site / name).read_text(encoding="utf-8"))[0]):
            place = hash((_target(page, path, pages, suffix=suffix), fragment))
            if place in missing:
                broken.append((page, f"{path}#{fragment}"))
                missing.remove(place)
    return sorted(broken), n_links


def _target(page: str, path: str, pages: Mapping[str, str], *, suffix: str) -> str:
    """The file that a link on a page leads to; where pages are .md, a folder stands for the page in it."""
    target = _resolve(page.rpartition("/")[0], path) if path else page
    if suffix != ".html" and (index := f"{target}/index.html".removeprefix("/")) in pages:
        return index
    return target


def _links_and_anchors(text: str) -> tuple[set[tuple[str, str]], set[str]]:
    """Return the distinct links as (path, fragment), and the ids of one page."""
    text = text.replace("\n", " ")
    inside = set()
    for link in set(chain.from_iterable(pattern.findall(text) for pattern in _LINKS)):
        link = unescape(link)
        if _ELSEWHERE.match(link):
            continue
        path, _, fragment = link.partition("#")
        inside.add((unquote(path.partition("?")[0]), unquote(fragment)))
    return inside, {unescape(i) for i in _ID.findall(text)}


def _resolve(folder: str, path: str) -> str:
    """Follow a relative path from a folder of the site; both use / and have no leading one. Beside it: from ../ on."""
    if path.startswith("/"):
        return path  # right at one address only; our sites are at any
    from_root = path.removeprefix("../" * (folder.count("/") + 1)) if folder else path
    if from_root != path and "." not in from_root.partition("/")[0] and "/." not in from_root and "//" not in from_root:
        return from_root.removesuffix("/")  # nearly all links go by the root
    parts = [part for part in folder.split("/") if part]
    for part in path.split("/"):
        if part == ".." and (not parts or parts[-1] == ".."):
            parts.append("..")  # beside the site
        elif part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
