"""Section `pool` of the configuration."""

from pydantic import Field

from barlow_report.config.base import Positive
from barlow_report.config.further import FurtherDataConfig

__all__ = ["OWN_KEYS", "PoolConfig"]

OWN_KEYS = ("n_candidates", "n_pictures")
"""The keys that say nothing of the images."""


class PoolConfig(FurtherDataConfig):
    """Further images to collect from: a source as in `data`, and how many of its images are listed."""

    n_candidates: Positive = Field(100, description="Images listed for each failure mode, the best ones; all count.")
    n_pictures: int = Field(12, ge=1, le=200, description="Of these, how many are shown as pictures.")
