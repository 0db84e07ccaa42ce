"""Groups, trees, rules and the evidence for them."""

from barlow_report.tables.schema import (
    FEATURE_ID,
    GROUP_ID,
    IMAGE_ID,
    RULE_ID,
    Column,
    Table,
    integer,
    rate_held_out,
    real,
    text,
)

__all__ = ["TABLES"]

_PRINTED = (
    "the number with the fewest digits that parts the group's images as the threshold does, and the nearest one of "
    "these; 0 where the highest value that is at most the threshold is 0. It is printed, and who counts with it gets "
    "the same counts"
)


def _estimate(name: str, meaning: str) -> tuple[Column, Column, Column]:
    """The columns of an estimated rate and of the ends of its interval."""
    return (
        real(name, f"{meaning}, estimated, 0 to 1"),
        real(f"{name}_low", "lower end of its interval"),
        real(f"{name}_high", "upper end of its interval"),
    )


TABLES: tuple[Table, ...] = (
    Table(
        name="splits",
        meaning="Which images trees are fitted to and which only test them.",
        key=("image_id",),
        columns=(IMAGE_ID, text("split", "the part the image belongs to", allowed=("fit", "held_out"))),
    ),
    Table(
        name="groups",
        meaning="The groups of images that are explained, one tree each.",
        key=("group_id",),
        columns=(
            GROUP_ID,
            text(
                "grouping",
                "what the groups have in common: label, prediction, confused_pairs, unions_by_label, "
                "unions_by_prediction, or 'column ' and the name of a column",
            ),
            integer("class_id", "the class that defines the group; no value for groups of another kind", nullable=True),
            text("name", "the name of the group: that of its class, pair or union, or the value of the column"),
            integer(
                "n_images",
                "images of the group that the tree was fitted to, or to a sample of which: see group_samples",
            ),
            integer("n_failures", "failures among them"),
            real("base_error_rate", "n_failures / n_images; no value without images", nullable=True),
            real("average_leaf_error_rate", "sum over leaves of coverage × error rate; no value", nullable=True),
            integer("n_images_held_out", "held-out images of the group"),
            integer("n_failures_held_out", "failures among them"),
            *rate_held_out("base_error_rate", "base error rate"),
            real("average_leaf_error_rate_held_out", "the same tree on the held-out images", nullable=True),
            real(
                "noise_floor",
                "95 % quantile of average_leaf_error_rate − base_error_rate when the failures are shuffled within "
                "the group; no value unless asked for",
                nullable=True,
            ),
            text(
                "status",
                "why there is a tree, or none",
                allowed=(
                    "fitted",
                    "too_few_images",
                    "no_failures",
                    "too_few_failures",
                    "only_failures",
                    "no_split",
                    "no_features",
                ),
            ),
        ),
    ),
    Table(
        name="group_samples",
        meaning="Groups of more images than rules.max_fitted_images: what rules were found, tested and first estimated "
        "on is a random sample of their images. Counts of groups, nodes and rules are of all images, and rates in "
        "evidence are corrected by those outside of the sample; p-values, stability, selection, noise floor, the area "
        "under the curve of directions and what evaluations say of fitted images are of the sample alone.",
        key=("group_id",),
        columns=(
            GROUP_ID,
            integer("n_images", "images of the sample"),
            integer("n_failures", "failures among them"),
        ),
    ),
    Table(
        name="group_classes",
        meaning="The classes that define a group together: of a confused pair the label, then the prediction.",
        key=("group_id", "position"),
        columns=(
            GROUP_ID,
            integer("position", "0 for the first"),
            integer("class_id", "one of the group's classes, see classes"),
        ),
    ),
    Table(
        name="memberships",
        meaning="The images of the groups that no single class defines; those of the others follow from images.",
        key=("group_id", "image_id"),
        columns=(GROUP_ID, IMAGE_ID),
    ),
    Table(
        name="selection",
        meaning="The features that each group's tree could choose from.",
        key=("group_id", "feature_id"),
        columns=(
            GROUP_ID,
            FEATURE_ID,
            real("mutual_information", "nats shared with the failure label, at least 0"),
            integer("rank", "1 for the most informative"),
        ),
    ),
    Table(
        name="nodes",
        meaning="The nodes of the trees; node 0 is the root, children follow in depth-first order, le before gt.",
        key=("group_id", "node_id"),
        columns=(
            GROUP_ID,
            integer("node_id", "0 for the root"),
            integer("parent_id", "node above; no value for the root", nullable=True),
            text("branch", "side of the parent's split", allowed=("root", "le", "gt")),
            integer("depth", "0 for the root"),
            integer("feature_id", "feature of the split below this node; no value for a leaf", nullable=True),
            real("threshold", "le: feature <= threshold, gt: feature > threshold; no value", nullable=True),
            real("printed_threshold", f"{_PRINTED}; no value for a leaf", nullable=True),
            integer("n_images", "fitted images in the node"),
            integer("n_failures", "failures among them"),
            integer("n_images_held_out", "held-out images in the node"),
            integer("n_failures_held_out", "failures among them"),
        ),
    ),
    Table(
        name="rules",
        meaning="One rule per leaf: the path of conditions from the root.",
        key=("rule_id",),
        columns=(
            RULE_ID,
            GROUP_ID,
            integer("node_id", "the leaf, see nodes"),
            integer("rank", "1 for the group's rule with the highest importance value, failure modes first"),
            integer("n_images", "fitted images in the leaf"),
            integer("n_failures", "failures among them"),
            real("base_error_rate", "of the group"),
            real("error_rate", "n_failures / n_images"),
            real("error_coverage", "share of the group's failures in this leaf"),
            real("importance_value", "error_rate × error_coverage"),
            Column(
                name="is_failure_mode",
                type="bool",
                meaning="error_rate >= base_error_rate + rho and error_coverage >= tau, on the fitted images; where "
                "failures are shuffled, of leaves on the side of a split that fails more",
            ),
            integer("n_images_held_out", "held-out images in the leaf"),
            integer("n_failures_held_out", "failures among them"),
            *rate_held_out("base_error_rate", "the group's base error rate"),
            *rate_held_out("error_rate", "error rate"),
            *rate_held_out("error_coverage", "error coverage"),
            real("importance_value_held_out", "the same on the held-out images", nullable=True),
            real(
                "p_value",
                "that the leaf fails no more than the rest: of the exact test on held-out images, one-sided, or of the "
                "best cut after shuffling the failures, the largest on the leaf's path; no value without a test",
                nullable=True,
            ),
            real(
                "p_value_baseline",
                "where failures are shuffled, of a group by prediction: that the rule holds no more often for its "
                "failures than for other images of their own classes; no value for other groups",
                nullable=True,
            ),
            real(
                "q_value",
                "Benjamini–Hochberg over the tests of the same grouping: of its failure modes on held-out images, or, "
                "where failures are shuffled, of all its groups and further modes, the larger one of the tests of "
                "rules and of those of rules and directions together; no value without a test",
                nullable=True,
            ),
            text(
                "verdict",
                "verified: q <= max_q_value and both limits hold in the evidence; real_but_small: q <= max_q_value, "
                "but error_rate_held_out is below base_error_rate_held_out + rho or error_coverage_held_out below tau; "
                "not_of_class: p_value_baseline > max_q_value, but q would not be without it; "
                "too_few_images: the exact test could not have given a p-value of max_q_value, whatever fails among so "
                "few held-out images; can_be_chance: any other with q > max_q_value; in_sample_only: nothing was "
                "tested; no value for a rule that is not a failure mode",
                nullable=True,
                allowed=(
                    "verified",
                    "real_but_small",
                    "not_of_class",
                    "can_be_chance",
                    "too_few_images",
                    "in_sample_only",
                ),
            ),
            real(
                "stability",
                "share of random draws of two thirds of the group's images in which the best rule overlaps this one by "
                "half or more (Jaccard index), 0 to 1; no value where it was not computed",
                nullable=True,
            ),
        ),
    ),
    Table(
        name="conditions",
        meaning="The conditions of each rule; an image is in the leaf when all of them hold.",
        key=("rule_id", "position"),
        columns=(
            RULE_ID,
            integer("position", "0 for the condition at the root"),
            FEATURE_ID,
            text("branch", "le: feature <= threshold, gt: feature > threshold", allowed=("le", "gt")),
            real("threshold", "in units of the feature"),
            real("printed_threshold", _PRINTED),
        ),
    ),
    Table(
        name="evaluations",
        meaning="The automatic evaluation of each group that has a tree: what a tree of each depth gains.",
        key=("group_id", "depth"),
        columns=(
            GROUP_ID,
            integer("depth", "depth the tree may have, see evaluation_depths of the configuration"),
            integer("n_leaves", "leaves of the tree"),
            real("base_error_rate", "of the group's fitted images"),
            real("tree_gain", "average leaf error rate − base error rate on the fitted images, at least 0"),
            integer(
                "n_images_held_out",
                "images of the group that none of these trees was fitted to; where failures are shuffled, held out for "
                "the evaluation alone",
            ),
            real("base_error_rate_held_out", "of these images; no value without any", nullable=True),
            real("tree_gain_held_out", "the same tree on these images; no value without failures", nullable=True),
            real(
                "tree_gain_by_chance",
                "the mean of that over all ways to place the failures among these images; no value",
                nullable=True,
            ),
            Column(
                name="is_failure_mode",
                type="bool",
                meaning="the best leaf (failure modes first, then importance value) is one on the fitted images",
            ),
            integer(
                "is_failure_mode_held_out",
                "1: that leaf is one on the fitted and on the held-out images, 0: it is not; no value without "
                "held-out failures",
                nullable=True,
            ),
        ),
    ),
    Table(
        name="evaluation",
        meaning="The automatic evaluation of each grouping: sums and means of the table evaluations.",
        key=("grouping", "depth"),
        columns=(
            text("grouping", "see groups"),
            integer("depth", "depth the trees may have"),
            integer("n_groups", "groups of the grouping"),
            integer("n_trees", "groups that have a tree"),
            integer("n_with_mode", "of these, groups whose best leaf is a failure mode on the fitted images"),
            real("mean_tree_gain", "mean over the trees; no value without any", nullable=True),
            integer("n_trees_held_out", "trees of groups with held-out failures"),
            integer("n_with_mode_held_out", "of these, best leaves that are failure modes on the held-out images too"),
            real("mean_tree_gain_held_out", "mean over these trees; no value without any", nullable=True),
            real("mean_tree_gain_by_chance", "mean over these trees; no value without any", nullable=True),
        ),
    ),
    Table(
        name="explained",
        meaning="How many images and failures the modes cover: of each group, of each grouping, and of the whole run. "
        "Each image counts once, in however many modes it is; modes of several groups are taken together. What ends in "
        "_held_out is of the images in evidence: the held-out ones, or all where failures are shuffled.",
        key=("scope", "grouping", "group_id"),
        columns=(
            text("scope", "what the row is about", allowed=("run", "grouping", "group")),
            text("grouping", "see groups; no value for the whole run", nullable=True),
            integer("group_id", "see groups; no value for more than one group", nullable=True),
            integer("n_verified", "verified failure modes"),
            integer("n_images", "images of these groups that trees are fitted to"),
            integer("n_images_in_modes", "of these, in a leaf that is a failure mode on them"),
            integer("n_images_in_verified", "of these, in a verified leaf; no value without evidence", nullable=True),
            integer("n_failures", "failures among n_images"),
            integer("n_failures_in_modes", "of these, in a leaf that is a failure mode"),
            integer("n_failures_in_verified", "of these, in a verified leaf; no value without evidence", nullable=True),
            integer("n_images_held_out", "images of these groups in evidence"),
            integer(
                "n_images_in_verified_held_out",
                "of these, in a verified leaf; no value without evidence",
                nullable=True,
            ),
            integer("n_failures_held_out", "failures among n_images_held_out"),
            integer(
                "n_failures_in_verified_held_out",
                "of these, in a verified leaf; where failures are shuffled, an estimate: each of them counts with the "
                "share that the leaf's estimated error rate is of the one that was seen; no value without evidence",
                nullable=True,
            ),
        ),
    ),
    Table(
        name="joint_modes",
        meaning="The groups in which a direction through all features was tested: failures that several features "
        "together predict.",
        key=("group_id",),
        columns=(
            GROUP_ID,
            real(
                "auc",
                "probability that an image that fails has a higher score than one that does not, each scored by a "
                "direction fitted without it and without the mean outcome of the others, 0 to 1; 0.5 is chance",
            ),
            real("threshold", "an image is a member when its score exceeds it"),
            real("printed_threshold", _PRINTED),
            integer("n_images", "members"),
            integer("n_failures", "failures among them"),
            *_estimate("error_rate", "share of the members that fail"),
            *_estimate("error_coverage", "share of the group's failures that are members"),
            real("importance_value", "error_rate × error_coverage"),
            real(
                "p_value",
                "share of shuffles of the failures after which an image that fails has a higher score, the mean of the "
                "others included, at least as often",
            ),
            real(
                "q_value",
                "Benjamini–Hochberg over the groups of its grouping, the larger one of these p-values and of one "
                "p-value for all that was tried in a group",
            ),
            text(
                "verdict",
                "verified: q <= max_q_value and both limits hold; real_but_small: q <= max_q_value, below a limit",
                allowed=("verified", "real_but_small", "can_be_chance"),
            ),
        ),
    ),
    Table(
        name="joint_features",
        meaning="The features that carry most of each direction of joint_modes.",
        key=("group_id", "rank"),
        columns=(
            GROUP_ID,
            integer("rank", "1 for the one with the largest weight in size"),
            FEATURE_ID,
            real(
                "weight",
                "change of the score, which is an estimated probability of failure, for one standard deviation of "
                "the feature; above 0: more failures",
            ),
        ),
    ),
    Table(
        name="joint_images",
        meaning="Images along each direction of joint_modes, spread evenly over the ranks of the group's scores.",
        key=("group_id", "position"),
        columns=(
            GROUP_ID,
            integer("position", "0 for the highest score"),
            IMAGE_ID,
            real("score", "of the image: an estimated probability of failure"),
        ),
    ),
)
