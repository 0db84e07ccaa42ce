"""What pictures and histograms are made from."""

from barlow_report.tables.schema import FEATURE_ID, GROUP_ID, IMAGE_ID, RULE_ID, Column, Table, integer, real, text

__all__ = ["TABLES"]

TABLES: tuple[Table, ...] = (
    Table(
        name="tiles",
        meaning="The triptychs: each image that activates a feature of a group most, its heatmap and its attack.",
        key=("group_id", "feature_id", "rank"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            integer("rank", "1 for the image that activates the feature most"),
            IMAGE_ID,
            real("activation", "of the feature on the image"),
            real("attacked_activation", "of the feature after gradient ascent from the image"),
            text("thumbnail", "name below media/"),
            text("heatmap", "small grey map, name below media/; no value without a feature map", nullable=True),
            text("attack", "name below media/"),
        ),
    ),
    Table(
        name="galleries",
        meaning="A seeded sample of the failures and of the successes of each rule.",
        key=("rule_id", "image_id"),
        columns=(
            RULE_ID,
            IMAGE_ID,
            Column(name="is_failure", type="bool", meaning="which of the two galleries"),
            integer("rank", "1 for the first image of the gallery"),
            text("thumbnail", "name below media/"),
        ),
    ),
    Table(
        name="mode_images",
        meaning="Every image of every failure mode, fitted and held-out ones, with what each condition looks at.",
        key=("rule_id", "position", "image_id"),
        columns=(
            RULE_ID,
            integer("position", "of the condition, see conditions; an image has a row for each"),
            IMAGE_ID,
            real("activation", "of the condition's feature on the image"),
        ),
    ),
    Table(
        name="mode_pictures",
        meaning="Pictures of the images of failure modes, of each mode at most as many as visuals.n_mode_images says.",
        key=("image_id",),
        columns=(IMAGE_ID, text("thumbnail", "name below media/")),
    ),
    Table(
        name="histograms",
        meaning="How the features that rules use are distributed over all images.",
        key=("feature_id", "position"),
        columns=(
            FEATURE_ID,
            integer("position", "0 for the lowest bin"),
            real("low", "lower edge of the bin"),
            real("high", "upper edge of the bin"),
            integer("n_images", "images in the bin"),
            integer("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="quantiles",
        meaning="Images along the distribution of the features that rules use, drawn from at most 2,000 of the images.",
        key=("feature_id", "position", "rank"),
        columns=(
            FEATURE_ID,
            integer("position", "0 for the lowest quantile"),
            real("quantile", "share of the images with a lower activation, 0 to 1"),
            integer("rank", "1 for the first image at the quantile"),
            IMAGE_ID,
            real("activation", "of the feature on the image"),
            text("thumbnail", "name below media/"),
        ),
    ),
)
