"""HTML whose look is in the elements themselves, for hosts that take away scripts and style sheets.

A small style sheet (`techdocs.css`) is read once; each element gets the declarations of the rules that match it,
in the order of the sheet. Selectors are tag and class names, joined by spaces for "somewhere inside": enough for
our own pages, and nothing else comes here. What works by script only is left out: forms, buttons, whatever is
hidden, links to a picture's own file.
"""

import re
from dataclasses import dataclass

from barlow_report.report.rewriting import Rewriter, start_tag

__all__ = ["Inliner"]

_DROPPED_TAGS = frozenset({"script", "noscript", "form", "button", "dialog", "template", "style", "link"})
_DROPPED_CLASSES = frozenset({"filters", "tools", "only-dark", "permalink"})
_ATTRIBUTES = (
    "alt aria-current aria-hidden aria-label aria-labelledby colspan cx cy d dx height href id open points "
    "preserveaspectratio r rel role rowspan rx scope src stroke-width text-anchor title viewbox width x x1 x2 y y1 y2"
)
_KEPT = frozenset(_ATTRIBUTES.split())
_CASE = {"viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio"}
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_PAGE = re.compile(r"(^|/)index\.html(?=#|$)")
_Element = tuple[str, frozenset[str]]
"""Tag and classes."""


@dataclass(frozen=True)
class _Part:
    """One name of a selector: td.num."""

    tag: str
    classes: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> "_Part":
        tag, *classes = text.split(".")
        return cls(tag, frozenset(classes))

    def matches(self, tag: str, classes: frozenset[str]) -> bool:
        return (not self.tag or self.tag == tag) and self.classes <= classes


@dataclass(frozen=True)
class _Rule:
    parts: tuple[_Part, ...]
    declarations: str

    def matches_around(self, path: list[_Element]) -> bool:
        """Whether an element, the last of the path, that the last part matches, is where the others want it."""
        wanted = len(self.parts) - 2
        for element in reversed(path[:-1]):
            if wanted < 0:
                break
            if self.parts[wanted].matches(*element):
                wanted -= 1
        return wanted < 0


class Inliner:
    """Puts the rules of one style sheet into pages."""

    def __init__(self, sheet: str) -> None:
        self._sheet = _Sheet(
            [
                _Rule(tuple(_Part.parse(part) for part in selector.split()), " ".join(declarations.split()))
                for selectors, declarations in _RULE.findall(_COMMENT.sub("", sheet))
                for selector in selectors.split(",")
            ]
        )

    def inline(self, html: str) -> str:
        """Return `html` with a style attribute wherever a rule matches, and without what needs a script."""
        return _Static(self._sheet).copy(html)


class _Sheet:
    """The rules of a style sheet; which of them may be for an element is found once for all alike."""

    def __init__(self, rules: list[_Rule]) -> None:
        self._rules = rules
        self._of_element: dict[_Element, list[_Rule]] = {}

    def style(self, path: list[_Element]) -> str:
        """The declarations for the last element of a path, in the order of the sheet."""
        rules = self._of_element.get(path[-1])
        if rules is None:
            rules = [rule for rule in self._rules if rule.parts[-1].matches(*path[-1])]
            self._of_element[path[-1]] = rules
        return ";".join(rule.declarations.rstrip(";") for rule in rules if rule.matches_around(path))


class _Static(Rewriter):
    """Leaves out what needs a script, and puts styles into elements."""

    def __init__(self, sheet: _Sheet) -> None:
        super().__init__()
        self._sheet = sheet

    def rewritten(self, tag: str, attributes: dict[str, str | None], *, is_void: bool) -> tuple[str, str] | None:
        """Say what becomes of one element."""
        classes = self.path[-1][1]
        if tag in _DROPPED_TAGS or "hidden" in attributes or classes & _DROPPED_CLASSES:
            return None
        if "zoom" in classes:
            return "", ""
        kept = {name: value or "" for name, value in attributes.items() if name in _KEPT}
        if tag == "a" and "href" in kept:
            kept["href"] = _folder_link(kept["href"])
            if kept["href"].endswith((".json", ".csv")):
                kept["download"] = ""  # the host leads such a link to the file, and any other to a page
        style = self._sheet.style(self.path)
        if style:
            kept["style"] = style
        cased: dict[str, str | None] = {_CASE.get(name, name): value for name, value in kept.items()}
        return start_tag(tag, cased, is_closed=is_void), f"</{tag}>"


def _folder_link(link: str) -> str:
    """Lead to a page by the address of its folder, without what only a script reads: ../x/index.html#y to ../x/#y."""
    path, mark, fragment = link.partition("#")
    path = path.partition("?")[0]
    if not _PAGE.search(path):
        return link
    return f"{_PAGE.sub(lambda found: found[1], path) or './'}{mark}{fragment}"
