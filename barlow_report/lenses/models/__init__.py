"""Several models on the same images: what errors each makes, and which failure modes they share.

Its section of the configuration is called `comparison`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    import pandas as pd

    from barlow_report.chart import Chart
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.models.config import ComparisonConfig
    from barlow_report.lenses.models.records import ModelTables
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import MethodPart, Sentence
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["Models"]


class Models(Lens["ModelTables"]):
    """Other models on the same images."""

    name = "models"
    key = "comparison"
    meaning = "Other models; leave the section out, and nothing is compared."
    command = (
        "Compare other models on the same images: error types and shared failure modes. Extracts and "
        "explains first if need be."
    )
    needs = ("error_types",)

    def section(self) -> "type[ComparisonConfig]":
        from barlow_report.lenses.models.config import ComparisonConfig

        return ComparisonConfig

    def check(self, config: "Config") -> None:
        settings = config.section(self.key)
        if settings is None:
            return
        if config.data.has_outputs:
            raise ValueError(
                f"'{self.key}' reads predictions of exclusive classes; the data have labels for each of several outputs"
            )
        if settings.models and not config.data.has_images:
            raise ValueError(
                f"'{self.key}.models' are asked about images; leave it out beside 'data.images: none', and give "
                f"'{self.key}.predictions'"
            )

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.models.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.models.stage import compare

        compare(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.models.estimating import estimate_comparison

        return estimate_comparison(config, prospect)

    def photographs(self) -> "Mapping[str, Sequence[str]]":
        return {"common_errors": ("thumbnail",)}

    def charts(self, tables: "Mapping[str, pd.DataFrame]") -> "Mapping[str, Chart]":
        from barlow_report.lenses.models.page_charts import charts

        return charts(tables)

    def read(self, source: "ReportSource") -> "ModelTables | None":
        from barlow_report.lenses.models.records import read_models

        return read_models(source.tables)

    def pages(self, site: "Site", view: "ModelTables") -> "Iterator[SitePage]":
        from barlow_report.lenses.models.pages import models_pages

        return models_pages(site, view, error_types=self.need(site, "error_types"))

    def downloads(self, site: "Site", view: "ModelTables") -> "Mapping[str, Iterator[str]]":
        from barlow_report.lenses.models.downloads import downloads

        return downloads(site, view)

    def mode_sentence(self, site: "Site", view: "ModelTables", rule: "Rule") -> "Sentence | None":
        from barlow_report.lenses.models.pages import sharing_sentence

        return sharing_sentence(view, rule)

    def method(self, site: "Site", view: "ModelTables") -> "MethodPart":
        from barlow_report.lenses.models.pages import method_part

        return method_part()
