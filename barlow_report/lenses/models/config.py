"""Section `comparison` of the configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from barlow_report.config.base import Name, Positive, Section, absolute
from barlow_report.config.json_schema import or_one
from barlow_report.config.missing import missing_file, missing_package
from barlow_report.config.models import ModelConfig
from barlow_report.errors import BarlowReportError

__all__ = ["NAMES_SUFFIX", "ComparedModelConfig", "ComparisonConfig"]

NAMES_SUFFIX = ".txt"
"""Of a file with a name or pattern in each line."""

_LIBRARIES = ("torchvision", "timm", "transformers")
_FILES = ("factory", "program", "onnx", "weights", *_LIBRARIES)
_PACKAGES = {
    "timm": ("timm", "timm"),
    "transformers": ("transformers", "transformers"),
    "onnx": ("onnxruntime", "onnx"),
}
"""The module that a source needs, and the extra that installs it."""


class ComparedModelConfig(ModelConfig):
    """A model, or a family of them: the keys of `inspected_model`, where names and files may be patterns.

    Published weights are the default for models of torchvision and timm.
    """

    name: Name | None = Field(None, description="What the model is called; default: its library's name, or its file's.")
    family: Name | None = Field(None, description="Its colour in charts; default: its library's, where it has one.")
    exclude: tuple[Name, ...] = Field((), description="Names of a family, or patterns, that are left out.")

    @field_validator(*_LIBRARIES)
    @classmethod
    def _names_beside(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or not value.endswith(NAMES_SUFFIX) or not info.context:
            return value
        return str(absolute(Path(value), Path(info.context["folder"])))

    def missing(self, key: str) -> Iterator[str]:
        """Yield which of its files and packages are not there, or that it stands for no model.

        A single model that cannot be loaded is not missing: it is listed with its reason, and the others are compared.
        """
        found = [text for name in _FILES for text in self._missing_file(name, key)]
        for source, (module, extra) in _PACKAGES.items():
            if getattr(self, source) is not None:
                found.extend(missing_package(module, extra, f"{key}.{source}"))
        yield from found
        if not found:
            from barlow_report.lenses.models.sources import models_of  # asks the libraries, which takes seconds

            try:
                models_of(self, where=key)
            except BarlowReportError as error:
                yield str(error)

    def _missing_file(self, name: str, key: str) -> Iterator[str]:
        value = getattr(self, name)
        if name == "factory":
            file = str(value).rpartition(":")[0]
            value = file if file.endswith(".py") else None
        elif name in _LIBRARIES and not str(value).endswith(NAMES_SUFFIX):
            value = None
        if value is not None:
            yield from missing_file(Path(value), f"{key}.{name}")

    @property
    def is_published(self) -> bool:
        """Whether the weights are those that the library publishes: they are unless something else is said."""
        is_of_library = self.torchvision is not None or self.timm is not None
        return is_of_library and self.weights is None and "pretrained" not in self.model_fields_set

    def spec(self, **changed: Any) -> ModelConfig:
        """Return one model of the family; `changed` are its keys that are not those of the family."""
        keys = (self.model_fields_set & ModelConfig.model_fields.keys()) - {"name"}
        values = {key: getattr(self, key) for key in keys}
        if self.is_published:
            values["pretrained"] = True
        return ModelConfig(**{**values, **changed})


class ComparisonConfig(Section):
    """Other models on the same images: what errors they make, and which failure modes they share."""

    predictions: tuple[Path, ...] = Field(
        (),
        description="CSV, TSV or Parquet with the column path and one column per model: classes by name, WordNet id or "
        "index, for every image of the run. Or a list of such files.",
        json_schema_extra=or_one,
    )
    columns: tuple[Name, ...] = Field((), description="Columns of `predictions` to compare; default: all but path.")
    models: tuple[ComparedModelConfig, ...] = Field(
        (),
        description="Models to ask about the images, each with the keys of `inspected_model` and perhaps `name` and "
        "`family`. A library's name may be a pattern or `all`, or a .txt file with one of these in each line; a file "
        "of weights, an ONNX file or a program may be a pattern, too. `exclude` lists patterns of names. Models of "
        "torchvision and timm have their published weights unless `weights` or `pretrained` says otherwise.",
    )
    metadata: Path | None = Field(
        None,
        description="What is known of models: CSV, TSV or Parquet with the column model and any of family, parameters, "
        "input_size, pretraining and top_1 (0 to 1, or in %). It counts more than what a library states.",
    )
    models_at_once: Positive | None = Field(
        None,
        description="Models that are in memory together; images are decoded once for these. Default: as many as half "
        "of the free memory holds, or one where all decoded images stay in memory.",
    )
    decoded_gb: float = Field(
        2.0,
        ge=0.0,
        description="Decoded images stay in memory, and are decoded once for all models, where all of them take at "
        "most so many GB and a quarter of what is free.",
    )
    n_proposing: int = Field(
        10,
        ge=0,
        description="Other models whose own trees propose failure modes, spread over the accuracies where there are "
        "more; each is tested on all models.",
    )

    def missing(self, key: str) -> Iterator[str]:
        """Yield what is not there, and one name of several models; see `Section.missing`."""
        found = list(super().missing(key))
        yield from found
        if not found and self.models:
            from barlow_report.lenses.models.sources import list_models  # asks the libraries, which takes seconds

            try:
                list_models(self.models)
            except BarlowReportError as error:
                yield str(error)

    @field_validator("predictions", mode="before")
    @classmethod
    def _list_of_files(cls, value: object) -> object:
        return [value] if isinstance(value, str | Path) else value

    @field_validator("models", mode="before")
    @classmethod
    def _refuse_columns(cls, value: object) -> object:
        if isinstance(value, list) and (names := [item for item in value if isinstance(item, str)]):
            raise ValueError(
                f"expected models such as {{torchvision: {names[0]}}}; columns of 'predictions' are named in 'columns'"
            )
        return value

    @model_validator(mode="after")
    def _has_models(self) -> "ComparisonConfig":
        if not self.predictions and not self.models:
            raise ValueError("expected 'predictions', 'models', or both")
        if self.columns and not self.predictions:
            raise ValueError("'columns' goes with 'predictions'")
        return self
