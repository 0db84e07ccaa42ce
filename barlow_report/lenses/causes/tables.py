"""The tables of causes: effects, doses, control features, and pairs of pictures."""

from barlow_report.tables.schema import FEATURE_ID, IMAGE_ID, RULE_ID, Column, Table, integer, real, text

__all__ = ["DIRECTIONS", "KEY", "PICTURES", "TABLES", "VERDICTS"]

VERDICTS = ("causal", "undecided", "weak", "not_tested")
"""The strongest first."""
DIRECTIONS = ("repair", "break")

PICTURES = ("before", "after", "difference")
"""Columns of `cause_pairs` that name pictures."""

_POSITION = integer("position", "the condition of the rule, see conditions")
_DIRECTION = text(
    "direction",
    "repair: images of the leaf, moved to the other side of the condition; break: images that meet the rule's other "
    "conditions and not this one, moved to its side",
    allowed=DIRECTIONS,
)
KEY = ("rule_id", "position", "direction")


def _optional(name: str, meaning: str) -> Column:
    return real(name, f"{meaning}; no value where it was not tested", nullable=True)


TABLES: tuple[Table, ...] = (
    Table(
        name="causes",
        meaning="What changing the feature of a condition does to failures, for each verified failure mode.",
        key=KEY,
        columns=(
            RULE_ID,
            _POSITION,
            _DIRECTION,
            FEATURE_ID,
            integer("n_images", "images that were changed; 0 where it was not tested"),
            integer("n_reached", "of these, images whose feature reached the target"),
            integer("n_failures_before", "failures among them, unchanged"),
            integer("n_failures_moved", "failures among them after the move"),
            integer("n_failures_noise", "failures among them after Gaussian noise of the same length"),
            _optional("target", "the activation that the feature is brought to"),
            _optional("radius", "largest L2 length of a change, pixels in [0, 1]"),
            _optional("mean_length", "mean L2 length of the moves, which is that of their controls"),
            _optional("control_rate", "share of the changes along other features after which an image fails, 0 to 1"),
            _optional("control_rate_low", "the smallest such share of one control feature"),
            _optional("control_rate_high", "the largest such share of one control feature"),
            _optional("effect", "mean over images: share of controls that fail − failure after the move; break: minus"),
            _optional("effect_low", "lower end of its bootstrap interval over images"),
            _optional("effect_high", "upper end of it"),
            _optional(
                "confidence_effect",
                "mean over images: confidence in the label after the move − its mean after the controls; break: minus",
            ),
            _optional("confidence_effect_low", "lower end of its bootstrap interval over images"),
            _optional("confidence_effect_high", "upper end of it"),
            _optional("p_images", "that the effect is not above 0, by random signs of the images' effects"),
            _optional("p_features", "that a further feature of the controls' kind does as much, by a t-test"),
            _optional("p_value", "the larger one of p_images and p_features"),
            _optional("q_value", "Benjamini–Hochberg over all effects that were tested in the run"),
            real("specificity", "effect against features with a similar weight for the class; no value", nullable=True),
            real("specificity_low", "lower end of its interval; no value", nullable=True),
            real("specificity_high", "upper end of it; no value", nullable=True),
            text(
                "verdict",
                "causal: q <= max_q_value and effect >= rho; weak: effect_high and confidence_effect_high < rho; "
                "undecided: neither; not_tested",
                allowed=VERDICTS,
            ),
            text("reason", "why it was not tested; no value where it was", nullable=True),
        ),
    ),
    Table(
        name="cause_doses",
        meaning="How many images fail when only a part of the way is gone.",
        key=(*KEY, "dose"),
        columns=(
            RULE_ID,
            _POSITION,
            _DIRECTION,
            real("dose", "share of the change, 0 to 1"),
            integer("n_images", "images that were changed"),
            integer("n_failures_moved", "failures among them"),
            integer("n_failures_control", "failures among them where each image is changed along one control feature"),
        ),
    ),
    Table(
        name="cause_controls",
        meaning="The features that the images were changed along, as far and in as many steps as by the move.",
        key=(*KEY, "kind", "feature_id"),
        columns=(
            RULE_ID,
            _POSITION,
            _DIRECTION,
            text(
                "kind",
                "other: of similar mean activation, for all images; class: of similar weight for the class in the last "
                "layer, another one for each image",
                allowed=("other", "class"),
            ),
            FEATURE_ID,
            integer("n_images", "images that were changed along it"),
            integer("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="cause_pairs",
        meaning="Pictures before and after the move, those whose answer changed first.",
        key=(*KEY, "rank"),
        columns=(
            RULE_ID,
            _POSITION,
            _DIRECTION,
            integer("rank", "1 for the first"),
            IMAGE_ID,
            integer("prediction_before", "class_id that the inspected model predicts for the unchanged image"),
            integer("prediction_after", "the same after the move"),
            real("confidence_before", "of that prediction, 0 to 1"),
            real("confidence_after", "of that prediction, 0 to 1"),
            real("activation_before", "of the feature"),
            real("activation_after", "after the move"),
            real("length", "L2 length of the change, pixels in [0, 1]"),
            Column(name="is_reached", type="bool", meaning="the target was reached"),
            real("gain", "what the difference was multiplied with for its picture"),
            text("before", "name of the unchanged picture below media/"),
            text("after", "the same after the move"),
            text("difference", "the change itself, enlarged, on grey"),
        ),
    ),
)
