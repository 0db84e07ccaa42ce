"""The pictures of joint modes, of groups in which they are shown; what they show is in the tables of `explain`."""

from barlow_report.tables.schema import FEATURE_ID, GROUP_ID, IMAGE_ID, Table, integer, real, text

__all__ = ["TABLES"]

TABLES: tuple[Table, ...] = (
    Table(
        name="joint_pictures",
        meaning="The pictures of joint_images, of the groups whose joint mode is shown.",
        key=("group_id", "position"),
        columns=(
            GROUP_ID,
            integer("position", "see joint_images"),
            text("thumbnail", "name below media/"),
        ),
    ),
    Table(
        name="joint_examples",
        meaning="The images of the group that activate most the features that carry most of its joint mode.",
        key=("group_id", "feature_id", "rank"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            integer("rank", "1 for the highest activation"),
            IMAGE_ID,
            real("activation", "of the feature"),
            text("thumbnail", "name below media/"),
        ),
    ),
)
