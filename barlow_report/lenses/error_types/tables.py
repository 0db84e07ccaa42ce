"""What kind of error each failure is."""

from barlow_report.tables.schema import IMAGE_ID, Column, Table, integer, real, text

__all__ = ["ERROR_TYPES", "TABLES"]

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

TABLES: tuple[Table, ...] = (
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
            integer("n_errors", "failures of the type among all images, whatever part they belong to"),
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
        name="taxonomy_inputs",
        meaning="The files of the taxonomy that are lists: how many of their entries are about the run.",
        key=("input",),
        columns=(
            text("input", "key of the file in the section taxonomy of the configuration"),
            text("noun", "what an entry is that counts, such as images of the run"),
            integer("n_entries", "entries of the file"),
            integer("n_matched", "of these, entries that are about the run; the others were left out"),
        ),
    ),
    Table(
        name="people_types",
        meaning="Errors whose kind people named, and what they are called here. Only where there is a table of these.",
        key=("image_id",),
        columns=(
            IMAGE_ID,
            integer("prediction", "class_id of the error: as people's table says, or the run's prediction"),
            text("people_type", "what people call it", allowed=ERROR_TYPES),
            text("error_type", "what the cascade calls it", allowed=ERROR_TYPES),
        ),
    ),
    Table(
        name="people_agreement",
        meaning="How far people and the cascade agree on the errors of people_types: one row.",
        key=("n_listed",),
        columns=(
            integer("n_listed", "entries of people's table, images that are not in the run included"),
            integer("n_errors", "errors that both name; predictions that are right are none"),
            integer("n_same", "of these, errors that both call the same"),
            real("kappa", "Cohen's kappa, −1 to 1; no value where chance explains all agreement", nullable=True),
            real("low", "lower end of its interval", nullable=True),
            real("high", "upper end of it", nullable=True),
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
