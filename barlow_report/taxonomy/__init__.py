"""What kind of error each failure is: overlapping classes, several correct labels, a fine-grained confusion, …."""

from barlow_report.taxonomy.cascade import Classification, classify_errors, mean_accuracies
from barlow_report.taxonomy.inputs import TaxonomyInputs, gather_inputs

__all__ = ["Classification", "TaxonomyInputs", "classify_errors", "gather_inputs", "mean_accuracies"]
