"""Further looks at the same failures: directions, error types, other models."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from barlow_report.config.base import Name, Positive, Section, Workers, resolved_factory

__all__ = ["ClipConfig", "ComparisonConfig", "DirectionsConfig", "TaxonomyConfig", "WordnetConfig"]


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
        return resolved_factory(value, info)


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
    penalties: tuple[Annotated[float, Field(ge=1e-12, le=1e12)], ...] = Field(
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
    n_workers: Workers | None = Field(
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
        10,
        ge=0,
        description="Other models whose own trees propose failure modes, spread over the accuracies where there are "
        "more; each is tested on all models.",
    )
