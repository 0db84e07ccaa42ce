"""What a run needs and this machine lacks, said before the pass and not after hours of it."""

from barlow_report.config import Config
from barlow_report.errors import ConfigError
from barlow_report.lenses import registry
from barlow_report.run_folder import STAGES

__all__ = ["require_inputs"]


def require_inputs(config: Config, *, until: str = STAGES[-1]) -> None:
    """Look for the files and packages of every lens that is going to be computed; the models are loaded first anyway.

    Args:
        config: The configuration.
        until: The last stage, or the key of a lens; see `pipeline.compute`.

    Raises:
        ConfigError: Some are missing; all of them are named.
    """
    asked = [lens.key for lens in registry.LENSES if lens.key == until or until == STAGES[-1]]
    sections = {key: config.section(key) for key in asked}
    found = [text for key, section in sections.items() if section is not None for text in section.missing(key)]
    if len(found) == 1:
        raise ConfigError(found[0])
    if found:
        lines = "\n".join(f"  {text}" for text in found)
        raise ConfigError(f"{len(found)} things that the configuration asks for are missing:\n{lines}")
