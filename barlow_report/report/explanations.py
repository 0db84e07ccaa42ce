"""What a page explains of itself: buttons that open a few words, and a line at its end about signs in its numbers.

The words are elements of the page (`popover`), which open without a script and by keyboard. Where that is not known,
and on paper, they stand readable at the end of the page.
"""

from markupsafe import Markup, escape

from barlow_report.report.glossary import GLOSSARY, meaning
from barlow_report.report.source import Profile

__all__ = ["Explanations"]


class Explanations:
    """Collects what is explained while a page is rendered; `at_end` gives it out and starts anew."""

    def __init__(self, profile: Profile) -> None:
        self._has_buttons = profile != "techdocs"
        self._is_one_file = profile == "single"
        self._terms: dict[tuple[str, str], str] = {}
        self._notes: dict[str, str] = {}

    def term(self, key: str, text: str = "") -> Markup:
        """Return the short form of a term of the glossary, or `text`, as a button that says what it means."""
        return self.explain(text or GLOSSARY[key].short, meaning(key), name=GLOSSARY[key].short)

    def explain(self, text: str, words: str, *, name: str = "") -> Markup:
        """Return `text` as a button that opens `words`; `name` stands before them at the end of the page."""
        anchor = self._anchor(name or text, words)
        if not self._has_buttons:
            return Markup(escape(text))  # noqa: S704 - escaped
        return Markup(f'<button type="button" class="term" popovertarget="{anchor}">{escape(text)}</button>')  # noqa: S704

    def explain_beside(self, text: str, words: str) -> Markup:
        """Return a button with a question mark, for a text that is a button already."""
        anchor = self._anchor(text, words)
        if not self._has_buttons:
            return Markup("")
        label = f"What {text} means"
        return Markup(  # noqa: S704 - escaped
            f'<button type="button" class="term what" popovertarget="{anchor}" aria-label="{escape(label)}"></button>'
        )

    def note(self, sign: str, words: str) -> None:
        """Have the end of the page say what a sign in its numbers means."""
        self._notes.setdefault(sign, words)

    def _anchor(self, name: str, words: str) -> str:
        return self._terms.setdefault((name, words), f"term-{len(self._terms) + 1}")

    def at_end(self) -> Markup:
        """Return what the end of the page says, and forget it; pages of one file say it together, `everything`."""
        if self._is_one_file:
            return Markup("")
        found = self.everything()
        self.clear()
        return found

    def everything(self) -> Markup:
        """Return what was collected."""
        tag = "div popover" if self._has_buttons else "p"
        parts = [
            f'<{tag} class="meaning" id="{anchor}"><dfn>{escape(name)}</dfn> {escape(words)}</{tag.split()[0]}>'
            for (name, words), anchor in self._terms.items()
        ]
        notes = "".join(
            f"<span><dfn>{escape(sign)}</dfn> {escape(words)}</span> " for sign, words in self._notes.items()
        )
        if notes:
            parts.insert(0, f'<p class="notes">{notes.rstrip()}</p>')
        return Markup("\n".join(parts))  # noqa: S704 - escaped

    def clear(self) -> None:
        """Forget what was collected for another page."""
        if self._is_one_file:
            return
        self._terms.clear()
        self._notes.clear()
