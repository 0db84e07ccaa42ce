"""A verdict in the tables of a made-up run."""

from dataclasses import replace

from barlow_report.lenses.gate.results import Verdict
from barlow_report.lenses.gate.storing import verdict_tables
from barlow_report.report import ReportSource
from barlow_report.tables import check_table

__all__ = ["with_verdict"]


def with_verdict(source: ReportSource, verdict: Verdict) -> ReportSource:
    """Return the source with the tables of a gate."""
    tables = {name: check_table(name, frame, where=name) for name, frame in verdict_tables(verdict).items()}
    return replace(source, tables={**source.tables, **tables})
