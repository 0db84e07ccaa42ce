"""How long the join of all that is known of failures takes: next to nothing."""

from barlow_report.config import Config
from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_errors"]

_SECONDS, _SECONDS_PER_FAILURE, _BYTES_PER_FAILURE = 0.05, 2e-5, 16
"""Measured with 600 to 9,000 failures."""


def estimate_errors(config: Config, prospect: Prospect) -> Estimate:
    """Estimate the lens."""
    n = prospect.expected.n_failures
    has_any = any(config.section(key) is not None for key in ("taxonomy", "directions"))
    return Estimate(
        words=f"one table of {counted(n, 'failure')}" if has_any else "nothing, without directions and a taxonomy",
        seconds=prospect.slowness * (_SECONDS + _SECONDS_PER_FAILURE * n) if has_any else 0.0,
        n_bytes=_BYTES_PER_FAILURE * n if has_any else 0,
        figures={"n_failures": n},
    )
