"""Failure directions: along which direction of an embedding each class fails, and whether that holds elsewhere.

After Jain, Lawrence, Moitra and Madry, "Distilling Model Failures as Directions in Latent Space" (arXiv 2206.14754).
"""

from barlow_report.directions.captions import CaptionSet, read_captions, score_captions
from barlow_report.directions.fitting import Direction, fit_direction
from barlow_report.directions.scoring import Directions, find_directions
from barlow_report.directions.whitening import Whitening, fit_whitening

__all__ = [
    "CaptionSet",
    "Direction",
    "Directions",
    "Whitening",
    "find_directions",
    "fit_direction",
    "fit_whitening",
    "read_captions",
    "score_captions",
]
