"""Section `taxonomy` of the configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from barlow_report.config.base import Name, Positive, Section
from barlow_report.config.embeddings import ClipConfig
from barlow_report.config.json_schema import or_one
from barlow_report.config.rules import RulesConfig
from barlow_report.lenses.directions.config import DirectionsConfig

__all__ = ["TaxonomyConfig", "WordnetConfig", "check_image_text_model", "check_unions", "check_without_images"]


class WordnetConfig(Section):
    """Superclasses of classes that are WordNet synsets; default: kinds of things that people have one word for."""

    folder: Path = Field(
        Path("/usr/share/wordnet"),
        description="Folder with data.noun of WordNet 3.0, as Debian's package wordnet-base installs it.",
    )
    hypernyms: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict,
        description="Instead, superclasses by the hypernyms whose classes they hold, `name: [word or synset id, …]`.",
    )
    max_classes: int | None = Field(
        None,
        ge=2,
        description="Instead, the most general hypernyms with at most this many classes, whatever they are called.",
    )

    def missing(self, key: str) -> Iterator[str]:  # noqa: ARG002 - the database is needed where it is asked for
        """Yield nothing: see `TaxonomyConfig.missing`."""
        return iter(())

    @property
    def nouns(self) -> Path:
        """The file of nouns."""
        return self.folder / "data.noun"

    @model_validator(mode="after")
    def _one_cut(self) -> "WordnetConfig":
        if self.hypernyms and self.max_classes is not None:
            raise ValueError("expected at most one of 'hypernyms' and 'max_classes'")
        return self


class TaxonomyConfig(Section):
    """What kind of error each failure is. A kind whose input is left out is not assessed."""

    superclasses: Path | Literal["suggested", "wordnet"] = Field(
        "suggested",
        description="YAML file `superclass: [class, …]`, for fine-grained errors, or one of the published files for "
        "ImageNet, superclasses.json and superclasses.txt; wordnet: kinds of things that people name; suggested: from "
        "confusions and features, where both clearly have kinds, written to the run folder for you to edit.",
    )
    wordnet: WordnetConfig = Field(
        default_factory=WordnetConfig, description="How classes are put together, with `superclasses: wordnet`."
    )
    overlapping: Path | Literal["imagenet"] | None = Field(
        None,
        description="Classes that overlap: CSV with columns label, prediction, YAML `label: [prediction, …]`, or a "
        "JSON list `[[class, class], …]`, whose pairs count in both orders; imagenet: the published ones.",
    )
    multi_labels: Path | None = Field(
        None,
        description="All correct labels of images: CSV with columns path, labels (separated by ;)[, problematic (yes "
        "or no)], JSON `path: [label, …]`, the files of ImageNet's multi-labels and of ReaL, or a list of common "
        "errors.",
    )
    only_annotated: bool = Field(False, description="Leave out images that `multi_labels` does not know.")
    co_occurrences: Path | None = Field(
        None,
        description="Classes often seen together: CSV with columns first, second, YAML `class: [class, …]`, or a JSON "
        "list `[[class, class], …]`.",
    )
    co_occurrence_labels: Path | None = Field(
        None,
        description="Or a file like `multi_labels` in which such pairs are counted: of different superclasses, on "
        "images that are not evaluated here.",
    )
    min_co_occurrences: Positive = Field(2, description="Least number of images that must show a counted pair.")
    non_prototypical: Path | None = Field(
        None,
        description="Images that show their class in an unusual way: text with a path per line, a JSON list, or a list "
        "of common errors.",
    )
    non_prototypical_category: Name | None = Field(
        None,
        description="Or `non_prototypical` is a JSON object of failures, `path: category` or `path: {…category…: …}`, "
        "and these images are those of this category.",
    )
    proposals: Path | None = Field(
        None,
        description="What images show, in free words: CSV with columns path, proposal[, score][, neighbors]. Words "
        "that name no class are out of vocabulary.",
    )
    proposal_words: Path | Literal["wordnet"] | None = Field(
        None,
        description="Or nouns, of which an image-text model chooses the best for each failure: text with one per "
        "line; wordnet: those of `wordnet.folder` for things. Its choice is written to the run folder "
        "for you to edit.",
    )
    proposal_template: str = Field(
        "a photo of a {}", description="Caption that `proposal_words` and the names of classes are put into, at {}."
    )
    clip: ClipConfig | None = Field(
        None, description="Image-text model for `proposal_words`; default: that of `directions.clip`."
    )
    people_types: tuple[Path, ...] = Field(
        (),
        description="Kinds of errors that people found, to be compared with those found here: CSV with columns path, "
        "type[, prediction], the JSON of a study of errors, or published lists `most_common_<type>.txt`; one file or "
        "a list of them. A prediction is that of the model whose errors they looked at; default: the run's.",
        json_schema_extra=or_one,
    )
    n_neighbors: Positive = Field(
        10,
        description="Nearest images of which one must be of the prediction's superclass: in the image-text model's "
        "embeddings, or in the features where `proposals` has no classes of neighbours.",
    )

    @field_validator("people_types", mode="before")
    @classmethod
    def _list_of_files(cls, value: object) -> object:
        return [value] if isinstance(value, str | Path) else value

    def missing(self, key: str) -> Iterator[str]:
        """Yield what is not there, WordNet's database included where it is needed; see `Section.missing`."""
        yield from super().missing(key)
        if "wordnet" in (self.superclasses, self.proposal_words) and not self.wordnet.nouns.is_file():
            yield (
                f"{key}.wordnet.folder: found no file {self.wordnet.nouns}. Install a WordNet 3.0 database (Debian: "
                "wordnet-base), or give its folder."
            )

    @model_validator(mode="after")
    def _fits(self) -> "TaxonomyConfig":
        if self.proposals is not None and self.proposal_words is not None:
            raise ValueError("expected at most one of 'proposals' and 'proposal_words'")
        if self.clip is not None and self.proposal_words is None:
            raise ValueError("'clip' goes with 'proposal_words': nothing else needs an image-text model")
        if self.proposal_template.count("{}") != 1:
            raise ValueError("'proposal_template' needs one {} for the word")
        if self.non_prototypical_category is not None and self.non_prototypical is None:
            raise ValueError("'non_prototypical_category' goes with 'non_prototypical'")
        if self.only_annotated and self.multi_labels is None:
            raise ValueError("'only_annotated' goes with 'multi_labels'")
        if self.co_occurrences is not None and self.co_occurrence_labels is not None:
            raise ValueError("expected at most one of 'co_occurrences' and 'co_occurrence_labels'")
        return self


def check_image_text_model(taxonomy: TaxonomyConfig | None, directions: DirectionsConfig | None) -> None:
    """Raise ValueError unless the run has one image-text model at most, and one where words are to be proposed."""
    models = [section.clip for section in (directions, taxonomy) if section is not None and section.clip]
    if len(models) > 1:
        raise ValueError("expected at most one of 'directions.clip' and 'taxonomy.clip': a run has one such model")
    if taxonomy is not None and taxonomy.proposal_words is not None and not models:
        raise ValueError(
            "'taxonomy.proposal_words' needs 'taxonomy.clip' or 'directions.clip': an image-text model chooses the "
            "words"
        )


def check_without_images(taxonomy: TaxonomyConfig) -> None:
    """Raise ValueError where the section asks for something that needs images."""
    if taxonomy.proposal_words is not None:
        raise ValueError(
            "'taxonomy.proposal_words' needs images, of which a model chooses the words; with 'data.images: none' give "
            "the words of somebody's model under 'taxonomy.proposals'"
        )


def check_unions(taxonomy: TaxonomyConfig | None, rules: RulesConfig) -> None:
    """Raise ValueError where superclasses are to be unions of classes and are not known before the failures are."""
    if rules.union_superclasses and (taxonomy is None or taxonomy.superclasses == "suggested"):
        raise ValueError(
            "'rules.union_superclasses' needs 'taxonomy.superclasses': a file, or wordnet. Suggested ones follow from "
            "the failures themselves"
        )
