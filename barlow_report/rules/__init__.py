"""Groups, trees, rules and the evidence for them: numbers in, tables out."""

from barlow_report.rules.explain import Explanation, explain_failures, leaf_members, list_groups, meets
from barlow_report.rules.groups import Grouping
from barlow_report.rules.mutual_information import mutual_information
from barlow_report.rules.sets import group_by_column, list_groupings

__all__ = [
    "Explanation",
    "Grouping",
    "explain_failures",
    "group_by_column",
    "leaf_members",
    "list_groupings",
    "list_groups",
    "meets",
    "mutual_information",
]
