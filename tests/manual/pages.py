"""The README and the sources of the manual, with the code that stands in them."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MANUAL = ROOT / "barlow_report" / "manual"
FENCE = re.compile(r"(?:^<!--([^>]*)-->\n\n)?^```(\w+)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: What stands behind its opening fence.
        code: What stands between its fences.
        tested_by: The comment in front of it, which names a test of its own; empty without one.
    """

    language: str
    code: str
    tested_by: str


@dataclass(frozen=True)
class Page:
    """A file in Markdown."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def blocks(self) -> list[Block]:
        return [Block(language, code, (comment or "").strip()) for comment, language, code in FENCE.findall(self.text)]

    @property
    def prose(self) -> str:
        """The page without its blocks of code."""
        return FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """What the page links to or shows, but for addresses of the web."""
        links: list[str] = re.findall(r"\]\(([^)\s]+)\)", self.prose)
        return [link for link in links if not link.startswith(("http://", "https://"))]

    @property
    def anchors(self) -> list[str]:
        """The fragments of its headings, as code hosts and Python-Markdown make them."""
        headings: list[str] = re.findall(r"^#+ (.+)$", self.prose, flags=re.MULTILINE)
        return [re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings]

    def of(self, language: str) -> list[str]:
        """Return the blocks of one language that have no test of their own."""
        return [block.code for block in self.blocks if block.language == language and not block.tested_by]


README = Page(ROOT / "README.md")
CONTRIBUTING = Page(ROOT / ".github" / "CONTRIBUTING.md")
PAGES = [README, CONTRIBUTING, *map(Page, sorted(MANUAL.glob("*.md")))]


def page(name: str) -> Page:
    """Return the page of the manual with this name, without its ending."""
    return Page(MANUAL / f"{name}.md")
