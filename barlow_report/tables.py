"""The schema of every table in a run folder: columns, types, allowed values and meaning.

Tables are checked when they are written and when they are read, so a page can rely on them and a file from
another version is refused instead of misread. The schema is also the documentation of the run folder.

Two tables are split otherwise than one might expect, because each table has one writer: the fit/held-out
split belongs to `explain` (it depends on its settings), so it is `splits` and not a column of `images`,
which `extract` writes once for all settings. "Failure" is never a column; it is `prediction != label`.

In `groups`, `nodes` and `rules` the plain columns describe the images the tree was fitted on (all images of
the group in in-sample mode) and the columns ending in `_held_out` the images it never saw.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from barlow_report.errors import SchemaError

__all__ = ["COLUMN_GROUPING", "ERROR_TYPES", "TABLES", "Column", "Table", "check_table", "empty_table"]

COLUMN_GROUPING = "column "
"""How the names of groupings by a column of the manifest begin; the column's name follows."""

ERROR_TYPES = (
    "set_aside",
    "overlapping",
    "multi_label",
    "fine_grained",
    "out_of_vocabulary",
    "co_occurrence",
    "non_prototypical",
    "model_failure",
)
"""The kinds of errors in the order in which they are asked for; the first that matches counts."""

ColumnType = Literal["int", "float", "text", "bool"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: `type` is stored as int64, float64, string or bool; a `nullable` one may have no value."""

    name: str
    type: ColumnType
    meaning: str
    nullable: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """The pandas dtype in memory: a nullable int is `Int64`; a missing float is NaN; text is `object`."""
        return {"int": "Int64" if self.nullable else "int64", "float": "float64", "text": "object", "bool": "bool"}[
            self.type
        ]

    @property
    def arrow_type(self) -> pa.DataType:
        """The type on disk."""
        return {"int": pa.int64(), "float": pa.float64(), "text": pa.string(), "bool": pa.bool_()}[self.type]


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: rows are unique in `key`."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def column_names(self) -> list[str]:
        """Names in the order they are stored."""
        return [column.name for column in self.columns]

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema on disk."""
        return pa.schema([pa.field(c.name, c.arrow_type, nullable=c.nullable) for c in self.columns])


def _int(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name=name, type="int", meaning=meaning, nullable=nullable)


def _float(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name=name, type="float", meaning=meaning, nullable=nullable)


def _text(name: str, meaning: str, *, nullable: bool = False, allowed: tuple[str, ...] = ()) -> Column:
    return Column(name=name, type="text", meaning=meaning, nullable=nullable, allowed=allowed)


def _rate_held_out(name: str, meaning: str) -> tuple[Column, Column, Column]:
    return (
        _float(f"{name}_held_out", f"{meaning} on the held-out images; no value without any", nullable=True),
        _float(f"{name}_held_out_low", "lower end of its Wilson interval", nullable=True),
        _float(f"{name}_held_out_high", "upper end of its Wilson interval", nullable=True),
    )


_GROUP_ID = _int("group_id", "the group, see groups")
_FEATURE_ID = _int("feature_id", "index in the feature model's representation, never a position among selected ones")
_IMAGE_ID = _int("image_id", "row of features.npy")
_RULE_ID = _int("rule_id", "the rule, see rules")
_MODEL_ID = _int("model_id", "the model, see models; 0 is the inspected one")
_MODE_ID = _int("mode_id", "the failure mode, see shared_modes")
_GROUP_BY_NAME = (
    _text("grouping", "of the group: by it, its class and its name a group is found again in a later analysis"),
    _int("class_id", "of the group; no value for groups of another kind", nullable=True),
    _text("group_name", "the name of the group"),
)

_ALL = (
    Table(
        name="classes",
        meaning="The classes, sorted by name unless the configuration lists them in the model's order.",
        key=("class_id",),
        columns=(
            _int("class_id", "0 to n_classes − 1; the index of the model's output"),
            _text("name", "the class's name, as given"),
            _text("slug", "unique, lower case, safe in a path and in an address"),
        ),
    ),
    Table(
        name="images",
        meaning="Every image that was read, in the order of the rows of features.npy.",
        key=("image_id",),
        columns=(
            _IMAGE_ID,
            _text("path", "relative to the image root, with / between folders"),
            _int("label", "class_id of the true class"),
            _int("prediction", "class_id that the inspected model predicts"),
            _float("confidence", "probability the inspected model gives its prediction, 0 to 1", nullable=True),
        ),
    ),
    Table(
        name="contents",
        meaning="What each image's file held when it was read; equal for exact duplicates.",
        key=("image_id",),
        columns=(
            _IMAGE_ID,
            _text("digest", "BLAKE2b hash of the encoded image, of its pixels where only those are stored; 32 digits"),
        ),
    ),
    Table(
        name="skipped",
        meaning="Every input that could not be read, and why.",
        key=("path",),
        columns=(_text("path", "relative to the image root"), _text("reason", "what was wrong with it")),
    ),
    Table(
        name="attributes",
        meaning="What the manifest's columns that group images say of each. Only where there are such columns.",
        key=("image_id", "column"),
        columns=(_IMAGE_ID, _text("column", "name of the column"), _text("value", "of the image, as text, not empty")),
    ),
    Table(
        name="splits",
        meaning="Which images trees are fitted on and which only test them.",
        key=("image_id",),
        columns=(_IMAGE_ID, _text("split", "the part the image belongs to", allowed=("fit", "held_out"))),
    ),
    Table(
        name="groups",
        meaning="The groups of images that are explained, one tree each.",
        key=("group_id",),
        columns=(
            _GROUP_ID,
            _text(
                "grouping",
                "what the groups have in common: label, prediction, confused_pairs, unions_by_label, "
                "unions_by_prediction, or 'column ' and the name of a column",
            ),
            _int("class_id", "the class that defines the group; no value for groups of another kind", nullable=True),
            _text("name", "the name of the group: that of its class, pair or union, or the value of the column"),
            _int("n_images", "images of the group the tree was fitted on"),
            _int("n_failures", "failures among them"),
            _float("base_error_rate", "n_failures / n_images; no value without images", nullable=True),
            _float("average_leaf_error_rate", "sum over leaves of coverage × error rate; no value", nullable=True),
            _int("n_images_held_out", "held-out images of the group"),
            _int("n_failures_held_out", "failures among them"),
            *_rate_held_out("base_error_rate", "base error rate"),
            _float("average_leaf_error_rate_held_out", "the same tree on the held-out images", nullable=True),
            _float(
                "noise_floor",
                "95 % quantile of average_leaf_error_rate − base_error_rate when the failures are shuffled within "
                "the group; no value unless asked for",
                nullable=True,
            ),
            _text(
                "status",
                "why there is a tree, or none",
                allowed=("fitted", "too_few_images", "no_failures", "only_failures", "no_split"),
            ),
        ),
    ),
    Table(
        name="group_classes",
        meaning="The classes that define a group together: of a confused pair the label, then the prediction.",
        key=("group_id", "position"),
        columns=(
            _GROUP_ID,
            _int("position", "0 for the first"),
            _int("class_id", "one of the group's classes, see classes"),
        ),
    ),
    Table(
        name="memberships",
        meaning="The images of the groups that no single class defines; those of the others follow from images.",
        key=("group_id", "image_id"),
        columns=(_GROUP_ID, _IMAGE_ID),
    ),
    Table(
        name="selection",
        meaning="The features that each group's tree could choose from.",
        key=("group_id", "feature_id"),
        columns=(
            _GROUP_ID,
            _FEATURE_ID,
            _float("mutual_information", "nats shared with the failure label, at least 0"),
            _int("rank", "1 for the most informative"),
        ),
    ),
    Table(
        name="nodes",
        meaning="The nodes of the trees; node 0 is the root, children follow in depth-first order, le before gt.",
        key=("group_id", "node_id"),
        columns=(
            _GROUP_ID,
            _int("node_id", "0 for the root"),
            _int("parent_id", "node above; no value for the root", nullable=True),
            _text("branch", "side of the parent's split", allowed=("root", "le", "gt")),
            _int("depth", "0 for the root"),
            _int("feature_id", "feature of the split below this node; no value for a leaf", nullable=True),
            _float("threshold", "le: feature <= threshold, gt: feature > threshold; no value", nullable=True),
            _int("n_images", "fitted images in the node"),
            _int("n_failures", "failures among them"),
            _int("n_images_held_out", "held-out images in the node"),
            _int("n_failures_held_out", "failures among them"),
        ),
    ),
    Table(
        name="rules",
        meaning="One rule per leaf: the path of conditions from the root.",
        key=("rule_id",),
        columns=(
            _RULE_ID,
            _GROUP_ID,
            _int("node_id", "the leaf, see nodes"),
            _int("rank", "1 for the group's rule with the highest importance value, failure modes first"),
            _int("n_images", "fitted images in the leaf"),
            _int("n_failures", "failures among them"),
            _float("base_error_rate", "of the group"),
            _float("error_rate", "n_failures / n_images"),
            _float("error_coverage", "share of the group's failures in this leaf"),
            _float("importance_value", "error_rate × error_coverage"),
            Column(
                name="is_failure_mode",
                type="bool",
                meaning="error_rate >= base_error_rate + rho and error_coverage >= tau, on the fitted images",
            ),
            _int("n_images_held_out", "held-out images in the leaf"),
            _int("n_failures_held_out", "failures among them"),
            *_rate_held_out("base_error_rate", "the group's base error rate"),
            *_rate_held_out("error_rate", "error rate"),
            *_rate_held_out("error_coverage", "error coverage"),
            _float("importance_value_held_out", "the same on the held-out images", nullable=True),
            _float("p_value", "one-sided exact test that the leaf fails more than the rest; no value", nullable=True),
            _float("q_value", "Benjamini–Hochberg over the failure modes of the run; no value", nullable=True),
            _text(
                "verdict",
                "verified: q <= max_q_value and both limits hold on held-out images; in_sample_only: nothing held out",
                allowed=("verified", "not_verified", "in_sample_only"),
            ),
        ),
    ),
    Table(
        name="conditions",
        meaning="The conditions of each rule; an image is in the leaf when all of them hold.",
        key=("rule_id", "position"),
        columns=(
            _RULE_ID,
            _int("position", "0 for the condition at the root"),
            _FEATURE_ID,
            _text("branch", "le: feature <= threshold, gt: feature > threshold", allowed=("le", "gt")),
            _float("threshold", "in units of the feature"),
        ),
    ),
    Table(
        name="evaluations",
        meaning="The automatic evaluation of each group that has a tree: what a tree of each depth gains.",
        key=("group_id", "depth"),
        columns=(
            _GROUP_ID,
            _int("depth", "depth the tree may have, see evaluation_depths of the configuration"),
            _int("n_leaves", "leaves of the tree"),
            _float("base_error_rate", "of the group's fitted images"),
            _float("tree_gain", "average leaf error rate − base error rate on the fitted images, at least 0"),
            _float("tree_gain_held_out", "the same tree on the held-out images; no value", nullable=True),
            Column(
                name="is_failure_mode",
                type="bool",
                meaning="the best leaf (failure modes first, then importance value) is one on the fitted images",
            ),
            _int(
                "is_failure_mode_held_out",
                "1: that leaf is one on the fitted and on the held-out images, 0: it is not; no value without "
                "held-out failures",
                nullable=True,
            ),
        ),
    ),
    Table(
        name="evaluation",
        meaning="The automatic evaluation of each grouping: sums and means of the table evaluations.",
        key=("grouping", "depth"),
        columns=(
            _text("grouping", "see groups"),
            _int("depth", "depth the trees may have"),
            _int("n_groups", "groups of the grouping"),
            _int("n_trees", "groups that have a tree"),
            _int("n_with_mode", "of these, groups whose best leaf is a failure mode on the fitted images"),
            _float("mean_tree_gain", "mean over the trees; no value without any", nullable=True),
            _int("n_trees_held_out", "trees of groups with held-out failures"),
            _int("n_with_mode_held_out", "of these, best leaves that are failure modes on the held-out images too"),
            _float("mean_tree_gain_held_out", "mean over these trees; no value without any", nullable=True),
        ),
    ),
    Table(
        name="explained",
        meaning="How many failures the modes cover: of each group, of each grouping, and of the whole run.",
        key=("scope", "grouping", "group_id"),
        columns=(
            _text("scope", "what the row is about", allowed=("run", "grouping", "group")),
            _text("grouping", "see groups; no value for the whole run", nullable=True),
            _int("group_id", "see groups; no value for more than one group", nullable=True),
            _int("n_verified", "verified failure modes"),
            _int("n_failures", "failures among the fitted images"),
            _int("n_failures_in_modes", "of these, in a leaf that is a failure mode on them, counted once each"),
            _int("n_failures_in_verified", "of these, in a leaf that is verified", nullable=True),
            _int("n_failures_held_out", "failures among the held-out images"),
            _int(
                "n_failures_in_verified_held_out",
                "of these, in a verified leaf, counted once each; no value where nothing is held out",
                nullable=True,
            ),
        ),
    ),
    Table(
        name="tiles",
        meaning="The triptychs: each image that activates a feature of a group most, its heatmap and its attack.",
        key=("group_id", "feature_id", "rank"),
        columns=(
            _GROUP_ID,
            _FEATURE_ID,
            _int("rank", "1 for the image that activates the feature most"),
            _IMAGE_ID,
            _float("activation", "of the feature on the image"),
            _float("attacked_activation", "of the feature after gradient ascent from the image"),
            _text("thumbnail", "name below media/"),
            _text("heatmap", "small grey map, name below media/; no value without a feature map", nullable=True),
            _text("attack", "name below media/"),
        ),
    ),
    Table(
        name="galleries",
        meaning="A seeded sample of the failures and of the successes of each rule.",
        key=("rule_id", "image_id"),
        columns=(
            _RULE_ID,
            _IMAGE_ID,
            Column(name="is_failure", type="bool", meaning="which of the two galleries"),
            _int("rank", "1 for the first image of the gallery"),
            _text("thumbnail", "name below media/"),
        ),
    ),
    Table(
        name="histograms",
        meaning="How the features that rules use are distributed over all images.",
        key=("feature_id", "position"),
        columns=(
            _FEATURE_ID,
            _int("position", "0 for the lowest bin"),
            _float("low", "lower edge of the bin"),
            _float("high", "upper edge of the bin"),
            _int("n_images", "images in the bin"),
            _int("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="quantiles",
        meaning="Images along the distribution of the features that rules use, drawn from at most 2,000 of the images.",
        key=("feature_id", "position", "rank"),
        columns=(
            _FEATURE_ID,
            _int("position", "0 for the lowest quantile"),
            _float("quantile", "share of the images with a lower activation, 0 to 1"),
            _int("rank", "1 for the first image at the quantile"),
            _IMAGE_ID,
            _float("activation", "of the feature on the image"),
            _text("thumbnail", "name below media/"),
        ),
    ),
    Table(
        name="class_directions",
        meaning="The failure direction of each class, by label, or why it has none. Only where they were asked for.",
        key=("class_id",),
        columns=(
            _int("class_id", "see classes"),
            _text(
                "status",
                "why there is a direction, or none",
                allowed=("fitted", "too_few_images", "no_failures", "only_failures", "too_few_of_one_outcome"),
            ),
            _int("n_images", "images to fit on"),
            _int("n_failures", "failures among them"),
            _int(
                "n_fitted", "of the images to fit on, those in the seeded sample that was used; 0 without a direction"
            ),
            _float("penalty", "C of the linear SVM, chosen by cross-validation; no value", nullable=True),
            _float(
                "balanced_accuracy_cross_validated", "mean over the folds of the fitted images; no value", nullable=True
            ),
            _int("n_images_held_out", "held-out images"),
            _int("n_failures_held_out", "failures among them"),
            _int("n_hard_failures_held_out", "of these, failures with a decision value of 0 or less", nullable=True),
            _int("n_easy_successes_held_out", "held-out successes with one above 0", nullable=True),
            _float(
                "balanced_accuracy_held_out",
                "mean of the shares of failures and of successes that the sign tells; no value without both",
                nullable=True,
            ),
            _float("balanced_accuracy_held_out_low", "lower end of its interval", nullable=True),
            _float("balanced_accuracy_held_out_high", "upper end of it", nullable=True),
            _float("p_value", "one-sided exact test that the hard side fails more; no value", nullable=True),
            _float("q_value", "Benjamini–Hochberg over the directions of the run; no value", nullable=True),
            _text(
                "verdict",
                "verified: q <= max_q_value on held-out images; in_sample_only: nothing held out; no value without a "
                "direction",
                nullable=True,
                allowed=("verified", "not_verified", "in_sample_only"),
            ),
            _float("reference_score", "decision value of the reference caption; no value", nullable=True),
        ),
    ),
    Table(
        name="directions",
        meaning="Where each image lies along the failure direction of its class. Images of classes without one have "
        "no row.",
        key=("image_id",),
        columns=(
            _IMAGE_ID,
            _float("decision_value", "of the class's linear SVM; the lower, the harder, with 0 as the border"),
            _float("hardness", "share of the class's other images that are easier, ties half, 0 to 1"),
        ),
    ),
    Table(
        name="direction_histograms",
        meaning="How decision values are distributed in each class: of held-out images where there are any.",
        key=("class_id", "position"),
        columns=(
            _int("class_id", "see classes"),
            _int("position", "0 for the lowest bin"),
            _float("low", "lower edge of the bin"),
            _float("high", "upper edge of the bin"),
            _int("n_images", "images in the bin"),
            _int("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="direction_images",
        meaning="Images along the direction of each class, held-out ones where there are any.",
        key=("class_id", "place", "rank"),
        columns=(
            _int("class_id", "see classes"),
            _text("place", "where along the direction", allowed=("hardest", "middle", "easiest")),
            _int("rank", "1 for the hardest of the place"),
            _IMAGE_ID,
            _float("decision_value", "of the image"),
            _text("thumbnail", "name below media/"),
        ),
    ),
    Table(
        name="captions",
        meaning="Captions of the image-text model along the direction of each class. Only with a text tower.",
        key=("class_id", "caption"),
        columns=(
            _int("class_id", "see classes"),
            _text("caption", "the text"),
            _text("attribute", "what it varies, such as colour"),
            _float("score", "decision value of (caption − reference caption); the lower, the harder"),
            _int("rank", "1 for the hardest"),
        ),
    ),
    Table(
        name="planted",
        meaning="The demo's planted failure modes and what the report found. Only in a demo run.",
        key=("class_id",),
        columns=(
            _int("class_id", "the class the cue belongs to"),
            _text("cue", "name of the cue that was present in training; empty where no such failure was planted"),
            _int("n_images", "held-out images with this label"),
            _int("n_with_cue", "of these, images that show the cue"),
            _int(
                "rule_id",
                "the verified rule, of the group by label, that agrees best with the cue or the label noise; of a "
                "false alarm the first one; no value without one",
                nullable=True,
            ),
            _float(
                "agreement",
                "share of held-out images for which being in the leaf and lacking the cue, or having the label noise, "
                "agree",
                nullable=True,
            ),
            _float(
                "cue_correlation",
                "rank correlation of the place along the class's failure direction with the cue, on held-out images; "
                "no value without a direction",
                nullable=True,
            ),
            _int(
                "n_verified",
                "verified failure modes of the class, grouped by label or by prediction; where nothing was planted, "
                "without those that hold the planted failures of the class's partner",
            ),
            _text(
                "outcome",
                "what became of it",
                allowed=("found", "other_cue", "missed", "correctly_silent", "false_alarm"),
            ),
            _text(
                "label_noise",
                "kind of label noise that was planted among the images with this label; empty: none",
                allowed=("", "overlapping", "multi_label"),
            ),
            _text("noise_sign", "what tells these images from the others of the class; empty: none"),
            _int("noise_class_id", "the class whose label is right as well; no value without one", nullable=True),
            _int("n_noise", "images with it, fitted and held-out"),
            _int("n_noise_failures", "of these, images that are misclassified"),
            _int(
                "n_noise_recognised",
                "of these, images of that error type; no value where error types were not computed",
                nullable=True,
            ),
            _int(
                "n_noise_false",
                "failures with this label of an error type that says label noise though none was planted; no value "
                "where error types were not computed",
                nullable=True,
            ),
        ),
    ),
    Table(
        name="errors",
        meaning="Every failure and what is known about it. Only where directions or error types were computed.",
        key=("image_id",),
        columns=(
            _IMAGE_ID,
            _int("label", "class_id of the true class"),
            _int("prediction", "class_id that the inspected model predicts"),
            _text("rule_ids", "the leaves it falls in, one for each of its groups that has a tree: ids with spaces"),
            _float("decision_value", "place along the direction of its class; no value without one", nullable=True),
            _text("error_type", "see error_types; no value where they were not computed", nullable=True),
        ),
    ),
    Table(
        name="error_types",
        meaning="What kind of error each failure is: exactly one. Only where the configuration has a taxonomy.",
        key=("image_id",),
        columns=(
            _IMAGE_ID,
            _text("error_type", "the first stage of the cascade that matches", allowed=ERROR_TYPES),
            _text("detail", "what matched: a superclass, a class, or words for what the image shows", nullable=True),
        ),
    ),
    Table(
        name="error_type_counts",
        meaning="How many failures are of each type: in the run, in each class by label, and in each leaf.",
        key=("scope", "class_id", "rule_id", "error_type"),
        columns=(
            _text("scope", "what the row is about", allowed=("run", "class", "rule")),
            _int("class_id", "label of the failures; no value for other scopes", nullable=True),
            _int("rule_id", "the leaf, see rules; no value for other scopes", nullable=True),
            _text("error_type", "one that was assessed; those of a scope add up", allowed=ERROR_TYPES),
            _int("n_errors", "failures of the type, fitted and held-out images together"),
            _int("n_failures", "failures of the scope"),
            _float("low", "lower end of the Wilson interval of n_errors / n_failures; no value", nullable=True),
            _float("high", "upper end of it", nullable=True),
        ),
    ),
    Table(
        name="taxonomy_stages",
        meaning="The stages of the cascade of error types, in order, and what each was given.",
        key=("error_type",),
        columns=(
            _int("position", "0 for the stage that is asked first"),
            _text("error_type", "what its failures are called", allowed=ERROR_TYPES),
            Column(name="is_assessed", type="bool", meaning="whether the stage had its input"),
            _text("input", "what it was given, or what is missing"),
            _int("n_assessed", "failures that reached the stage and that its input says something about"),
            _int("n_errors", "of these, failures that it claims"),
        ),
    ),
    Table(
        name="taxonomy_accuracies",
        meaning="Accuracy when more and more is counted as correct; each a mean over classes.",
        key=("measure",),
        columns=(
            _text("measure", "what counts as correct", allowed=("top_1", "multi_label", "minor", "explainable")),
            _float(
                "value", "mean over the classes of the share of correct images; no value without any", nullable=True
            ),
            _int("n_images", "images that are evaluated"),
            _int("n_classes", "classes among them"),
        ),
    ),
    Table(
        name="superclasses",
        meaning="The superclasses of the taxonomy. A class may be in several, or in none.",
        key=("superclass", "class_id"),
        columns=(
            _text("superclass", "its name"),
            _int("class_id", "one of its classes, see classes"),
            _text("origin", "where it comes from", allowed=("given", "wordnet", "suggested")),
        ),
    ),
    Table(
        name="error_galleries",
        meaning="A seeded sample of the failures of each error type.",
        key=("error_type", "image_id"),
        columns=(
            _text("error_type", "see error_types", allowed=ERROR_TYPES),
            _IMAGE_ID,
            _int("rank", "1 for the first image of the gallery"),
            _text("thumbnail", "name below media/"),
        ),
    ),
    Table(
        name="models",
        meaning="The models that are compared. Only where the configuration has a comparison.",
        key=("model_id",),
        columns=(
            _MODEL_ID,
            _text("name", "what it is called"),
            _int("n_images", "images of the run"),
            _int("n_correct", "images that it predicts as labelled"),
            _float("accuracy_low", "lower end of the Wilson interval of n_correct / n_images; no value", nullable=True),
            _float("accuracy_high", "upper end of it", nullable=True),
            _int(
                "n_found",
                "failure modes of its own trees, on the images they were fitted on; no value where none were fitted",
                nullable=True,
            ),
            _int("n_holds", "failure modes of any model that hold for it"),
        ),
    ),
    Table(
        name="model_error_types",
        meaning="How many failures of each model are of each assessed type. Empty without a taxonomy.",
        key=("model_id", "error_type"),
        columns=(
            _MODEL_ID,
            _text("error_type", "see error_types; those of a model add up", allowed=ERROR_TYPES),
            _int("n_errors", "failures of the type"),
            _int("n_failures", "failures of the model"),
            _float("low", "lower end of the Wilson interval of n_errors / n_failures; no value", nullable=True),
            _float("high", "upper end of it", nullable=True),
        ),
    ),
    Table(
        name="model_accuracies",
        meaning="Table taxonomy_accuracies for each model.",
        key=("model_id", "measure"),
        columns=(
            _MODEL_ID,
            _text("measure", "what counts as correct", allowed=("top_1", "multi_label", "minor", "explainable")),
            _float(
                "value", "mean over the classes of the share of correct images; no value without any", nullable=True
            ),
            _int("n_images", "images that are evaluated"),
            _int("n_classes", "classes among them"),
        ),
    ),
    Table(
        name="shared_modes",
        meaning="Failure modes, of whichever model's trees, that hold for at least one model.",
        key=("mode_id",),
        columns=(
            _MODE_ID,
            _text("grouping", "of its group", allowed=("label", "prediction")),
            _int("class_id", "of its group"),
            _int("model_id", "the model whose thresholds are tested"),
            _int("rule_id", "the rule of this run that it is; no value where only other models have it", nullable=True),
            _int("n_found", "models whose own trees have it"),
            _int("n_holds", "models that it holds for"),
        ),
    ),
    Table(
        name="shared_mode_conditions",
        meaning="The conditions of shared failure modes; see conditions.",
        key=("mode_id", "position"),
        columns=(
            _MODE_ID,
            _int("position", "0 for the condition at the root"),
            _FEATURE_ID,
            _text("branch", "le: value ≤ threshold; gt: value > threshold", allowed=("le", "gt")),
            _float("threshold", "in the feature's units, in full"),
        ),
    ),
    Table(
        name="shared_mode_rates",
        meaning="Every shared failure mode counted on the held-out images for every model.",
        key=("mode_id", "model_id"),
        columns=(
            _MODE_ID,
            _MODEL_ID,
            Column(name="is_found", type="bool", meaning="whether the model's own trees have the mode"),
            _int("n_images", "held-out images in the leaf; in a group by prediction those that this model predicts so"),
            _int("n_failures", "the model's failures among them"),
            _int("n_group_images", "held-out images in the group"),
            _int("n_group_failures", "the model's failures among them"),
            _float("error_rate", "n_failures / n_images; no value without images", nullable=True),
            _float("low", "lower end of its Wilson interval", nullable=True),
            _float("high", "upper end of it", nullable=True),
            _float(
                "p_value", "of the exact test; no value where the group has no failure or no success", nullable=True
            ),
            _float("q_value", "Benjamini–Hochberg, over all modes that any model proposes, per model", nullable=True),
            Column(name="holds", type="bool", meaning="whether it would be verified for the model"),
        ),
    ),
    Table(
        name="annotations",
        meaning="What people answered about features: one row per person and (group, feature), the last revision. "
        "Only once people have answered.",
        key=("group_id", "feature_id", "annotator"),
        columns=(
            _GROUP_ID,
            _FEATURE_ID,
            *_GROUP_BY_NAME,
            _text("annotator", "a pseudonym; never shown on the site"),
            _text("report_id", "the report that the person looked at"),
            _text("record_id", "see the format of records"),
            _int("revision", "1, and one more for each change"),
            _text("source", "where it was given"),
            _int("position", "place in the person's order, from 0", nullable=True),
            _float("active_seconds", "seconds spent looking and answering", nullable=True),
            _int("n_pastes", "how often text was pasted"),
            _text("short", "description of about 3 words", nullable=True),
            _text("long", "description of about 15 words", nullable=True),
            _int("ease", "1 (very hard to understand) to 5 (very easy)", nullable=True),
            _int("confidence", "1 (not at all) to 5 (very)", nullable=True),
            _text("most_useful", "section that helped most: A, B, C, 'B and C', none", nullable=True),
            _text("relation", "what the feature is to the class", nullable=True),
            Column(name="cannot_tell", type="bool", meaning="the person looked and cannot name it"),
            Column(name="several", type="bool", meaning="it shows several unrelated things"),
            _text("flags", "signs of low quality, separated by spaces; empty without any"),
        ),
    ),
    Table(
        name="feature_names",
        meaning="What people call a feature in a group, or what the owner has chosen.",
        key=("group_id", "feature_id"),
        columns=(
            _GROUP_ID,
            _FEATURE_ID,
            *_GROUP_BY_NAME,
            _text("feature_model", "SHA-256 of the weights of the model whose feature it is"),
            _text("name", "the description closest to all others; no value where nobody gave one", nullable=True),
            _text(
                "status",
                "agreed: descriptions are more alike than those of different features; single: one person described it",
                allowed=("agreed", "disputed", "single", "cannot_tell"),
            ),
            Column(name="is_override", type="bool", meaning="whether the owner chose the name"),
            _int("n_people", "people who answered"),
            _int("n_described", "of these, people who gave a short description"),
            _int("n_cannot_tell", "of these, people who cannot tell"),
            _int("n_several", "of these, people who see several unrelated things"),
            _int("n_flagged", "of these, people whose answer has a quality flag"),
            _float("agreement", "mean cosine of pairs of descriptions; no value below two", nullable=True),
            _text(
                "relation",
                "what more than half of the people say it is to the class; no value where nobody was asked",
                nullable=True,
                allowed=("core", "spurious", "undecided"),
            ),
            _int("n_core", "people who say it is part of the object"),
            _int("n_spurious", "people who say it is a separate object or background"),
            _int("n_relation", "people who answered that question"),
        ),
    ),
    Table(
        name="name_variants",
        meaning="The wordings of the short descriptions, differences of case and punctuation aside.",
        key=("group_id", "feature_id", "rank"),
        columns=(
            _GROUP_ID,
            _FEATURE_ID,
            _int("rank", "1 for the most common"),
            _text("text", "the wording as it was most often written"),
            _int("n_people", "people who used it"),
        ),
    ),
    Table(
        name="study_figures",
        meaning="How people answered and how well they agree.",
        key=("measure", "category", "subset"),
        columns=(
            _text("measure", "what is measured, such as ease or agreement_short"),
            _text("category", "the answer that is counted, or empty"),
            _text("subset", "all answers, or those without a quality flag", allowed=("all", "unflagged")),
            _float("value", "a share, a mean cosine or Krippendorff's alpha; no value: not computable", nullable=True),
            _float("low", "lower end of a 95 % bootstrap interval", nullable=True),
            _float("high", "upper end of it", nullable=True),
            _int("n", "answers, people or items that it is about"),
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _ALL}


def empty_table(name: str) -> pd.DataFrame:
    """Return table `name` without rows, with its columns and dtypes."""
    return pd.DataFrame({c.name: pd.Series([], dtype=c.dtype) for c in TABLES[name].columns})


def check_table(name: str, frame: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Return `frame` with the columns in order and in the dtypes of table `name`.

    Args:
        name: A key of `TABLES`.
        frame: The rows; extra columns are an error, not dropped.
        where: Named in the error, for example the file.

    Raises:
        SchemaError: Columns are missing or unknown, a value has the wrong type, is missing, infinite or not one
            of the allowed values, or the key is not unique. All problems are named at once.
    """
    table = TABLES[name]
    problems = _column_problems(table, frame)
    if not problems:
        columns: dict[str, pd.Series] = {}
        for column in table.columns:
            try:
                columns[column.name] = _as_column(frame[column.name], column)
            except (TypeError, ValueError) as error:
                problems.append(f"column {column.name!r}: {error}")
        if not problems:
            checked = pd.DataFrame(columns).reset_index(drop=True)
            if checked.duplicated(list(table.key)).any():
                problems.append(f"rows are not unique in {', '.join(table.key)}")
            else:
                return checked
    raise SchemaError(
        f"{where}: table {name!r} does not fit its schema: {'; '.join(problems)}. "
        "It was written by another version or changed by hand: run the stage that writes it again."
    )


def _column_problems(table: Table, frame: pd.DataFrame) -> list[str]:
    expected, found = table.column_names, [str(c) for c in frame.columns]
    missing = [c for c in expected if c not in found]
    unknown = [c for c in found if c not in expected]
    return [f"column {c!r} is missing" for c in missing] + [f"column {c!r} is unknown" for c in unknown]


def _as_column(series: "pd.Series[object]", column: Column) -> pd.Series:
    n_missing = int(series.isna().sum())
    if n_missing and not column.nullable:
        raise ValueError(f"{n_missing} rows have no value")
    if column.type == "text":
        text = series.astype(object).where(series.notna(), None)
        if not all(isinstance(value, str) for value in text if value is not None):
            raise TypeError("holds values that are not text")
        wrong = sorted({v for v in text if v is not None} - set(column.allowed)) if column.allowed else []
        if wrong:
            raise ValueError(f"holds {wrong[:3]}, expected one of {list(column.allowed)}")
        return text
    if column.type == "bool":
        if not pd.api.types.is_bool_dtype(series.dtype) and len(series):
            raise TypeError(f"has type {series.dtype}, expected bool")
        return series.astype("bool")
    if not pd.api.types.is_numeric_dtype(series.dtype) and n_missing < len(series):
        raise TypeError(f"has type {series.dtype}, expected a number")
    if column.type == "int":
        return series.astype(column.dtype)
    numbers = series.astype("float64")
    if np.isinf(numbers.to_numpy()).any():
        raise ValueError("holds infinite values")
    return numbers
