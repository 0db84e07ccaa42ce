"""Answers from other tools and to them: one module per format."""

from barlow_report.annotations.exchange.reading import read_answers
from barlow_report.annotations.exchange.target import Target

__all__ = ["Target", "read_answers"]
