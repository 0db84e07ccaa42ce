"""Groups, trees, rules and the evidence for them: numbers in, tables out."""

from barlow_report.rules.explain import Explanation, explain_failures, leaf_members
from barlow_report.rules.groups import Grouping
from barlow_report.rules.mutual_information import mutual_information
from barlow_report.rules.sets import group_by_column, list_groupings
from barlow_report.rules.shared_modes import Mode, merge_proposals, propose_modes, rate_modes

__all__ = [
    "Explanation",
    "Grouping",
    "Mode",
    "explain_failures",
    "group_by_column",
    "leaf_members",
    "list_groupings",
    "merge_proposals",
    "mutual_information",
    "propose_modes",
    "rate_modes",
]
