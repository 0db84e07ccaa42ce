"""Reports that explain when an image classifier fails, and test every explanation on images it was not fitted on.

    import barlow_report

    config = barlow_report.load_config("report.yaml")
    index_html = barlow_report.run(config)

or, for people who already have arrays, without images and without torch:

    tables = barlow_report.explain_failures(features, labels, predictions)

Names are looked up when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barlow_report.config import Config, load_config
    from barlow_report.errors import BarlowReportError
    from barlow_report.pipeline import build_site, run
    from barlow_report.rules import Explanation, Grouping, explain_failures, group_by_column
    from barlow_report.rules.mutual_information import mutual_information

__version__ = "0.1.0"

__all__ = [
    "BarlowReportError",
    "Config",
    "Explanation",
    "Grouping",
    "__version__",
    "build_site",
    "explain_failures",
    "group_by_column",
    "load_config",
    "mutual_information",
    "run",
]

_HOMES = {
    "BarlowReportError": "errors",
    "Config": "config",
    "Explanation": "rules",
    "Grouping": "rules",
    "build_site": "pipeline",
    "explain_failures": "rules",
    "group_by_column": "rules",
    "load_config": "config",
    "mutual_information": "rules",
    "run": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES[name]}")
    return home.whole_config() if name == "Config" else getattr(home, name)


def __dir__() -> list[str]:
    return __all__
