"""Section `changes` of the configuration."""

from pathlib import Path

from pydantic import Field, model_validator

from barlow_report.config.base import Section

__all__ = ["DELTA", "ChangesConfig"]

DELTA = 0.05
"""Largest change of an error rate that counts as none, unless another is asked for."""


class ChangesConfig(Section):
    """The run of an earlier release beside this one."""

    baseline: Path | None = Field(
        None, description="The earlier run: its folder, or the file that `barlow-report export-results` made of it."
    )
    repaired_from: Path | None = Field(
        None,
        description="In place of baseline, likewise: the run whose failure modes this run's model was made to repair. "
        "The report then says of each of them whether that worked.",
    )
    delta: float = Field(
        DELTA,
        gt=0,
        lt=1,
        description="Largest change of an error rate that counts as none: a mode is unchanged if the interval of its "
        "change lies within ± this.",
    )

    @model_validator(mode="after")
    def _one_earlier_run(self) -> "ChangesConfig":
        if (self.baseline is None) == (self.repaired_from is None):
            found = "neither" if self.baseline is None else "both"
            raise ValueError(f"expected one of 'baseline' and 'repaired_from', the earlier run; found {found}")
        return self

    @property
    def earlier(self) -> Path:
        """The earlier run, under either name.

        Raises:
            ValueError: There is none, which no configuration that was checked has.
        """
        found = self.baseline or self.repaired_from
        if found is None:
            raise ValueError("found no earlier run")
        return found
