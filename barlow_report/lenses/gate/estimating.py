"""How long the verdict on a release takes."""

from barlow_report.estimates import Estimate
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_gate"]

_SECONDS, _SECONDS_PER_MODE = 0.2, 0.002
"""Measured with 30 and with 4,000 failure modes."""


def estimate_gate(prospect: Prospect) -> Estimate:
    """Estimate the lens."""
    return Estimate(
        words="what the policy asks for is looked up in the tables",
        seconds=prospect.slowness * (_SECONDS + _SECONDS_PER_MODE * prospect.expected.n_rules),
    )
