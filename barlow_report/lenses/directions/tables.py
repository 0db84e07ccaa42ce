"""Failure directions."""

from barlow_report.tables.schema import IMAGE_ID, Column, Table, integer, real, text

__all__ = ["TABLES"]

TABLES: tuple[Table, ...] = (
    Table(
        name="class_directions",
        meaning="The failure direction of each class, by label, or why it has none. Only where they were asked for.",
        key=("class_id",),
        columns=(
            integer("class_id", "see classes"),
            text(
                "status",
                "why there is a direction, or none",
                allowed=("fitted", "too_few_images", "no_failures", "only_failures", "too_few_of_one_outcome"),
            ),
            integer("n_images", "images to fit on"),
            integer("n_failures", "failures among them"),
            integer(
                "n_fitted", "of the images to fit on, those in the seeded sample that was used; 0 without a direction"
            ),
            real("penalty", "C of the linear SVM, chosen by cross-validation; no value", nullable=True),
            real(
                "balanced_accuracy_cross_validated", "mean over the folds of the fitted images; no value", nullable=True
            ),
            integer("n_images_held_out", "held-out images"),
            integer("n_failures_held_out", "failures among them"),
            integer("n_hard_failures_held_out", "of these, failures with a decision value of 0 or less", nullable=True),
            integer("n_easy_successes_held_out", "held-out successes with one above 0", nullable=True),
            real(
                "balanced_accuracy_held_out",
                "mean of the shares of failures and of successes that the sign tells; no value without both",
                nullable=True,
            ),
            real("balanced_accuracy_held_out_low", "lower end of its interval", nullable=True),
            real("balanced_accuracy_held_out_high", "upper end of it", nullable=True),
            real("p_value", "one-sided exact test that the hard side fails more; no value", nullable=True),
            real("q_value", "Benjamini–Hochberg over the directions of the run; no value", nullable=True),
            text(
                "verdict",
                "verified: q <= max_q_value on held-out images; too_few_images: no outcome on so few could have "
                "passed; in_sample_only: nothing held out; no value without a direction",
                nullable=True,
                allowed=("verified", "can_be_chance", "too_few_images", "in_sample_only"),
            ),
            real("reference_score", "decision value of the reference caption; no value", nullable=True),
        ),
    ),
    Table(
        name="directions",
        meaning="Where each image lies along the failure direction of its class. Images of classes without one have "
        "no row.",
        key=("image_id",),
        columns=(
            IMAGE_ID,
            real("decision_value", "of the class's linear SVM; the lower, the harder, with 0 as the border"),
            real("hardness", "share of the class's other images that are easier, ties half, 0 to 1"),
            Column(name="is_held_out", type="bool", meaning="whether the direction was fitted without it"),
        ),
    ),
    Table(
        name="direction_histograms",
        meaning="How decision values are distributed in each class: of held-out images where there are any.",
        key=("class_id", "position"),
        columns=(
            integer("class_id", "see classes"),
            integer("position", "0 for the lowest bin"),
            real("low", "lower edge of the bin"),
            real("high", "upper edge of the bin"),
            integer("n_images", "images in the bin"),
            integer("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="direction_images",
        meaning="Images along the direction of each class, held-out ones where there are any.",
        key=("class_id", "place", "rank"),
        columns=(
            integer("class_id", "see classes"),
            text("place", "where along the direction", allowed=("hardest", "middle", "easiest")),
            integer("rank", "1 for the hardest of the place"),
            IMAGE_ID,
            real("decision_value", "of the image"),
            text("thumbnail", "name below media/"),
        ),
    ),
    Table(
        name="captions",
        meaning="Captions of the image-text model along the direction of each class. Only with a text tower.",
        key=("class_id", "caption"),
        columns=(
            integer("class_id", "see classes"),
            text("caption", "the text"),
            text("attribute", "what it varies, such as colour"),
            real("score", "decision value of (caption − reference caption); the lower, the harder"),
            integer("rank", "1 for the hardest"),
        ),
    ),
)
