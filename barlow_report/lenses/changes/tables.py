"""The tables of changes: an earlier run beside this one, and failure modes over releases.

Failure rates, never accuracies: `difference` is new − old everywhere, so above 0 is worse.
"""

from barlow_report.lenses.changes.repairs import REPAIRS
from barlow_report.tables.schema import FEATURE_ID, IMAGE_ID, RULE_ID, Column, Table, integer, real, text

__all__ = ["FOUND_IN", "HISTORY_TABLES", "KINDS", "STATES", "TABLES", "TESTS"]

STATES = ("worse", "better", "unchanged", "undecided", "new", "gone", "not_comparable")
KINDS = ("same_images", "same_feature_model", "none")
FOUND_IN = ("old", "new", "both")
TESTS = ("mcnemar", "swap", "fisher", "estimate")

_MODE_NAME = text("mode_name", "permanent name of the failure mode: the same mode has it in every release")
_INTERVAL = "end of its interval"


def _rate(name: str, meaning: str) -> tuple[Column, Column, Column]:
    return (
        real(name, meaning, nullable=True),
        real(f"{name}_low", f"lower {_INTERVAL}", nullable=True),
        real(f"{name}_high", f"upper {_INTERVAL}", nullable=True),
    )


_COMPARED = (
    integer("n_images_old", "images that are counted for the old model; no value: not compared", nullable=True),
    integer("n_failures_old", "the old model's failures among them", nullable=True),
    integer("n_images_new", "images that are counted for the new model", nullable=True),
    integer("n_failures_new", "the new model's failures among them", nullable=True),
    *_rate(
        "error_rate_old",
        "share of failures, 0 to 1; of a failure mode whose failures were shuffled an estimate without what the search "
        "adds to both counts, and then not n_failures_old / n_images_old",
    ),
    *_rate("error_rate_new", "the same for the new model"),
    *_rate("difference", "error_rate_new − error_rate_old, −1 to 1; above 0: worse"),
    integer(
        "n_newly_wrong", "images that fail only with the new model; no value where images are others", nullable=True
    ),
    integer("n_newly_right", "images that fail only with the old model; no value", nullable=True),
    real("p_value", "that there is no change, two-sided; no value: not tested", nullable=True),
    real(
        "q_value",
        "Benjamini–Hochberg over the tests of its kind (failure modes, classes, all images), corrected for the kinds "
        "(Benjamini–Bogomolov); no value",
        nullable=True,
    ),
    text(
        "test",
        "what the p-value is of. mcnemar: exact, on images that fail with one model alone; swap: the same where which "
        "images count depends on the prediction; fisher: exact, for other images; estimate: approximate, from the "
        "estimated rate and its interval; no value: not tested",
        nullable=True,
        allowed=TESTS,
    ),
    text(
        "state",
        "worse, better: q <= max_q_value; unchanged: the interval of the difference lies within ±delta; undecided: "
        "neither; new: a failure mode verified only in the new run, and worse or without images in the old one; gone: "
        "verified only in the old run, and better, or of its kind none of the same images is any more; not_comparable: "
        "see reason",
        allowed=STATES,
    ),
    text("reason", "why there is no comparison, what limits it, or that no image has changed; no value", nullable=True),
)

_RELEASE = integer("release", "place among the releases, 0 for the oldest")

TABLES: tuple[Table, ...] = (
    Table(
        name="changes",
        meaning="One row: the two runs, what makes them comparable, and the error rate over all images.",
        key=("name_new",),
        columns=(
            *(
                column
                for run, which in (("old", "earlier"), ("new", "later"))
                for column in (
                    text(f"name_{run}", f"name of the {which} run"),
                    text(f"run_id_{run}", "its run_id", nullable=True),
                    text(f"created_at_{run}", "when it was made", nullable=True),
                    text(f"inspected_sha256_{run}", "hash of its inspected model's weights; no value", nullable=True),
                    text(f"feature_sha256_{run}", "hash of its feature model's weights; no value", nullable=True),
                    text(f"settings_{run}", "rho, tau, evidence and split, as JSON"),
                    integer(f"n_run_images_{run}", "images of the run"),
                )
            ),
            integer("n_matched", "images of the new run that are in the old one, by the digest of their content"),
            integer("n_relabelled", "of these, images whose label is another one; they are not compared"),
            text(
                "kind",
                "same_images: at least 95 % of the images of the smaller run are matched, and pairs are compared; "
                "same_feature_model: rules are applied to the images of both; none: only rates of the whole and of "
                "classes are compared",
                allowed=KINDS,
            ),
            real("delta", "largest change that counts as none, 0 to 1"),
            real("max_q_value", "false-discovery rate of what is called worse or better, 0 to 1"),
            real(
                "confidence_level",
                "level of the intervals, 0 to 1; those of the changes of failure modes that were verified on held-out "
                "images have a higher one that allows for that choice",
            ),
            Column(
                name="is_repair",
                type="bool",
                meaning="whether the later run's model was made to repair the failure modes of the earlier one",
            ),
            integer("n_tested", "failure modes whose p-values the q-values of mode_changes correct for"),
            *_COMPARED,
        ),
    ),
    Table(
        name="mode_changes",
        meaning="The failure modes that are verified in either run, and what became of them.",
        key=("mode_name",),
        columns=(
            _MODE_NAME,
            integer("rule_id_old", "the rule in the old run; no value where only the new one has it", nullable=True),
            integer("rule_id_new", "the rule in the new run, see rules; no value", nullable=True),
            text("grouping", "of its group, see groups"),
            integer("class_id", "of its group, in the new run, see classes; no value", nullable=True),
            text("group_name", "the name of its group"),
            text("found_in", "where it is verified", allowed=FOUND_IN),
            text(
                "matched_by",
                "how both runs' modes were recognised as one; no value where one run alone has it",
                nullable=True,
                allowed=("identity", "overlap"),
            ),
            real("overlap", "Jaccard index of the images of both runs' rules; no value", nullable=True),
            text(
                "tested_rule",
                "the run whose rule is compared: of modes found in both, the old one, which the new model's failures "
                "did not choose",
                allowed=("old", "new"),
            ),
            text(
                "repair",
                "whether its repair worked. worked: state is better or gone, unless the interval of the difference "
                "lies within ±delta; did_not_work: it lies there, or state is unchanged or worse; undecided, "
                "not_comparable: as state; no value: only the new run has it, or there was no repair, see is_repair",
                nullable=True,
                allowed=REPAIRS,
            ),
            *_COMPARED,
        ),
    ),
    Table(
        name="mode_change_conditions",
        meaning="The conditions of the rules that are compared, features as the run of tested_rule numbers them.",
        key=("mode_name", "position"),
        columns=(
            _MODE_NAME,
            integer("position", "0 for the condition at the root"),
            FEATURE_ID,
            text("branch", "le: feature <= threshold, gt: feature > threshold", allowed=("le", "gt")),
            real("threshold", "in units of the feature"),
            real("printed_threshold", "what is printed, see conditions"),
        ),
    ),
    Table(
        name="class_changes",
        meaning="The error rate of each class, images by their label, in both runs.",
        key=("class_name",),
        columns=(
            text("class_name", "name of the class"),
            integer("class_id", "in the new run, see classes; no value where it has none", nullable=True),
            *_COMPARED,
        ),
    ),
    Table(
        name="flipped_images",
        meaning="The images that fail with one model alone. Empty where the runs have other images.",
        key=("image_id",),
        columns=(
            IMAGE_ID,
            text("digest", "see contents"),
            integer("label", "class_id of the true class, in the new run"),
            text("prediction_old", "name of the class that the old model predicts"),
            integer("prediction_new", "class_id that the new model predicts"),
            real("confidence_old", "how sure the old model is of its prediction, 0 to 1; no value", nullable=True),
            text("direction", "with which model it fails", allowed=("newly_wrong", "newly_right")),
            text("mode_names", "the failure modes of mode_changes that it is in: names with spaces; empty: none"),
        ),
    ),
    Table(
        name="change_remarks",
        meaning="What differs between the runs, and what could not be compared for it.",
        key=("topic",),
        columns=(
            text(
                "topic",
                "what it is about",
                allowed=(
                    "images",
                    "labels",
                    "classes",
                    "feature_model",
                    "settings",
                    "evidence",
                    "features",
                    "groups",
                ),
            ),
            text("text", "one or two sentences, for readers of the site"),
        ),
    ),
    Table(
        name="mode_names",
        meaning="The permanent names of this run's failure modes that are verified.",
        key=("rule_id",),
        columns=(
            RULE_ID,
            text("mode_name", "unique; the name that an earlier run has given it, where one is the same mode"),
            Column(name="is_inherited", type="bool", meaning="whether an earlier run has given it"),
        ),
    ),
    Table(
        name="releases",
        meaning="Runs in order, the last one is this one, and their error rate over all images.",
        key=("release",),
        columns=(
            _RELEASE,
            text("name", "name of the run"),
            text("run_id", "its run_id", nullable=True),
            text("created_at", "when it was made", nullable=True),
            integer("n_images", "its images"),
            integer("n_failures", "failures among them"),
            *_rate("error_rate", "n_failures / n_images"),
            text(
                "state", "against the release before, see changes; no value: first", nullable=True, allowed=STATES[:4]
            ),
        ),
    ),
    Table(
        name="release_modes",
        meaning="Every failure mode that is verified in a release, counted in all of them.",
        key=("mode_name", "release"),
        columns=(
            _MODE_NAME,
            _RELEASE,
            text("grouping", "of its group, see groups"),
            text("group_name", "the name of its group"),
            integer("rule_id", "the rule in that release; no value where it is not verified there", nullable=True),
            integer("n_images", "images that are counted; no value: not comparable, see reason", nullable=True),
            integer("n_failures", "failures among them", nullable=True),
            *_rate("error_rate", "share of failures, estimated where the release itself found the mode by shuffles"),
            text(
                "state",
                "against the release before; no value in the first, and where neither has it",
                nullable=True,
                allowed=STATES,
            ),
            text("reason", "why nothing is counted; no value", nullable=True),
        ),
    ),
)

HISTORY_TABLES = ("releases", "release_modes")
"""Tables that only a history has."""
