"""From the tables of a run folder to a site."""

from barlow_report.report.build import build_site
from barlow_report.report.source import Figure, ReportSource

__all__ = ["Figure", "ReportSource", "build_site"]
