"""The tables of a gate: what a run came to when its policy was looked at."""

from barlow_report.lenses.gate.results import OUTCOMES
from barlow_report.tables.schema import Table, integer, text

__all__ = ["STATUSES", "TABLES"]

STATUSES = ("used", "expired", "no_verdict", "gone", "unknown", "unused")

_OUTCOME = text(
    "outcome",
    "failed: violated; no_verdict: it could not be computed, which is no pass; warned: violated, of severity warn; "
    "waived: violated, and accepted by valid waivers; passed",
    allowed=OUTCOMES,
)
_CONDITION = text("condition", "name of the condition, see gate_conditions")

TABLES: tuple[Table, ...] = (
    Table(
        name="gate",
        meaning="One row: what the gate came to.",
        key=("judged_on",),
        columns=(
            text("judged_on", "the day (UTC) that waivers were looked at, such as 2027-01-31"),
            _OUTCOME,
            text("headline", "the answer in a sentence"),
            text("baseline", "name of the run that this one was compared with; no value: none", nullable=True),
            text("false_alarms", "how often it fails where nothing has changed, a sentence; no value", nullable=True),
        ),
    ),
    Table(
        name="gate_conditions",
        meaning="The conditions of the policy, in its order.",
        key=("condition",),
        columns=(
            text("condition", "its name, unique"),
            integer("position", "0 for the first"),
            text("severity", "whether a violation fails the gate", allowed=("fail", "warn")),
            text("about", "what is looked at one by one", allowed=("modes", "classes", "run")),
            _OUTCOME,
            text("must_hold", "the condition in words"),
            text("found", "what was found, in a sentence"),
        ),
    ),
    Table(
        name="gate_findings",
        meaning="What was found under each condition, the worst first.",
        key=("condition", "position"),
        columns=(
            _CONDITION,
            integer("position", "0 for the first of its condition"),
            text("subject", "permanent name of the mode, or name of the class; no value: the run", nullable=True),
            text("group_name", "the failure mode's group in words; no value", nullable=True),
            integer("rule_id", "the failure mode, see rules; no value where this run has none", nullable=True),
            integer("class_id", "the class, see classes; no value", nullable=True),
            _OUTCOME,
            text("evidence", "the numbers, or why there are none, in a sentence"),
        ),
    ),
    Table(
        name="gate_waivers",
        meaning="The waivers of the policy, in its order.",
        key=("mode_name", "condition"),
        columns=(
            text("mode_name", "permanent name of the failure mode"),
            _CONDITION,
            integer("position", "0 for the first"),
            text("owner", "who answers for it"),
            text("reason", "why it is accepted"),
            text("expires", "the last day that it counts on"),
            text("status", "what became of it", allowed=STATUSES),
            text("found", "the same in a sentence, and what to do"),
        ),
    ),
)
