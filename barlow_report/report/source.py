"""What the site is built from: the content of a run folder, handed over as values.

The pages are a function of this value alone. Nothing below `report` opens a run folder, so a site can be
built wherever the tables and pictures come from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from barlow_report.chart import Chart
from barlow_report.config import SiteConfig
from barlow_report.report.datatable import Link
from barlow_report.report.form import FormBatch

if TYPE_CHECKING:
    from barlow_report.lenses.lens import Lens

__all__ = ["RELIABILITY", "Profile", "ReportSource", "gain_chart"]

Profile = Literal["standalone", "mkdocs", "techdocs", "single"]
"""What pages are for: a site of their own, a folder of an MkDocs site, one of Backstage's TechDocs, or one file."""


RELIABILITY = "reliability"
"""Name of the chart of how often predictions are right, by confidence."""


@dataclass(frozen=True, kw_only=True)
class ReportSource:
    """Everything a site shows.

    Attributes:
        info: The content of run.json.
        tables: The tables of `tables.all_tables` that the run has, checked against their schemas.
        media: Folder of the pictures that the tables name, `<2 hex>/<hash>.webp`.
        charts: Charts by name: `RELIABILITY`, and those that `gain_chart` names.
        settings: The words of the site.
        batch: What people are asked to describe; None: nothing.
        lenses: What may have more to say; those with tables in `tables` do.
        above: A page outside of the site that leads to it, such as one that lists several reports: its name, and the
            way to it from the site's root (`../index.html`); None: none.
    """

    info: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    media: Path
    charts: Mapping[str, Chart] = field(default_factory=dict)
    settings: SiteConfig = field(default_factory=SiteConfig)
    batch: FormBatch | None = None
    lenses: Sequence["Lens[Any]"] = ()
    above: Link | None = None


def gain_chart(position: int) -> str:
    """Name the chart of ALER − BER against BER for one row of table `evaluation`, by the row's position."""
    return f"gain_by_base_rate_{position}"
