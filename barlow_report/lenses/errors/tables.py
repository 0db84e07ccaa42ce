"""Every failure with all that is known about it."""

from barlow_report.tables.schema import IMAGE_ID, Table, integer, real, text

__all__ = ["TABLES"]

TABLES: tuple[Table, ...] = (
    Table(
        name="errors",
        meaning="Every failure and what is known about it. Only where directions or error types were computed.",
        key=("image_id",),
        columns=(
            IMAGE_ID,
            integer("label", "class_id of the true class"),
            integer("prediction", "class_id that the inspected model predicts"),
            text("rule_ids", "the leaves it falls in, one for each of its groups that has a tree: ids with spaces"),
            real("decision_value", "place along the direction of its class; no value without one", nullable=True),
            text("error_type", "see error_types; no value where they were not computed", nullable=True),
        ),
    ),
)
