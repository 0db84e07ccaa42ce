"""What pages say, read from their HTML and their data scripts, to be counted again from a run's tables."""

import html
import json
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.report.conftest import Built

__all__ = ["RATE", "Booleans", "Pair", "cells", "count", "percent", "rates", "said", "table_rows"]

Booleans = npt.NDArray[np.bool_]
Pair = tuple[int, int]

RATE = re.compile(r"([\d.]+) %\s*<small[^>]*>([\d ]+)/([\d ]+)")


def percent(share: Fraction, decimals: int, *, is_rest: bool = False) -> str:
    """A share as text, halves rounded up; of a rest down."""
    scaled = share * 100 * 10**decimals
    whole = math.ceil(scaled - Fraction(1, 2)) if is_rest else math.floor(scaled + Fraction(1, 2))
    return f"{whole // 10**decimals}" + (f".{whole % 10**decimals:0{decimals}d}" if decimals else "")


def count(images: Booleans, among: Booleans) -> Pair:
    """How many of some images are also others."""
    return int((images & among).sum()), int(among.sum())


def said(page: str) -> str:
    """The text of a page, with plain spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u202f", " ")).strip()


def rates(page: str) -> Iterator[tuple[str, Pair]]:
    """Every rate that has its counts beside it, with these."""
    for rate, *counts in RATE.findall(page.replace("\u202f", " ")):
        k, n = (int(number.replace(" ", "")) for number in counts)
        yield rate, (k, n)


def cells(page: str, label: str) -> list[list[str]]:
    """The words of a table that is no data table, row by row; `label` is what it is called."""
    part = page[page.index(f'aria-label="{label}"') :]
    body = part[part.index("<tbody") : part.index("</tbody>")]
    return [[said(cell) for cell in re.findall(r"(?s)<t[dh]\b.*?</t[dh]>", row)] for row in body.split("</tr>")[:-1]]


def table_rows(built: Built, name: str) -> list[dict[str, Any]]:
    """The rows of a data table, from its script: a rate as (k, n), an estimate as its value, a link as (text, path)."""
    text = built.text(f"data/{name}.js")
    data = json.loads(text[text.index("]=") + 2 :].strip().rstrip(";"))
    columns = {column["key"]: _values(column) for column in data["columns"]}
    return [{key: values[i] for key, values in columns.items()} for i in range(data["n"])]


def _values(column: dict[str, Any]) -> list[Any]:
    if column["kind"] == "rate":
        return [None if not n else (k, n) for k, n in zip(column["k"], column["of"], strict=True)]
    if column["kind"] == "link":
        return list(zip(column["values"], column["paths"], strict=True))
    if "codes" in column:
        return [column["texts"][code] for code in column["codes"]]
    return list(column["values"])
