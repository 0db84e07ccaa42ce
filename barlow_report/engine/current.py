"""Which engine is in use: that of the configuration, from the beginning of a run to its end.

It is not handed down as an argument, because between `pipeline`, which opens it, and the arrays that it is for, there
are lenses and core packages whose results do not depend on it.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from barlow_report.engine.local import LocalEngine
from barlow_report.engine.work import Engine
from barlow_report.errors import ConfigError
from barlow_report.progress import Progress, SilentProgress

if TYPE_CHECKING:
    from barlow_report.config import EngineConfig

__all__ = ["current_engine", "using"]

_in_use: ContextVar[Engine | None] = ContextVar("engine", default=None)


def current_engine() -> Engine:
    """Return the engine in use; without any, this process works."""
    return _in_use.get() or LocalEngine()


@contextmanager
def using(settings: "EngineConfig", *, device: str = "auto", progress: Progress | None = None) -> Iterator[Engine]:
    """Use an engine until the block ends; inside of another such block, that one stays in use.

    Args:
        settings: The section `engine` of the configuration.
        device: The configuration's device: whether workers may have a GPU.
        progress: Where to report to that Ray starts, and that workers are replaced.

    Raises:
        ConfigError: Ray is asked for and not installed.
    """
    if (outer := _in_use.get()) is not None:
        yield outer
        return
    engine = _open(settings, device, progress or SilentProgress())
    token = _in_use.set(engine)
    try:
        yield engine
    finally:
        _in_use.reset(token)
        engine.close()


def _open(settings: "EngineConfig", device: str, progress: Progress) -> Engine:
    if settings.kind == "local":
        return LocalEngine()
    if importlib.util.find_spec("ray") is None:
        raise ConfigError(
            "engine: Ray is not installed. Install it with pip install 'barlow-report[distributed]', on every machine "
            "of the cluster, or set 'engine: local'."
        )
    from barlow_report.engine.ray_engine import RayEngine

    return RayEngine(settings, device=device, progress=progress)
