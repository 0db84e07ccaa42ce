"""The images and classes of a run."""

from barlow_report.tables.schema import IMAGE_ID, Table, integer, real, text

__all__ = ["NO_IMAGE", "TABLES"]

NO_IMAGE = "no image: "
"""How the reason begins of a skipped input that was never an image, so that nothing is lost."""

TABLES: tuple[Table, ...] = (
    Table(
        name="classes",
        meaning="The classes, sorted by name unless the configuration lists them in the model's order.",
        key=("class_id",),
        columns=(
            integer("class_id", "0 to n_classes − 1; the index of the model's output"),
            text("name", "the class's name, as given"),
            text("slug", "unique, lower case, safe in a path and in an address"),
        ),
    ),
    Table(
        name="images",
        meaning="Every image that was read, in the order of the rows of features.npy.",
        key=("image_id",),
        columns=(
            IMAGE_ID,
            text("path", "relative to the image root, with / between folders"),
            integer("label", "class_id of the true class"),
            integer("prediction", "class_id that the inspected model predicts"),
            real(
                "confidence",
                "what the inspected model gives its prediction, 0 to 1: a probability, or a score of its own",
                nullable=True,
            ),
        ),
    ),
    Table(
        name="scores",
        meaning="What the output that decides gives each image. Only where one output decides between two classes.",
        key=("image_id",),
        columns=(IMAGE_ID, real("output", "a logit or a probability of the positive class, as run.json says")),
    ),
    Table(
        name="contents",
        meaning="What each image's file held when it was read; equal for exact duplicates.",
        key=("image_id",),
        columns=(
            IMAGE_ID,
            text(
                "digest",
                "BLAKE2b hash of the encoded image, of its pixels where only those are stored, of its path in a run "
                "without images; 32 digits",
            ),
        ),
    ),
    Table(
        name="skipped",
        meaning="Every input that was found and not analysed, and why.",
        key=("path",),
        columns=(
            text("path", "relative to the image root; *.txt for the others of many files with this ending"),
            text("reason", f"what was wrong with it; begins with '{NO_IMAGE}' where nothing is lost"),
        ),
    ),
    Table(
        name="attributes",
        meaning="What those columns of the manifest say of each image that group images or name suspected cues. Only "
        "where there are such columns.",
        key=("image_id", "column"),
        columns=(IMAGE_ID, text("column", "name of the column"), text("value", "of the image, as text, not empty")),
    ),
)
