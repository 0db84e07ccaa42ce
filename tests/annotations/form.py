"""The form in a page, and what is done with it."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

__all__ = ["ONLY_HERE", "Form", "records"]

ONLY_HERE = "Not saved by this browser: your answers are only in this window. Download them before you close it."
_LOCAL = ("file:", "data:", "blob:")


class Form:
    """A page with the form, whose requests and complaints are written down; `bare`: without the theme around it."""

    def __init__(self, context: BrowserContext, site: Path, fragment: str = "", *, bare: bool = False) -> None:
        self.page = context.new_page()
        self.noted: list[str] = []
        self.page.on("request", lambda r: None if r.url.startswith(_LOCAL) else self.noted.append(r.url))
        self.page.on("console", lambda message: self.noted.append(message.text))
        self.page.on("pageerror", lambda error: self.noted.append(str(error)))
        self.page.goto((site / "annotate" / f"{'bare' if bare else 'index'}.html").as_uri() + fragment)

    @classmethod
    def of(cls, page: Page) -> "Form":
        """A page that shows the form already, or will."""
        form = cls.__new__(cls)
        form.page, form.noted = page, []
        return form

    def start(self, name: str) -> None:
        self.page.fill("#annotator", name)
        self.page.click("button:text-is('Start')")
        self.page.wait_for_selector("#short", state="visible")

    def answer(self, short: str, *, relation: str = "background", ease: int = 4) -> None:
        self.page.fill("#short", short)
        self.page.fill("#long", f"a long description of {short}")
        for name, value in (("ease", ease), ("confidence", 3), ("most_useful", "B and C"), ("relation", relation)):
            self.page.check(f'input[name="{name}"][value="{value}"]')

    def answer_at_once(self, short: str) -> None:
        """Answer without a click or a key, which take their time, where it is not about them."""
        self.page.evaluate(
            """short => { const form = document.querySelector('[data-form]'), field = form.elements;
            field.short.value = short; field.long.value = 'a long description';
            for (const name of ['ease', 'confidence', 'most_useful', 'relation']) field[name][0].checked = true;
            form.dispatchEvent(new Event('input', {bubbles: true})); }""",
            short,
        )

    def save_at_once(self) -> None:
        """Save in the same way."""
        self.page.evaluate("document.querySelector('[data-form]').requestSubmit()")

    def save(self) -> None:
        self.page.click("text=Save and next")

    def download(self, to: Path) -> Path:
        with self.page.expect_download() as caught:
            self.page.click("[data-action=download]:visible")
        caught.value.save_as(to)
        return to

    def item(self) -> str:
        """Which feature is shown, by its first picture."""
        return str(self.page.get_attribute("[data-pictures] img >> nth=0", "src"))

    def kept(self) -> None:
        """Wait until a store has acknowledged what was typed."""
        self.page.wait_for_selector("[data-saved]:text-is('Saved locally')")

    def warns(self) -> bool:
        """Whether the reader is asked before the window closes."""
        return bool(
            self.page.evaluate(
                "() => { const e = new Event('beforeunload', {cancelable: true}); dispatchEvent(e); "
                "return e.defaultPrevented; }"
            )
        )

    def checked(self) -> None:
        """Nothing came from elsewhere, and nothing was complained about."""
        assert self.noted == []


def records(path: Path) -> list[dict[str, Any]]:
    """What a downloaded file holds."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
