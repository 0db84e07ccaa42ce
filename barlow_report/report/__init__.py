"""From the tables of a run folder to a site."""

from barlow_report.report.archive import zip_site
from barlow_report.report.build import build_site
from barlow_report.report.embedded import navigation_lines
from barlow_report.report.source import Profile, ReportSource

__all__ = ["Profile", "ReportSource", "build_site", "navigation_lines", "zip_site"]
