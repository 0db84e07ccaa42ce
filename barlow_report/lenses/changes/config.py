"""Section `changes` of the configuration."""

from pathlib import Path

from pydantic import Field

from barlow_report.config.base import Section

__all__ = ["DELTA", "ChangesConfig"]

DELTA = 0.05
"""Largest change of an error rate that counts as none, unless another is asked for."""


class ChangesConfig(Section):
    """The run of an earlier release beside this one."""

    baseline: Path = Field(
        description="The earlier run: its folder, or the file that `barlow-report export-results` made of it."
    )
    delta: float = Field(
        DELTA,
        gt=0,
        lt=1,
        description="Largest change of an error rate that counts as none: a mode is unchanged if the interval of its "
        "change lies within ± this.",
    )
