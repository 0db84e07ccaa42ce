"""The numbers of a look in words."""

from decimal import Decimal

from barlow_report.formatting import count, interval, number, p_value, percent
from barlow_report.lenses.gate.facts import Change, Rate

__all__ = ["change_words", "not_comparable_words", "rate_words"]


def rate_words(rate: Rate, *, decimals: int = 0, is_rest: bool = False) -> str:
    """Say a rate and its interval: 41 % (33–50 %); `is_rest` of images that are right."""
    value = percent(rate.value, decimals=decimals, is_rest=is_rest)
    return f"{value} ({interval(rate.low, rate.high, decimals=decimals)})"


def not_comparable_words(change: Change) -> str:
    """Say why there is no comparison."""
    return f"Cannot be compared: {change.reason or 'there are no images to compare it on'}."


def change_words(change: Change, *, is_accuracy: bool = False) -> str:
    """Say what a rate was and is, by how many points it differs, how sure that is, and what it is called."""
    difference = change.difference
    if difference is None or change.old is None or change.new is None:
        return f"{change.state.capitalize()}{f': {change.reason}' if change.reason else ''}."
    low, high = difference.low, difference.high
    rates, ends, what = (change.old, change.new), (difference.value, low, high), "Error rate"
    if is_accuracy:
        rates, what = (_rest(change.old), _rest(change.new)), "Accuracy"
        ends = (-difference.value, None if high is None else -high, None if low is None else -low)
    decimals = 1 if is_accuracy else 0
    before, after = (percent(rate, decimals=decimals, is_rest=is_accuracy) for rate in rates)
    points, least, most = (_signed(end, decimals=decimals) for end in ends)
    images = f" on {count(change.n_images)} image{'s' * (change.n_images != 1)}" if change.n_images else ""
    q = "" if change.q_value is None else f", q = {p_value(change.q_value)}".replace("= <", "<")
    return f"{what} {before} → {after}{images}: {points} points ({least} to {most}){q}, {change.state}."


def _rest(share: float) -> float:
    """What a share leaves of 1, without the error of binary digits, which halves would be rounded by."""
    return float(1 - Decimal(repr(share)))


def _signed(share: float | None, *, decimals: int) -> str:
    text = number(None if share is None else 100 * share, decimals=decimals)
    return f"+{text}" if share is not None and share > 0 and text.strip("0.") else text
