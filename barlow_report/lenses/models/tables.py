"""Several models on the same images."""

from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.tables.schema import FEATURE_ID, IMAGE_ID, Column, Table, integer, real, text

__all__ = ["TABLES"]

MODEL_ID = integer("model_id", "the model, see models; 0 is the inspected one")
MODE_ID = integer("mode_id", "the failure mode, see shared_modes")

TABLES: tuple[Table, ...] = (
    Table(
        name="models",
        meaning="The models that are compared. Only where the configuration has a comparison.",
        key=("model_id",),
        columns=(
            MODEL_ID,
            text("name", "what it is called"),
            integer("n_images", "images of the run"),
            integer("n_correct", "images that it predicts as labelled"),
            real("accuracy_low", "lower end of the Wilson interval of n_correct / n_images; no value", nullable=True),
            real("accuracy_high", "upper end of it", nullable=True),
            integer(
                "n_found",
                "failure modes of its own trees, on the images they were fitted to; no value where none were fitted",
                nullable=True,
            ),
            integer("n_holds", "failure modes of any model that hold for it"),
            text("family", "what it is grouped by in charts; no value where nobody says", nullable=True),
            integer("n_parameters", "how many numbers were trained; no value where it is not known", nullable=True),
            integer("input_height", "of the images that it gets, in pixels; no value likewise", nullable=True),
            integer("input_width", "the same", nullable=True),
            text("pretraining", "the data it was trained on, as its library or a person states", nullable=True),
            real("published_accuracy", "top-1 as its library or a person states, 0 to 1", nullable=True),
        ),
    ),
    Table(
        name="models_left_out",
        meaning="Models that were to be compared and could not be.",
        key=("name",),
        columns=(text("name", "what it is called"), text("reason", "why it was left out")),
    ),
    Table(
        name="model_error_types",
        meaning="How many failures of each model are of each assessed type. Empty without a taxonomy.",
        key=("model_id", "error_type"),
        columns=(
            MODEL_ID,
            text("error_type", "see error_types; those of a model add up", allowed=ERROR_TYPES),
            integer("n_errors", "failures of the type"),
            integer("n_failures", "failures of the model"),
            real("low", "lower end of the Wilson interval of n_errors / n_failures; no value", nullable=True),
            real("high", "upper end of it", nullable=True),
        ),
    ),
    Table(
        name="model_accuracies",
        meaning="Table taxonomy_accuracies for each model.",
        key=("model_id", "measure"),
        columns=(
            MODEL_ID,
            text("measure", "what counts as correct", allowed=("top_1", "multi_label", "minor", "explainable")),
            real("value", "mean over the classes of the share of correct images; no value without any", nullable=True),
            integer("n_images", "images that are evaluated"),
            integer("n_classes", "classes among them"),
        ),
    ),
    Table(
        name="common_errors",
        meaning="The images that more than half of the models miss, with the error that most of them make.",
        key=("image_id",),
        columns=(
            IMAGE_ID,
            integer("n_missed", "models that do not predict the label"),
            integer("prediction", "class_id that most of these predict, the first of equal ones"),
            integer("n_same", "models that predict it"),
            text(
                "error_type",
                "what kind of error this prediction is, see error_types; no value without a taxonomy",
                nullable=True,
                allowed=ERROR_TYPES,
            ),
            text("detail", "what matched, see error_types", nullable=True),
            integer("rank", "1 for the image of its type that most models miss"),
            text("thumbnail", "name below media/, of the first of each type; no value for the others", nullable=True),
        ),
    ),
    Table(
        name="shared_modes",
        meaning="Failure modes, of whichever model's trees, that hold for at least one model.",
        key=("mode_id",),
        columns=(
            MODE_ID,
            text("grouping", "of its group", allowed=("label", "prediction")),
            integer("class_id", "of its group"),
            integer("model_id", "the model whose thresholds are tested"),
            integer(
                "rule_id",
                "the rule of this run with the same features on the same sides; no value where only others have it",
                nullable=True,
            ),
            integer("n_found", "models whose own trees have it"),
            integer("n_holds", "models that it holds for"),
        ),
    ),
    Table(
        name="shared_mode_conditions",
        meaning="The conditions of shared failure modes; see conditions.",
        key=("mode_id", "position"),
        columns=(
            MODE_ID,
            integer("position", "0 for the condition at the root"),
            FEATURE_ID,
            text("branch", "le: value ≤ threshold; gt: value > threshold", allowed=("le", "gt")),
            real("threshold", "in the feature's units, in full"),
            real(
                "printed_threshold",
                "the number with the fewest digits that parts the images of the class, labelled or predicted by any "
                "model, as the threshold does",
            ),
        ),
    ),
    Table(
        name="shared_mode_rates",
        meaning="Every shared failure mode counted on the held-out images for every model.",
        key=("mode_id", "model_id"),
        columns=(
            MODE_ID,
            MODEL_ID,
            Column(name="is_found", type="bool", meaning="whether the model's own trees have the mode"),
            integer("n_images", "held-out images in the leaf; in a group by prediction those this model predicts so"),
            integer("n_failures", "the model's failures among them"),
            integer("n_group_images", "held-out images in the group"),
            integer("n_group_failures", "the model's failures among them"),
            real("error_rate", "n_failures / n_images; no value without images", nullable=True),
            real("low", "lower end of its Wilson interval", nullable=True),
            real("high", "upper end of it", nullable=True),
            real("p_value", "of the exact test; no value where the group has no failure or no success", nullable=True),
            real("q_value", "Benjamini–Hochberg, over all modes that any model proposes, per model", nullable=True),
            Column(name="holds", type="bool", meaning="whether it would be verified for the model"),
        ),
    ),
)
