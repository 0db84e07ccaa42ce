"""Section `gate` of the configuration."""

from pathlib import Path

from pydantic import Field

from barlow_report.config import Section

__all__ = ["GateConfig"]


class GateConfig(Section):
    """What the run is held to."""

    policy: Path = Field(description="The policy, a YAML file; `barlow-report gate --init` writes one to start from.")
