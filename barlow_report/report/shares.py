"""Shares that are counted from images when a site is built, with their intervals."""

from barlow_report.report.records import Share
from barlow_report.significance import wilson_interval

__all__ = ["counted"]


def counted(k: int, n: int, *, level: float) -> Share:
    """Return k of n with its Wilson interval at `level`, 0 to 1; without interval where n is 0."""
    if not n:
        return Share(k, n)
    low, high = wilson_interval(k, n, level=level)
    return Share(k, n, float(low), float(high))
