"""Where heavy work is done: plan (a list of independent units) → map (unit → result) → reduce.

A stage says what is to be done to any unit, as `Work`: plain values that can be pickled. A worker makes of it what
takes time to make, such as models on a device, once, and then does one unit after the other. Who works is decided
elsewhere: by default this process with its threads, or processes of a Ray cluster (`engine: ray`). The stage is the
same for both, and so are the bytes of its results: a unit's result depends on the unit and the work alone.

    with current_engine().team(work, n_units=len(units)) as team:
        for result in team.map(units, advance=advance):
            ...

`pipeline` opens the engine of a configuration with `using`; without one, everything is local. Results come in the
order of the units. What is large goes to the run folder, which all workers see, and not through the caller.

Nothing of Ray is imported unless a configuration asks for it.
"""

from barlow_report.engine.arrays import SharedArray
from barlow_report.engine.current import current_engine, using
from barlow_report.engine.local import LocalEngine
from barlow_report.engine.work import Engine, Team, Work, Worker, named_images

__all__ = [
    "Engine",
    "LocalEngine",
    "SharedArray",
    "Team",
    "Work",
    "Worker",
    "current_engine",
    "named_images",
    "using",
]
