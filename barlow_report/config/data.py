"""Where images and labels are."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from barlow_report.config.bands import BandsConfig
from barlow_report.config.base import Name, Section
from barlow_report.config.names import names_by_index, quoted_names

_LATER_KEYS = (
    "label_columns",
    "label_list",
    "label_column",
    "images",
    "features",
    "classes_evaluated",
    "restrict_predictions",
    "bands",
)
_CLASSES_IN_JSON: list[Any] = [
    {"type": "array", "items": {"type": "string"}},
    {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
    {"const": "imagenet", "type": "string"},
    {"type": "null"},
]

__all__ = ["DataConfig", "ImageSourceConfig", "ParquetDataConfig", "TorchvisionDataConfig", "WebDatasetConfig"]


class TorchvisionDataConfig(Section):
    """A data set of torchvision."""

    name: str = Field(description="Name of a class in torchvision.datasets, such as CIFAR10.")
    root: Path = Field(description="Folder with its files: the `root` of the class.")
    split: str | None = Field(
        None,
        description="Its `split`, or train or test where the class has `train` instead. Default: that of the class.",
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Further arguments of the class.")


class ParquetDataConfig(Section):
    """Tables that hold the images themselves, in the layout of Hugging Face's data sets."""

    files: Path = Field(
        description="Parquet or Arrow files, as a path or a pattern: data/test-*.parquet; or Croissant metadata that "
        "names them. Predictions and confidences are read from columns of these names."
    )
    image_column: str | None = Field(
        None, description="Column of the images, a struct of bytes and path or just bytes; default: the only such one."
    )
    label_column: str | None = Field(
        None,
        description="Column of the labels; default: the only one with such a name (label, labels, fine_label, …), "
        "else the only class label.",
    )
    prediction_column: str | None = Field(
        None, description="Column of the predictions; default: the only one with such a name (prediction, pred, …)."
    )


class WebDatasetConfig(Section):
    """Tar shards in the layout of WebDataset."""

    shards: Path = Field(
        description="Uncompressed tar files, as a path or a pattern: test-{000..009}.tar (in quotes) or test-*.tar."
    )
    image_key: str | None = Field(
        None,
        description="Ending of the image files, such as jpg or left.jpg, alternatives separated by ;. Default: the "
        "only image of each sample.",
    )
    label_key: str = Field(
        "label",
        description="Entry of a sample's .json with its label, where it has no .cls. Predictions and confidences are"
        " read from the entries prediction and confidence.",
    )


class ImageSourceConfig(Section):
    """Where the images and their labels are: one of `folder`, `manifest`, `torchvision`, `parquet`, `webdataset`."""

    folder: Path | None = Field(None, description="Image folder: one sub-folder per class, `folder/<class>/<image>`.")
    class_depth: int = Field(
        1,
        ge=1,
        le=32,
        description="Levels of sub-folders that name a class: with 2, `folder/animals/cat/<image>` is of class "
        "animals/cat. Images may lie deeper.",
    )
    manifest: Path | None = Field(
        None,
        description="CSV or Parquet table with the columns path, label[, prediction[, confidence]] (or Filenames, "
        "Labels, Predictions, …), or samples.json of a FiftyOne export, or Croissant metadata. Where it has "
        "predictions, the inspected model is not run.",
    )
    image_root: Path | None = Field(
        None, description="Folder that the manifest's paths are relative to; default: the manifest's own folder."
    )
    columns: dict[Literal["path", "label", "prediction", "confidence"], Name] = Field(
        default_factory=dict,
        description="Names of the manifest's columns, where several or none could be meant: `label: fine_label`.",
    )
    torchvision: TorchvisionDataConfig | None = Field(None, description="A data set of torchvision.")
    parquet: ParquetDataConfig | None = Field(None, description="Parquet or Arrow tables with image bytes.")
    webdataset: WebDatasetConfig | None = Field(None, description="WebDataset's tar shards.")

    decode: Literal["torchvision", "upright"] = Field(
        "torchvision",
        description="How images are read where viewers and pipelines differ. torchvision: as its ImageFolder, timm "
        "and most pipelines do, without the rotation that EXIF asks for and without transparency; "
        "upright: rotated and over white, as a viewer shows them. The report counts the images that "
        "differ.",
    )
    pixel_range: tuple[float, float] | None = Field(
        None,
        description="Values of black and white in images of more than 8 bits whose files do not state them, such as "
        "[0, 4095] for 12 bits in files of 16. Default: [0, 65535] for 16 bits; without it, 32-bit, "
        "signed and floating-point images are skipped.",
    )

    bands: BandsConfig | None = Field(
        None,
        description="How files of several bands are read, such as multi-spectral TIFFs, depth beside colours, or .npy "
        "arrays; TIFFs need the extra `bands`. Default: images are in colour or grey.",
    )

    @field_validator("pixel_range")
    @classmethod
    def _range_of_values(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError("expected two numbers, the smaller one first; files say themselves where small is white")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> "ImageSourceConfig":
        sources = ("folder", "manifest", "torchvision", "parquet", "webdataset")
        if sum(getattr(self, source) is not None for source in sources) != 1:
            raise ValueError("expected exactly one of 'folder', 'manifest', 'torchvision', 'parquet', 'webdataset'")
        for key, source in (
            ("image_root", "manifest"),
            ("columns", "manifest"),
            ("class_depth", "folder"),
        ):
            if getattr(self, key) not in (None, 1, {}) and getattr(self, source) is None:
                raise ValueError(f"{key!r} goes with {source!r}")
        if self.bands is not None and (self.decode != "torchvision" or self.pixel_range is not None):
            raise ValueError(
                "'decode' and 'pixel_range' are about images in colour or grey; bands are read as they are, with the "
                "values of 'bands.range'. Leave them out beside 'bands'"
            )
        return self

    @property
    def decoding(self) -> list[Any]:
        """How files become pixels, for fingerprints."""
        known: list[Any] = [self.decode, self.pixel_range]
        return known if self.bands is None else [*known, self.bands.model_dump(mode="json")]

    @property
    def may_hold_predictions(self) -> bool:
        """Whether the source is of a kind that can say what was predicted."""
        return self.folder is None and self.torchvision is None


class DataConfig(ImageSourceConfig):
    """The analysed images: their source, and the classes in the order of the model's outputs."""

    label_columns: tuple[Name, ...] | None = Field(
        None,
        min_length=1,
        description="Columns of the manifest, one for each output of a multi-label model, in the order of its outputs: "
        "1 where the image is positive, 0 where it is negative, empty where that is not known. Each output gets a "
        "report of its own.",
    )
    label_list: Name | None = Field(
        None,
        description="Instead, a column of a Parquet manifest that lists the outputs for which an image is positive, by "
        "their names in `classes`; null where that is not known.",
    )
    label_column: Name | None = Field(
        None, description="The only output to report on, one of `label_columns`; default: all of them."
    )
    probabilities: Path | None = Field(
        None,
        description="The inspected model's probabilities for the rows of the manifest: a .npy of shape (n_images, "
        "n_classes). The model is then not run.",
    )
    images: Literal["none"] | None = Field(
        None,
        description="none: the images are not here. The predictions of the manifest are analysed alone: accuracy, "
        "confusions, error types, other models; without pictures, and without failure modes unless `features` are "
        "given.",
    )
    features: Path | None = Field(
        None,
        description="Features for the rows of the manifest, of any model: a .npy of shape (n_images, n_features). The "
        "manifest then has predictions, too, and no model is run: images are shown without heatmaps and feature "
        "attacks.",
    )
    classes: list[str] | Literal["imagenet"] | None = Field(
        None,
        description="Class names in the order of the model's outputs, or each with its index, or imagenet for its "
        "1,000; default: those found in the data, sorted.",
        json_schema_extra={"anyOf": _CLASSES_IN_JSON},
    )
    class_file: Path | None = Field(
        None,
        description="The same in a file. Text: one name per line, perhaps with its index, or what the data call the "
        "class, a tab, and the name. JSON or YAML: a list or a mapping.",
    )
    class_order: Literal["text", "number"] | None = Field(
        None,
        description="How classes found in the data are sorted. text: 1, 10, 2, as torchvision's ImageFolder does; "
        "number: 1, 2, 10, also within names (class_2, class_10). Default: number where all are whole numbers, text "
        "otherwise.",
    )
    classes_evaluated: list[Name] | Literal["found"] | Path | None = Field(
        None,
        description="Of the listed classes, those whose images are analysed, such as the 200 of ImageNet's 1,000 that "
        "ImageNet-A has: their names or WordNet ids, a file of these, or found: those that have images. Images of "
        "others are left out. Default: all.",
    )
    restrict_predictions: bool | None = Field(
        None,
        description="Whether models choose among `classes_evaluated` alone: their outputs for the other classes are "
        "left out, and probabilities are shares of what is left. Otherwise images may be taken for any class. Default: "
        "true where the inspected model is asked; predictions that are given stay as they are. With true, "
        "`probabilities` are restricted, too, and predictions that are given must be of these classes.",
    )
    confirm_class_order: bool = Field(
        False,
        description="Go on although another order of the classes would make far more predictions right, because the "
        "order is meant and the model is that bad.",
    )

    @field_validator("classes", mode="before")
    @classmethod
    def _in_order_of_index(cls, value: object) -> object:
        return list(names_by_index(quoted_names(value)).values()) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _classes_fit_source(self) -> "DataConfig":
        for key in ("probabilities", "features", "label_columns", "label_list"):
            if getattr(self, key) is not None and self.manifest is None:
                raise ValueError(f"{key!r} goes with 'manifest'")
        if self.classes is not None and self.class_file is not None:
            raise ValueError("expected at most one of 'classes' and 'class_file'")
        if self.class_order is not None and (self.classes or self.class_file or self.torchvision):
            raise ValueError("'class_order' sorts classes that are found; leave it out where they are listed")
        return self

    @model_validator(mode="after")
    def _some_of_the_classes(self) -> "DataConfig":
        if self.classes_evaluated is None:
            if self.restrict_predictions is not None:
                raise ValueError("'restrict_predictions' goes with 'classes_evaluated'")
            return self
        if self.has_outputs:
            raise ValueError("'classes_evaluated' is of exclusive classes; leave it out beside labels of outputs")
        if self.classes is None and self.class_file is None:
            raise ValueError(
                "'classes_evaluated' goes with 'classes' or 'class_file', the list of all that models tell apart"
            )
        if self.features is not None:
            raise ValueError("'classes_evaluated' would part the rows of 'features': leave other classes out of both")
        return self

    @model_validator(mode="after")
    def _labels_of_outputs(self) -> "DataConfig":
        columns = self.label_columns or ()
        if self.label_columns is not None and self.label_list is not None:
            raise ValueError("expected at most one of 'label_columns' and 'label_list'")
        if len(set(columns)) < len(columns):
            raise ValueError("'label_columns' names a column twice; each belongs to one output")
        if self.label_column is not None and not self.has_outputs:
            raise ValueError(
                "'label_column' is one of several: list all of them in 'label_columns', or give 'label_list'"
            )
        if self.label_column is not None and columns and self.label_column not in columns:
            raise ValueError(f"'label_column: {self.label_column}' is not among 'label_columns'")
        if self.has_outputs and "label" in self.columns:
            raise ValueError("'columns: label' is for one label per image; leave it out beside 'label_columns'")
        if self.has_outputs and self.probabilities is not None:
            raise ValueError("'probabilities' are of exclusive classes; multi-label models are run: leave it out")
        if columns and (self.classes is not None or self.class_file is not None):
            raise ValueError("'label_columns' name the outputs in their order: leave 'classes' and 'class_file' out")
        return self

    @model_validator(mode="after")
    def _without_images(self) -> "DataConfig":
        if self.features is not None and self.has_outputs:
            raise ValueError("'features' need a prediction for each image; leave 'label_columns' and so on out")
        if self.has_images:
            return self
        if self.manifest is None:
            raise ValueError("'images: none' goes with 'manifest', a table of labels and predictions")
        for key, unset in (("image_root", None), ("decode", "torchvision"), ("pixel_range", None), ("bands", None)):
            if getattr(self, key) != unset:
                raise ValueError(f"{key!r} is about images; leave it out beside 'images: none'")
        if self.has_outputs:
            raise ValueError("'images: none' needs a prediction for each image; leave 'label_columns' and so on out")
        return self

    @model_serializer(mode="wrap")
    def _without_unset_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out later keys where they are not set: what runs recorded before stays as it is."""
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if key not in _LATER_KEYS or value is not None}

    @property
    def has_images(self) -> bool:
        """Whether the images are here, and not only a table of what was predicted of them."""
        return self.images != "none"

    @property
    def asks_models(self) -> bool:
        """Whether models are run on the images, and not only a table and perhaps an array read."""
        return self.has_images and self.features is None

    @property
    def has_features(self) -> bool:
        """Whether there are features that failure modes can be looked for in."""
        return self.has_images or self.features is not None

    @property
    def has_outputs(self) -> bool:
        """Whether images have a label for each of several outputs."""
        return self.label_columns is not None or self.label_list is not None

    @property
    def is_of_all_outputs(self) -> bool:
        """Whether each of several outputs gets a report of its own."""
        return self.has_outputs and self.label_column is None

    @property
    def may_hold_predictions(self) -> bool:
        """Whether the source is of a kind that can say what was predicted, of one label per image."""
        return super().may_hold_predictions and not self.has_outputs
