"""What to collect: the images of a pool that are candidates for failure modes."""

from barlow_report.tables.schema import RULE_ID, Table, integer, real, text

__all__ = ["TABLES"]

_POOL_IMAGE_ID = integer("pool_image_id", "the image, see pool_images")
_ANALYSED = "of the analysed images"

TABLES: tuple[Table, ...] = (
    Table(
        name="pool_summary",
        meaning="What the pool is, and how many of its images could be used. Only where a pool was given.",
        key=("n_listed",),
        columns=(
            integer("n_listed", "images that the source lists"),
            integer("n_read", "of these, images that could be read"),
            integer("n_analysed", "of these, images whose bytes are those of an analysed one: never a candidate"),
            integer("n_trained", "of the others, images whose bytes are those of a training image: never a candidate"),
            integer(
                "n_near_analysed",
                "of the others, images that would be a candidate of some failure mode and are nearly the same as an "
                "analysed image: never a candidate",
            ),
            integer("n_labelled", "of the others, images labelled as a class of the run"),
            integer("n_unlabelled", "of the others, images without a label"),
            integer("n_other_class", "of the others, images labelled as something else: never a candidate"),
            integer("n_candidates", "of the others, images that are a candidate of some failure mode"),
        ),
    ),
    Table(
        name="pool_modes",
        meaning="How many candidates the pool has for each verified failure mode by label.",
        key=("rule_id",),
        columns=(
            RULE_ID,
            integer("n_may_be_of_class", "images of the pool, none of them analysed, that may be of the class"),
            integer("n_candidates", "of these, images that meet the rule"),
            integer("n_by_label", "candidates whose label is the class"),
            integer("n_by_prediction", "candidates without a label, taken for the class"),
            integer("n_by_taken_for", "candidates without a label, taken for what the mode's failures are taken for"),
            integer("n_listed", "candidates in pool_candidates"),
            integer("n_class", f"{_ANALYSED}, those of the class"),
            integer("n_meets", "of these, images that meet the rule"),
            text(
                "estimated_from",
                "what probabilities to fail follow from, beside the rule: nothing, or confidence, direction, or both",
                allowed=("rule", "confidence", "direction", "confidence and direction"),
            ),
        ),
    ),
    Table(
        name="pool_images",
        meaning="The images of the pool that are listed as candidates.",
        key=("pool_image_id",),
        columns=(
            integer("pool_image_id", "position in the list of the pool"),
            text("path", "as the source of the pool names it, relative to its root"),
            text("digest", "hash of the encoded image, as in contents; 32 digits"),
            integer("label", "class_id of the true class; no value where it is not known", nullable=True),
            integer("prediction", "class_id that the inspected model predicts"),
            real("confidence", "what it gives its prediction, 0 to 1", nullable=True),
        ),
    ),
    Table(
        name="pool_pictures",
        meaning="The pictures of the best candidates of each mode.",
        key=("pool_image_id",),
        columns=(_POOL_IMAGE_ID, text("thumbnail", "name below media/")),
    ),
    Table(
        name="pool_candidates",
        meaning="The best candidates of each verified failure mode by label. An image can be one of several modes.",
        key=("rule_id", "rank"),
        columns=(
            RULE_ID,
            integer("rank", "1 for the highest probability to fail; equal ones in the order of their hashes"),
            _POOL_IMAGE_ID,
            text(
                "basis",
                "why it may be of the class. label: its label is; prediction: it has no label and is taken for the "
                "class; taken_for: it has no label and is taken for what the mode's failures are taken for",
                allowed=("label", "prediction", "taken_for"),
            ),
            real("probability", "estimated probability that the inspected model fails on it, 0 to 1"),
        ),
    ),
    Table(
        name="pool_quality",
        meaning="On how many of the chosen images the inspected model fails, where the pool has labels.",
        key=("rule_id", "known", "choice", "k"),
        columns=(
            RULE_ID,
            text(
                "known",
                "what images may be of the class by: their labels, or, with labels hidden, their predictions",
                allowed=("labels", "predictions"),
            ),
            text(
                "choice",
                "ranked: the candidates with the highest probability to fail; lowest_confidence: the images with the "
                "lowest confidence among all that may be of the class; random: all of these, which is what a random "
                "choice gives on average",
                allowed=("ranked", "lowest_confidence", "random"),
            ),
            integer("k", "images that are chosen"),
            integer("n_images", "images that were counted: k, or all that may be of the class"),
            integer("n_failures", "failures among them"),
            integer("n_mode_failures", "of these, those that meet the rule"),
            real("precision", "n_failures / n_images"),
            real("precision_low", "lower end of its Wilson interval"),
            real("precision_high", "upper end of it"),
        ),
    ),
    Table(
        name="pool_skipped",
        meaning="What the source of the pool lists and cannot be used, and why.",
        key=("path",),
        columns=(text("path", "as the source names it"), text("reason", "what was wrong with it; see skipped")),
    ),
)
