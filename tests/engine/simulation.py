"""Workers that are numbers: how long a schedule takes, whatever Ray and this machine do."""

import heapq
from collections.abc import Mapping, Sequence

from barlow_report.engine.schedule import Schedule

__all__ = ["simulate"]


def simulate(
    times: Sequence[float], *, n_workers: int, slowness: Mapping[int, float] | None = None, handling: float = 0.0
) -> float:
    """Return when the last unit is done.

    Args:
        times: How long each unit takes on a usual worker, in seconds.
        n_workers: How many workers there are.
        slowness: How many times as long some workers take, by their numbers.
        handling: Seconds of the one caller for each result; results wait for it.
    """
    schedule, now, caller_is_free = Schedule(len(times)), 0.0, 0.0
    free, at_work = list(range(n_workers)), list[tuple[float, int, int]]()
    while not schedule.is_done:
        while free and (unit := schedule.take(now)) is not None:
            worker = free.pop(0)
            heapq.heappush(at_work, (now + times[unit] * (slowness or {}).get(worker, 1.0), worker, unit))
        if free and now + 1.0 < at_work[0][0]:  # the caller looks once a second whether somebody is late
            now += 1.0
            continue
        end, worker, unit = heapq.heappop(at_work)
        now = caller_is_free = max(end, now, caller_is_free) + handling
        schedule.finish(unit, now)
        free.append(worker)
    return now
