"""What time it is: the one clock, which SOURCE_DATE_EPOCH can set, so that a result can be made again byte for byte."""

import os
from datetime import UTC, datetime

from barlow_report.errors import ConfigError

__all__ = ["now"]


def now() -> datetime:
    """Return the time in UTC to the second, or that of SOURCE_DATE_EPOCH.

    Raises:
        ConfigError: SOURCE_DATE_EPOCH is no number of seconds since 1970, or no date has so many.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        if epoch.isascii() and epoch.isdecimal():
            return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        pass  # a year that no calendar has
    raise ConfigError(
        f"SOURCE_DATE_EPOCH: found {epoch!r}, expected a number of seconds since 1970. Correct or unset it."
    )
