"""Suspected cues: what the manifest says of images, beside failure modes and directions."""

from barlow_report.tables.schema import RULE_ID, Column, Table, integer, real, text

__all__ = ["STATES", "TABLES"]

STATES = ("tested", "no_values", "constant", "too_few_images")

_VALUE = (
    text("column", "column of the manifest"),
    text("value", "the value that images have or lack; of two values of a column the last one in alphabetical order"),
)
_STATE = (
    text("images", "which images were counted", allowed=("held_out", "all")),
    text(
        "status",
        "tested, or why not: no_values: the column is empty for all of these images; constant: all or none of them "
        "have the value; too_few_images: fewer than 5 have it, lack it, or are on one side",
        allowed=STATES,
    ),
    integer("n_missing", "of these images, those without any value in the column: they are left out"),
)
_TEST = (
    real("p_value", "two-sided; no value where not tested", nullable=True),
    real("q_value", "Benjamini–Hochberg over all that was tested in this table", nullable=True),
)


def _measure(name: str, meaning: str) -> tuple[Column, Column, Column]:
    return (
        real(name, f"{meaning}; no value where not tested", nullable=True),
        real(f"{name}_low", "lower end of its interval", nullable=True),
        real(f"{name}_high", "upper end of it", nullable=True),
    )


TABLES: tuple[Table, ...] = (
    Table(
        name="attribute_values",
        meaning="The suspected cues: values of columns of the manifest, and how often images with them fail. Only "
        "where they were asked for.",
        key=("column", "value"),
        columns=(
            _VALUE[0],
            text("value", "as text; empty: the images without a value"),
            integer("n_images", "images that have it"),
            integer("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="mode_attributes",
        meaning="How much each verified failure mode goes together with each suspected cue.",
        key=("rule_id", "column", "value"),
        columns=(
            RULE_ID,
            *_VALUE,
            *_STATE,
            integer("n_inside", "images of the failure mode with some value in the column"),
            integer("n_inside_with", "those that have this value"),
            integer("n_outside", "other images of its group with some value in the column"),
            integer("n_outside_with", "those that have this value"),
            *_measure("phi", "correlation of being in the failure mode and having the value, -1 to 1"),
            *_TEST,
        ),
    ),
    Table(
        name="direction_attributes",
        meaning="How much the failure direction of each class goes together with each suspected cue. Only where "
        "directions were computed.",
        key=("class_id", "column", "value"),
        columns=(
            integer("class_id", "see class_directions"),
            *_VALUE,
            *_STATE,
            integer("n_with", "images of the class that have the value"),
            integer("n_without", "images of the class that have another value"),
            *_measure("auroc", "probability that an image with the value is easier than one without it, ties half"),
            *_TEST,
        ),
    ),
)
