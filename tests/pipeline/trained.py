"""Networks that a test trains, and runs with them: configurations and results lie below one folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from barlow_report import pipeline
from barlow_report.config import load_config, parse_yaml_model
from barlow_report.run_folder import Run
from barlow_report.training_config import TrainingConfig

__all__ = ["Trained"]


@dataclass(frozen=True)
class Trained:
    """What trainings and runs of a test have in common.

    Attributes:
        training: Sections of each training.
        run: Sections of each run.
    """

    training: dict[str, Any]
    run: dict[str, Any]

    def write(self, folder: Path, name: str, settings: dict[str, Any]) -> Path:
        """Write a configuration and return its path."""
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, **settings}))
        return path

    def train(self, folder: Path, name: str, **changes: Any) -> Path:
        """Train a network, in runs/NAME."""
        config = parse_yaml_model(self.write(folder, f"train-{name}", self.training | changes), TrainingConfig)
        return pipeline.train(config, folder=folder / "runs" / name)

    def compute(self, folder: Path, name: str, *, until: str = "extract", **changes: Any) -> Run:
        """Compute a run up to a stage, in runs/NAME."""
        config = load_config(self.write(folder, name, self.run | changes))
        return pipeline.compute(config, folder=folder / "runs" / name, until=until)
