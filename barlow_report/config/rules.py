"""Groups, trees, failure modes and the evidence for them."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from barlow_report.config.base import (
    Fraction,
    Name,
    Positive,
    Section,
    Workers,
)
from barlow_report.errors import ConfigError

__all__ = ["EvidenceKind", "RulesConfig"]

EvidenceKind = Literal["held_out", "shuffles", "in_sample"]


class RulesConfig(Section):
    """Groups, trees, failure modes and the evidence for them."""

    groupings: tuple[Literal["label", "prediction"], ...] = Field(
        ("label", "prediction"),
        description="Group images by label, by prediction, or both; [] where other groups alone are explained.",
    )
    confused_pairs: int = Field(
        0,
        ge=0,
        le=1000,
        description="Also explain this many pairs of classes, the most confused ones: the images of one class that "
        "are right or taken for the other.",
    )
    unions: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Also explain classes taken together, `name: [class, class, …]`, for each of `groupings`: classes "
        "by name or WordNet id.",
    )
    union_superclasses: tuple[Name, ...] | Literal["all"] = Field(
        (),
        description="Also take the classes of superclasses of the taxonomy together, given or of WordNet: their names, "
        "or all of two classes or more.",
    )
    manifest_columns: tuple[Name, ...] = Field(
        (),
        description="Also explain the images of each value of these columns of the manifest, such as hospital; "
        "images with an empty value are in no group.",
    )
    evidence: Literal["shuffles", "held_out"] = Field(
        "shuffles",
        description="How failure modes are tested. shuffles: found on all images of the group and compared with the "
        "best that is found after shuffling the failures, which finds more; held_out: found on a part of"
        " the images and tested on the held-out ones. With `held_out_fraction: 0` rules are in-sample.",
    )
    n_shuffles: int = Field(
        1999,
        ge=99,
        le=1_000_000,
        description="Largest number of shuffles of a group's failures; fewer where they settle the test.",
    )
    max_fitted_images: int = Field(
        50_000,
        ge=100,
        le=10_000_000,
        description="Of a group with more images to fit on, rules are found on a random sample of so many, and tested "
        "on it where failures are shuffled, so that memory does not grow; all images are counted. 50,000 at 2,048 "
        "features take 2 GB for each thread.",
    )
    n_resamples: int = Field(
        100,
        ge=0,
        le=10_000,
        description="Draws of two thirds of a group's images for a mode's stability; 0: not computed.",
    )
    max_depth: int | None = Field(
        None,
        ge=1,
        le=4,
        description="Depth of each group's tree, 1 to 4. Default: 3 where failures are shuffled, because each "
        "further split must pass a test of its own; else 1, as in the paper.",
    )
    thresholds: Literal["auto", "natural", "entropy"] = Field(
        "auto",
        description="Where a tree cuts a feature. natural: by preference where its values fall into two clusters, "
        "which finds more failures that are real; entropy: anywhere, as in the paper, which cannot be "
        "tested by shuffles; auto: natural, or entropy in-sample.",
    )
    n_selected_features: Positive = Field(
        50,
        description="Features that a tree may choose from: the best by mutual information. Where failures are "
        "shuffled, rules may choose from all features, and this is for the automatic evaluation and the "
        "noise floor only.",
    )
    n_neighbors: Positive = Field(3, description="Neighbours of the mutual information estimator.")
    min_images: int = Field(20, ge=2, description="Groups with fewer images to fit on get no tree.")
    min_failures: Positive = Field(
        4,
        description="Groups with fewer failures among them get no tree, and pairs that are confused less often are not"
        " among `confused_pairs`.",
    )
    rho: Fraction = Field(
        0.1, description="ρ: a failure mode's error rate exceeds the base error rate by at least this."
    )
    tau: Fraction = Field(0.2, description="τ: a failure mode covers at least this share of the group's failures.")
    held_out_fraction: float = Field(
        0.3,
        ge=0.0,
        le=0.9,
        description="Share of the images that are held out for tests: of rules where evidence is held_out, and "
        "always of the automatic evaluation and of lenses. 0: in-sample mode, as in the paper.",
    )
    max_q_value: float = Field(
        0.05, gt=0.0, lt=1.0, description="False-discovery rate of verified failure modes, in each grouping."
    )
    confidence_level: float = Field(0.95, gt=0.5, lt=1.0, description="Level of the intervals of rates.")
    n_permutations: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Shuffles per group for the noise floor of ALER − BER, unless "
        "evidence is shuffles already; 0: not computed.",
    )
    evaluation_depths: tuple[Annotated[int, Field(ge=1, le=4)], ...] = Field(
        (1, 3), description="Depths at which the automatic evaluation fits a tree to every group."
    )
    n_workers: Workers | None = Field(
        None, description="Threads; results do not depend on it. Default: one per processor."
    )

    @property
    def evidence_kind(self) -> EvidenceKind:
        """What failure modes are tested with; `in_sample`: nothing."""
        return self.evidence if self.held_out_fraction > 0 else "in_sample"

    @property
    def is_shuffled(self) -> bool:
        """Whether rules are found and tested on all images, by shuffling the failures."""
        return self.evidence_kind == "shuffles"

    @property
    def depth(self) -> int:
        """Depth of each group's tree, once the default is decided."""
        return self.max_depth or (3 if self.is_shuffled else 1)

    @property
    def has_natural_thresholds(self) -> bool:
        """Whether trees prefer cuts between the clusters of a feature's values, once `auto` is decided."""
        return self.thresholds == "natural" or (self.thresholds == "auto" and self.held_out_fraction > 0)

    @model_validator(mode="after")
    def _shuffles_need_natural_thresholds(self) -> Self:
        if self.is_shuffled and self.thresholds == "entropy":
            raise ValueError(
                "thresholds: entropy looks at the failures and cannot be tested by shuffling them; set evidence: "
                "held_out as well, or leave thresholds out"
            )
        return self

    @model_validator(mode="after")
    def _a_sample_is_large_enough(self) -> Self:
        least = max(self.min_images, 2 * self.min_failures)
        if self.max_fitted_images < least:
            raise ValueError(
                f"max_fitted_images: a sample of {self.max_fitted_images} images is too small for min_images "
                f"{self.min_images} and min_failures {self.min_failures}; set it to at least {least}"
            )
        return self

    @model_validator(mode="after")
    def _unions_have_a_grouping(self) -> Self:
        if not self.groupings and (self.unions or self.union_superclasses):
            raise ValueError("unions are made for each of groupings; name label or prediction there")
        return self

    @model_serializer(mode="wrap")
    def _without_unset_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out later keys where they are not set: what runs recorded before stays as it is."""
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if key != "union_superclasses" or value}

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
            ConfigError: A union names a class that is not among `class_names`, or is a superclass, which only the
                taxonomy of a whole configuration has.
        """
        if self.union_superclasses:
            raise ConfigError("rules.union_superclasses: there is no taxonomy here; name the classes in rules.unions.")
        ids = {name: class_id for class_id, name in enumerate(class_names)}
        for union, classes in self.unions.items():
            for name in classes:
                if name not in ids:
                    close = difflib.get_close_matches(name, class_names, n=1)
                    hint = f"did you mean {close[0]!r}?" if close else f"write one of the {len(ids)} classes as it is."
                    raise ConfigError(
                        f"rules.unions: {union!r} names {name!r}, which is not a class of the data; {hint}"
                    )
        return {union: tuple(sorted(ids[name] for name in classes)) for union, classes in self.unions.items()}
