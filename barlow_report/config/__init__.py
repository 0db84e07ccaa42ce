"""The configuration: one YAML file, one frozen pydantic model per section.

Unknown keys and wrong values are errors, all reported at once with their line and a suggestion. Relative
paths are relative to the folder of the file, so that a configuration works from any working directory.
`${NAME}` and `${NAME:-default}` in a value are replaced by environment variables, so that one shipped file
can be pointed at somebody's own copy of the data. `configs/reference.yaml` shows every key.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from barlow_report.config.base import Photographs, Section
from barlow_report.config.data import DataConfig, ParquetDataConfig, TorchvisionDataConfig, WebDatasetConfig
from barlow_report.config.lenses import ClipConfig, ComparisonConfig, DirectionsConfig, TaxonomyConfig, WordnetConfig
from barlow_report.config.loading import parse_yaml_model
from barlow_report.config.models import ExtractionConfig, ModelConfig, PreprocessingConfig
from barlow_report.config.rules import RulesConfig
from barlow_report.config.visuals import AttackConfig, SiteConfig, VisualsConfig

__all__ = [
    "AttackConfig",
    "ClipConfig",
    "ComparisonConfig",
    "Config",
    "DataConfig",
    "DirectionsConfig",
    "ExtractionConfig",
    "ModelConfig",
    "ParquetDataConfig",
    "Photographs",
    "PreprocessingConfig",
    "RulesConfig",
    "Section",
    "SiteConfig",
    "TaxonomyConfig",
    "TorchvisionDataConfig",
    "VisualsConfig",
    "WebDatasetConfig",
    "WordnetConfig",
    "load_config",
    "parse_yaml_model",
]


class Config(Section):
    """Everything `barlow-report run` needs to know."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Name of the run; names its folder.")
    seed: int = Field(0, ge=0, lt=2**32, description="The one seed: split, noise of the estimator, galleries.")
    device: Literal["auto", "cuda", "mps", "cpu"] = Field("auto", description="auto: cuda, else mps, else cpu.")
    data: DataConfig = Field(description="The images and their labels.")
    inspected_model: ModelConfig | None = Field(
        None, description="The model whose failures are explained; left out where the manifest has predictions."
    )
    feature_model: ModelConfig | None = Field(
        None,
        description="The model whose features explain the failures, best an adversarially robust one; left out: the "
        "inspected model itself.",
    )
    extraction: ExtractionConfig = Field(default_factory=ExtractionConfig, description="The one pass.")
    rules: RulesConfig = Field(default_factory=RulesConfig, description="Trees, failure modes, evidence.")
    visuals: VisualsConfig = Field(default_factory=VisualsConfig, description="Triptychs and galleries.")
    directions: DirectionsConfig | None = Field(
        None, description="Along which direction each class fails; not computed where the section is left out."
    )
    taxonomy: TaxonomyConfig | None = Field(
        None, description="What kind of error each failure is; not computed where the section is left out."
    )
    comparison: ComparisonConfig | None = Field(
        None, description="Other models' predictions; nothing is compared where the section is left out."
    )
    site: SiteConfig = Field(
        default_factory=SiteConfig, description="Words on the site, and how much of the images it shows."
    )

    @model_validator(mode="after")
    def _models_fit_data(self) -> "Config":
        if self.inspected_model is None and not self.data.may_hold_predictions:
            raise ValueError(
                "'inspected_model' is missing: an image folder or a data set of torchvision holds no predictions"
            )
        if self.inspected_model is None and self.feature_model is None:
            raise ValueError("'feature_model' is missing: without an inspected model nothing else gives features")
        if self.rules.manifest_columns and self.data.manifest is None:
            raise ValueError("'rules.manifest_columns' goes with 'data.manifest': an image folder has no columns")
        return self

    @model_validator(mode="after")
    def _has_one_image_text_model(self) -> "Config":
        models = [section.clip for section in (self.directions, self.taxonomy) if section is not None and section.clip]
        if len(models) > 1:
            raise ValueError("expected at most one of 'directions.clip' and 'taxonomy.clip': a run has one such model")
        if self.taxonomy is not None and self.taxonomy.proposal_words is not None and not models:
            raise ValueError("'taxonomy.proposal_words' needs 'taxonomy.clip' or 'directions.clip': who chooses words?")
        return self


def load_config(path: Path | str) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: The file cannot be read, is no YAML, or has wrong keys or values; all of them are named.
    """
    return parse_yaml_model(Path(path), Config)
