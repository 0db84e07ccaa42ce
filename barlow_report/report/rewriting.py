"""Copies of our own pages with some elements changed on the way, by Python's own parser."""

from html import escape
from html.parser import HTMLParser

__all__ = ["VOID", "Rewriter", "start_tag"]

VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "wbr"})


class Rewriter(HTMLParser):
    """Copies a page; what becomes of an element is decided by `rewritten` of a subclass.

    Attributes:
        path: Tag and classes of the elements around the one that is read, and of itself, the outermost first.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.path: list[tuple[str, frozenset[str]]] = []
        self._parts: list[str] = []
        self._ends: list[str] = []
        self._n_dropped = 0  # how many elements deep we are in one that is left out

    def copy(self, html: str) -> str:
        """Return the changed copy of a page."""
        self.feed(html)
        self.close()
        return "".join(self._parts)

    def rewritten(
        self, tag: str, attributes: dict[str, str | None], *, is_void: bool
    ) -> tuple[str, str] | None:  # pragma: no cover - each subclass has its own
        """Return how an element starts and ends in the copy; ("", "") keeps its content alone, None nothing of it."""
        raise NotImplementedError

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self._start(tag, dict(attrs), is_closed=tag in VOID)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self._start(tag, dict(attrs), is_closed=True)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - our pages close what they open
        """See HTMLParser."""
        if self._n_dropped:
            self._n_dropped -= 1
            return
        self.path.pop()
        self._parts.append(self._ends.pop())

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        self._write(data)

    def handle_entityref(self, name: str) -> None:
        """See HTMLParser."""
        self._write(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """See HTMLParser."""
        self._write(f"&#{name};")

    def _write(self, text: str) -> None:
        if not self._n_dropped:
            self._parts.append(text)

    def _start(self, tag: str, attributes: dict[str, str | None], *, is_closed: bool) -> None:
        found = None
        if not self._n_dropped:
            self.path.append((tag, frozenset((attributes.get("class") or "").split())))
            found = self.rewritten(tag, attributes, is_void=is_closed)
            if found is None or is_closed:
                self.path.pop()
        if found is None:
            self._n_dropped += not is_closed
            return
        self._parts.append(found[0])
        if not is_closed:
            self._ends.append(found[1])


def start_tag(tag: str, attributes: dict[str, str | None], *, is_closed: bool) -> str:
    """Write a start tag; an element without content that is not void, as in a drawing, is closed at once."""
    text = "".join(f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{text}{'/' if is_closed and tag not in VOID else ''}>"
