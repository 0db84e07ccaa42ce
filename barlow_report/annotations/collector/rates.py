"""How many requests somebody may make: a bucket of tokens that fills with time."""

import time
from collections import OrderedDict

__all__ = ["Rates"]

_MAX_BUCKETS = 10_000


class Rates:
    """One bucket per name; those that were used longest ago are forgotten, so memory is bounded.

    Args:
        rate: Requests per second in the long run.
        burst: Requests at once.
    """

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> bool:
        """Count a request of `name`; False where it is one too many."""
        now = time.monotonic()
        tokens, last = self._buckets.pop(name, (self._burst, now))
        tokens = min(tokens + (now - last) * self._rate, self._burst)
        self._buckets[name] = (max(tokens - 1, 0.0), now)
        while len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return tokens >= 1
