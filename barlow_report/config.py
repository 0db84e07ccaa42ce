"""The configuration: one YAML file, one frozen pydantic model per section.

Unknown keys and wrong values are errors, all reported at once with their line and a suggestion. Relative
paths are relative to the folder of the file, so that a configuration works from any working directory.
`${NAME}` and `${NAME:-default}` in a value are replaced by environment variables, so that one shipped file
can be pointed at somebody's own copy of the data. `configs/reference.yaml` shows every key.
"""

import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from barlow_report.errors import ConfigError

__all__ = [
    "AttackConfig",
    "ClipConfig",
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

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Channels = tuple[float, float, float]
Photographs = Literal["full", "blur", "none"]
"""How much of the images a site shows."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Section(BaseModel):
    """Base of every section: frozen, and no key is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_empty_paths(cls, value: object, info: ValidationInfo) -> object:
        annotation = cls.model_fields[str(info.field_name)].annotation
        if value == "" and Path in (annotation, *get_args(annotation)):
            raise ValueError("expected a path")  # an empty one would mean the configuration's own folder
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _resolve_paths(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, Path) and info.context:
            return _absolute(value, Path(info.context["folder"]))
        return value


ModelT = TypeVar("ModelT", bound=Section)


class TorchvisionDataConfig(Section):
    """A data set of torchvision."""

    name: str = Field(description="Name of a class in torchvision.datasets, such as CIFAR10.")
    root: Path = Field(description="Folder that holds its files, as the class's `root`.")
    split: str | None = Field(
        None, description="Its `split`; where the class has `train` instead: train or test. Default: the class's own."
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Further arguments of the class.")


class ParquetDataConfig(Section):
    """Tables that hold the images themselves, in the layout of Hugging Face's data sets."""

    files: Path = Field(
        description="Parquet or Arrow files, as a path or a pattern: data/test-*.parquet. Predictions and confidences "
        "are read from columns of these names."
    )
    image_column: str | None = Field(
        None, description="Column of the images, a struct of bytes and path or just bytes; default: the only such one."
    )
    label_column: str | None = Field(
        None, description="Column of the labels; default: the only class label, or the column label or labels."
    )


class WebDatasetConfig(Section):
    """Tar shards in the layout of WebDataset."""

    shards: Path = Field(
        description="Uncompressed tar files, as a path or a pattern: test-{000..009}.tar (in quotes) or test-*.tar."
    )
    label_key: str = Field(
        "label",
        description="Entry of a sample's .json with its label, where it has no .cls; prediction and confidence are "
        "read from entries of these names.",
    )


class DataConfig(Section):
    """Where the images and their labels are: one of `folder`, `manifest`, `torchvision`, `parquet`, `webdataset`."""

    folder: Path | None = Field(None, description="Image folder: one sub-folder per class, `folder/<class>/<image>`.")
    class_depth: Positive = Field(
        1,
        description="Levels of sub-folders that name a class: with 2, `folder/animals/cat/<image>` is of class "
        "animals/cat. Images may lie deeper.",
    )
    manifest: Path | None = Field(
        None,
        description="CSV or Parquet table with columns path, label[, prediction[, confidence]] (or Filenames, Labels, "
        "Predictions). With a prediction column the inspected model is not run.",
    )
    image_root: Path | None = Field(
        None, description="Folder that the manifest's paths are relative to; default: the manifest's own folder."
    )
    probabilities: Path | None = Field(
        None,
        description="The inspected model's probabilities of each class for the manifest's rows: a .npy of shape "
        "(n_images, n_classes). It is then not run.",
    )
    torchvision: TorchvisionDataConfig | None = Field(None, description="A data set of torchvision.")
    parquet: ParquetDataConfig | None = Field(None, description="Parquet or Arrow tables with image bytes.")
    webdataset: WebDatasetConfig | None = Field(None, description="WebDataset's tar shards.")
    classes: list[str] | Literal["imagenet"] | None = Field(
        None,
        description="Class names in the order of the model's outputs, or imagenet for its 1,000; default: those found "
        "in the data, sorted.",
    )
    class_file: Path | None = Field(
        None,
        description="The same as a text file with one class name per line, each perhaps after what the data call the "
        "class and a tab.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> "DataConfig":
        sources = ("folder", "manifest", "torchvision", "parquet", "webdataset")
        if sum(getattr(self, source) is not None for source in sources) != 1:
            raise ValueError("expected exactly one of 'folder', 'manifest', 'torchvision', 'parquet', 'webdataset'")
        for key, source in (("image_root", "manifest"), ("probabilities", "manifest"), ("class_depth", "folder")):
            if getattr(self, key) not in (None, 1) and getattr(self, source) is None:
                raise ValueError(f"{key!r} goes with {source!r}")
        if self.classes is not None and self.class_file is not None:
            raise ValueError("expected at most one of 'classes' and 'class_file'")
        return self

    @property
    def may_hold_predictions(self) -> bool:
        """Whether the source is of a kind that can say what was predicted."""
        return self.folder is None and self.torchvision is None


class PreprocessingConfig(Section):
    """From an image file to what a model sees; normalisation happens inside the model, after this."""

    resize: Positive | tuple[Positive, Positive] | None = Field(
        None, description="Length of the shorter side in pixels, or [height, width] whatever the aspect ratio."
    )
    crop: Positive | None = Field(None, description="Side of the centre crop in pixels, taken after the resize.")
    interpolation: Literal["bilinear", "bicubic"] = Field("bilinear", description="How the resize interpolates.")
    mean: Channels = Field((0.0, 0.0, 0.0), description="Subtracted from each channel of the image in [0, 1].")
    std: Channels = Field((1.0, 1.0, 1.0), description="Each channel is divided by it, after subtracting the mean.")

    @field_validator("std")
    @classmethod
    def _positive_std(cls, value: Channels) -> Channels:
        if min(value) <= 0:
            raise ValueError("expected three numbers above 0")
        return value


class ModelConfig(Section):
    """A model: exactly one of `factory`, `torchvision`, `timm` and `program`, with its weights and preprocessing."""

    factory: str | None = Field(
        None,
        description="Python function that returns the model without weights: `package.module:function` or "
        "`path/to/file.py:function`.",
    )
    torchvision: str | None = Field(None, description="Name of a torchvision classification model, such as resnet50.")
    timm: str | None = Field(
        None, description="Name of a timm model, such as convnext_tiny.in12k_ft_in1k; needs the extra `timm`."
    )
    program: Path | None = Field(
        None, description="A whole model in one file: TorchScript, or a program of torch.export (.pt2)."
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments for the factory.")
    pretrained: bool | str = Field(
        False,
        description="Use published weights of torchvision (such as IMAGENET1K_V2) or timm (the part of its name after "
        "the dot), or `true` for the default ones, with the preprocessing that belongs to them. Downloaded unless "
        "`weights` names the file.",
    )
    weights: Path | None = Field(
        None,
        description="State dict, alone or in a checkpoint: .safetensors or a file of torch.save; default: what the "
        "factory returns.",
    )
    allow_unsafe_weights: bool | str = Field(
        False,
        description="Unpickle the weights file of this name, or any (true). Such a file can run any code: only if you "
        "trust it.",
    )
    preprocessing: PreprocessingConfig = Field(
        default_factory=PreprocessingConfig,
        description="From the image file to the model's input. Default for keys left out: what published weights or "
        "the file of weights say; `resize` and `crop` go together.",
    )
    feature_module: str | None = Field(
        None, description="Module whose input is the feature vector; default: found by running the model once."
    )
    map_module: str | None = Field(
        None, description="Module whose output is the last feature map before pooling; default: found likewise."
    )

    @model_validator(mode="after")
    def _one_source(self) -> "ModelConfig":
        sources = (self.factory, self.torchvision, self.timm, self.program)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("expected exactly one of 'factory', 'torchvision', 'timm' and 'program'")
        if self.pretrained and self.torchvision is None and self.timm is None:
            raise ValueError("'pretrained' goes with 'torchvision' or 'timm'")
        if self.program is not None and (self.weights is not None or self.arguments):
            raise ValueError("'program' holds the whole model: leave 'weights' and 'arguments' out")
        if isinstance(self.allow_unsafe_weights, str) and (
            self.weights is None or self.allow_unsafe_weights != self.weights.name
        ):
            raise ValueError(f"'allow_unsafe_weights: {self.allow_unsafe_weights}' is not the name of the weights file")
        return self

    @field_validator("factory")
    @classmethod
    def _has_function(cls, value: str | None, info: ValidationInfo) -> str | None:
        return _resolved_factory(value, info)


class ExtractionConfig(Section):
    """The one pass over the images."""

    batch_size: Positive | None = Field(
        None,
        description="Images per forward pass, at most; default: 32, or 256 on a GPU. Where its memory does not hold as "
        "many, the half is tried, and so on.",
    )
    shard_size: Positive = Field(1024, description="Images between two saves; an interrupted run resumes at the last.")
    n_workers: Positive | None = Field(
        None,
        description="Threads that decode images and, without a GPU, run the models; default: one per processor.",
    )
    feature_dtype: Literal["float32", "float16"] = Field("float32", description="How features are stored.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Of the models' convolutions and matrix products. bfloat16 changes features by up to about 2 % and "
        "is several times faster on hardware that has it.",
    )
    channels_last: bool = Field(
        True, description="Lay images out for fast convolutions; left out for models that cannot take it."
    )
    compile: bool = Field(
        False, description="Compile the models with torch.compile, which takes minutes and pays on a GPU."
    )


class RulesConfig(Section):
    """Groups, trees, failure modes and the evidence for them."""

    groupings: tuple[Literal["label", "prediction"], ...] = Field(
        ("label", "prediction"), min_length=1, description="Group images by true class, by predicted class, or both."
    )
    confused_pairs: int = Field(
        0,
        ge=0,
        le=1000,
        description="Also explain this many pairs of classes, those mixed up most often: the images of one class that "
        "were recognised or taken for the other.",
    )
    unions: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Also explain classes taken together, `name: [class, class, …]`, for each of `groupings`.",
    )
    manifest_columns: tuple[Name, ...] = Field(
        (),
        description="Also explain the images of each value of these columns of the manifest, such as hospital; an "
        "empty value is none.",
    )
    max_depth: int = Field(1, ge=1, le=4, description="Depth of each group's tree, 1 to 4.")
    thresholds: Literal["auto", "natural", "entropy"] = Field(
        "auto",
        description="Where a tree cuts a feature. natural: by preference where its values fall into two clusters, "
        "which finds more failures that are real; entropy: anywhere, as in the paper; auto: natural where images are "
        "held out, entropy in-sample.",
    )
    n_selected_features: Positive = Field(50, description="Features a tree may choose from, by mutual information.")
    n_neighbors: Positive = Field(3, description="Neighbours of the mutual information estimator.")
    min_images: int = Field(20, ge=2, description="Groups with fewer images to fit on get no tree.")
    rho: Fraction = Field(0.1, description="A failure mode's error rate exceeds the base error rate by at least this.")
    tau: Fraction = Field(0.2, description="A failure mode covers at least this share of the group's failures.")
    held_out_fraction: float = Field(
        0.3, ge=0.0, le=0.9, description="Share of images that only test the rules; 0: in-sample mode, as in the paper."
    )
    max_q_value: float = Field(0.05, gt=0.0, lt=1.0, description="False-discovery rate of verified failure modes.")
    confidence_level: float = Field(0.95, gt=0.5, lt=1.0, description="Level of the Wilson intervals.")
    n_permutations: int = Field(
        0, ge=0, description="Shuffles per group for the noise floor of ALER − BER; 0: not computed."
    )
    evaluation_depths: tuple[Annotated[int, Field(ge=1, le=4)], ...] = Field(
        (1, 3), description="Depths at which the automatic evaluation fits a tree to every group."
    )
    n_workers: Positive | None = Field(
        None, description="Threads; results do not depend on it. Default: one per processor."
    )

    @property
    def has_natural_thresholds(self) -> bool:
        """Whether trees prefer cuts between the clusters of a feature's values, once `auto` is decided."""
        return self.thresholds == "natural" or (self.thresholds == "auto" and self.held_out_fraction > 0)

    @field_validator("unions")
    @classmethod
    def _several_classes(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, classes in value.items():
            if len(classes) < 2 or len(set(classes)) < len(classes):
                raise ValueError(f"expected two or more different classes in {name!r}")
        return value

    def union_classes(self, class_names: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Return the class_ids of each union, ascending.

        Raises:
            ConfigError: A union names a class that is not among `class_names`.
        """
        ids = {name: class_id for class_id, name in enumerate(class_names)}
        for union, classes in self.unions.items():
            for name in classes:
                if name not in ids:
                    close = difflib.get_close_matches(name, class_names, n=1)
                    hint = f"did you mean {close[0]!r}?" if close else f"write one of the {len(ids)} classes as it is."
                    raise ConfigError(f"rules.unions: {union!r} names {name!r}, which is no class of the data; {hint}")
        return {union: tuple(sorted(ids[name] for name in classes)) for union, classes in self.unions.items()}


class AttackConfig(Section):
    """The feature attack: gradient ascent on one feature, from a natural image."""

    step_size: float = Field(16.0, gt=0.0, description="L2 length of the first step, pixels in [0, 1].")
    n_steps: Positive = Field(50, description="Number of steps.")
    schedule: Literal["linear", "constant"] = Field(
        "linear",
        description="linear: steps get shorter, down to 0; constant: all have the same length. The paper's setting is "
        "step_size 1, n_steps 1000, constant.",
    )
    radius: float | None = Field(None, gt=0.0, description="Largest L2 distance from the image; default: no limit.")
    batch_size: Positive = Field(64, description="(feature, image) pairs per forward and backward pass, at most.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Of the passes that find the way; activations are reported in float32. auto: bfloat16 where the "
        "hardware has it.",
    )


class VisualsConfig(Section):
    """Triptychs and galleries."""

    n_images: Positive = Field(6, description="Images per triptych.")
    n_gallery: Positive = Field(8, description="Images in each gallery of a rule: failures, and successes.")
    thumbnail_size: int = Field(224, ge=16, le=1024, description="Longer side of stored images in pixels, at most.")
    attack: AttackConfig = Field(default_factory=AttackConfig, description="The feature attack.")


class ClipConfig(Section):
    """An image-text model: exactly one of `model`, `folder` and `factory`."""

    model: Name | None = Field(
        None, description="Name of an open_clip architecture, such as ViT-B-32; needs the extra `clip`, and `weights`."
    )
    folder: Path | None = Field(
        None, description="Or a model in open_clip's own layout: a folder of open_clip_config.json and its weights."
    )
    factory: str | None = Field(
        None,
        description="Or a Python function that returns (model, preprocess, tokenizer) as open_clip does; a tokenizer "
        "that is None: no text tower.",
    )
    weights: Path | None = Field(
        None, description="State dict of `model`: .safetensors or a file of torch.save. Nothing is downloaded."
    )
    batch_size: Positive = Field(64, description="Images or captions per forward pass.")

    @model_validator(mode="after")
    def _one_source(self) -> "ClipConfig":
        if sum(source is not None for source in (self.model, self.folder, self.factory)) != 1:
            raise ValueError("expected exactly one of 'model', 'folder' and 'factory'")
        if (self.model is None) != (self.weights is None):
            raise ValueError("'model' and 'weights' go together: without its weights a model is random")
        return self

    @field_validator("factory")
    @classmethod
    def _has_function(cls, value: str | None, info: ValidationInfo) -> str | None:
        return _resolved_factory(value, info)


class DirectionsConfig(Section):
    """Failure directions: a linear classifier per class that tells its failures from its successes."""

    clip: ClipConfig | None = Field(
        None,
        description="Image-text model that gives the embeddings, and scores captions. Default: the feature model's "
        "features, without captions.",
    )
    embeddings: Path | None = Field(
        None, description="Or a .npy of shape (n_images, n_dimensions), row i for image_id i of images.parquet."
    )
    min_images: int = Field(20, ge=4, description="Classes with fewer images to fit on get no direction.")
    max_images: int = Field(
        5000, ge=100, description="Images of a class to fit on at most; of larger classes a seeded sample is taken."
    )
    n_folds: int = Field(2, ge=2, le=20, description="Folds of the cross-validation that chooses C and the quality.")
    penalties: tuple[Annotated[float, Field(gt=0.0)], ...] = Field(
        (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
        min_length=1,
        description="Values of C to choose from; of equally good ones the first is taken.",
    )
    captions: Path | None = Field(
        None,
        description="YAML of caption templates and attributes; default: the ones that come with the package (colour, "
        "background, viewpoint, size, material, weather, position).",
    )
    n_captions: Positive = Field(5, description="Captions shown for each end of a direction.")
    n_images: Positive = Field(6, description="Images shown for each of hardest, middle and easiest.")
    n_workers: Positive | None = Field(
        None, description="Threads; results do not depend on it. Default: one per processor."
    )

    @model_validator(mode="after")
    def _one_source(self) -> "DirectionsConfig":
        if self.clip is not None and self.embeddings is not None:
            raise ValueError("expected at most one of 'clip' and 'embeddings'")
        if self.captions is not None and self.clip is None:
            raise ValueError("'captions' goes with 'clip': nothing else has a text tower")
        return self


class WordnetConfig(Section):
    """Superclasses from the hypernyms of classes that are WordNet synsets."""

    folder: Path = Field(
        Path("/usr/share/wordnet"),
        description="Folder with data.noun of WordNet 3.0, as Debian's package wordnet-base installs it.",
    )
    hypernyms: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict,
        description="Superclasses by the hypernyms whose classes they hold, `name: [word or synset id, …]`; default: "
        "the most general hypernyms with at most `max_classes` classes.",
    )
    max_classes: int | None = Field(
        None,
        ge=2,
        description="Most classes of a superclass that is found; default: a twentieth of all classes, at least 2.",
    )


class TaxonomyConfig(Section):
    """What kind of error each failure is. A kind whose input is left out is not assessed."""

    superclasses: Path | Literal["suggested", "wordnet"] = Field(
        "suggested",
        description="YAML file `superclass: [class, …]`, for fine-grained errors; wordnet: from hypernyms; suggested: "
        "from confusions and features, written to the run folder for you to edit.",
    )
    wordnet: WordnetConfig = Field(
        default_factory=WordnetConfig, description="Superclasses from hypernyms, with `superclasses: wordnet`."
    )
    overlapping: Path | Literal["imagenet"] | None = Field(
        None,
        description="Classes that overlap: CSV with columns label, prediction, or YAML `label: [prediction, …]`; "
        "imagenet: the published ones.",
    )
    multi_labels: Path | None = Field(
        None,
        description="All correct labels of images: CSV with columns path, labels (between them a ;), JSON `path: "
        "[label, …]`, or the files of ImageNet's multi-labels and of ReaL.",
    )
    only_annotated: bool = Field(False, description="Leave out images that `multi_labels` does not know.")
    co_occurrences: Path | None = Field(
        None,
        description="Classes often seen together: CSV with columns first, second, or YAML `class: [class, …]`.",
    )
    co_occurrence_labels: Path | None = Field(
        None,
        description="Or a file like `multi_labels` to count such pairs in: of other superclasses, on images that are "
        "not evaluated here.",
    )
    min_co_occurrences: Positive = Field(2, description="Images that must show a counted pair.")
    non_prototypical: Path | None = Field(
        None, description="Images that show their class in an unusual way: text with a path per line, or a JSON list."
    )
    proposals: Path | None = Field(
        None,
        description="What images show, in free words: CSV with columns path, proposal[, score][, neighbors]. Words "
        "that name no class are out of vocabulary.",
    )
    proposal_words: Path | Literal["wordnet"] | None = Field(
        None,
        description="Or nouns of which an image-text model chooses the best for each failure: text with one per line; "
        "wordnet: those of `wordnet.folder` for things. Its choice is written to the run folder for you to edit.",
    )
    proposal_template: str = Field(
        "a photo of a {}", description="Caption that `proposal_words` and the names of classes are put into, at {}."
    )
    clip: ClipConfig | None = Field(
        None, description="Image-text model for `proposal_words`; default: that of `directions.clip`."
    )
    n_neighbors: Positive = Field(
        10,
        description="Nearest images of which one must be of the prediction's superclass: in the image-text model's "
        "embeddings, or in the features where `proposals` has no classes of neighbours.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "TaxonomyConfig":
        if self.proposals is not None and self.proposal_words is not None:
            raise ValueError("expected at most one of 'proposals' and 'proposal_words'")
        if self.clip is not None and self.proposal_words is None:
            raise ValueError("'clip' goes with 'proposal_words': nothing else needs an image-text model")
        if self.proposal_template.count("{}") != 1:
            raise ValueError("'proposal_template' needs one {} for the word")
        if self.only_annotated and self.multi_labels is None:
            raise ValueError("'only_annotated' goes with 'multi_labels'")
        if self.co_occurrences is not None and self.co_occurrence_labels is not None:
            raise ValueError("expected at most one of 'co_occurrences' and 'co_occurrence_labels'")
        return self


class ComparisonConfig(Section):
    """Other models on the same images: what errors they make, and which failure modes they share."""

    predictions: Path = Field(
        description="CSV, TSV or Parquet with the column path and one column per model: classes by name, WordNet id or "
        "index, for every image of the run."
    )
    models: tuple[Name, ...] = Field((), description="Columns to compare; default: all but path.")
    n_proposing: int = Field(
        20,
        ge=0,
        description="Other models whose own trees propose failure modes, spread over the accuracies where there are "
        "more; each is tested on all models.",
    )


class SiteConfig(Section):
    """Words on the site, and how much of the images it shows."""

    title: str | None = Field(None, description="Title of the report; default: the run's name.")
    description: str = Field("", description="A sentence or two under the title: what was analysed, and why.")
    images: Photographs = Field(
        "full", description="Photographs on the site: as they are, blurred beyond recognition, or none at all."
    )
    show_paths: bool = Field(
        False, description="Name image files by their path relative to the data's folder; otherwise by a number."
    )


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


def parse_yaml_model(path: Path, model: type[ModelT]) -> ModelT:
    """Read `path` as YAML and check it against `model`; see `load_config`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}). Give the path of a YAML configuration file.") from error
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
        _refuse_repeated_keys(tree)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: found {type(values).__name__}, expected keys such as 'name:' and 'data:'.")
    try:
        return model.model_validate(_expand(values), context={"folder": path.resolve().parent})
    except RecursionError as error:
        raise ConfigError(f"{path}: a value contains itself (& and *). Write it out.") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    except ValidationError as error:
        lines = [_describe(problem, tree, model) for problem in error.errors()]
        raise ConfigError(f"{path}: {len(lines)} problem{'s' * (len(lines) > 1)}\n" + "\n".join(lines)) from error


def _resolved_factory(value: str | None, info: ValidationInfo) -> str | None:
    """Check the form of a factory's name and make the path of its file absolute."""
    if value is None:
        return None
    source, _, function = value.rpartition(":")
    if not source or not function.isidentifier():
        raise ValueError("expected 'package.module:function' or 'path/to/file.py:function'")
    if source.endswith(".py") and info.context:
        source = str(_absolute(Path(source), Path(info.context["folder"])))
    return f"{source}:{function}"


def _absolute(path: Path, folder: Path) -> Path:
    try:
        return Path(os.path.normpath(folder / path.expanduser()))
    except RuntimeError as error:  # ~somebody who has no home
        raise ValueError(str(error)) from error


def _refuse_repeated_keys(node: yaml.Node | None) -> None:
    """Raise a ValueError for a key that occurs twice in one mapping: YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen and key.value != "<<":
                raise ValueError(f"line {key.start_mark.line + 1}: the key {key.value!r} occurs twice")
            seen.add(str(key.value))
            _refuse_repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item)


def _expand(value: Any) -> Any:
    """Replace ${NAME} and ${NAME:-default} in every text of a tree of YAML values."""
    if isinstance(value, dict):
        return {key: _expand(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", _from_environment, value)
    return value


def _from_environment(match: re.Match[str]) -> str:
    found = os.environ.get(match[1], match[2])
    if found is None:
        raise ConfigError(f"environment variable {match[1]} is not set; set it or write a default: ${{{match[1]}:-…}}")
    return found


def _describe(problem: Any, tree: yaml.Node | None, model: type[BaseModel]) -> str:
    """Turn one pydantic problem into a line: where, what was found, what was expected, what to try."""
    place, line_number = _follow(problem["loc"], tree)
    if problem["type"] == "missing":
        return f"  line {line_number}, {'.'.join([*place, str(problem['loc'][-1])])}: missing"
    line = f"  line {line_number}, {'.'.join(place) or 'the file'}: "
    if problem["type"] == "extra_forbidden":
        known = _keys_at(place[:-1], model)
        close = difflib.get_close_matches(place[-1], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys here: {', '.join(known)}"
        return f"{line}unknown key; {hint}"
    message = problem["msg"].removeprefix("Value error, ")
    found = "" if isinstance(problem["input"], dict) else f"found {problem['input']!r}; "
    return f"{line}{found}{message[0].lower()}{message[1:]}"


def _follow(location: tuple[int | str, ...], node: yaml.Node | None) -> tuple[list[str], int]:
    """Return the part of a pydantic location that exists in the file, and its line there.

    Pydantic appends parts that are no keys, such as the branch of a union: the file knows only the rest.
    """
    place: list[str] = []
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(part)]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
        place.append(str(part))
    return place, line


def _keys_at(place: list[str], model: type[BaseModel]) -> list[str]:
    """The keys that `model` knows at `place`."""
    for part in place:
        field = model.model_fields.get(part)
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
        sections = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not sections:
            return []
        model = sections[0]
    return list(model.model_fields)
