"""Groups, trees, rules and the evidence for them: numbers in, tables out."""

from barlow_report.rules.explain import Explanation, explain_failures, leaf_members
from barlow_report.rules.groups import Grouping
from barlow_report.rules.mutual_information import mutual_information

__all__ = ["Explanation", "Grouping", "explain_failures", "leaf_members", "mutual_information"]
