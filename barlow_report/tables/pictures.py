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
            real(
                "attacked_activation",
                "of the feature after gradient ascent from the image; no value without",
                nullable=True,
            ),
            text("thumbnail", "name below media/"),
            text("map", "grey map from map_low to map_high, name below media/; no value without one", nullable=True),
            real(
                "map_low", "lowest value of the feature's map on the image; its mean is the activation", nullable=True
            ),
            real("map_high", "highest value of the map", nullable=True),
            text("heatmap", "the same map from heatmap_low to heatmap_high, name below media/", nullable=True),
            real("heatmap_low", "lowest value of all maps of the group and the feature, at most 0", nullable=True),
            real("heatmap_high", "highest value of all maps of the group and the feature", nullable=True),
            text("attack", "name below media/; no value without a feature attack", nullable=True),
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
        meaning="How the features that rules use are distributed over all images. Where a tenth of them have exactly "
        "the lowest activation, the first bin is these alone: low and high are equal, and no other bin counts them.",
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
        name="group_histograms",
        meaning="The same over the images of each group whose rules use a feature.",
        key=("group_id", "feature_id", "position"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            integer("position", "0 for the lowest bin"),
            real("low", "lower edge of the bin"),
            real("high", "upper edge of the bin"),
            integer("n_images", "images in the bin, fitted and held-out ones"),
            integer("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="strips",
        meaning="How a group is distributed along each condition of its failure modes: histograms of the images that "
        "meet the conditions before it. A bin ends at the threshold, so that bins up to it hold the images with "
        "feature <= threshold, and the others those with feature > threshold. The first one may hold the images with "
        "exactly the lowest activation, as in histograms.",
        key=("rule_id", "position", "bin"),
        columns=(
            RULE_ID,
            integer("position", "the condition, see conditions"),
            integer("bin", "0 for the lowest"),
            real("low", "lower edge of the bin, not in it unless it is the upper edge, too"),
            real("high", "upper edge of the bin, in it"),
            integer("n_images", "images in the bin, fitted and held-out ones"),
            integer("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="strip_images",
        meaning="Images beside the conditions of failure modes, of those that meet the conditions before it.",
        key=("rule_id", "position", "place", "rank"),
        columns=(
            RULE_ID,
            integer("position", "the condition, see conditions"),
            text(
                "place",
                "below: the closest ones up to the threshold, above: the closest ones beyond it, other_side: a seeded "
                "sample of the successes that do not meet the last condition",
                allowed=("below", "above", "other_side"),
            ),
            integer("rank", "1 for the one closest to the threshold, or the first of the sample"),
            IMAGE_ID,
            real("activation", "of the feature on the image"),
            text("thumbnail", "name below media/"),
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
    Table(
        name="group_quantiles",
        meaning="The same of the images of groups: of those with a failure mode that uses the feature, and of one "
        "group where no failure mode uses it.",
        key=("group_id", "feature_id", "position", "rank"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            integer("position", "0 for the lowest quantile"),
            real("quantile", "share of the group's images with a lower activation, 0 to 1"),
            integer("rank", "1 for the first image at the quantile"),
            IMAGE_ID,
            real("activation", "of the feature on the image"),
            text("thumbnail", "name below media/"),
        ),
    ),
)
