"""The theme of a site and of the manual: Material for MkDocs in the report's colours, which asks no network."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["quiet_mkdocs", "theme_settings"]


def theme_settings(folder: Path, *, features: Sequence[str]) -> dict[str, Any]:
    """Return the part of MkDocs' configuration that all sites of ours have.

    Args:
        folder: Templates that take the place of the theme's.
        features: Names of the theme's features.
    """
    scheme = {"primary": "custom", "accent": "custom"}
    light = {"icon": "material/weather-night", "name": "Switch to dark mode"}
    dark = {"icon": "material/weather-sunny", "name": "Switch to light mode"}
    return {
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            "custom_dir": str(folder),
            "font": False,
            "favicon": "assets/barlow/favicon.svg",
            "logo": "assets/barlow/favicon.svg",
            "features": list(features),
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default", "toggle": light, **scheme},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate", "toggle": dark, **scheme},
            ],
        },
        "plugins": {"material/search": {}, "material/offline": {}},
        "extra": {"generator": False, "polyfills": ["assets/barlow/iframe-worker.js"]},
    }


@contextmanager
def quiet_mkdocs() -> Iterator[None]:
    """Keep MkDocs and the theme from printing: what goes wrong reaches the user as our own error."""
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # read when the theme is imported
    loggers = [logging.getLogger(name) for name in ("mkdocs", "material")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
