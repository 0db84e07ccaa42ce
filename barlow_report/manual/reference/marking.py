"""Words of the code as HTML: escaped, with what stands between backticks as code."""

import re
from collections.abc import Iterable

from markupsafe import escape

__all__ = ["code", "definitions", "heading", "inline", "paragraphs"]

_CODE = re.compile(r"``?([^`]+)``?")
_ITEM = re.compile(r"^\s*[*-] ", flags=re.MULTILINE)


def inline(text: str) -> str:
    """Return a text that stands within a line."""
    pieces = _CODE.split(" ".join(text.split()))
    return "".join(code(piece) if i % 2 else str(escape(piece)) for i, piece in enumerate(pieces))


def code(text: str) -> str:
    """Return a text as code."""
    return f"<code>{escape(text)}</code>"


def paragraphs(text: str) -> str:
    """Return a docstring's text: paragraphs, and lists of lines that begin with `*` or `-`."""
    found = []
    for block in re.split(r"\n\s*\n", text.strip()):
        if _ITEM.match(block):
            items = (inline(item) for item in _ITEM.split(block) if item.strip())
            found.append(f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>")
        elif block.startswith("    "):
            found.append(f"<pre>{code(block)}</pre>")
        else:
            found.append(f"<p>{inline(block)}</p>")
    return "".join(found)


def heading(level: int, title: str, anchor: str) -> str:
    """Return a heading in Markdown, so that the page's table of contents has it."""
    return f"\n{'#' * level} {title} {{ #{anchor} }}\n"


def definitions(entries: Iterable[tuple[str, str, str, str]]) -> str:
    """Return a list of names with what they are and mean.

    Args:
        entries: Of each the anchor, or nothing; the name; what it may be, in HTML; its meaning, in HTML.
    """
    lines = (
        f"<dt{f' id={anchor!r}'.replace(chr(39), chr(34)) if anchor else ''}>{code(name)} <span>{kind}</span></dt>"
        f"<dd>{meaning}</dd>"
        for anchor, name, kind, meaning in entries
    )
    return f'<dl class="keys">\n{chr(10).join(lines)}\n</dl>\n'
