"""Numbers to text: the only place where a number on a page gets its digits.

A share is written with as many decimals as its count supports; a number that does not exist is written as
an en dash, never as NaN.
"""

import math
from collections.abc import Mapping

__all__ = [
    "MISSING",
    "activation",
    "count",
    "duplicates_words",
    "interval",
    "number",
    "p_value",
    "percent",
    "ratio",
    "rounded",
    "threshold",
]

MISSING = "–"
THIN_SPACE = "\u202f"  # narrow and not breaking: keeps a number and its unit on one line


def _exists(value: float | None) -> bool:
    return value is not None and value == value and not math.isinf(value)


def percent(share: float | None, *, decimals: int = 1) -> str:
    """Write a share between 0 and 1 as a percentage: 0.3519 → 35.2 %.

    A share that is not 0 or 1 is never rounded to 0 % or 100 %.
    """
    if share is None or not _exists(share):
        return MISSING
    smallest = 10.0**-decimals
    value = share * 100
    if 0 < value < smallest / 2:
        return f"<{THIN_SPACE}{smallest:.{decimals}f}{THIN_SPACE}%"
    if 100 - smallest / 2 < value < 100:
        return f">{THIN_SPACE}{100 - smallest:.{decimals}f}{THIN_SPACE}%"
    return f"{value:.{decimals}f}{THIN_SPACE}%"


def count(n: int | None) -> str:
    """Write a count with thin spaces between thousands: 10000 → 10 000."""
    return MISSING if n is None or not _exists(n) else f"{int(n):,}".replace(",", THIN_SPACE)


def ratio(k: int | None, n: int | None) -> str:
    """Write k of n: 311/320."""
    return MISSING if k is None or n is None or not (_exists(k) and _exists(n)) else f"{count(k)}/{count(n)}"


def interval(low: float | None, high: float | None, *, decimals: int = 0) -> str:
    """Write an interval of shares: (0.931, 0.987) → 93–99 %."""
    if low is None or high is None or not (_exists(low) and _exists(high)):
        return MISSING
    return f"{low * 100:.{decimals}f}–{high * 100:.{decimals}f}{THIN_SPACE}%"


def number(value: float | None, *, decimals: int = 3) -> str:
    """Write a measure with fixed decimals: 0.17222 → 0.172."""
    if value is None or not _exists(value):
        return MISSING
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


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
    return "0" if value == 0 else f"{value:#.4g}".rstrip(".").replace("-", "−")


def p_value(value: float | None) -> str:
    """Write a p- or q-value: 0.031, or < 0.001 below that."""
    if value is None or not _exists(value):
        return MISSING
    return f"<{THIN_SPACE}0.001" if value < 0.001 else f"{value:.3f}"


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
