"""One word per thing: no page, chart or message says it with another word than the glossary of the package."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RIGHT_WORDS = {
    r"mis-?classif\w+|mispredict\w*|misrecogni\w+": "fails, a failure",
    r"(correctly|rightly) (classified|predicted|recognised)": "right, recognised",
    r"\b(get|gets|got|goes|going)\b[^.{]{0,30}\bwrong\b|% wrong\b": "fails",
    r"\bimages? (is|are) wrong\b|\bcounts? as wrong\b": "fails",
    r"\bmistakes?\b|\bmistaken\b": "a failure, taken for",
    r"failure rates?\b": "error rate",
    r"\bpredicted as\b|, said\b|\bsaid (so\b|<|\{)": "taken for",
    r"\b(that|what|how|as) were (set|kept|put) aside|\bset aside\b": "held out; set aside is an error type",
    r"\b(new|unseen|fresh) images\b|\bheld back\b": "held-out images",
    r"\bcandidates?\b": "failure mode",
    r"\bfitted on\b": "fitted to",
    r"\bcan be chance\b|\bfound chance\b|\bby chance alone\b": "may be chance; that is no more than chance",
    r"\bnot of the class\b": "not specific",
    r"\bfore(tell|told|sees?)\b": "predict",
    r"\bforg[ia]v\w+": "accepted",
    r"(?<!here )\b(is|are) no (failures?|failure modes?|images?|successe?s?)\b": "is not a failure",
    r"\bSure\b": "Confidence",
}
"""What pages used to say, as a pattern, and what they say."""

_BY_NAME = {  # what a lens calls so, and where it may
    "set aside": "error_types",
    "candidate words": "error_types",
    "candidate": "pool",
    "candidates": "pool",
}
_FOLDERS = ("report", "lenses", "visuals")
_SOURCES = [
    *(path for kind in ("*.html", "*.js") for path in (ROOT / "templates").rglob(kind)),
    *(path for folder in _FOLDERS for path in (ROOT / "barlow_report" / folder).rglob("*.py")),
]


def _strings(code: str) -> Iterator[str]:
    """Yield the phrases of a module: strings with a space, values in them as {}; no docstrings."""
    tree = ast.parse(code)
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            left_out |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and id(node) not in left_out and " " in str(node.value):
            yield str(node.value)


def _phrases(template: str) -> Iterator[str]:
    """Yield what a template writes: its text, titles and labels with values as {}, and the strings it chooses from."""
    text = re.sub(r"\{#.*?#\}", "", template, flags=re.DOTALL)
    yield from _quoted(" ".join(re.findall(r"\{[{%].*?[%}]\}", text, flags=re.DOTALL)))
    text = re.sub(r"\{%.*?%\}", "", re.sub(r"\{\{.*?\}\}", "{}", text, flags=re.DOTALL), flags=re.DOTALL)
    yield re.sub(r"\b(?:class|href|src|id)=\"[^\"]*\"", "", text)


def _script(code: str) -> Iterator[str]:
    """Yield the phrases of a script, one by one."""
    yield from _quoted(re.sub(r"(?m)(^|\s)//.*$", "", code))


def _quoted(code: str) -> list[str]:
    return [text for text in re.findall(r'"([^"\n]*)"', code) if " " in text]


_READERS = {".html": _phrases, ".js": _script, ".py": _strings}


def _faults(path: Path) -> list[str]:
    found = []
    for phrase in _READERS[path.suffix](path.read_text(encoding="utf-8")):
        for pattern, right in RIGHT_WORDS.items():
            for match in re.finditer(pattern, phrase):
                if _BY_NAME.get(match[0], "\0") not in path.parts:
                    around = " ".join(phrase[max(0, match.start() - 40) : match.end() + 40].split())
                    found.append(f"{path.relative_to(ROOT)}: “{match[0]}” in “{around}”: say {right}")
    return found


def test_every_page_has_the_words_of_the_glossary() -> None:
    assert len(_SOURCES) > 150
    assert [fault for path in _SOURCES for fault in _faults(path)] == []


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("a.html", '<p class="said">{# predicted as #}{{ "it can be chance" if x else "right" }}</p>', "can be chance"),
        ("a.html", "<p>{{ n }} images are\n misclassified</p>", "misclassified"),
        ("a.html", '<img alt="labelled {{ a }}, predicted as {{ b }}">', "predicted as"),
        ("a.js", 'var x = ", said so"; // predicted as', ", said"),
        ("a.py", 'def f(x):\n    """A candidate."""\n    return f"{x} new images"', "new images"),
    ],
)
def test_other_words_are_found_where_readers_see_them(name: str, text: str, wrong: str) -> None:
    phrases = list(_READERS[Path(name).suffix](text))
    assert [match[0] for pattern in RIGHT_WORDS for p in phrases for match in re.finditer(pattern, p)] == [wrong]


_ONE = re.compile(
    "(?<![\\w.,+/–−\u202f-])1(?:</b>)? (?:(?!in |of |and )[a-z-]+ )?(?:images|classes|groups|features|rules|failures|"
    "successes|modes|conditions|models|files|trees|people|answers|points|directions|pairs|leaves|releases|changes|types|"
    "are|have|lie)\\b"
)


@pytest.mark.parametrize("name", ["demo", "quiet", "hostile"])
def test_one_thing_is_never_said_to_be_several(name: str, request: pytest.FixtureRequest) -> None:
    pages = sorted(request.getfixturevalue(name).site.rglob("*.html"))
    assert len(pages) > 10
    assert [(page.name, found) for page in pages for found in _ONE.findall(page.read_text(encoding="utf-8"))] == []
