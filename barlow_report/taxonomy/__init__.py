"""What kind of error each failure is: overlapping classes, several correct labels, a fine-grained confusion, …."""

from barlow_report.taxonomy.cascade import Classification, classify_errors, mean_accuracies
from barlow_report.taxonomy.images import ImageNames
from barlow_report.taxonomy.inputs import TaxonomyInputs, gather_inputs
from barlow_report.taxonomy.models import classify_models
from barlow_report.taxonomy.predictions import ModelPredictions, read_predictions

__all__ = [
    "Classification",
    "ImageNames",
    "ModelPredictions",
    "TaxonomyInputs",
    "classify_errors",
    "classify_models",
    "gather_inputs",
    "mean_accuracies",
    "read_predictions",
]
