"""What a comparison needs of a run, wherever it was read from: a run folder or an exported file."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.files import digest_text

__all__ = ["FURTHER_TABLES", "TABLE_NAMES", "Activations", "RunResults"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

TABLE_NAMES = (
    "classes",
    "images",
    "contents",
    "splits",
    "groups",
    "group_classes",
    "memberships",
    "rules",
    "conditions",
)
"""The tables that every run has and a comparison reads."""

FURTHER_TABLES = ("explained", "mode_names")
"""Tables that are read as well where a run has them."""

Activations = Callable[[int, Integers], "npt.NDArray[np.floating[Any]] | None"]
"""Gives the activations of a feature for some images; None where they are not there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunResults:
    """The tables of a run and the activations that came with them.

    Attributes:
        info: Of run.json: name, run_id, created_at, models, config.
        tables: By name, see `TABLE_NAMES`; `mode_names` where the run was compared with an earlier one.
        activations: See `Activations`.
        source: What it was read from, for messages.
    """

    info: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    activations: Activations
    source: str

    @property
    def name(self) -> str:
        """Name of the run."""
        return str(self.info.get("name", "run"))

    @cached_property
    def settings(self) -> RulesConfig:
        """The section `rules` of its configuration."""
        return RulesConfig.model_validate(self.info.get("config", {}).get("rules", {}))

    @property
    def seed(self) -> int:
        """The seed of its configuration."""
        return int(self.info.get("config", {}).get("seed", 0))

    def sha256(self, model: str) -> str | None:
        """Hash of the weights of its `inspected` or `feature` model; the feature model may be the inspected one."""
        models = self.info.get("models", {})
        found = models.get(model) or {}
        value = found.get("sha256")
        return None if value is None else str(value)

    @cached_property
    def feature_model(self) -> str | None:
        """What its features are the same by: hash of weights, preprocessing and number; None where unknown."""
        found = self.info.get("models", {}).get("feature") or {}
        if found.get("sha256") is None:
            return None
        kept = {key: found.get(key) for key in ("sha256", "n_features", "preprocessing")}
        return digest_text(json.dumps(kept, sort_keys=True))

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Names by class_id."""
        return tuple(self.tables["classes"]["name"])

    @cached_property
    def labels(self) -> Integers:
        """(n_images,) class_id of the true class."""
        return np.asarray(self.tables["images"]["label"], dtype=np.int64)

    @cached_property
    def predictions(self) -> Integers:
        """(n_images,) class_id of the prediction."""
        return np.asarray(self.tables["images"]["prediction"], dtype=np.int64)

    @cached_property
    def is_failure(self) -> Booleans:
        """(n_images,) whether the prediction is not the label."""
        return np.asarray(self.labels != self.predictions)

    @cached_property
    def is_evidence(self) -> Booleans:
        """(n_images,) images that test rules: the held-out ones, or all where failures are shuffled."""
        if self.settings.is_shuffled:
            return np.ones(len(self.labels), dtype=np.bool_)
        return np.asarray(self.tables["splits"]["split"] == "held_out")

    @property
    def n_images(self) -> int:
        """Images of the run."""
        return len(self.labels)
