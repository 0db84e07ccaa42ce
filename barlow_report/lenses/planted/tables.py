"""What was planted."""

from barlow_report.tables.schema import Table, integer, real, text

__all__ = ["CHANGES", "TABLES"]

CHANGES = ("kept", "repaired", "new", "none")

TABLES: tuple[Table, ...] = (
    Table(
        name="planted",
        meaning="The demo's planted failure modes and what the report found. Only in a demo run.",
        key=("class_id",),
        columns=(
            integer("class_id", "the class the cue belongs to"),
            text("cue", "name of the cue that was present in training; empty where no such failure was planted"),
            integer("n_images", "images with this label that are judged: held-out ones, or all where none is held out"),
            integer("n_with_cue", "of these, images that show the cue"),
            integer(
                "rule_id",
                "the verified rule, of the group by label, that agrees best with the cue or the label noise; of a "
                "false alarm the first one; no value without one",
                nullable=True,
            ),
            real(
                "agreement",
                "share of these images for which being in the leaf and lacking the cue, or being noise, agree",
                nullable=True,
            ),
            real(
                "cue_correlation",
                "rank correlation of the place along the class's failure direction with the cue, on images that it was "
                "not fitted to; no value without a direction",
                nullable=True,
            ),
            integer(
                "n_verified",
                "verified failure modes of the class, grouped by label or by prediction; where nothing was planted, "
                "without those that hold the planted failures of the class's partner",
            ),
            text(
                "outcome",
                "what became of it",
                allowed=("found", "other_cue", "missed", "correctly_silent", "false_alarm"),
            ),
            text(
                "label_noise",
                "kind of label noise that was planted among the images with this label; empty: none",
                allowed=("", "overlapping", "multi_label"),
            ),
            text("noise_sign", "what tells these images from the others of the class; empty: none"),
            integer("noise_class_id", "the class whose label is right as well; no value without one", nullable=True),
            integer("n_noise", "images with it, of all"),
            integer("n_noise_failures", "of these, images that fail"),
            integer(
                "n_noise_recognised",
                "of these, images of that error type; no value where error types were not computed",
                nullable=True,
            ),
            integer(
                "n_noise_false",
                "failures with this label of an error type that says label noise though none was planted; no value "
                "where error types were not computed",
                nullable=True,
            ),
        ),
    ),
    Table(
        name="planted_changes",
        meaning="What the demo planted to change since the release before, and what the comparison of both says. Only "
        "in a run of a later release of the demo.",
        key=("class_id",),
        columns=(
            integer("class_id", "the class"),
            text("cue", "name of the cue that one of both models relies on; empty: none"),
            text(
                "change",
                "kept: both models rely on the cue; repaired: only the earlier one; new: only this one; none: neither",
                allowed=CHANGES,
            ),
            integer("n_lacking", "images of the class that lack the cue"),
            integer("n_failures_old", "of these, failures of the earlier model; no value: not compared", nullable=True),
            integer("n_failures_new", "of these, failures of this model"),
            text("states_label", "states of the class's modes by label, see mode_changes: with spaces; empty: none"),
            text("states_prediction", "states of its modes by prediction"),
            text(
                "outcome",
                "as_planted: the comparison says so of each mode by label, at least one where something changed, and "
                "nothing else of those by prediction; differs: it does not; not_compared: the run has no comparison",
                allowed=("as_planted", "differs", "not_compared"),
            ),
        ),
    ),
    Table(
        name="true_effects",
        meaning="What the cues and decoys of the demo truly do to the inspected model, found by redrawing scenes with "
        "one of them alone changed. Only in a demo run.",
        key=("class_id", "kind", "direction"),
        columns=(
            integer("class_id", "the class of the scenes"),
            text(
                "kind",
                "cue: the model, or that of an earlier release, learned to rely on it; decoy: it goes along with the "
                "cue and was never learned",
                allowed=("cue", "decoy"),
            ),
            text("name", "what it is"),
            text(
                "direction",
                "repair: scenes that lack it get it; break: scenes that show it lose it",
                allowed=("repair", "break"),
            ),
            integer("n_scenes", "scenes that were redrawn, at least 1"),
            integer("n_failures", "failures among them, as they are analysed"),
            integer("n_failures_redrawn", "failures among them, redrawn"),
            real("effect", "repair: share of failures that redrawing takes away; break: that it adds; −1 to 1"),
            integer(
                "rule_id",
                "the verified rule of the group by label with the condition that is about it; no value without one",
                nullable=True,
            ),
            integer("position", "the condition, see conditions; no value without one", nullable=True),
            real(
                "agreement",
                "share of the images of the class for which meeting that condition and lacking the thing agree; at "
                "least 0.9; no value without one",
                nullable=True,
            ),
        ),
    ),
)
