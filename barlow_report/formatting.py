"""Numbers to text: the only place where a number on a page gets its digits.

A share is written with as many decimals as its count supports; a number that does not exist is written as
an en dash, never as NaN.

Halves are rounded up, by the decimal digits of a number and not by its binary ones: 8,255 of 10,000 are 82.6 %, though
the number that a computer keeps for 82.55 is a little less. The shortest text of k / n is exact wherever k / n ends
after a few digits, which is where halves are. The script of the tables does the same.

What fails and what is right add up to 100 %: beside an error rate, the share of the same images that are right is
written as what the rounded error rate leaves of 100 %, so there a half is rounded down. 1,745 of 10,000 are 17.5 % that
fail, and the others 82.5 % that are right. Accuracies, and the recall and precision of a class, are written so on
pages; tables to download have exact values.
"""

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal

__all__ = [
    "MISSING",
    "activation",
    "change",
    "count",
    "duplicates_words",
    "duration",
    "interval",
    "number",
    "p_value",
    "percent",
    "points",
    "ratio",
    "rounded",
    "threshold",
]

MISSING = "–"
THIN_SPACE = "\u202f"  # narrow and not breaking: keeps a number and its unit on one line


def _exists(value: float | None) -> bool:
    return value is not None and value == value and not math.isinf(value)


def percent(share: float | None, *, decimals: int = 1, is_rest: bool = False) -> str:
    """Write a share between 0 and 1 as a percentage: 0.3519 → 35.2 %.

    A share that is not 0 or 1 is never rounded to 0 % or 100 %.

    Args:
        share: 0 to 1; None or NaN where it is not known.
        decimals: Digits behind the point.
        is_rest: Of those that are right, beside an error rate: 0.8255 → 82.5 %, for 17.5 % fail.
    """
    if share is None or not _exists(share):
        return MISSING
    value = 100 - _half_up(100 - _per_cent(share), decimals) if is_rest else _half_up(_per_cent(share), decimals)
    smallest = Decimal(1).scaleb(-decimals)
    if share > 0 and value == 0:
        return f"<{THIN_SPACE}{smallest}{THIN_SPACE}%"
    if share < 1 and value == 100:
        return f">{THIN_SPACE}{100 - smallest}{THIN_SPACE}%"
    return f"{value}{THIN_SPACE}%"


def points(share: float, base: float, *, unlike: float | None = None) -> str:
    """Write by how many percentage points a share exceeds another: (0.37, 0.2705) → 10.

    Args:
        share: 0 to 1.
        base: 0 to 1.
        unlike: A limit, 0 to 1, that the difference does not reach: then there are as many decimals as tell it from the
            limit, so that 9.95 is not written as 10.
    """
    difference = _per_cent(share) - _per_cent(base)
    limit = None if unlike is None else _per_cent(unlike)
    decimals = 0
    while limit is not None and _half_up(difference, decimals) == limit != difference and decimals < _MOST_DECIMALS:
        decimals += 1
    return _signed(_half_up(difference, decimals))


def change(difference: float | None, *, decimals: int = 1) -> str:
    """Write a difference of two shares, −1 to 1, in percentage points with its sign: 0.25 → +25.0."""
    if difference is None or not _exists(difference):
        return MISSING
    value = _half_up(_per_cent(difference), decimals)
    return f"{'+' if value > 0 else ''}{_signed(value)}"


_MOST_DECIMALS = 12
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)  # more digits than any float64 has


def _per_cent(share: float) -> Decimal:
    return Decimal(repr(float(share))) * 100


def _half_up(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), context=_EXACT)


def _signed(value: Decimal) -> str:
    return f"{abs(value) if value == 0 else value:f}".replace("-", "−")


def count(n: int | None) -> str:
    """Write a count with thin spaces between thousands: 10000 → 10 000."""
    return MISSING if n is None or not _exists(n) else f"{int(n):,}".replace(",", THIN_SPACE)


def duration(seconds: float) -> str:
    """Write a time that is only known roughly: about 40 s, about 3 min, about 2.5 h."""
    if seconds < 90:
        return f"about {max(round(seconds), 1)} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def counted(n: int | str | None, noun: str, plural: str = "") -> str:
    """Write a count with its noun: 1 image, 10 000 images, 0 classes.

    Args:
        n: How many; a number that is written already stays as it is.
        noun: For one, with what stands before it: held-out image.
        plural: For any other number; without it, the noun with s, or with es behind s, x, ch and sh.
    """
    number_of = n if isinstance(n, str) else count(n)
    several = plural or f"{noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"
    return f"{number_of} {noun if number_of in ('1', '−1') else several}"


def ratio(k: int | None, n: int | None) -> str:
    """Write k of n: 311/320."""
    return MISSING if k is None or n is None or not (_exists(k) and _exists(n)) else f"{count(k)}/{count(n)}"


def interval(low: float | None, high: float | None, *, decimals: int = 0) -> str:
    """Write an interval of shares: (0.931, 0.987) → 93–99 %."""
    if low is None or high is None or not (_exists(low) and _exists(high)):
        return MISSING
    return f"{_half_up(_per_cent(low), decimals)}–{_half_up(_per_cent(high), decimals)}{THIN_SPACE}%"


def number(value: float | None, *, decimals: int = 3) -> str:
    """Write a measure with fixed decimals: 0.17222 → 0.172."""
    if value is None or not _exists(value):
        return MISSING
    return _signed(_half_up(Decimal(repr(float(value))), decimals))


def threshold(value: float | None) -> str:
    """Write a threshold with all of its digits, as its printed form has no more than it needs: 0.12559."""
    if value is None or not _exists(value):
        return MISSING
    return repr(float(value)).removesuffix(".0").replace("-", "−")


def rounded(value: float | None) -> str:
    """Write a number with four significant digits: 0.08934."""
    if value is None or not _exists(value):
        return MISSING
    return f"{value:.4g}".replace("-", "−")


def activation(value: float | None) -> str:
    """Write an activation with four significant digits, trailing zeros too, so that a row of them lines up: 2.410."""
    if value is None or not _exists(value):
        return MISSING
    digits = float(_FOUR_DIGITS.create_decimal_from_float(float(value)))
    return "0" if digits == 0 else f"{digits:#.4g}".rstrip(".").replace("-", "−")


_FOUR_DIGITS = Context(prec=4, rounding=ROUND_HALF_UP)


def p_value(value: float | None) -> str:
    """Write a p- or q-value: 0.031, or < 0.001 below that."""
    if value is None or not _exists(value):
        return MISSING
    return f"<{THIN_SPACE}0.001" if value < 0.001 else number(value)


def duplicates_words(found: Mapping[str, int]) -> str:
    """Say how many images are exact duplicates, and what that does to labels and evidence; empty without any.

    Args:
        found: `n_images`, `n_with_other_labels`, `n_held_out_in_fit` and `n_tested_again`, as far as they were counted.
    """
    n_images, n_labels, n_held_out = (
        found.get(f"n_{key}", 0) for key in ("images", "with_other_labels", "held_out_in_fit")
    )
    if not n_images:
        return ""
    words = [
        f"{count(n_images)} {'is an exact duplicate' if n_images == 1 else 'are exact duplicates'} of another image"
    ]
    if n_labels:
        words.append(f"{count(n_labels)} equal an image with another label")
    if n_held_out:
        words.append(
            f"{count(n_held_out)} held-out {'image equals' if n_held_out == 1 else 'images equal'} one to fit on"
        )
    if n_again := found.get("n_tested_again", 0):
        words.append(f"{count(n_again)} {'counts' if n_again == 1 else 'count'} in the tests again")
    return "; ".join(words)
