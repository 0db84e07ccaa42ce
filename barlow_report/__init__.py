"""Reports that explain when an image classifier fails, and test every explanation on images it was not fitted on.

    import barlow_report

    config = barlow_report.load_config("report.yaml")
    index_html = barlow_report.run(config)

or, for people who already have arrays, without images and without torch:

    tables = barlow_report.explain_failures(features, labels, predictions)

`barlow_report.Run.open("runs/mine").table("rules")` gives a table of a run, and
`barlow_report.show("runs/mine")` shows its report in a notebook.

Names are looked up when they are first used, so that importing the package costs nothing.

# Glossary: one word per thing, in the code, the configuration, on pages and in the manual

* **inspected model**, **feature model**: whose failures are explained; whose features explain them. May be one.
* **failure**: an image whose prediction is not its label: it **fails**, or is **right**, a **success**. Never stored,
  always derived. Not *wrong* or *misclassified*. An image predicted as dog is **taken for** dog.
* **group**: images that are looked at together; **grouping**: a way to make groups (by label, by prediction, …).
* **feature**: a number of an image in the feature model; `feature_id` is its index there and nothing else.
* **rule**: the conditions of a leaf of a group's tree; **condition**: feature, branch (`le`, `gt`) and threshold.
* **failure mode**: a rule whose error rate and coverage reach the limits; **verdict**: what the evidence says of it:
  verified, real but small, may be chance, too few images to tell, or, by prediction, not specific; **stability**: the
  share of draws in which it is found again; **known condition**: a verified failure mode, on the overview.
* **BER, ER, EC, IV, ALER**: base error rate, error rate, error coverage, importance value, average leaf error rate.
* **split**: which images are *fitted* on and which are *held out*; not *new* or *set aside*. **evidence**: rates of
  held-out images, or **estimated** ones, corrected for the search for rules; other rates are *fitted*, or *as seen*.
* **triptych**: most activating images, heatmaps and feature attack of a feature in a group; **tile**: one column of it;
  **gallery**: failures and successes of a rule; **chart**: a drawing of numbers, light and dark; **figure**: a number.
* **stage**: a step that every run has (`extract`, `explain`, `visualize`) and its module in `stages/`; **mark**: the
  fingerprint that a finished stage or lens leaves.
* **command**: what `barlow-report` does when it is called; one that is no part of a run has a module in `commands/`.
* **lens**: a further look at the same failures, in a folder below `lenses/`; **view**: its tables as linked objects;
  **slot**: a place on the pages of others that it may fill; **block**: what it puts there.
* **directions**: the lens of failure directions; **error types**: the lens that says what kind of error a failure is
  (its section of the configuration is called `taxonomy`, and the questions it asks in order are its cascade);
  **models**: the lens of several models on the same images (section `comparison`); **shared mode**: a failure mode
  that holds for at least one of them.
* **pool**: further images to collect from, to which no rule was fitted; **candidate**: one that meets the rule of a
  failure mode and may be of its class. **training images**: those that the inspected model learned from.
* **table**: a Parquet file of the run folder with a schema in `tables/` or in a lens; **record**: a frozen object made
  from a row; **catalog**: all records of a run, linked.
* **batch**: what people are asked; **description**: what a person says of a feature in a group; **answer**: one
  person's form for one feature, whose form in files of answers is called a record too; **name**: what comes of the
  descriptions; **study figures**: how people answered and how far they agree; **collector**: the server that takes
  answers.
* **assumption**: what a stage took for granted and a reader must know.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barlow_report.config import Config, RulesConfig, load_config
    from barlow_report.errors import BarlowReportError
    from barlow_report.notebook import show
    from barlow_report.pipeline import build_site, run
    from barlow_report.rules import Explanation, Grouping, explain_failures, group_by_column
    from barlow_report.rules.mutual_information import mutual_information
    from barlow_report.run_folder import Run

__version__ = "0.1.0"

__all__ = [
    "BarlowReportError",
    "Config",
    "Explanation",
    "Grouping",
    "RulesConfig",
    "Run",
    "__version__",
    "build_site",
    "explain_failures",
    "group_by_column",
    "load_config",
    "mutual_information",
    "run",
    "show",
]

_HOMES = {
    "BarlowReportError": "errors",
    "Config": "config",
    "Explanation": "rules",
    "Grouping": "rules",
    "RulesConfig": "config",
    "Run": "run_folder",
    "build_site": "pipeline",
    "explain_failures": "rules",
    "group_by_column": "rules",
    "load_config": "config",
    "mutual_information": "rules",
    "run": "pipeline",
    "show": "notebook",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES[name]}")
    return home.whole_config() if name == "Config" else getattr(home, name)


def __dir__() -> list[str]:
    return __all__
