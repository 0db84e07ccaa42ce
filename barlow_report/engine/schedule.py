"""Which unit a free worker gets next; without workers, processes or a clock, which are told to it.

Units are handed out one at a time as workers become free, so images of uneven size make no worker wait for another. A
unit whose worker ended is next, before those that nobody has begun: what is wrong with it comes out early. When none
is left and a worker is free, the unit that has been worked on for longest is given out once more, if that is far
longer than others took: a slow machine holds nobody up. The first result counts, and the second has the same bytes.
"""

import statistics
from collections import deque

__all__ = ["MOST_FAILURES", "Schedule"]

MOST_FAILURES = 3
"""Times that a unit may end its worker or fail; then it is given up."""

PATIENCE = 2.0
"""A unit is a straggler when it has taken so many times as long as the median of those that are done …"""

LEAST_PATIENCE = 10.0
"""… and at least so many seconds."""


class Schedule:
    """The units of one piece of work, by their numbers 0 to n_units − 1."""

    def __init__(self, n_units: int) -> None:
        self._waiting = deque(range(n_units))
        self._begun: dict[int, list[float]] = {}
        self._times: list[float] = []
        self._n_failures: dict[int, int] = {}
        self._n_left = n_units

    @property
    def is_done(self) -> bool:
        """Whether every unit has a result."""
        return self._n_left == 0

    def n_failures(self, unit: int) -> int:
        """How often a unit has failed."""
        return self._n_failures.get(unit, 0)

    def take(self, now: float) -> int | None:
        """Return the unit to begin now, in seconds of any clock; None: there is nothing to do for another worker."""
        unit = self._waiting.popleft() if self._waiting else self._straggler(now)
        if unit is not None:
            self._begun.setdefault(unit, []).append(now)
        return unit

    def finish(self, unit: int, now: float) -> bool:
        """Note a result; return whether it is the first of its unit, which is the one that counts."""
        begun = self._begun.pop(unit, None)
        if begun is None:
            return False
        self._times.append(now - begun[0])
        self._n_left -= 1
        return True

    def fail(self, unit: int, *, is_to_blame: bool = True) -> bool:
        """Note that a unit came to nothing, because its worker ended or for another reason.

        Args:
            unit: Its number.
            is_to_blame: Whether it counts as a failure of the unit; not where a whole machine was lost.

        Returns:
            Whether it has failed so often that it is given up.
        """
        begun = self._begun.get(unit)
        if begun is None:  # another worker has done it
            return False
        self._n_failures[unit] = self.n_failures(unit) + is_to_blame
        if self._n_failures[unit] >= MOST_FAILURES:
            return True
        begun.pop()
        if not begun:  # otherwise somebody else is still at it
            del self._begun[unit]
            self._waiting.appendleft(unit)
        return False

    def _straggler(self, now: float) -> int | None:
        once = {unit: begun[0] for unit, begun in self._begun.items() if len(begun) == 1}
        if not once or not self._times:
            return None
        unit = min(once, key=lambda number: once[number])
        limit = max(PATIENCE * statistics.median(self._times), LEAST_PATIENCE)
        return unit if now - once[unit] > limit else None
