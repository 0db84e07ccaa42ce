"""A report as one HTML file: overview, failure modes with pictures, and Method, to send by mail and read on a phone.

The pages are those of the site, joined: headings one level down, links between them turned into fragments, pictures put
in as data addresses, whatever needs a script left out. What a link would lead to outside of the file stays as text; a
note at the top says what the full report has beyond this. Nothing is loaded from anywhere: a content-security policy in
the file forbids it.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

from markupsafe import Markup

from barlow_report.errors import OutputError
from barlow_report.files import atomic_write
from barlow_report.formatting import count
from barlow_report.progress import Advance
from barlow_report.report.inline_style import SHEETS, inline_style
from barlow_report.report.media import MediaLibrary
from barlow_report.report.pages import Site, SitePage, single_pages
from barlow_report.report.render import Renderer, templates_folder
from barlow_report.report.rewriting import Rewriter, start_tag
from barlow_report.report.small_pictures import as_data, fitting
from barlow_report.seals import read_named

__all__ = ["check_single", "write_single"]

MAX_MODES = 30
"""Failure modes with pictures; the others are in the full report."""

_BUDGET = 2_200_000  # characters of pictures
_MARK = b'<meta name="generator" content="barlow-report">'
_MARK_WITHIN = 1000  # bytes from the beginning

_DROPPED_TAGS = frozenset({"script", "noscript", "form", "dialog", "template", "link", "input", "select"})
_DROPPED_CLASSES = frozenset(
    {"tools", "permalink", "trail", "beside", "contents", "downloads", "pager", "count", "notes"}
)
_IDS = ("id", "for", "aria-labelledby", "aria-describedby", "aria-controls")
_NOT_IN_A_FILE = frozenset(
    [
        "loading",
        "decoding",
        "tabindex",
        "rel",
        "download",
        "aria-current",
        "aria-sort",
        "data-caption",
        "data-root",
        "data-noun",
        "data-table",
        "data-rows",
        "data-viewer",
        "data-announce",
    ]
)
_LEVEL = re.compile(r"h([1-6])")
_FRAGMENT = re.compile(r'href="#([^"]*)"')
_PICTURE = re.compile("\0([^\0]+)\0")


@dataclass(frozen=True)
class _Part:
    """A page of the site that is a part of the file, under an id of its own and a heading of that level."""

    page: SitePage
    anchor: str
    level: int


def check_single(file: Path) -> None:
    """Make sure that `file` may be written.

    Raises:
        OutputError: There is a folder, or a file that is none of ours.
    """
    if file.is_dir():
        raise OutputError(f"{file}: found a folder, expected the name of a file to write. Choose another --site.")
    if file.exists():
        with file.open("rb") as old:
            if _MARK not in old.read(_MARK_WITHIN):
                raise OutputError(
                    f"{file}: holds no report of barlow-report; it is not overwritten. Choose another --site."
                )


def write_single(site: Site, media: MediaLibrary, *, file: Path, advance: Advance) -> Path:
    """Write the report as one file and return its path; `advance` is called with 1 after each part.

    Raises:
        SiteError: A page cannot be made.
        DamagedFileError: A picture is missing or damaged.
        OutputError: The file cannot be written, or is none of ours.
    """
    check_single(file)
    renderer = Renderer(templates_folder(), site=site, media=media, profile="single")
    modes = site.catalog.failure_modes()
    overview, shown, method = single_pages(site, MAX_MODES)
    of_modes = [_Part(page, f"mode-{rule.rule_id}", 3) for page, rule in zip(shown, modes, strict=False)]
    parts = [_Part(overview, "overview", 1), *of_modes, _Part(method, "method", 2)]
    anchors = {part.page.path: part.anchor for part in parts}
    anchors |= {site.rule_path(rule): part.anchor for part, rule in zip(of_modes, modes, strict=False)}
    joiner = _Joiner(site, anchors)
    bodies = []
    for part in parts:
        bodies.append(joiner.joined(renderer.body(part.page), part))
        advance(1)
    html = renderer.environment.get_template(
        "pages/single.html"
    ).render(
        title=site.title,
        style=Markup(inline_style(joiner.sheets)),  # noqa: S704 - ours
        overview=Markup(bodies[0]),  # noqa: S704 - rendered pages
        modes=[Markup(body) for body in bodies[1:-1]],  # noqa: S704
        method=Markup(bodies[-1]),  # noqa: S704
        links=[(part.anchor, part.page.title) for part in of_modes],
        n_more=count(len(modes) - len(shown)) if len(modes) > len(shown) else "",
        explanations=renderer.explanations.everything(),
        root="",
    )
    atomic_write(file, _with_pictures(_with_sound_fragments(html, anchors), media))
    return file


def _with_sound_fragments(html: str, anchors: dict[str, str]) -> str:
    """Lead each link to the part as a whole where the place inside it was left out."""
    ids = set(re.findall(' id="([^"]*)"', html))

    def sound(link: re.Match[str]) -> str:
        if link[1] in ids:
            return link[0]
        found = [anchor for anchor in anchors.values() if link[1].startswith(f"{anchor}-")]
        return f'href="#{max(found, key=len, default="overview")}"'

    return _FRAGMENT.sub(sound, html)


def _with_pictures(html: str, media: MediaLibrary) -> str:
    used = Counter(_PICTURE.findall(html))
    found = fitting(used, lambda name: read_named(media.folder / name), budget=_BUDGET)
    return _PICTURE.sub(lambda picture: found[picture[1]], html)


class _Joiner:
    """Turns pages of the site into parts of one file."""

    def __init__(self, site: Site, anchors: dict[str, str]) -> None:
        self.site = site
        self.anchors = anchors
        self.sheets: list[str] = []
        self.has_filters = False

    def joined(self, html: str, part: _Part) -> str:
        return _Copy(self, part).copy(html)

    def target(self, link: str, part: _Part) -> str | None:
        """Return the fragment that takes the place of a link; None where it leads out of the file."""
        path, _, fragment = link.partition("#")
        path = normpath(join(dirname(part.page.path), path)) if path else part.page.path
        if fragment and f"{path}#{fragment}" in self.anchors:
            found = self.anchors[f"{path}#{fragment}"]
            return None if found == part.anchor else f"#{found}"  # from a mode to more about it
        anchor = self.anchors.get(path)
        return None if anchor is None else f"#{anchor}-{fragment}" if fragment else f"#{anchor}"

    def source(self, link: str, part: _Part) -> str:
        """Return the address of a picture: of a photograph a mark, of a chart the chart itself."""
        path = normpath(join(dirname(part.page.path), link))
        if path.startswith("media/"):
            return f"\0{path.removeprefix('media/')}\0"
        name, _, scheme = path.removeprefix("assets/figures/").removesuffix(".svg").rpartition("-")
        return as_data(getattr(self.site.charts[name], scheme).encode(), "image/svg+xml")


class _Copy(Rewriter):
    def __init__(self, joiner: _Joiner, part: _Part) -> None:
        super().__init__()
        self._joiner, self._part = joiner, part
        self._levels: list[int] = []

    def rewritten(self, tag: str, attributes: dict[str, str | None], *, is_void: bool) -> tuple[str, str] | None:
        """Say what becomes of one element."""
        classes = self.path[-1][1]
        if tag == "link":
            self._note_sheet(attributes["href"] or "")
        if tag == "svg" and "filters" in classes:
            return self._filters(attributes)
        if tag in _DROPPED_TAGS or "hidden" in attributes or classes & _DROPPED_CLASSES:
            return None
        if tag == "button" and "term" not in classes:
            return None
        if "zoom" in classes:
            return "", ""
        if "barlow" in classes:
            return f'<section class="part" id="{self._part.anchor}">', "</section>"
        return self._changed(tag, attributes, is_void=is_void)

    def _changed(self, tag: str, attributes: dict[str, str | None], *, is_void: bool) -> tuple[str, str]:
        kept = {n: v for n, v in attributes.items() if n not in _NOT_IN_A_FILE}
        if not any(ancestor == "svg" and "filters" in classes for ancestor, classes in self.path):
            for name in _IDS:
                if kept.get(name):
                    kept[name] = " ".join(f"{self._part.anchor}-{i}" for i in (kept[name] or "").split())
        if tag == "a":
            target = self._joiner.target(kept.pop("href", None) or "", self._part)
            if target is None:
                tag = "g" if any(ancestor == "svg" for ancestor, _ in self.path) else "span"
                kept["class"] = f"{kept.get('class') or ''} outside".strip()
            else:
                kept = {"href": target, **kept}
        if tag == "img":
            kept["src"] = self._joiner.source(kept["src"] or "", self._part)
        level = _LEVEL.fullmatch(tag)
        if level:
            tag = f"h{min(self._level(int(level[1])), 6)}"
        return start_tag(tag, kept, is_closed=is_void), f"</{tag}>"

    def _level(self, level: int) -> int:
        """Return the level of a heading in the file: below that of its part, without a gap."""
        while self._levels and self._levels[-1] >= level:
            self._levels.pop()
        self._levels.append(level)
        return self._part.level + len(self._levels) - 1

    def _filters(self, attributes: dict[str, str | None]) -> tuple[str, str] | None:
        """Keep the filters of heatmaps once."""
        if self._joiner.has_filters:
            return None
        self._joiner.has_filters = True
        return start_tag("svg", attributes, is_closed=False), "</svg>"

    def _note_sheet(self, link: str) -> None:
        name = link.rpartition("/")[2]
        if name not in (*SHEETS, *self._joiner.sheets):
            self._joiner.sheets.append(name)
