"""Wide tables that a phone shows as cards: each cell carries its column's label, and each part its role.

A style sheet makes the cards, so they need no script; the roles keep a table a table for those who hear it, because
some browsers forget that where a table is not displayed as one. Rows of pictures (`tri`) get their roles alone; other
tables of one or two columns stay as they are.
"""

import re

__all__ = ["as_cards"]

_MIN_COLUMNS = 3
_TABLE = re.compile(r'<table class="(plain|tri(?: spread)?)">(.*?)</table>', re.DOTALL)
_HEAD = re.compile(r"<thead>(.*?)</thead>", re.DOTALL)
_HEADER = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")  # names of others are escaped: no other < or > is left
_PART = re.compile(r"<(thead|tbody|tr|th|td)(?=[ >])([^>]*)>")
_ROLES = {"thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def as_cards(html: str) -> str:
    """Return a page with what the cells of its wide plain tables need to be cards."""
    return _TABLE.sub(_labelled, html)


def _labelled(table: re.Match[str]) -> str:
    look, inside = table[1], table[2]
    head = _HEAD.search(inside) if look == "plain" else None
    labels = [] if head is None else [_text(header) for header in _HEADER.findall(head[1])]
    if look == "plain" and len(labels) < _MIN_COLUMNS:
        return table[0]
    at = 0

    def with_role(part: re.Match[str]) -> str:
        nonlocal at
        tag, attributes = part[1], part[2]
        if tag == "tr":
            at = 0
        if tag == "th" and 'scope="col"' in attributes:
            return f'<th{attributes} role="columnheader">'
        if tag not in ("td", "th"):
            return f'<{tag}{attributes} role="{_ROLES[tag]}">'
        label = labels[at] if at < len(labels) and "colspan" not in attributes else ""
        at += 1
        labelled = f' data-label="{label}"' if label else ""
        return f'<{tag}{attributes} role="{_ROLES.get(tag, "rowheader")}"{labelled}>'

    stacks = " stacks" if labels else ""
    return f'<table class="{look}{stacks}" role="table">{_PART.sub(with_role, inside)}</table>'


def _text(html: str) -> str:
    """Return the text of a header, escaped as it is there, fit for an attribute."""
    return " ".join(_TAG.sub("", html).split()).replace('"', "&quot;")
