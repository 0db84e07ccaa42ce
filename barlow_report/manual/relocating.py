"""Links of the manual's pages: written so that they work on a code host, and moved so that they work in the site.

A page may link to any file of the checkout. In the site such a file is a page, too, below `repository/`: Markdown as it
is, with its own links followed; anything else as a block of code, because browsers save what they do not know from a
disk instead of showing it. Pictures are copied.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from barlow_report.errors import SiteError

__all__ = ["collect", "relocated"]

_FENCE = re.compile(r"^(```+)\w*\n.*?^\1$", flags=re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_ELSEWHERE = re.compile(r"[a-z]+:")
_PICTURES = {".webp", ".png", ".svg", ".jpg"}
_LANGUAGES = {".yaml": "yaml", ".yml": "yaml", ".py": "python", ".json": "json", ".toml": "toml", ".csv": "text"}


def collect(pages: Iterable[Path], *, root: Path, folder: Path) -> tuple[dict[str, str], dict[str, Path]]:
    """Return what a site is made of: the text of each of its documents, and its pictures, by their paths in it.

    Args:
        pages: The manual's own pages, which lie in `folder`.
        root: The checkout; links must not leave it.
        folder: The folder of the manual's pages, which is the top of the site.

    Raises:
        SiteError: A link leads to no file of the checkout.
    """
    places: dict[Path, str] = {}
    waiting = [path.resolve() for path in pages]
    while waiting:
        path = waiting.pop()
        if path in places:
            continue
        places[path] = _place(path, root=root, folder=folder)
        if path.suffix == ".md":
            waiting += _targets(path, root=root)
    texts = {place: _document(path, places, root=root) for path, place in places.items() if not _is_picture(path)}
    return texts, {place: path for path, place in places.items() if _is_picture(path)}


def relocated(text: str, *, source: Path, places: Mapping[Path, str]) -> str:
    """Return the text of a page with its links moved.

    Args:
        text: Markdown.
        source: Where it lies on the disk.
        places: Where the files that it links to are in the site, and it itself.
    """
    here = Path(places[source]).parent

    def move(match: re.Match[str]) -> str:
        path, _, fragment = match[2].partition("#")
        if _ELSEWHERE.match(match[2]) or not path:
            return match[0]
        target = os.path.relpath(places[(source.parent / path).resolve()], here)
        return f"{match[1]}{target}{'#' if fragment else ''}{fragment}{match[3]}"

    return "".join(piece if is_code else _LINK.sub(move, piece) for piece, is_code in _pieces(text))


def _place(path: Path, *, root: Path, folder: Path) -> str:
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    within = "/".join(part.lstrip(".") for part in path.relative_to(root).parts)  # what begins with a dot is left out
    return f"repository/{within}" if path.suffix == ".md" or _is_picture(path) else f"repository/{within}.md"


def _targets(page: Path, *, root: Path) -> Iterator[Path]:
    for piece, is_code in _pieces(page.read_text(encoding="utf-8")):
        for _, link, _ in [] if is_code else _LINK.findall(piece):
            name = link.partition("#")[0]
            if not name or _ELSEWHERE.match(link):
                continue
            path = (page.parent / name).resolve()
            if not path.is_file() or not path.is_relative_to(root):
                raise SiteError(f"{page.relative_to(root)}: the link {link} leads to no file of the checkout.")
            yield path


def _document(path: Path, places: Mapping[Path, str], *, root: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return relocated(text, source=path, places=places)
    name, language = path.relative_to(root).as_posix(), _LANGUAGES.get(path.suffix, "text")
    return f"# {name}\n\n``````{language}\n{text.rstrip()}\n``````\n"


def _is_picture(path: Path) -> bool:
    return path.suffix in _PICTURES


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Split Markdown into pieces that are code, between fences, or not."""
    end = 0
    for match in _FENCE.finditer(text):
        yield text[end : match.start()], False
        yield match[0], True
        end = match.end()
    yield text[end:], False
