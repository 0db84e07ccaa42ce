"""Section `comparison` of the configuration."""

from pathlib import Path

from pydantic import Field

from barlow_report.config.base import Name, Section

__all__ = ["ComparisonConfig"]


class ComparisonConfig(Section):
    """Other models on the same images: what errors they make, and which failure modes they share."""

    predictions: Path = Field(
        description="CSV, TSV or Parquet with the column path and one column per model: classes by name, WordNet id or "
        "index, for every image of the run."
    )
    models: tuple[Name, ...] = Field((), description="Columns to compare; default: all but path.")
    n_proposing: int = Field(
        10,
        ge=0,
        description="Other models whose own trees propose failure modes, spread over the accuracies where there are "
        "more; each is tested on all models.",
    )
