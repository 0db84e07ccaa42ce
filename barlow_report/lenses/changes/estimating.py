"""How long the comparison with an earlier run takes."""

from barlow_report.estimates import Estimate
from barlow_report.formatting import counted
from barlow_report.stages.prospect import Prospect

__all__ = ["estimate_changes"]

_SECONDS, _SECONDS_PER_IMAGE, _SECONDS_PER_MODE = 0.5, 2e-5, 0.004
"""Measured with 2,400 images and with 50,000 images and 4,000 failure modes, which take 16 seconds."""


def estimate_changes(prospect: Prospect) -> Estimate:
    """Estimate the lens, as if the earlier run had as many failure modes as this one."""
    n_modes = prospect.expected.n_rules
    return Estimate(
        words=f"the failure modes of two runs on {counted(prospect.n_images, 'image')}",
        seconds=prospect.slowness * (_SECONDS + _SECONDS_PER_IMAGE * prospect.n_images + _SECONDS_PER_MODE * n_modes),
        figures={"n_modes": n_modes},
    )
