"""What people answered about features."""

from barlow_report.tables.schema import FEATURE_ID, GROUP_BY_NAME, GROUP_ID, Column, Table, integer, real, text

__all__ = ["TABLES"]

TABLES: tuple[Table, ...] = (
    Table(
        name="annotations",
        meaning="What people answered about features: one row per person and (group, feature), the last revision. "
        "Only once people have answered.",
        key=("group_id", "feature_id", "annotator"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            *GROUP_BY_NAME,
            text("annotator", "a pseudonym; never shown on the site"),
            text("report_id", "the report that the person looked at"),
            text("record_id", "see the format of records"),
            integer("revision", "1, and one more for each change"),
            text("source", "where it was given"),
            integer("position", "place in the person's order, from 0", nullable=True),
            real("active_seconds", "seconds spent looking and answering", nullable=True),
            integer("n_pastes", "how often text was pasted"),
            text("short", "description of about 3 words", nullable=True),
            text("long", "description of about 15 words", nullable=True),
            integer("ease", "1 (very hard to understand) to 5 (very easy)", nullable=True),
            integer("confidence", "1 (not at all) to 5 (very)", nullable=True),
            text("most_useful", "section that helped most: A, B, C, 'A and B', 'B and C', none", nullable=True),
            text("relation", "what the feature is to the class", nullable=True),
            Column(name="cannot_tell", type="bool", meaning="the person looked and cannot name it"),
            Column(name="several", type="bool", meaning="it shows several unrelated things"),
            text("flags", "signs of low quality, separated by spaces; empty without any"),
        ),
    ),
    Table(
        name="feature_names",
        meaning="What people call a feature in a group, or what the owner has chosen.",
        key=("group_id", "feature_id"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            *GROUP_BY_NAME,
            text("feature_model", "SHA-256 of the weights of the model whose feature it is"),
            text("name", "the description closest to all others; no value where nobody gave one", nullable=True),
            text(
                "status",
                "agreed: descriptions are more alike than those of different features; single: one person described it",
                allowed=("agreed", "disputed", "single", "cannot_tell"),
            ),
            Column(name="is_override", type="bool", meaning="whether the owner chose the name"),
            integer("n_people", "people who answered"),
            integer("n_described", "of these, people who gave a short description"),
            integer("n_cannot_tell", "of these, people who cannot tell"),
            integer("n_several", "of these, people who see several unrelated things"),
            integer("n_flagged", "of these, people whose answer has a quality flag"),
            real("agreement", "mean cosine of pairs of descriptions; no value below two", nullable=True),
            text(
                "relation",
                "what more than half of the people say it is to the class; no value where nobody was asked",
                nullable=True,
                allowed=("core", "spurious", "undecided"),
            ),
            integer("n_core", "people who say it is part of the object"),
            integer("n_spurious", "people who say it is a separate object or background"),
            integer("n_relation", "people who answered that question"),
        ),
    ),
    Table(
        name="name_variants",
        meaning="The wordings of the short descriptions, differences of case and punctuation aside.",
        key=("group_id", "feature_id", "rank"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            integer("rank", "1 for the most common"),
            text("text", "the wording as it was most often written"),
            integer("n_people", "people who used it"),
        ),
    ),
    Table(
        name="study_figures",
        meaning="How people answered and how well they agree.",
        key=("measure", "category", "subset"),
        columns=(
            text("measure", "what is measured, such as ease or agreement_short"),
            text("category", "the answer that is counted, or empty"),
            text("subset", "all answers, or those without a quality flag", allowed=("all", "unflagged")),
            real("value", "a share, a mean cosine or Krippendorff's alpha; no value: not computable", nullable=True),
            real("low", "lower end of a 95 % bootstrap interval", nullable=True),
            real("high", "upper end of it", nullable=True),
            integer("n", "answers, people or items that it is about"),
        ),
    ),
)
