"""The join: every failure with all that the lenses of a run know about it, to take away. It follows from them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    import pandas as pd

    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Errors"]


class Errors(Lens["pd.DataFrame"]):
    """Every failure and what is known about it."""

    name = "errors"
    key = "errors"
    needs = ("directions", "error_types")

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.errors.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.errors.stage import write_errors

        if not run.has_table("errors"):
            write_errors(run)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.errors.estimating import estimate_errors

        return estimate_errors(config, prospect)

    def read(self, source: "ReportSource") -> "pd.DataFrame | None":
        return source.tables.get("errors")

    def downloads(self, site: "Site", view: "pd.DataFrame") -> "Mapping[str, Iterable[str]]":
        from barlow_report.lenses.errors.downloads import errors_csv, errors_json

        error_types = self.need(site, "error_types")
        if error_types is None:
            return {}
        return {"errors.csv": errors_csv(site, view, error_types), "errors.json": errors_json(site, view, error_types)}
