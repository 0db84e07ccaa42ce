"""The style of a page that is one file: our style sheets, written into it."""

import re
from collections.abc import Sequence

from barlow_report.report.compact import compact
from barlow_report.report.render import templates_folder

__all__ = ["SHEETS", "inline_style"]

SHEETS = ("barlow.css", "phone.css", "print.css", "single.css")
"""Those that every such page has."""

_DARK = '[data-md-color-scheme="slate"]'
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


def inline_style(sheets: Sequence[str] = ()) -> str:
    """Return the text of our style sheets, and of some more by their names."""
    texts = [compact(name, _sheet(name)) for name in (*SHEETS[:-1], *sheets, SHEETS[-1])]
    return "".join(_by_preference(text) for text in texts)


def _sheet(name: str) -> str:
    return (templates_folder() / "assets" / name).read_text(encoding="utf-8")


def _by_preference(sheet: str) -> str:
    """Let the reader's preference decide what on a site the theme's switch decides: dark or light."""

    def split(rule: re.Match[str]) -> str:
        if _DARK not in rule[1]:
            return rule[0]
        selectors = rule[1].split(",")
        dark = ",".join(s.replace(_DARK, "").strip() for s in selectors if _DARK in s)
        light = ",".join(s for s in selectors if _DARK not in s)
        always = f"{light}{{{rule[2]}}}" if light else ""
        return f"{always}@media screen and (prefers-color-scheme:dark){{{dark}{{{rule[2]}}}}}"

    return _RULE.sub(split, sheet)
