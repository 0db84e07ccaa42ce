"""Words that a model of images and text suggests for features."""

from barlow_report.tables.schema import FEATURE_ID, GROUP_ID, Table, integer, real, text

__all__ = ["STATES", "TABLES"]

STATES = ("tested", "too_few_images", "constant")

TABLES: tuple[Table, ...] = (
    Table(
        name="word_tests",
        meaning="Whether words fit the images that activate a feature most better than chance: the features of "
        "verified failure modes, in their groups. Only where words were asked for.",
        key=("group_id", "feature_id"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            text(
                "status",
                "tested, or why not: too_few_images: the group has fewer than 20; constant: the feature is the same "
                "on all of them",
                allowed=STATES,
            ),
            integer("n_images", "images of the group that were looked at"),
            integer("n_picked", "those that activate the feature most; 0 where not tested"),
            real(
                "chance_score",
                "score that the best of all words exceeds in one of twenty random choices of as many images; no value "
                "where not tested",
                nullable=True,
            ),
            real("p_value", "share of random choices whose best word is at least as good; likewise", nullable=True),
            real("q_value", "Benjamini–Hochberg over all that was tested in this table; likewise", nullable=True),
        ),
    ),
    Table(
        name="suggested_words",
        meaning="The words closest to the images that activate a feature most; whether they say anything is in "
        "word_tests.",
        key=("group_id", "feature_id", "rank"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            integer("rank", "1 for the best word"),
            text("word", "from the vocabulary"),
            real(
                "score",
                "how much closer its caption is to these images than to all of the group, in standard deviations over "
                "the images of the group",
            ),
        ),
    ),
)
