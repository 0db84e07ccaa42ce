"""The data script of a table: its cells by column, as values that `tables.js` writes as the templates do.

Numbers are in full: fewer digits could be rounded once more, and differently, when they are shown. Texts that come
again and again, such as names of classes, are written once.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from barlow_report.formatting import change, number
from barlow_report.report.datatable import Cell, DataTable, Link, Picture, Sample, TableColumn
from barlow_report.report.records import Estimate, Share

__all__ = ["as_script_value", "table_script"]


def table_script(table: DataTable) -> Iterator[str]:
    """Yield the data script column by column: `BARLOW_DATA[name] = {"columns": [...], "n": …}`."""
    head = as_script_value({"n": len(table.rows), "pageSize": table.page_size, "least": table.least, "columns": []})
    yield f"(window.BARLOW_DATA=window.BARLOW_DATA||{{}})[{as_script_value(table.name)}]={head.removesuffix(']}')}"
    for i, column in enumerate(table.columns):
        yield f"{',' if i else ''}{as_script_value(_column(column, [row[i] for row in table.rows]))}"
    yield "]};\n"


def as_script_value(value: Any) -> str:
    """Write JSON that is safe inside a script: ASCII only, and no character that could end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _column(column: TableColumn, cells: Sequence[Cell]) -> dict[str, Any]:
    found: dict[str, Any] = {"key": column.key, "label": column.label, "kind": column.kind, "starts": column.starts}
    write = _WRITERS.get(column.kind)
    found |= {"values": list(cells)} if write is None else write(cells)
    if column.grades:
        found["grades"] = [list(grade) for grade in column.grades]
    if column.is_below:
        found["below"] = True
    if column.is_rest:
        found["rest"] = True
    if column.words:
        found["words"] = dict(column.words)
    return found


def _rates(cells: Sequence[Cell]) -> dict[str, Any]:
    shares = [cell if isinstance(cell, Share) else Share(None, None) for cell in cells]
    found: dict[str, Any] = {"k": [s.k for s in shares], "of": [s.n for s in shares]}
    if any(s.low is not None for s in shares):
        found |= {"low": [_per_cent(s.low) for s in shares], "high": [_per_cent(s.high) for s in shares]}
    return found


def _estimates(cells: Sequence[Cell]) -> dict[str, Any]:
    estimates = [cell if isinstance(cell, Estimate) else None for cell in cells]
    return {
        "values": [e and e.value for e in estimates],
        "low": [e and _per_cent(e.low) for e in estimates],
        "high": [e and _per_cent(e.high) for e in estimates],
    }


def _changes(cells: Sequence[Cell]) -> dict[str, Any]:
    """Ends of intervals go as they are shown."""
    estimates = [cell if isinstance(cell, Estimate) else None for cell in cells]
    return {
        "values": [e and e.value for e in estimates],
        "low": [e and change(e.low, decimals=0) for e in estimates],
        "high": [e and change(e.high, decimals=0) for e in estimates],
    }


def _texts(cells: Sequence[Cell]) -> dict[str, Any]:
    distinct = list(dict.fromkeys(cells))
    if 2 * len(distinct) > len(cells):
        return {"values": list(cells)}
    places = {text: place for place, text in enumerate(distinct)}
    return {"texts": distinct, "codes": [places[text] for text in cells]}


def _link(cells: Sequence[Cell]) -> dict[str, Any]:
    links = [cell if isinstance(cell, Link) else Link("", "") for cell in cells]
    return {"values": [link.text for link in links], "paths": [link.path for link in links]}


def _links(cells: Sequence[Cell]) -> dict[str, Any]:
    lists = [cell if isinstance(cell, tuple) else () for cell in cells]
    distinct = list(dict.fromkeys(link for links in lists for link in links))
    places = {link: place for place, link in enumerate(distinct)}
    return {
        "links": [[link.text, link.path] for link in distinct],
        "values": [[places[link] for link in links] for links in lists],
    }


def _pictures(cells: Sequence[Cell]) -> dict[str, Any]:
    pictures = [cell if isinstance(cell, Picture) else Picture("", "") for cell in cells]
    alts = {"alts": [p.alt for p in pictures]} if any(p.alt for p in pictures) else {}
    return {"values": [p.name for p in pictures], **alts}


def _samples(cells: Sequence[Cell]) -> dict[str, Any]:
    samples = [cell if isinstance(cell, Sample) else None for cell in cells]
    found = _pictures([sample and sample.picture for sample in samples])
    return {
        "values": [sample and name for sample, name in zip(samples, found["values"], strict=True)],
        "alts": found.get("alts", []),
        "features": [[[p.name, p.alt, word] for p, word in (sample.features if sample else ())] for sample in samples],
    }


def _per_cent(value: float | None) -> int | None:
    """Ends of intervals are only shown, never sorted by, so they go as they are shown."""
    return None if value is None else int(number(value * 100, decimals=0))


_WRITERS: dict[str, Callable[[Sequence[Cell]], dict[str, Any]]] = {
    "rate": _rates,
    "estimate": _estimates,
    "change": _changes,
    "text": _texts,
    "link": _link,
    "links": _links,
    "picture": _pictures,
    "sample": _samples,
}
