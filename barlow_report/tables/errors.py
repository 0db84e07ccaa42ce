"""What was planted, and what kind of error each failure is."""

from barlow_report.tables.schema import ERROR_TYPES, IMAGE_ID, Column, Table, integer, real, text

__all__ = ["TABLES"]

TABLES: tuple[Table, ...] = (
    Table(
        name="planted",
        meaning="The demo's planted failure modes and what the report found. Only in a demo run.",
        key=("class_id",),
        columns=(
            integer("class_id", "the class the cue belongs to"),
            text("cue", "name of the cue that was present in training; empty where no such failure was planted"),
            integer("n_images", "held-out images with this label"),
            integer("n_with_cue", "of these, images that show the cue"),
            integer(
                "rule_id",
                "the verified rule, of the group by label, that agrees best with the cue or the label noise; of a "
                "false alarm the first one; no value without one",
                nullable=True,
            ),
            real(
                "agreement",
                "share of held-out images for which being in the leaf and lacking the cue, or having the label noise, "
                "agree",
                nullable=True,
            ),
            real(
                "cue_correlation",
                "rank correlation of the place along the class's failure direction with the cue, on held-out images; "
                "no value without a direction",
                nullable=True,
            ),
            integer(
                "n_verified",
                "verified failure modes of the class, grouped by label or by prediction; where nothing was planted, "
                "without those that hold the planted failures of the class's partner",
            ),
            text(
                "outcome",
                "what became of it",
                allowed=("found", "other_cue", "missed", "correctly_silent", "false_alarm"),
            ),
            text(
                "label_noise",
                "kind of label noise that was planted among the images with this label; empty: none",
                allowed=("", "overlapping", "multi_label"),
            ),
            text("noise_sign", "what tells these images from the others of the class; empty: none"),
            integer("noise_class_id", "the class whose label is right as well; no value without one", nullable=True),
            integer("n_noise", "images with it, fitted and held-out"),
            integer("n_noise_failures", "of these, images that are misclassified"),
            integer(
                "n_noise_recognised",
                "of these, images of that error type; no value where error types were not computed",
                nullable=True,
            ),
            integer(
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
            IMAGE_ID,
            integer("label", "class_id of the true class"),
            integer("prediction", "class_id that the inspected model predicts"),
            text("rule_ids", "the leaves it falls in, one for each of its groups that has a tree: ids with spaces"),
            real("decision_value", "place along the direction of its class; no value without one", nullable=True),
            text("error_type", "see error_types; no value where they were not computed", nullable=True),
        ),
    ),
    Table(
        name="error_types",
        meaning="What kind of error each failure is: exactly one. Only where the configuration has a taxonomy.",
        key=("image_id",),
        columns=(
            IMAGE_ID,
            text("error_type", "the first stage of the cascade that matches", allowed=ERROR_TYPES),
            text("detail", "what matched: a superclass, a class, or words for what the image shows", nullable=True),
        ),
    ),
    Table(
        name="error_type_counts",
        meaning="How many failures are of each type: in the run, in each class by label, and in each leaf.",
        key=("scope", "class_id", "rule_id", "error_type"),
        columns=(
            text("scope", "what the row is about", allowed=("run", "class", "rule")),
            integer("class_id", "label of the failures; no value for other scopes", nullable=True),
            integer("rule_id", "the leaf, see rules; no value for other scopes", nullable=True),
            text("error_type", "one that was assessed; those of a scope add up", allowed=ERROR_TYPES),
            integer("n_errors", "failures of the type, fitted and held-out images together"),
            integer("n_failures", "failures of the scope"),
            real("low", "lower end of the Wilson interval of n_errors / n_failures; no value", nullable=True),
            real("high", "upper end of it", nullable=True),
        ),
    ),
    Table(
        name="taxonomy_stages",
        meaning="The stages of the cascade of error types, in order, and what each was given.",
        key=("error_type",),
        columns=(
            integer("position", "0 for the stage that is asked first"),
            text("error_type", "what its failures are called", allowed=ERROR_TYPES),
            Column(name="is_assessed", type="bool", meaning="whether the stage had its input"),
            text("input", "what it was given, or what is missing"),
            integer("n_assessed", "failures that reached the stage and that its input says something about"),
            integer("n_errors", "of these, failures that it claims"),
        ),
    ),
    Table(
        name="taxonomy_accuracies",
        meaning="Accuracy when more and more is counted as correct; each a mean over classes.",
        key=("measure",),
        columns=(
            text("measure", "what counts as correct", allowed=("top_1", "multi_label", "minor", "explainable")),
            real("value", "mean over the classes of the share of correct images; no value without any", nullable=True),
            integer("n_images", "images that are evaluated"),
            integer("n_classes", "classes among them"),
        ),
    ),
    Table(
        name="superclasses",
        meaning="The superclasses of the taxonomy. A class may be in several, or in none.",
        key=("superclass", "class_id"),
        columns=(
            text("superclass", "its name"),
            integer("class_id", "one of its classes, see classes"),
            text("origin", "where it comes from", allowed=("given", "wordnet", "suggested")),
        ),
    ),
    Table(
        name="error_galleries",
        meaning="A seeded sample of the failures of each error type.",
        key=("error_type", "image_id"),
        columns=(
            text("error_type", "see error_types", allowed=ERROR_TYPES),
            IMAGE_ID,
            integer("rank", "1 for the first image of the gallery"),
            text("thumbnail", "name below media/"),
        ),
    ),
)
