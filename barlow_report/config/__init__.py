"""The configuration: one YAML file, one frozen pydantic model per section.

Unknown keys and wrong values are errors, all reported at once with their line and a suggestion. Relative
paths are relative to the folder of the file, so that a configuration works from any working directory.
`${NAME}` and `${NAME:-default}` in a value are replaced by environment variables, so that one shipped file
can be pointed at somebody's own copy of the data. `configs/reference.yaml` shows every key.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal, Optional

from pydantic import Field, create_model, model_validator

from barlow_report.config.base import FolderName, Photographs, Section
from barlow_report.config.data import (
    DataConfig,
    ImageSourceConfig,
    ParquetDataConfig,
    TorchvisionDataConfig,
    WebDatasetConfig,
)
from barlow_report.config.embeddings import ClipConfig
from barlow_report.config.engine import EngineConfig
from barlow_report.config.loading import parse_yaml_model
from barlow_report.config.models import ExtractionConfig, ModelConfig, OutputSetting, PreprocessingConfig
from barlow_report.config.rules import EvidenceKind, RulesConfig
from barlow_report.config.visuals import AttackConfig, SiteConfig, VisualsConfig
from barlow_report.errors import ConfigError
from barlow_report.lenses import registry
from barlow_report.lenses.lens import Lens

__all__ = [
    "AttackConfig",
    "ClipConfig",
    "Config",
    "DataConfig",
    "EngineConfig",
    "EvidenceKind",
    "ExtractionConfig",
    "ImageSourceConfig",
    "ModelConfig",
    "OutputSetting",
    "ParquetDataConfig",
    "Photographs",
    "PreprocessingConfig",
    "RulesConfig",
    "Section",
    "SiteConfig",
    "TorchvisionDataConfig",
    "VisualsConfig",
    "WebDatasetConfig",
    "load_config",
    "parse_yaml_model",
    "whole_config",
]

_LARGEST_MEAN = 2.0
"""Of images from 0 to 1, with room for odd ones; those of pixels from 0 to 255 are far above."""


class Config(Section):
    """A configuration: what the stages need to know; `whole_config` adds the sections of the lenses."""

    name: FolderName = Field(description="Name of the run and of its folder.")
    seed: int = Field(
        0, ge=0, lt=2**32, description="The one seed of all that is random: split, noise of the estimator, galleries."
    )
    device: Literal["auto", "cuda", "mps", "cpu"] = Field("auto", description="auto: cuda, else mps, else cpu.")
    engine: EngineConfig = Field(
        default_factory=EngineConfig, description="Where the work is done; `ray` alone is `kind: ray`."
    )
    data: DataConfig = Field(description="The images and their labels.")
    inspected_model: ModelConfig | None = Field(
        None, description="The model whose failures are explained; leave it out where the data have predictions."
    )
    feature_model: ModelConfig | None = Field(
        None,
        description="The model whose features explain the failures, best an adversarially robust one; default: the "
        "inspected model itself.",
    )
    extraction: ExtractionConfig = Field(default_factory=ExtractionConfig, description="The one pass.")
    rules: RulesConfig = Field(default_factory=RulesConfig, description="Trees, failure modes, evidence.")
    visuals: VisualsConfig = Field(default_factory=VisualsConfig, description="Triptychs and galleries.")
    site: SiteConfig = Field(
        default_factory=SiteConfig, description="Words of the site, and how much of the images it shows."
    )

    @model_validator(mode="after")
    def _means_are_of_images(self) -> "Config":
        for key in ("inspected_model", "feature_model"):
            prepared = getattr(getattr(self, key), "preprocessing", None)
            if prepared is not None and max(prepared.mean) > _LARGEST_MEAN:
                mean, std = (", ".join(f"{v / 255:.4g}" for v in values) for values in (prepared.mean, prepared.std))
                raise ValueError(
                    f"'{key}.preprocessing.mean' looks like one of pixels from 0 to 255, but images are from 0 to 1 "
                    f"here. Divide it and std by 255: mean: [{mean}], std: [{std}]"
                )
        return self

    @model_validator(mode="after")
    def _models_fit_data(self) -> "Config":
        if self.data.has_outputs:
            self._check_outputs()
        elif self.inspected_model is not None and isinstance(self.inspected_model.threshold, dict):
            raise ValueError(
                "a 'threshold' for each output goes with 'data.label_columns' or 'data.label_list'; of one output give "
                "one number"
            )
        if not self.data.asks_models:
            self._check_without_models()
        for key in ("inspected_model", "feature_model"):
            spec = getattr(self, key)
            if spec is not None and spec.preprocessing.bands is not None and self.data.bands is None:
                raise ValueError(
                    f"'{key}.preprocessing.bands' chooses among the bands that 'data.bands' reads; add it, or leave "
                    "both out"
                )
        if self.inspected_model is None and not self.data.may_hold_predictions:
            raise ValueError(
                "'inspected_model' is missing: an image folder or a data set of torchvision holds no predictions. Add "
                "it, or give a 'manifest' with predictions"
            )
        if self.inspected_model is None and self.feature_model is None and self.data.asks_models:
            raise ValueError(
                "'feature_model' is missing: without an inspected model nothing else gives features. Add it"
            )
        features_of = self.feature_model or self.inspected_model
        if features_of is not None and features_of.onnx is not None:
            raise ValueError(
                "an ONNX file gives neither features nor gradients: name another model, best an adversarially robust "
                "one, under 'feature_model', and the ONNX file under 'inspected_model'"
            )
        for key in ("output", "positive", "threshold"):
            if self.feature_model is not None and getattr(self.feature_model, key) is not None:
                raise ValueError(
                    f"{key!r} goes with 'inspected_model': what the feature model returns is not used. Leave it out of "
                    "'feature_model'"
                )
        if not (self.rules.groupings or self.rules.manifest_columns or self.rules.confused_pairs):
            raise ValueError(
                "'rules.groupings: []' leaves nothing to explain; add 'manifest_columns' or 'confused_pairs', or leave "
                "it out"
            )
        if self.rules.manifest_columns and self.data.manifest is None:
            raise ValueError("'rules.manifest_columns' goes with 'data.manifest': other sources have no columns")
        return self

    def _check_without_models(self) -> None:
        """Refuse models where there are no images, or features are given."""
        for key in ("inspected_model", "feature_model"):
            if getattr(self, key) is not None and not self.data.has_images:
                raise ValueError(f"{key!r} needs images; leave it out beside 'data.images: none'")
            if getattr(self, key) is not None:
                raise ValueError(
                    f"{key!r} is not run where 'data.features' are given; leave one of them out. Predictions are those "
                    "of the manifest"
                )

    def _check_outputs(self) -> None:
        """Refuse what does not go with a label for each of several outputs."""
        if self.inspected_model is None or self.inspected_model.output not in ("sigmoid", "probabilities"):
            raise ValueError(
                "'data.label_columns' and 'data.label_list' are for models with independent outputs: set "
                "'inspected_model.output: sigmoid' if it returns logits, 'probabilities' if it returns probabilities"
            )
        if self.inspected_model.positive is not None:
            raise ValueError(
                "'positive' is for models with one output; of several, each has its own column. Leave it out"
            )
        threshold, names = self.inspected_model.threshold, self.data.label_columns
        if isinstance(threshold, dict) and names is not None and set(threshold) != set(names):
            raise ValueError(
                f"'threshold' names {', '.join(threshold) or 'nothing'}, expected every output: {', '.join(names)}"
            )

    def of_its_output(self) -> "Config":
        """Return the same with the threshold of the output that the run is about, where each has its own.

        Raises:
            ConfigError: It has none.
        """
        if self.inspected_model is None or self.data.is_of_all_outputs:
            return self
        return self.model_copy(update={"inspected_model": self.inspected_model.of_output(self.data.label_column)})

    @property
    def manifest_columns(self) -> tuple[str, ...]:
        """The further columns of the manifest that rules or lenses read, each once."""
        of_lenses = (name for lens in registry.LENSES for name in lens.manifest_columns(self))
        return tuple(dict.fromkeys((*self.rules.manifest_columns, *of_lenses)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: the class of a whole configuration is made while the program runs."""
        return _unpickled, (type(self) is not Config, dict(self.__dict__), set(self.model_fields_set))

    def with_threads(self, n_threads: int | None) -> "Config":
        """Return the configuration of a worker with so many threads, where it leaves their number open."""
        settings = self.extraction
        if settings.n_workers is not None or n_threads is None:
            return self
        return self.model_copy(update={"extraction": settings.model_copy(update={"n_workers": n_threads})})

    def section(self, key: str) -> Any:
        """Return the section of a lens; None where it is not asked for."""
        return getattr(self, key, None)

    def needed_section(
        self, key: str, *, example: str = "{}", hint: str = "; configs/reference.yaml shows its keys."
    ) -> Any:
        """Return the section of a lens.

        Raises:
            ConfigError: There is none; `example` and `hint` say what it would be.
        """
        settings = self.section(key)
        if settings is None:
            raise ConfigError(f"{key}: missing. Add a section `{key}: {example}` to the configuration{hint}")
        return settings


def _unpickled(is_whole: bool, values: dict[str, Any], given: set[str]) -> Config:
    """Make a configuration again from checked values; see `Config.__reduce__`."""
    return (whole_config() if is_whole else Config).model_construct(given, **values)


def whole_config() -> type[Config]:
    """Return the model of a whole configuration: that of the stages with a section for each lens."""
    return _with_sections(registry.LENSES)


@cache
def _with_sections(lenses: tuple[Lens[Any], ...]) -> type[Config]:
    def check(config: Config) -> Config:
        for lens in lenses:
            if lens.needs_images and not config.data.has_images and config.section(lens.key) is not None:
                raise ValueError(f"{lens.key!r} needs images; leave it out beside 'data.images: none'")
            lens.check(config)
        return config

    sections = {lens.key: (lens.section(), lens.meaning) for lens in lenses}
    fields: dict[str, Any] = {
        key: (Optional[section], Field(None, description=meaning))  # noqa: UP045 - made while the program runs
        for key, (section, meaning) in sections.items()
        if section is not None
    }
    validators: dict[str, Any] = {"check_lenses": model_validator(mode="after")(check)}
    return create_model("Config", __base__=Config, __validators__=validators, **fields)


def load_config(path: Path | str) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: The file cannot be read, is no YAML, or has wrong keys or values; all of them are named.
    """
    return parse_yaml_model(Path(path), whole_config())
