"""Training images: how many are in each failure mode, and how much these count. Each image's weight is in files."""

from barlow_report.tables.schema import RULE_ID, Table, integer, real, text

__all__ = ["COMPARISONS", "REASONS", "TABLES"]

COMPARISONS = ("rarer", "more_common", "undecided", "not_compared")
REASONS = ("no_image_of_class", "no_member", "label_noise", "as_many")

TABLES: tuple[Table, ...] = (
    Table(
        name="training_summary",
        meaning="What the training images are, and how they were weighted. Only where they were given.",
        key=("n_listed",),
        columns=(
            integer("n_listed", "images that the source lists, each of which has a weight"),
            integer(
                "n_read", "of these, images that could be read; no value: no failure mode asked for any", nullable=True
            ),
            integer("n_analysed", "of these, images whose bytes are those of an analysed one; no value", nullable=True),
            integer("n_labelled", "of all, images labelled as a class of the run"),
            integer("n_unlabelled", "of all, images without a label: they count once"),
            integer("n_other_class", "of all, images labelled as something else: they count once"),
            integer("n_members", "images that are in a failure mode"),
            integer("n_raised", "images that count more than once"),
            real("factor", "how many times an image of a failure mode counts; no value: balance", nullable=True),
            real("max_factor", "largest number of times with balance"),
        ),
    ),
    Table(
        name="training_modes",
        meaning="Which share of the training images is in each verified failure mode by label, and how much it counts.",
        key=("rule_id",),
        columns=(
            RULE_ID,
            integer("n_class", "training images labelled as a class of the group that could be read"),
            integer("n_meets", "of these, images that meet the rule: those of the failure mode"),
            integer("n_class_analysed", "analysed images of the group"),
            integer("n_meets_analysed", "of these, images that meet the rule"),
            text(
                "comparison",
                "of both shares. rarer, more_common: among the training images, q <= max_q_value; undecided: neither; "
                "not_compared: there is no training image of the class",
                allowed=COMPARISONS,
            ),
            real("p_value", "that both shares are the same: Fisher's exact test, two-sided; no value", nullable=True),
            real("q_value", "Benjamini–Hochberg over the failure modes; no value", nullable=True),
            real("factor", "how many times an image of the failure mode counts, 1 at least"),
            text(
                "reason",
                "why factor is 1. no_image_of_class, no_member: there is none; label_noise: at least half of the "
                "failures are label noise, see error_type_counts, so better labels are needed; as_many: with balance, "
                "at least half of the class is in the failure mode; no value: it is more, or 1 was asked for",
                nullable=True,
                allowed=REASONS,
            ),
            real(
                "weight_share", "share of the weight of the class that its images have, 0 to 1; no value", nullable=True
            ),
        ),
    ),
    Table(
        name="training_skipped",
        meaning="Training images that could not be used, and why: of those that are listed, each counts once.",
        key=("path",),
        columns=(text("path", "as the source names it"), text("reason", "what was wrong with it; see skipped")),
    ),
)
