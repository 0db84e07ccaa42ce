"""How long the comparison with suspected cues takes."""

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_attributes"]

_SECONDS, _SECONDS_PER_TEST = 0.1, 0.002
"""Measured with 2 columns, 11 failure modes and 15 directions; a test is one of a column with one of these."""


def estimate_attributes(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the lens: each column beside each failure mode and each direction."""
    n_columns = len(config.needed_section("attributes").columns)
    n_directions = prospect.n_classes if config.section("directions") is not None else 0
    n = n_columns * (prospect.expected.n_verified + n_directions)
    modes = "failure mode and direction" if n_directions else "failure mode"
    return Estimate(
        words=f"{counted(n_columns, 'column')} beside each {modes}, {prospect.expected.assumed}",
        seconds=prospect.slowness * (_SECONDS + _SECONDS_PER_TEST * n),
        figures={"n_columns": n_columns, "n_tests": n},
    )
