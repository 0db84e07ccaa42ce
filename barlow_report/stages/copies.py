"""The files that a configuration names by address, as copies on this machine.

Images of sources are not among them: `vision.datasets` brings what it needs of these.
"""

from pathlib import Path

from barlow_report.config import Config
from barlow_report.storage import address_of
from barlow_report.storage.sections import with_local_files

__all__ = ["with_copies", "with_copies_of_models"]

_SOURCES = frozenset({"data", "pool", "training"})
_MODELS = frozenset({"inspected_model", "feature_model"})


def with_copies(config: Config) -> Config:
    """Return the configuration with all its files on this machine.

    Raises:
        DataError: One cannot be fetched.
    """
    return with_local_files(config, apart=_SOURCES)


def with_copies_of_models(config: Config) -> Config:
    """Return the configuration with the files of its two models on this machine; the other ones are looked for.

    Raises:
        DataError: A file of a model cannot be fetched, or another one is not there.
    """
    with_local_files(config, apart=_SOURCES | _MODELS, fetch=_look_for)
    return with_local_files(config, apart=type(config).model_fields.keys() - _MODELS)


def _look_for(path: Path) -> Path:
    from barlow_report.storage.fetching import look_for

    look_for(str(address_of(path)))
    return path
