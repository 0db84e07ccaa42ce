"""The seam: what stages and lenses say to those who do their work."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from barlow_report.formatting import counted
from barlow_report.progress import Advance, ignore_advance

__all__ = ["Engine", "Team", "Work", "Worker", "named_images"]

Unit = TypeVar("Unit", contravariant=True)
Result = TypeVar("Result", covariant=True)

_MOST_NAMED = 6


class Worker(Protocol[Unit, Result]):
    """One process that is ready: its models are loaded."""

    def run(self, units: Iterable[Unit], *, advance: Advance) -> Iterator[Result]:
        """Yield the result of each unit, in order.

        Args:
            units: All that there are, or one: how a unit is done must not depend on the others.
            advance: Called with the number of things that have just been finished, as the progress counts them.
        """
        ...  # pragma: no cover - a protocol has no body


class Work(Protocol[Unit, Result]):
    """What is done to every unit; can be pickled, as units and results can."""

    def start(self, n_threads: int | None) -> Worker[Unit, Result]:
        """Make what takes time to make, once for each process that works.

        Args:
            n_threads: How many threads to use; None: as many as the configuration says or this machine has.
        """
        ...  # pragma: no cover - a protocol has no body

    def describe(self, unit: Unit) -> str:
        """Name a unit and its images, for an error: `3 images: a/1.png, a/2.png, b/1.png`."""
        ...  # pragma: no cover - a protocol has no body

    def halves(self, unit: Unit) -> Sequence[Any]:
        """Return two units with one half of the images each; none where that makes no sense.

        So the one of many images that ends every worker is found and named.
        """
        ...  # pragma: no cover - a protocol has no body


class Team(Protocol):
    """Workers that are at the same work, until their block ends."""

    def map(self, units: Sequence[Any], *, advance: Advance = ignore_advance) -> Iterator[Any]:
        """Yield the result of each unit, in order. See `Worker.run`.

        Raises:
            BarlowReportError: What a worker raised, or that one unit ends every worker that begins it.
        """
        ...  # pragma: no cover - a protocol has no body


class Engine(Protocol):
    """Who works.

    Attributes:
        n_threads: Of each worker; None: those of this machine, in this process.
        has_gpus: Whether workers have a GPU to themselves; False in this process, which finds out itself.
    """

    @property
    def n_threads(self) -> int | None:  # noqa: D102 - above
        ...  # pragma: no cover - a protocol has no body

    @property
    def has_gpus(self) -> bool:  # noqa: D102 - above
        ...  # pragma: no cover - a protocol has no body

    def team(self, work: Work[Any, Any], *, n_units: int) -> AbstractContextManager[Team]:
        """Have workers begin with `work`, of which there will be about `n_units`."""
        ...  # pragma: no cover - a protocol has no body

    def close(self) -> None:
        """Let the workers go."""
        ...  # pragma: no cover - a protocol has no body


def named_images(paths: Sequence[str]) -> str:
    """Name images for `Work.describe`: all of a few, or the first and the last of many."""
    shown = list(paths) if len(paths) <= _MOST_NAMED else [*paths[: _MOST_NAMED // 2], "…", paths[-1]]
    return f"{counted(len(paths), 'image')}: {', '.join(shown)}"
