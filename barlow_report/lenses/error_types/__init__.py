"""Error types: overlapping classes, several correct labels, a fine-grained confusion, ….

After Peychev, Müller, Fischer and Vechev, "Automated Classification of Model Errors on ImageNet" (NeurIPS 2023). Its
section of the configuration is called `taxonomy`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from barlow_report.lenses.lens import Lens

if TYPE_CHECKING:
    from barlow_report.config import Config
    from barlow_report.estimates import Estimate
    from barlow_report.lenses.error_types.config import TaxonomyConfig
    from barlow_report.lenses.error_types.records import ErrorTypeTables
    from barlow_report.progress import Progress
    from barlow_report.report import ReportSource
    from barlow_report.report.pages import Site, SitePage
    from barlow_report.report.records import Rule
    from barlow_report.report.slots import Block, MethodPart, ModeColumns, Remark
    from barlow_report.run_folder import Run
    from barlow_report.stages.prospect import Prospect
    from barlow_report.tables import Table

__all__ = ["ErrorTypes"]


class ErrorTypes(Lens["ErrorTypeTables"]):
    """What kind of error each failure is."""

    name = "error_types"
    key = "taxonomy"
    meaning = "What kind of error each failure is; leave the section out, and it is not computed."
    command = "Say what kind of error each failure is. Extracts and explains first if need be."
    needs = ("directions",)  # whose image-text model may propose words

    def section(self) -> "type[TaxonomyConfig]":
        from barlow_report.lenses.error_types.config import TaxonomyConfig

        return TaxonomyConfig

    def check(self, config: "Config") -> None:
        from barlow_report.lenses.error_types.config import check_image_text_model, check_unions, check_without_images

        if config.data.has_outputs and config.section(self.key) is not None:
            raise ValueError(
                f"'{self.key}' is about exclusive classes; the data have labels for each of several outputs"
            )
        check_image_text_model(config.section(self.key), config.section("directions"))
        check_unions(config.section(self.key), config.rules)
        if not config.data.has_images and config.section(self.key) is not None:
            check_without_images(config.section(self.key))

    def superclasses(self, config: "Config", class_names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The superclasses that the configuration gives, in a file or by WordNet, with the names of their classes.

        Raises:
            DataError: They cannot be read.
        """
        from barlow_report.lenses.error_types.run_classes import vocabulary_of
        from barlow_report.lenses.error_types.superclass_sources import given_superclasses

        found, _ = given_superclasses(config.needed_section(self.key), vocabulary_of(class_names, config.data))
        return {
            name: [class_names[class_id] for class_id in column.nonzero()[0].tolist()]
            for name, column in zip(found.names, found.members.T, strict=True)
        }

    def tables(self) -> "Sequence[Table]":
        from barlow_report.lenses.error_types.tables import TABLES

        return TABLES

    def compute(self, config: "Config", run: "Run", *, explained: str, progress: "Progress") -> None:
        from barlow_report.lenses.error_types.stage import classify

        classify(config, run, explained=explained, progress=progress)

    def estimate(self, config: "Config", prospect: "Prospect") -> "Estimate":
        from barlow_report.lenses.error_types.estimating import estimate_error_types

        return estimate_error_types(config, prospect)

    def photographs(self) -> Mapping[str, Sequence[str]]:
        return {"error_galleries": ("thumbnail",)}

    def read(self, source: "ReportSource") -> "ErrorTypeTables | None":
        from barlow_report.lenses.error_types.records import read_error_types

        return read_error_types(source.tables)

    def pages(self, site: "Site", view: "ErrorTypeTables") -> "Iterator[SitePage]":
        from barlow_report.lenses.error_types.pages import error_types_page

        yield error_types_page(site, view)

    def overview(self, site: "Site", view: "ErrorTypeTables") -> "Block":
        from barlow_report.lenses.error_types.places import overview_block

        return overview_block(view)

    def verdict(self, site: "Site", view: "ErrorTypeTables", modes: "Sequence[Rule]") -> str:
        from barlow_report.lenses.error_types.places import noise_words

        return noise_words(view, modes)

    def remark(self, site: "Site", view: "ErrorTypeTables", rule: "Rule") -> "Remark | None":
        from barlow_report.lenses.error_types.places import noise_remark

        return noise_remark(view, rule)

    def class_head(self, site: "Site", view: "ErrorTypeTables", class_id: int) -> "Block | None":
        from barlow_report.lenses.error_types.places import class_block

        return class_block(view, class_id)

    def mode(self, site: "Site", view: "ErrorTypeTables", rule: "Rule") -> "Block | None":
        from barlow_report.lenses.error_types.places import mode_block

        return mode_block(view, rule)

    def mode_columns(self, site: "Site", view: "ErrorTypeTables") -> "ModeColumns":
        from barlow_report.lenses.error_types.page_tables import mode_columns

        return mode_columns(site, view)

    def picture_note(self, site: "Site", view: "ErrorTypeTables", rule: "Rule", image_id: int) -> str:
        from barlow_report.lenses.error_types.places import picture_note

        return picture_note(view, rule, image_id)

    def method(self, site: "Site", view: "ErrorTypeTables") -> "MethodPart":
        from barlow_report.lenses.error_types.places import method_part

        return method_part(view)
