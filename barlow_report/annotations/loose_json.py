"""JSON of answers, read so that whatever comes out can be looked at and written again.

Other tools write NaN and numbers of any size beside an answer; that is no reason to refuse the answer, as it is one to
refuse a document that somebody has written by hand (`documents.parse_json`).
"""

import json
import math
from typing import Any

__all__ = ["parse_loose_json"]

_MAX_DEPTH = 64
_MAX_DIGITS = 30


def parse_loose_json(text: str) -> Any:
    """Parse JSON; numbers that JSON has no room for (NaN, 1e999, thousands of digits) stay as their text.

    Raises:
        ValueError: It is not JSON, or nested more deeply than any answer is.
    """
    try:
        value = json.loads(text, parse_constant=str, parse_float=_number, parse_int=_whole)
    except RecursionError:
        raise ValueError(f"nested more than {_MAX_DEPTH} levels deep") from None
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError(f"nested more than {_MAX_DEPTH} levels deep")
        inside: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                inside += part.values()
            elif isinstance(part, list):
                inside += part
        level = inside
    return value


def _number(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= _MAX_DIGITS else text
